import Base
package import Glibc

/// A log file, a named pipe, or one of the standard streams.
///
/// The descriptor's number stays the same: `reopen` puts the new file onto it, so that nobody who
/// writes needs to be told.
final class LogFile: Sendable {
    private let descriptor: FileDescriptor

    /// Opens `path`, creating the file with mode 0640 for `owner`.
    init(_ path: String, owner: LogOwner?) throws(Errno) {
        descriptor = try LogFile.open(path, owner)
    }

    /// A copy of a standard stream.
    init(stream: CInt) throws(Errno) {
        let copy = fcntl(stream, F_DUPFD_CLOEXEC, 3)
        if copy < 0 { throw .current }
        descriptor = FileDescriptor(owning: copy)
    }

    /// Opens the path again, for a file that was moved away by a rotation. What was open before stays
    /// in use where that fails.
    func reopen(_ path: String) throws(Errno) {
        let fresh = try LogFile.open(path, nil)
        try fresh.replace(descriptor)
    }

    private static func open(_ path: String, _ owner: LogOwner?) throws(Errno) -> FileDescriptor {
        let flags = O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK
        do throws(Errno) {
            // Only a file that was not there before is given away: what is there may be a link that
            // somebody has laid to a file that is none of his.
            let file = try FileDescriptor.open(path, flags | O_CREAT | O_EXCL, mode: 0o640)
            if let owner, fchown(file.raw, owner.user, owner.group) < 0 { throw .current }
            return file
        } catch {
            guard error == Errno(EEXIST) else { throw error }
        }
        do throws(Errno) {
            let file = try FileDescriptor.open(path, flags)
            guard try file.status().st_mode & S_IFMT == S_IFIFO else { return file }
        } catch {
            // A link that leads to nothing yet.
            if error == .noSuchFile { return try .open(path, flags | O_CREAT, mode: 0o640) }
            guard error == .noDevice else { throw error }
        }
        // A named pipe that its writer holds for reading, too, needs no reader to be opened, and does
        // not break when one goes.
        return try .open(path, O_RDWR | O_NONBLOCK | O_NOCTTY)
    }

    /// Writes all of `bytes` now. Waits for a reader that is slow, so only the log thread calls it.
    func write(_ bytes: [UInt8]) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor.raw, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            let error = Errno.current
            if error == .wouldBlock {
                var state = pollfd(fd: descriptor.raw, events: Int16(POLLOUT), revents: 0)
                _ = poll(&state, 1, 1000)
            } else if error != .interrupted {
                throw error
            }
        }
    }
}

/// Whom new log files belong to: the user that the server becomes, who has to open them again.
package struct LogOwner: Sendable {
    package var user: uid_t
    package var group: gid_t

    package init(user: uid_t, group: gid_t) { (self.user, self.group) = (user, group) }
}
