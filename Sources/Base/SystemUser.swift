package import Glibc

/// The machine's users, as messages name them.
package enum SystemUser {
    /// The user's name; `user 123` where the number has none. May wait for a directory service, so not
    /// on an event loop.
    package static func name(_ id: uid_t) -> String {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        // What names and folders take in any sane record; glibc's own hint is 1024.
        let name = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16384) { buffer -> String? in
            guard let base = buffer.baseAddress, getpwuid_r(id, &record, base, buffer.count, &found) == 0
            else { return nil }
            return found.map { String(cString: $0.pointee.pw_name) }
        }
        return name ?? "user \(id)"
    }
}
