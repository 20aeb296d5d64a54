package import Glibc

/// The machine's users, as messages name them. A look-up may wait for a directory service, so not on an
/// event loop.
package enum SystemUser {
    /// The user's name; `user 123` where the number has none.
    package static func name(_ id: uid_t) -> String {
        record(as: passwd(), { getpwuid_r(id, $0, $1, $2, $3) }) { String(cString: $0.pw_name) }
            ?? "user \(id)"
    }

    /// What `read` makes of the record that a look-up of the passwd kind finds; nil where there is none.
    package static func record<Record, Result>(
        as record: Record,
        _ lookUp: (
            UnsafeMutablePointer<Record>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Record>?>
        ) -> CInt, read: (Record) -> Result
    ) -> Result? {
        var record = record
        var found: UnsafeMutablePointer<Record>?
        // A group with very many members is long.
        var room = 4096
        while room <= 1 << 20 {
            let (error, result) = withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) {
                buffer -> (CInt, Result?) in
                guard let base = buffer.baseAddress else { return (EINVAL, nil) }
                let error = lookUp(&record, base, buffer.count, &found)
                // What the record points to lives in the buffer.
                return (error, error == 0 ? found.map { read($0.pointee) } : nil)
            }
            if error != ERANGE { return result }
            room *= 4
        }
        return nil
    }
}
