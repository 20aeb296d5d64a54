package import Base
package import Config
import Glibc
import Synchronization

/// One log: a file, one of the standard streams, or the machine's log daemon.
package final class LogSink: Sendable {
    package let target: LogTarget
    private let way: Way
    /// What was written last could not be, and that has been told.
    private let failed = Atomic(false)

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

    /// Kept here for the log thread.
    var isBroken: Bool {
        get { failed.load(ordering: .relaxed) }
        set { failed.store(newValue, ordering: .relaxed) }
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

    /// Another number after `reopen`.
    var turn: Int {
        switch way {
        case .file(let file): file.turn
        case .syslog: 0
        }
    }

    /// Writes what the log takes now of whole lines, those of `bytes` from `start` on, and returns where the
    /// rest begins. Waits for disks, so only the log thread calls it. Lines that a log daemon loses it
    /// counts and tells itself.
    func write(_ bytes: [UInt8], from start: Int, _ level: LogLevel) throws(Errno) -> Int {
        switch way {
        case .file(let file): return try file.write(bytes, from: start)
        case .syslog(let syslog):
            let (end, news) = syslog.write(bytes, from: start, level)
            if let news { complain(news) }
            return end
        }
    }

    /// The number to wait by for room, after a write that was not taken whole.
    var descriptor: CInt? {
        switch way {
        case .file(let file): file.raw
        case .syslog(let syslog): syslog.raw
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
