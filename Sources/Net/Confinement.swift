package import Base
import CLinux
import Glibc

/// What holds a process beside its limits.
package struct Confinement: Sendable {
    /// Whom it runs as; nil for whom the server is.
    package var user: Keeper.User?
    /// Where it may write; nil for wherever its user may.
    package var writeRules: WriteRules?
    /// Setuid and setgid programs give it no more rights.
    package var noNewPrivileges: Bool

    package init(
        user: Keeper.User? = nil, writeRules: WriteRules? = nil, noNewPrivileges: Bool = false
    ) {
        (self.user, self.writeRules, self.noNewPrivileges) = (user, writeRules, noNewPrivileges)
    }
}

/// The only folders that a process may write to, as the kernel keeps them (Landlock).
package final class WriteRules: Sendable {
    package let folders: [String]
    let descriptor: FileDescriptor

    package enum Failure: Error {
        /// The kernel has no Landlock: ENOSYS, or EOPNOTSUPP where it was not turned on.
        case unavailable(Errno)
        case folder(String, Errno)
    }

    /// Looks at the folders once: one that is made anew later is another one. `/dev/null` is always allowed.
    package init(folders: [String]) throws(Failure) {
        self.folders = folders
        let raw = gh_landlock_create()
        if raw < 0 { throw .unavailable(.current) }
        descriptor = FileDescriptor(owning: raw)
        for path in folders + ["/dev/null"] where gh_landlock_allow(raw, path) < 0 {
            throw .folder(path, .current)
        }
    }

    /// Why the kernel keeps no rules; nil where it does.
    package static var unavailability: Errno? { gh_landlock_abi() < 0 ? .current : nil }

    /// What this kernel's Landlock does not keep; nil where it keeps all.
    package static var gap: String? {
        switch gh_landlock_abi() {
        case ...1:
            "this kernel has Landlock's first version: scripts may empty files elsewhere by truncate(2), and may not move files from one folder to another"
        case 2: "this kernel has Landlock's second version: scripts may empty files elsewhere by truncate(2)"
        default: nil
        }
    }
}
