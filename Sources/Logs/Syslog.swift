import Base
import Config
import Glibc
import Synchronization

/// The machine's log daemon, reached by datagrams to its socket (RFC 3164, as glibc's syslog(3) has it).
///
/// The daemon may be started later or again: a connection that is lost is made anew, at most once a
/// second, and lines that come meanwhile are counted.
final class Syslog: Sendable {
    /// Bytes of a datagram; daemons cut what is longer than 8 KiB.
    private static let lengthLimit = 8192
    private let path: String
    private let state = Mutex(State())

    private struct State: ~Copyable {
        var socket: FileDescriptor?
        /// When the next try to connect is due.
        var retry = Instant(nanoseconds: .min)
        /// Lines that nobody took.
        var lost = 0
        /// That the daemon is lost has been told.
        var isTold = false
    }

    init(_ path: String) { self.path = path }

    /// Connects. For the start, so that a wrong path is told at once.
    func connect() throws(Errno) {
        let failure = state.withLock { state -> Errno? in
            do throws(Errno) {
                try connect(&state)
                return nil
            } catch {
                state.isTold = true
                return error
            }
        }
        if let failure { throw failure }
    }

    /// The socket's number; nil while there is none.
    var raw: CInt? { state.withLock { $0.socket?.raw } }

    /// Sends the lines of `bytes` from `start` on, as far as the daemon takes them now. Returns where the
    /// rest begins, and why the daemon is lost, once for each time that it is.
    func write(_ bytes: [UInt8], from start: Int, _ level: LogLevel) -> (end: Int, news: Errno?) {
        state.withLock { state in
            var start = start
            var failure: Errno?
            while start < bytes.count {
                let end = bytes[start...].firstIndex(of: ASCII.lf) ?? bytes.count
                do throws(Errno) {
                    try deliver(bytes[start..<end], level, &state)
                } catch {
                    // The daemon is behind: the line is sent later.
                    if error == .wouldBlock { break }
                    state.lost += 1
                    failure = error
                }
                start = min(end + 1, bytes.count)
            }
            let news = state.isTold ? nil : failure
            state.isTold = failure != nil
            return (start, news)
        }
    }

    private func connect(_ state: inout State) throws(Errno) {
        state.retry = .now + .seconds(1)
        let kind = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let raw = Glibc.socket(AF_UNIX, kind, 0)
        if raw < 0 { throw .current }
        let fresh = FileDescriptor(owning: raw)
        let result = try SocketAddress.unix(path).withSockaddr {
            Glibc.connect(raw, $0, $1) < 0 ? Errno.current : nil
        }
        if let result { throw result }
        state.socket = consume fresh
    }

    private func deliver(_ line: [UInt8].SubSequence, _ level: LogLevel, _ state: inout State) throws(Errno) {
        let wasConnected = state.socket != nil
        if !wasConnected {
            guard .now >= state.retry else { throw .connectionRefused }
            try connect(&state)
        }
        do throws(Errno) {
            try send(line, level, &state)
        } catch {
            if error == .wouldBlock { throw error }
            state.socket = nil
            state.retry = .now + .seconds(1)
            // A daemon that was started again has a new socket at the same place.
            guard wasConnected else { throw error }
            try connect(&state)
            try send(line, level, &state)
        }
    }

    /// Sends a line, and before it how many were lost.
    private func send(_ line: [UInt8].SubSequence, _ level: LogLevel, _ state: inout State) throws(Errno) {
        guard let raw = state.socket?.raw else { throw .connectionRefused }
        if state.lost > 0 {
            let text = "\(state.lost) lines could not be sent before this one"
            try send(Array(text.utf8)[...], .warning, raw)
            state.lost = 0
        }
        try send(line, level, raw)
    }

    private func send(_ line: [UInt8].SubSequence, _ level: LogLevel, _ raw: CInt) throws(Errno) {
        let message = Syslog.message(line, level, WallClock.local(WallClock.now.seconds).calendar, getpid())
        while true {
            let count = message.withUnsafeBytes {
                Glibc.send(raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count >= 0 { return }
            let error = Errno.current
            if error != .interrupted { throw error }
        }
    }

    /// `<30>Nov 21 14:03:07 gatehouse[123]: text`: facility daemon, severity by the level.
    static func message(
        _ line: some Collection<UInt8>, _ level: LogLevel, _ time: CalendarTime, _ pid: Int32
    ) -> [UInt8] {
        let severity =
            switch level {
            case .error: 3
            case .warning: 4
            case .info: 6
            case .debug: 7
            }
        var message = ByteBuffer(capacity: 64 + line.count)
        message.append(UInt8(ascii: "<"))
        message.append(decimal: 3 << 3 | severity)
        message.append(UInt8(ascii: ">"))
        message.append(CalendarTime.months[time.month - 1])
        // The day has two places, and a blank in front where one is enough.
        message.append(time.day < 10 ? "  " : " ")
        message.append(decimal: time.day)
        message.append(ASCII.space)
        message.append(secondOf: time)
        message.append(" gatehouse[")
        message.append(decimal: Int(pid))
        message.append("]: ")
        let room = Syslog.lengthLimit - message.count
        var text = Array(line.prefix(room))
        if text.count < line.count { text.replaceSubrange((room - 3)..., with: Array("...".utf8)) }
        message.append(text.span)
        return message.bytes.array
    }
}
