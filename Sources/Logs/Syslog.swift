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
    }

    init(_ path: String) { self.path = path }

    /// Connects where there is no connection. For the start, so that a wrong path is told at once.
    func connect() throws(Errno) {
        let result = state.withLock { (state) -> Result<Void, Errno> in
            do throws(Errno) {
                try connect(&state)
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func connect(_ state: inout State) throws(Errno) {
        if state.socket != nil { return }
        state.retry = .now + .seconds(1)
        let kind = CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let raw = Glibc.socket(AF_UNIX, kind, 0)
        if raw < 0 { throw .current }
        let fresh = FileDescriptor(owning: raw)
        let result = try SocketAddress.unix(path).withSockaddr { Glibc.connect(raw, $0, $1) }
        if result < 0 { throw .current }
        state.socket = consume fresh
    }

    /// Sends each of the whole lines in `bytes`. Throws once for each time that the daemon is lost.
    func write(_ bytes: [UInt8], _ level: LogLevel) throws(Errno) {
        let result = state.withLock { (state) -> Result<Void, Errno> in
            do throws(Errno) {
                for line in bytes.split(separator: ASCII.lf) { try write(line, level, &state) }
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    private func write(_ line: [UInt8].SubSequence, _ level: LogLevel, _ state: inout State) throws(Errno) {
        if state.socket == nil {
            guard .now >= state.retry, (try? connect(&state)) != nil else {
                state.lost += 1
                return
            }
        }
        do throws(Errno) {
            if state.lost > 0 {
                let lost = state.lost
                try send(
                    Array("\(lost) lines could not be sent here before this one".utf8)[...], .warning, &state)
                state.lost = 0
            }
            try send(line, level, &state)
        } catch {
            state.lost += 1
            state.socket = nil
            // A daemon that was started again has a new socket at the same place.
            guard error == .connectionRefused || error == .connectionReset || error == Errno(ENOTCONN),
                (try? connect(&state)) != nil
            else { throw error }
            state.lost -= 1
            do throws(Errno) { try send(line, level, &state) } catch {
                state.lost += 1
                state.socket = nil
                throw error
            }
        }
    }

    private func send(
        _ line: [UInt8].SubSequence, _ level: LogLevel, _ state: inout State
    ) throws(Errno) {
        let message = Syslog.message(line, level, WallClock.local(WallClock.now.seconds).calendar, getpid())
        guard let raw = state.socket?.raw else { throw Errno(ENOTCONN) }
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
