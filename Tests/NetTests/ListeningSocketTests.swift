import Base
import Glibc
import Net
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct ListeningSocketTests {
    @Test func `port 0 becomes a port of the kernel's choice`() throws {
        let socket = try ListeningSocket.bind(.ip(.loopback, port: 0), joining: false)
        let address = try ListeningSocket.address(of: socket)
        #expect(address.ip == .loopback)
        #expect((address.port ?? 0) > 0)
        _ = try connected(to: address)
    }

    @Test func `born close-on-exec and not blocking`() throws {
        let socket = try ListeningSocket.bind(.ip(.loopback, port: 0), joining: true)
        #expect(fcntl(socket.raw, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(socket.raw, F_GETFL) & O_NONBLOCK != 0)
        #expect(accept(socket.raw, nil, nil) == -1)
        #expect(Errno.current == .wouldBlock)
    }

    @Test func `an address that is taken is taken, but for who joins`() throws {
        let first = try ListeningSocket.bind(.ip(.loopback, port: 0), joining: false)
        let address = try ListeningSocket.address(of: first)
        let second = try ListeningSocket.bind(address, joining: true)
        #expect(try ListeningSocket.address(of: second) == address)
        #expect(throws: Errno(EADDRINUSE)) { _ = try ListeningSocket.bind(address, joining: false) }
        withExtendedLifetime(first) {}
    }

    @Test func `nobody joins a socket of another program`() throws {
        let other = FileDescriptor(
            owning: socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        #expect(try SocketAddress.ip(.loopback, port: 0).withSockaddr { bind(other.raw, $0, $1) } == 0)
        #expect(listen(other.raw, 1) == 0)
        let address = try ListeningSocket.address(of: other)
        #expect(throws: Errno(EADDRINUSE)) { _ = try ListeningSocket.bind(address, joining: true) }
    }

    @Test func `a port is free again at once, though connections to it linger`() throws {
        let address: SocketAddress
        do {
            let socket = try ListeningSocket.bind(.ip(.loopback, port: 0), joining: false)
            address = try ListeningSocket.address(of: socket)
            let client = try connected(to: address)
            // The side that closes first keeps the address for a while.
            close(accept(socket.raw, nil, nil))
            withExtendedLifetime(client) {}
        }
        // A process that another test is just starting may hold the old socket until its exec.
        _ = try boundAtLast(address)
    }

    @Test(.enabled(if: access("/proc/net/if_inet6", R_OK) == 0, "a machine without IPv6"))
    func `IPv4 and IPv6 do not stand in each other's way`() throws {
        // A port that is free for the one may be another program's for the other.
        for isLast in [false, false, false, false, true] {
            let six = try ListeningSocket.bind(.ip(.anyIPv6, port: 0), joining: false)
            let port = try #require(try ListeningSocket.address(of: six).port)
            do {
                let four = try ListeningSocket.bind(.ip(.anyIPv4, port: port), joining: false)
                #expect(try ListeningSocket.address(of: four) == .ip(.anyIPv4, port: port))
                return
            } catch {
                if isLast { throw error }
            }
        }
    }

    @Test func `an address of another machine is refused`() throws {
        let address = try #require(IPAddress("192.0.2.1"))
        #expect(throws: Errno(EADDRNOTAVAIL)) {
            _ = try ListeningSocket.bind(.ip(address, port: 0), joining: false)
        }
    }

    // MARK: Unix sockets

    @Test func `a socket file that nobody listens on is replaced`() throws {
        let folder = try ScratchFolder()
        let address = SocketAddress.unix(folder.path("socket"))
        do { _ = try ListeningSocket.bind(address, joining: false) }
        #expect(folder.exists("socket"))
        // A process that another test is just starting may hold the old socket until its exec.
        let socket = try boundAtLast(address)
        #expect(try ListeningSocket.address(of: socket) == address)
        _ = try connected(to: address)
    }

    /// Binds, as soon as nobody holds an old socket at that address any more.
    private func boundAtLast(_ address: SocketAddress) throws -> FileDescriptor {
        let deadline = Instant.now + .seconds(20)
        while true {
            do { return try ListeningSocket.bind(address, joining: false) } catch {
                if Instant.now >= deadline { throw error }
                sched_yield()
            }
        }
    }

    @Test func `a socket file that somebody listens on is left alone`() throws {
        let folder = try ScratchFolder()
        let address = SocketAddress.unix(folder.path("socket"))
        let socket = try ListeningSocket.bind(address, joining: false)
        #expect(throws: Errno(EADDRINUSE)) { _ = try ListeningSocket.bind(address, joining: true) }
        _ = try connected(to: address)
        withExtendedLifetime(socket) {}
    }

    @Test func `a socket of another kind that is in use is left alone`() throws {
        // As /dev/log is: nobody can connect to it by a stream.
        let folder = try ScratchFolder()
        let address = SocketAddress.unix(folder.path("socket"))
        let other = FileDescriptor(
            owning: socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        #expect(try address.withSockaddr { bind(other.raw, $0, $1) } == 0)
        #expect(throws: Errno(EADDRINUSE)) { _ = try ListeningSocket.bind(address, joining: false) }
        #expect(folder.exists("socket"))
    }

    @Test func `a file that is no socket is left alone`() throws {
        let folder = try ScratchFolder()
        try folder.write("file", "text")
        try folder.link("link", to: "nowhere")
        for name in ["file", "link"] {
            #expect(throws: Errno(EADDRINUSE)) {
                _ = try ListeningSocket.bind(.unix(folder.path(name)), joining: false)
            }
        }
        #expect(try folder.read("file") == "text")
    }

    @Test func `a path that no address can hold is refused`() {
        #expect(throws: Errno.nameTooLong) {
            _ = try ListeningSocket.bind(.unix("/tmp/" + String(repeating: "x", count: 200)), joining: false)
        }
    }

    @Test func `a folder that is not there`() {
        #expect(throws: Errno.noSuchFile) {
            _ = try ListeningSocket.bind(.unix("/nonexistent/socket"), joining: false)
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct ListenerTests {
    @Test func `connections are accepted as they come`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            let socket = try ListeningSocket.bind(.ip(.loopback, port: 0), joining: false)
            let address = try ListeningSocket.address(of: socket)
            let listener = Listener(socket, waiter: waiter)
            defer { listener.close() }
            #expect(try listener.tryAccept() == nil)
            for _ in 0..<3 {
                let clients = try [connected(to: address).release(), connected(to: address).release()]
                    .map { OwnedSocket($0) }
                var accepted: [OwnedSocket] = []
                while accepted.count < 2 {
                    guard let (descriptor, peer) = try listener.tryAccept() else {
                        _ = await waiter.wait(until: loop.now + .seconds(20))
                        continue
                    }
                    let socket = OwnedSocket(descriptor)
                    #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0)
                    #expect(fcntl(descriptor, F_GETFL) & O_NONBLOCK != 0)
                    #expect(peer == ListeningSocket.localAddress(clients[accepted.count].raw))
                    #expect(ListeningSocket.localAddress(descriptor) == address)
                    accepted.append(socket)
                }
                #expect(try listener.tryAccept() == nil)
            }
        }
    }

    @Test func `who connects by a Unix socket has no address`() async throws {
        let folder = try ScratchFolder()
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            let address = SocketAddress.unix(folder.path("socket"))
            let listener = Listener(try ListeningSocket.bind(address, joining: false), waiter: waiter)
            defer { listener.close() }
            let client = try connected(to: address)
            let (descriptor, peer) = try #require(try listener.tryAccept())
            #expect(peer == .unix(""))
            close(descriptor)
            withExtendedLifetime(client) {}
        }
    }
}

/// A descriptor in an array.
private final class OwnedSocket: Sendable {
    let raw: CInt
    init(_ raw: CInt) { self.raw = raw }
    deinit { close(raw) }
}
