import Base
import Glibc
import Net
import TestSupport

/// Runs `body` as a task of a loop that has a thread of its own, and ends the loop behind it.
func onLoop<R: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> R) async throws -> R {
    let loop = try EventLoop(index: 0)
    Thread(name: "test-loop") { loop.run() }.detach()
    defer { loop.stop() }
    return try await withCheckedThrowingContinuation { continuation in
        loop.spawn {
            do {
                continuation.resume(returning: try await body(loop))
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}

/// What several tasks of one loop share.
///
/// `@unchecked Sendable`: used on that loop's thread only.
final class Shared<Value>: @unchecked Sendable {
    var value: Value
    init(_ value: Value) { self.value = value }
}

/// Starts a task on the loop for each of `count` numbers and waits until all have ended.
func onEach(_ count: Int, of loop: EventLoop, _ body: @escaping @Sendable (Int) async -> Void) async {
    let left = Shared(count)
    let waiter = Waiter(loop: loop)
    for index in 0..<count {
        loop.spawn {
            await body(index)
            left.value -= 1
            if left.value == 0 { waiter.wake() }
        }
    }
    while left.value > 0 { _ = await waiter.wait() }
    waiter.end()
}

/// A stream and the other end of its connection, which the test uses directly.
///
/// The other end does not block either: a test that would wait for ever fails instead.
struct Connection: ~Copyable {
    let stream: SocketStream
    private(set) var peer: FileDescriptor

    /// A pair of Unix sockets.
    init(_ waiter: Waiter) throws {
        var ends: [CInt] = [-1, -1]
        let type = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        if socketpair(AF_UNIX, type, 0, &ends) < 0 { throw Errno.current }
        stream = SocketStream(FileDescriptor(owning: ends[0]), waiter: waiter)
        peer = FileDescriptor(owning: ends[1])
    }

    /// A TCP connection over the loopback interface.
    init(tcp waiter: Waiter) throws {
        let listening = try ListeningSocket.bind(.ip(.loopback, port: 0), joining: false)
        let peer = try connected(to: ListeningSocket.address(of: listening))
        let accepted = accept(listening.raw, nil, nil)
        if accepted < 0 { throw Errno.current }
        let descriptor = FileDescriptor(owning: accepted)
        try descriptor.setNonBlocking()
        try peer.setNonBlocking()
        stream = SocketStream(descriptor, waiter: waiter)
        self.peer = peer
    }

    func send(_ text: String) throws { try peer.writeAll(text) }

    /// What has come, as text; nil where nothing has, empty at the end.
    func receive(_ room: Int = 65536) throws -> String? { try received(peer, room) }

    mutating func hangUp() { peer = FileDescriptor(owning: open("/dev/null", O_RDONLY | O_CLOEXEC)) }
    func endSending() { shutdown(peer.raw, CInt(SHUT_WR)) }
}

/// A socket that is connected to `address`.
func connected(to address: SocketAddress) throws -> FileDescriptor {
    let family =
        switch address {
        case .ip(let ip, _): ip.isIPv4 ? AF_INET : AF_INET6
        case .unix: AF_UNIX
        }
    let socket = FileDescriptor(
        owning: socket(family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
    if try address.withSockaddr({ connect(socket.raw, $0, $1) }) < 0 { throw Errno.current }
    return socket
}

func received(_ descriptor: borrowing FileDescriptor, _ room: Int = 65536) throws -> String? {
    var bytes = [UInt8](repeating: 0, count: room)
    let count = recv(descriptor.raw, &bytes, room, 0)
    if count < 0 {
        if Errno.current == .wouldBlock { return nil }
        throw Errno.current
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
}

extension FileDescriptor {
    borrowing func writeAll(_ text: String) throws {
        try Array(text.utf8).withUnsafeBytes { try writeAll($0) }
    }
}

extension SocketStream {
    /// What there is now, `room` bytes at most: nil for nothing, empty at the end.
    func readNow(room: Int = 4096) throws -> String? {
        var bytes = [UInt8](repeating: 0, count: room)
        let read = try bytes.withUnsafeMutableBytes { try tryRead(into: $0) }
        return read.map { String(decoding: bytes[..<$0], as: UTF8.self) }
    }

    /// Waits for what comes next.
    func readNext(room: Int = 4096) async throws -> String {
        while true {
            if let text = try readNow(room: room) { return text }
            try await wait(until: loop.now + .seconds(20))
        }
    }

    func writeNow(_ text: String) throws -> Int? {
        try Array(text.utf8).withUnsafeBytes { try tryWrite($0, more: false) }
    }

    /// Waits until `condition` holds.
    func wait(for condition: () -> Bool) async throws {
        while !condition() { try await wait(until: loop.now + .seconds(20)) }
    }
}

/// Bytes that differ from place to place, so that one lost or doubled is seen.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &* 17 &+ $0 >> 16) }
}
