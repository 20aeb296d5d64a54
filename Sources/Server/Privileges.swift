import Base
import Glibc
import Logs

/// Becoming another user once what needs more rights is done.
struct Privileges {
    /// Whom the server becomes, or is and stays.
    let identity: Identity
    private let name: String?
    private let user: uid_t?
    private let group: gid_t?

    /// Looks up `user` and `group`, by name or number; nil stays. The supplementary groups are the user's.
    init(user name: String?, group: String?) throws(StartError) {
        self.name = name
        do throws(Identity.Unknown) {
            self.group = try group.map { (group) throws(Identity.Unknown) in try Identity.group(group) }
            guard let name else {
                (user, identity) = (nil, Identity(ofProcessWith: self.group))
                return
            }
            identity = try Identity(user: name, group: group)
            user = identity.user
        } catch {
            throw StartError(
                error == .user ? "there is no user \(name ?? "")" : "there is no group \(group ?? "")")
        }
    }

    /// Whom the log files of a server that starts as root belong to; nil where nobody changes.
    var logOwner: LogOwner? {
        guard geteuid() == 0, user != nil || group != nil else { return nil }
        return LogOwner(user: identity.user, group: identity.group)
    }

    /// Becomes the user and the group.
    func take() throws(StartError) {
        if let user, let name {
            let group = identity.group
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
