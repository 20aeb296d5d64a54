package import Base
package import Config
import Glibc

/// One log: a file, one of the standard streams, or the machine's log daemon.
package final class LogSink: Sendable {
    package let target: LogTarget
    private let way: Way

    private enum Way {
        case file(LogFile)
        case syslog(Syslog)
    }

    /// Opens the log; a new file belongs to `owner` where one is given. Nil for `off`. A log daemon that
    /// cannot be reached is tried again later.
    package init?(_ target: LogTarget, owner: LogOwner? = nil) throws(Errno) {
        self.target = target
        switch target {
        case .off: return nil
        case .standardOutput: way = .file(try LogFile(stream: STDOUT_FILENO))
        case .standardError: way = .file(try LogFile(stream: STDERR_FILENO))
        case .file(let path): way = .file(try LogFile(path, owner: owner))
        case .syslog(let path):
            let syslog = Syslog(path)
            way = .syslog(syslog)
            do throws(Errno) { try syslog.connect() } catch { complain(error) }
        }
    }

    /// The log gives lines their time and level itself.
    var hasOwnTime: Bool {
        if case .syslog = way { return true }
        return false
    }

    /// Opens the path again, for a file that was moved away by a rotation.
    package func reopen() throws(Errno) {
        if case .file(let file) = way, case .file(let path) = target { try file.reopen(path) }
    }

    /// Writes whole lines now. Waits for a reader that is slow, so only the log thread calls it.
    func write(_ lines: [UInt8], _ level: LogLevel) throws(Errno) {
        switch way {
        case .file(let file): try file.write(lines)
        case .syslog(let syslog): try syslog.write(lines, level)
        }
    }

    /// A log that cannot be written is told on standard error, the last place left.
    func complain(_ error: Errno) {
        switch target {
        case .file(let path): LastResort.write("cannot write the log \(path): \(error)")
        case .syslog(let path):
            LastResort.write(
                "cannot send log lines to \(path): \(error); lines are lost until the log daemon is there")
        case .off, .standardOutput, .standardError: break
        }
    }
}

/// Standard error, for what no log can take.
enum LastResort {
    static func write(_ message: String) {
        // A reader that has stalled must not stall the server, too.
        var state = pollfd(fd: STDERR_FILENO, events: Int16(POLLOUT), revents: 0)
        guard poll(&state, 1, 0) == 1 else { return }
        let text = Array("gatehouse: \(message)\n".utf8)
        _ = text.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
