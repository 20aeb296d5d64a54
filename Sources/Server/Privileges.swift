import Base
import Glibc

/// Becoming another user once what needs more rights is done.
enum Privileges {
    /// Becomes `user` and `group`, by name or number; nil stays. The supplementary groups are the user's.
    static func drop(user: String?, group: String?) throws(StartError) {
        if user == nil, group == nil { return }
        var groupID: gid_t?
        if let group { groupID = try self.group(group) }
        if let user {
            guard let entry = getpwnam(user) else { throw StartError("there is no user \(user)") }
            let (userID, primary) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
            let target = groupID ?? primary
            // Already that user: nothing to do, and nothing that would be allowed.
            if geteuid() == userID, getegid() == target { return }
            guard initgroups(user, target) == 0, setgid(target) == 0, setuid(userID) == 0 else {
                throw StartError("cannot become user \(user): \(Errno.current); only root can")
            }
            if userID != 0, setuid(0) == 0 { throw StartError("dropping root's rights did not hold") }
        } else if let groupID, getegid() != groupID {
            guard setgid(groupID) == 0 else {
                throw StartError("cannot become group \(group ?? ""): \(Errno.current); only root can")
            }
        }
    }

    private static func group(_ name: String) throws(StartError) -> gid_t {
        if let number = gid_t(name) { return number }
        guard let entry = getgrnam(name) else { throw StartError("there is no group \(name)") }
        return entry.pointee.gr_gid
    }
}
