package import Base
import Glibc

/// What a client met that it did not want.
package enum ClientError: Error, CustomStringConvertible {
    case noConnection(SocketAddress, Errno)
    /// The deadline passed. With what was being waited for and what had come.
    case timedOut(String, received: [UInt8])
    /// The other end closed (`eof`) or aborted (`reset`) too early.
    case ended(RawClient.Ending, String, received: [UInt8])
    /// The bytes are no HTTP.
    case malformed(String, received: [UInt8])
    case failed(Errno)

    package var description: String {
        switch self {
        case .noConnection(let address, let error): "no connection to \(address): \(error)"
        case .timedOut(let what, let bytes): "timed out, waiting for \(what)\(Self.excerpt(bytes))"
        case .ended(let ending, let what, let bytes):
            "\(ending) while waiting for \(what)\(Self.excerpt(bytes))"
        case .malformed(let why, let bytes): "malformed response: \(why)\(Self.excerpt(bytes))"
        case .failed(let error): "socket: \(error)"
        }
    }

    private static func excerpt(_ bytes: [UInt8]) -> String {
        let more = bytes.count > 2000 ? "… (\(bytes.count) bytes)" : ""
        return "; had: \(String(decoding: bytes.prefix(2000), as: UTF8.self).debugDescription)\(more)"
    }
}

/// A TCP (or unix socket) client that sends exactly the bytes it is told and sees how the connection ends.
///
/// Each call blocks until its deadline at most. For one thread at a time; closed at the end of its life.
package final class RawClient {
    package enum Ending: Sendable, CustomStringConvertible {
        /// Nothing more comes: the other end closed or shut down its sending half.
        case eof
        /// Aborted with RST.
        case reset

        package var description: String { self == .eof ? "end of file" : "connection reset" }
    }

    package let address: SocketAddress
    /// Bytes that came and that no call has taken yet.
    package private(set) var received: [UInt8] = []
    /// How the incoming half ended, nil while it is open or not yet read to its end.
    package private(set) var ending: Ending?
    private var socket: FileDescriptor?

    /// Connects. A small `receiveBuffer` makes a client that takes little at a time; `source` is the
    /// address it comes from: on this machine all of 127.0.0.0/8 will do.
    package init(
        to address: SocketAddress, from source: IPAddress? = nil, receiveBuffer: CInt? = nil,
        within seconds: Double = 20
    ) throws {
        self.address = address
        let family =
            switch address {
            case .ip(let ip, _): ip.isIPv4 ? AF_INET : AF_INET6
            case .unix: AF_UNIX
            }
        let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let raw = Glibc.socket(family, type, 0)
        guard raw >= 0 else { throw ClientError.noConnection(address, .current) }
        socket = FileDescriptor(owning: raw)
        if let receiveBuffer { setOption(SOL_SOCKET, SO_RCVBUF, receiveBuffer) }
        // What is sent in pieces shall arrive in pieces.
        if family != AF_UNIX { setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
        do throws(Errno) {
            if let source {
                let bound = try SocketAddress.ip(source, port: 0).withSockaddr { bind(raw, $0, $1) }
                if bound < 0 { throw Errno.current }
            }
            let result = try address.withSockaddr { Glibc.connect(raw, $0, $1) == 0 ? nil : Errno.current }
            guard let error = result else { return }
            guard error == Errno(EINPROGRESS) || error == .interrupted else { throw error }
            guard try waitFor(raw, POLLOUT, until: .after(seconds)) != nil else { throw Errno(ETIMEDOUT) }
            var code: CInt = 0
            var length = socklen_t(MemoryLayout<CInt>.size)
            getsockopt(raw, SOL_SOCKET, SO_ERROR, &code, &length)
            if code != 0 { throw Errno(code) }
        } catch {
            throw ClientError.noConnection(address, error)
        }
    }

    private func setOption(_ level: CInt, _ name: CInt, _ value: CInt) {
        var value = value
        setsockopt(raw, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
    }

    /// Its descriptor, -1 when closed.
    package var raw: CInt { socket?.raw ?? -1 }

    /// The port this end has, as the server's logs show it.
    package var localPort: UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        return result == 0 ? SocketAddress(storage, length: length)?.port : nil
    }

    /// Closes: at once with FIN, or with RST where bytes came that were not read.
    package func close() {
        socket = nil
    }

    /// Aborts the connection with RST.
    package func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(raw, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
        close()
    }

    /// Ends the sending half: the other end reads an end of file.
    package func finishSending() {
        shutdown(raw, CInt(SHUT_WR))
    }
}

// MARK: Sending

extension RawClient {
    /// Sends all of `text`, and takes what comes meanwhile.
    package func send(_ text: String, within seconds: Double = 20) throws {
        try send(Array(text.utf8), within: seconds)
    }

    /// `reading` false: takes nothing before all is sent.
    package func send(_ bytes: [UInt8], within seconds: Double = 20, reading: Bool = true) throws {
        let sent = try sendSome(bytes, within: seconds, reading: reading)
        if sent == bytes.count { return }
        if let ending {
            throw ClientError.ended(
                ending, "room to send (\(sent) of \(bytes.count) bytes sent)", received: received)
        }
        throw ClientError.timedOut("room to send (\(sent) of \(bytes.count) bytes sent)", received: received)
    }

    /// Sends what the other end takes until the deadline or the end of the connection, and returns how much.
    ///
    /// What comes meanwhile is kept for reading, so that two that both send do not block each other.
    package func sendSome(
        _ bytes: [UInt8], within seconds: Double = 20, reading: Bool = true
    ) throws -> Int {
        let deadline = Deadline.after(seconds)
        var sent = 0
        while sent < bytes.count, ending != .reset {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
                continue
            }
            switch Errno.current {
            case .interrupted: continue
            case .wouldBlock:
                let events = reading && ending == nil ? POLLIN | POLLOUT : POLLOUT
                guard try wait(events, until: deadline) else { return sent }
            case .brokenPipe, .connectionReset:
                // What the other end said before is still there to be read, where RST has not dropped it.
                while ending == nil, try receive(until: deadline) {}
                if ending == .eof { ending = .reset }
                return sent
            case let error: throw ClientError.failed(error)
            }
            if reading, ending == nil { try receiveNow() }
        }
        return sent
    }

    private func wait(_ events: CInt, until deadline: Deadline) throws -> Bool {
        do { return try waitFor(raw, events, until: deadline) != nil } catch {
            throw ClientError.failed(error)
        }
    }

    /// Waits for bytes or the end, and takes them. False when the deadline passed first.
    func receive(until deadline: Deadline) throws -> Bool {
        if ending != nil { return true }
        guard try wait(POLLIN, until: deadline) else { return false }
        try receiveNow()
        return true
    }

    /// Takes what is there.
    private func receiveNow() throws {
        var part = [UInt8](repeating: 0, count: 65536)
        let count = recv(raw, &part, part.count, 0)
        if count > 0 {
            received += part[..<count]
        } else if count == 0 {
            ending = .eof
        } else {
            switch Errno.current {
            case .wouldBlock, .interrupted: break
            case .connectionReset, .brokenPipe: ending = .reset
            case let error: throw ClientError.failed(error)
            }
        }
    }
}

// MARK: Receiving

extension RawClient {
    /// Takes the first `count` of the received bytes.
    func take(_ count: Int) -> [UInt8] {
        let taken = Array(received[..<count])
        received.removeFirst(count)
        return taken
    }

    /// Waits until `isEnough` holds for the bytes received, and takes all of them.
    package func read(
        _ what: String = "bytes", within seconds: Double = 20, until isEnough: ([UInt8]) -> Bool
    ) throws -> [UInt8] {
        let deadline = Deadline.after(seconds)
        while !isEnough(received) {
            if let ending { throw ClientError.ended(ending, what, received: received) }
            guard try receive(until: deadline) else { throw ClientError.timedOut(what, received: received) }
        }
        return take(received.count)
    }

    /// Takes exactly `count` bytes.
    package func read(_ count: Int, within seconds: Double = 20) throws -> [UInt8] {
        try need(count, "\(count) bytes", until: .after(seconds))
        return take(count)
    }

    /// Waits until `count` bytes are in `received`.
    func need(_ count: Int, _ what: String, until deadline: Deadline) throws {
        while received.count < count {
            if let ending { throw ClientError.ended(ending, what, received: received) }
            guard try receive(until: deadline) else { throw ClientError.timedOut(what, received: received) }
        }
    }

    /// Takes everything up to the end of the connection, whichever end that is: see `ending`.
    package func readToEnd(within seconds: Double = 20) throws -> [UInt8] {
        let deadline = Deadline.after(seconds)
        while ending == nil {
            guard try receive(until: deadline) else {
                throw ClientError.timedOut("the end of the connection", received: received)
            }
        }
        return take(received.count)
    }

    /// Waits for the end of the connection, before which nothing more may come.
    package func expectEnd(within seconds: Double = 20) throws -> Ending {
        let surplus = try readToEnd(within: seconds)
        if !surplus.isEmpty {
            throw ClientError.malformed("bytes behind the last response", received: surplus)
        }
        return ending ?? .eof
    }

    /// Whether for so long nothing comes, no end either. A wait on purpose: keep it short.
    package func staysSilent(for seconds: Double) throws -> Bool {
        if !received.isEmpty || ending != nil { return false }
        return try !receive(until: .after(seconds))
    }
}
