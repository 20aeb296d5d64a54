package import Base
package import Config
import Glibc
import Synchronization

/// One log on disk or one of the standard streams.
///
/// The descriptor's number stays the same for the life of the sink: `reopen` puts the new file
/// onto it, so that nobody who writes needs to be told.
package final class LogSink: Sendable {
    package let target: LogTarget
    private let descriptor: FileDescriptor

    /// Opens the log, creating the file with mode 0640. Nil for `off`.
    package init?(_ target: LogTarget) throws(Errno) {
        self.target = target
        switch target {
        case .off: return nil
        case .standardOutput: descriptor = try LogSink.duplicate(STDOUT_FILENO)
        case .standardError: descriptor = try LogSink.duplicate(STDERR_FILENO)
        case .file(let path): descriptor = try LogSink.open(path)
        }
    }

    private static func open(_ path: String) throws(Errno) -> FileDescriptor {
        try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, mode: 0o640)
    }

    private static func duplicate(_ fd: CInt) throws(Errno) -> FileDescriptor {
        let copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)
        if copy < 0 { throw .current }
        return FileDescriptor(owning: copy)
    }

    /// Opens the path again, for a file that was moved away by a rotation.
    package func reopen() throws(Errno) {
        guard case .file(let path) = target else { return }
        let fresh = try LogSink.open(path)
        try fresh.replace(descriptor)
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
                // The other end of a pipe or terminal was set non-blocking by somebody who shares it.
                var state = pollfd(fd: descriptor.raw, events: Int16(POLLOUT), revents: 0)
                _ = poll(&state, 1, 1000)
            } else if error != .interrupted {
                throw error
            }
        }
    }
}
