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
    /// How long a daemon that is behind is waited for.
    private static let patience: CInt = 1000

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
        try trying { (state) throws(Errno) in try connect(&state) }
    }

    /// Sends each of the whole lines in `bytes`. Throws once for each time that the daemon is lost.
    func write(_ bytes: [UInt8], _ level: LogLevel) throws(Errno) {
        try trying { (state) throws(Errno) in
            var failure: Errno?
            for line in bytes.split(separator: ASCII.lf) {
                do throws(Errno) { try deliver(line, level, &state) } catch {
                    state.lost += 1
                    failure = error
                }
            }
            if let failure { throw failure }
        }
    }

    /// Calls `body` with the state; what it throws is thrown on where it is news.
    private func trying(_ body: (inout State) throws(Errno) -> Void) throws(Errno) {
        let result = state.withLock { (state) -> Result<Void, Errno> in
            do throws(Errno) {
                try body(&state)
                state.isTold = false
            } catch {
                if !state.isTold {
                    state.isTold = true
                    return .failure(error)
                }
            }
            return .success(())
        }
        try result.get()
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
            state.socket = nil
            state.retry = .now + .seconds(1)
            // A daemon that was started again has a new socket at the same place.
            guard wasConnected, error != .wouldBlock else { throw error }
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
            switch error {
            case .interrupted: continue
            case .wouldBlock:
                var poll = pollfd(fd: raw, events: Int16(POLLOUT), revents: 0)
                if Glibc.poll(&poll, 1, Syslog.patience) == 0 { throw error }
            default: throw error
            }
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
        for (separator, value) in [
            (ASCII.space, time.hour), (ASCII.colon, time.minute), (ASCII.colon, time.second),
        ] {
            message.append(separator)
            message.append(decimal: value, width: 2)
        }
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
