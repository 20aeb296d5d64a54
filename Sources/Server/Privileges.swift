import Base
import Glibc
import Logs

/// Becoming another user once what needs more rights is done.
struct Privileges {
    private let name: String?
    private let user: uid_t?
    private let group: gid_t?

    /// Looks up `user` and `group`, by name or number; nil stays. The supplementary groups are the user's.
    init(user name: String?, group: String?) throws(StartError) {
        self.name = name
        var groupID: gid_t?
        if let group { groupID = try Privileges.group(group) }
        guard let name else {
            (user, self.group) = (nil, groupID)
            return
        }
        guard let entry = getpwnam(name) else { throw StartError("there is no user \(name)") }
        (user, self.group) = (entry.pointee.pw_uid, groupID ?? entry.pointee.pw_gid)
    }

    private static func group(_ name: String) throws(StartError) -> gid_t {
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw StartError("there is no group \(name)") }
        return entry.pointee.gr_gid
    }

    /// Whom the log files of a server that starts as root belong to; nil where nobody changes.
    var logOwner: LogOwner? {
        guard geteuid() == 0, user != nil || group != nil else { return nil }
        return LogOwner(user: user ?? geteuid(), group: group ?? getegid())
    }

    /// Becomes the user and the group.
    func take() throws(StartError) {
        if let user, let group, let name {
            // Already that user: nothing to do, and nothing that would be allowed.
            if geteuid() == user, getegid() == group { return }
            guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0 else {
                throw StartError("cannot become user \(name): \(Errno.current); only root can")
            }
            if user != 0, setuid(0) == 0 { throw StartError("dropping root's rights did not hold") }
        } else if let group, getegid() != group {
            guard setgid(group) == 0 else {
                throw StartError("cannot become group \(group): \(Errno.current); only root can")
            }
        }
    }
}
