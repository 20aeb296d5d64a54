import Base
import Glibc

/// A program with a setuid or setgid bit, which gives its process the rights of its owner or group: nothing where
/// scripts get no more rights (`cgi_no_new_privs`).
enum SetIDProgram {
    /// What is lost of `file`, in words, where it is such a program and runs as `user`; nil for nothing.
    static func loss(_ file: FilePath, as user: FileAccess) -> String? {
        guard let status = try? file.status() else { return nil }
        let (owner, group) = user.identity.map { ($0.user, $0.group) } ?? (geteuid(), getegid())
        let isSetUID = status.st_mode & S_ISUID != 0 && status.st_uid != owner
        // Without the group's execute bit it means something else.
        let groupBits = S_ISGID | S_IXGRP
        let isSetGID = status.st_mode & groupBits == groupBits && status.st_gid != group
        guard isSetUID || isSetGID, isProgram(file) else { return nil }
        let bit = isSetUID ? "setuid, for \(SystemUser.name(status.st_uid))" : "setgid"
        return
            "\(file) is \(bit) (mode \(FileAccess.octal(status.st_mode))), and gets no rights by that here; cgi_no_new_privs = no lets it"
    }

    /// Of a file with a first line for an interpreter the kernel does not mind the bits.
    private static func isProgram(_ file: FilePath) -> Bool {
        guard let start = ScriptInspection.read(file, 2) else { return true }
        return !start.starts(with: "#!".utf8)
    }
}
