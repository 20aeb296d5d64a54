import Base
import CLinux
import Glibc

/// What a user may do with the files on the way to a script and with the script.
///
/// May block.
struct FileAccess: Sendable {
    /// Whom scripts run as; nil for whom this process is, whom the kernel is asked about.
    let identity: Identity?

    enum Right { case enter, run, read }

    /// The user's name for messages.
    var userName: String { identity?.name ?? SystemUser.name(geteuid()) }

    /// Why the user has not got a right, nil where he has, or where that cannot be told: another user's
    /// rights are read off the mode, which access lists (ACLs) may overrule, and what this process cannot
    /// see another user may.
    func refusal(of right: Right, _ path: FilePath) -> Errno? {
        guard let identity else {
            return path.refusal(of: right == .read ? R_OK : X_OK)
        }
        let status: stat
        do throws(Errno) { status = try path.status() } catch { return error == .accessDenied ? nil : error }
        if path.withCString({ gh_has_access_list($0) }) { return nil }
        let bit: mode_t = right == .read ? 4 : 1
        let shift: mode_t =
            if identity.user == status.st_uid {
                6
            } else if identity.group == status.st_gid || identity.groups.contains(status.st_gid) {
                3
            } else {
                0
            }
        if status.st_mode >> shift & bit == 0 { return .accessDenied }
        return right == .run && FileAccess.isMountedNoexec(path) ? .accessDenied : nil
    }

    func may(_ right: Right, _ path: FilePath) -> Bool { refusal(of: right, path) == nil }

    /// Why the first folder on the way to a file that the user cannot enter is closed; nil where all are open.
    func unreachable(_ file: FilePath) -> String? {
        guard let folder = file.firstClosedFolder({ refusal(of: .enter, $0) }) else { return nil }
        let status = (try? folder.status()) ?? stat()
        return
            "the folder \(folder) (mode \(FileAccess.octal(status.st_mode)), owner \(SystemUser.name(status.st_uid))) cannot be entered by \(userName); `chmod o+x \(folder)` lets it"
    }

    /// Why a file or folder cannot be read: the first folder on the way that the user cannot enter, or
    /// its own mode. Nil where neither tells.
    func closed(_ path: FilePath) -> String? {
        if let fault = unreachable(path) { return fault }
        guard let status = try? path.status(), refusal(of: .read, path) == .accessDenied else { return nil }
        let mode = status.st_mode & S_IFMT == S_IFDIR ? "rx" : "r"
        return
            "\(path) (mode \(FileAccess.octal(status.st_mode)), owner \(SystemUser.name(status.st_uid))) cannot be read by \(userName); `chmod o+\(mode) \(path)` lets it"
    }

    static func isMountedNoexec(_ path: FilePath) -> Bool {
        var system = statvfs()
        // ST_NOEXEC
        return path.withCString { statvfs($0, &system) } == 0 && system.f_flag & 8 != 0
    }

    /// Who but the user and root could change what runs with the user's rights; nil for nobody.
    func foreignHand(_ path: FilePath) -> String? {
        guard let identity else { return nil }
        for (place, what) in [(path, ""), (path.folder, "the folder ")] {
            guard let status = try? place.status() else { continue }
            let shown =
                "\(what)\(place) (mode \(FileAccess.octal(status.st_mode)), owner \(SystemUser.name(status.st_uid)))"
            let effect = "change what runs as \(identity.name)"
            if status.st_uid != identity.user, status.st_uid != 0 {
                return "\(shown) belongs to neither \(identity.name) nor root: its owner can \(effect)"
            }
            // In a sticky folder nobody replaces another's file.
            let isSticky = status.st_mode & S_IFMT == S_IFDIR && status.st_mode & 0o1000 != 0
            if status.st_mode & 0o002 != 0, !isSticky {
                return
                    "\(shown) can be written by every user of this machine, who can so \(effect); `chmod o-w \(place)`"
            }
            if status.st_mode & 0o020 != 0, status.st_gid != identity.group, status.st_gid != 0, !isSticky {
                return "\(shown) can be written by its group, who can so \(effect); `chmod g-w \(place)`"
            }
        }
        return nil
    }

    static func octal(_ mode: mode_t) -> String {
        let digits = String(mode & 0o7777, radix: 8)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
