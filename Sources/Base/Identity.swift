package import Glibc

/// A user with a group and further groups: whom a process may run as.
package struct Identity: Hashable, Sendable {
    package let name: String
    package let user: uid_t
    package let group: gid_t
    /// Supplementary groups.
    package let groups: [gid_t]

    package enum Unknown: Error, Equatable { case user, group }

    /// Looks up a user by name, with its groups, and the group by name or number; the user's own where
    /// there is none. May wait for a directory service.
    package init(user name: String, group: String? = nil) throws(Unknown) {
        guard
            let (user, own) = SystemUser.record(
                as: passwd(), { getpwnam_r(name, $0, $1, $2, $3) }, read: { ($0.pw_uid, $0.pw_gid) })
        else { throw .user }
        (self.name, self.user) = (name, user)
        self.group = try group.map { (group) throws(Unknown) in try Identity.group(group) } ?? own
        groups = Identity.groups(name, self.group)
    }

    /// Whom this process is; with another group where one is given.
    package init(ofProcessWith group: gid_t? = nil) {
        user = geteuid()
        name = SystemUser.name(user)
        self.group = group ?? getegid()
        var list = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
        let count = getgroups(CInt(list.count), &list)
        groups = Array(list.prefix(max(0, Int(count))))
    }

    package static func group(_ name: String) throws(Unknown) -> gid_t {
        if let number = gid_t(name) { return number }
        guard
            let number = SystemUser.record(
                as: Glibc.group(), { getgrnam_r(name, $0, $1, $2, $3) }, read: { $0.gr_gid })
        else { throw .group }
        return number
    }

    /// All groups of the user and `group`.
    private static func groups(_ name: String, _ group: gid_t) -> [gid_t] {
        var count: CInt = 64
        while true {
            var list = [gid_t](repeating: 0, count: Int(count))
            let room = count
            if getgrouplist(name, group, &list, &count) >= 0 { return Array(list.prefix(Int(count))) }
            // It has said how many there are.
            guard count > room else { return [group] }
        }
    }

    /// Whether it is the same for files and signals.
    package func isSame(as other: Identity) -> Bool { user == other.user && group == other.group }
}
