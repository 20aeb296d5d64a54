import Base
package import Glibc
import Synchronization

/// A log file, a named pipe, or one of the standard streams.
///
/// The descriptor's number stays the same: `reopen` puts the new file onto it, so that nobody who
/// writes needs to be told.
final class LogFile: Sendable {
    private let descriptor: FileDescriptor
    private let manner: Manner
    /// How many times the path was opened again.
    private let turns = Atomic(0)

    /// How a write is kept from waiting for a reader.
    private enum Manner {
        /// Nothing to do: the file was opened so, or has no reader.
        case plain
        /// A socket, which takes that with each call.
        case socket
        /// Somebody else's open file, which must not be changed: asked first, and given a little.
        case cautious
    }

    /// Opens `path`, creating the file with mode 0640 for `owner`.
    init(_ path: String, owner: LogOwner?) throws(Errno) {
        descriptor = try LogFile.open(path, owner)
        manner = .plain
    }

    /// What a standard stream leads to.
    init(stream: CInt) throws(Errno) {
        let copy = fcntl(stream, F_DUPFD_CLOEXEC, 3)
        if copy < 0 { throw .current }
        let shared = FileDescriptor(owning: copy)
        switch try shared.status().st_mode & S_IFMT {
        case S_IFIFO, S_IFCHR:
            // Not to wait is a property of an open file, and this one is shared with the shell and others.
            let flags = O_WRONLY | O_NONBLOCK | O_NOCTTY
            if let own = try? FileDescriptor.open("/proc/self/fd/\(stream)", flags) {
                descriptor = own
                manner = .plain
                return
            }
            manner = .cautious
        case S_IFSOCK: manner = .socket
        default: manner = .plain
        }
        descriptor = shared
    }

    /// The number, to wait for room by.
    var raw: CInt { descriptor.raw }

    /// Opens the path again, for a file that was moved away by a rotation. What was open before stays
    /// in use where that fails.
    func reopen(_ path: String) throws(Errno) {
        let fresh = try LogFile.open(path, nil)
        try fresh.replace(descriptor)
        turns.add(1, ordering: .relaxed)
    }

    /// Another number: what was written before went to another file.
    var turn: Int { turns.load(ordering: .relaxed) }

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

    /// Writes what is taken now of `bytes` from `start` on, and returns where the rest begins. Waits for
    /// disks, and for no reader.
    func write(_ bytes: [UInt8], from start: Int) throws(Errno) -> Int {
        var start = start
        while start < bytes.count {
            let count = bytes.withUnsafeBytes { attempt(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            if count > 0 {
                start += count
                continue
            }
            let error = Errno.current
            if count == 0 || error == .wouldBlock { return start }
            if error != .interrupted { throw error }
        }
        return start
    }

    /// As write(2); 0 where it would have to wait.
    private func attempt(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch manner {
        case .plain: return Glibc.write(raw, bytes.baseAddress, bytes.count)
        case .socket:
            return send(
                raw, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT | MSG_NOSIGNAL))
        case .cautious:
            var state = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
            // A pipe that has room has room for so much.
            return poll(&state, 1, 0) == 1
                ? Glibc.write(raw, bytes.baseAddress, min(bytes.count, Int(PIPE_BUF))) : 0
        }
    }
}

/// Whom new log files belong to: the user that the server becomes, who has to open them again.
package struct LogOwner: Sendable {
    package var user: uid_t
    package var group: gid_t

    package init(user: uid_t, group: gid_t) { (self.user, self.group) = (user, group) }
}
