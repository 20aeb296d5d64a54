import Base
import Glibc
import TestSupport
import Testing

@testable import Net

/// Small pieces that leave together while the loop looks at its scripts from time to time.
@Suite(.timeLimit(.minutes(5))) struct OutboxTests {
    /// Runs `body` on a loop that gathers.
    private func gathering(_ body: @escaping @Sendable (Waiter) async throws -> Void) async throws {
        // As in the server.
        signal(SIGPIPE, SIG_IGN)
        try await onLoop { loop in
            loop.setSweep(every: .milliseconds(1), isAll: true)
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            try await body(waiter)
        }
    }

    /// Nothing comes but the end, for which a process that another test is just starting may have to let go as well.
    private func expectEnd(_ peer: borrowing FileDescriptor) throws {
        var event = pollfd(fd: peer.raw, events: Int16(POLLIN), revents: 0)
        #expect(poll(&event, 1, 20_000) == 1)
        #expect(try received(peer) == "")
    }

    private static func connection(_ kind: String, _ waiter: Waiter) throws -> Connection {
        kind == "tcp" ? try Connection(tcp: waiter) : try Connection(waiter)
    }

    @Test(arguments: ["tcp", "unix"])
    func `a piece leaves when all that is ready has run`(_ kind: String) async throws {
        try await gathering { waiter in
            let first = try Self.connection(kind, waiter)
            let second = try Self.connection(kind, waiter)
            #expect(try first.stream.writeNow("one") == 3)
            #expect(try second.stream.writeNow("two") == 3)
            #expect(try first.receive() == nil)
            #expect(try second.receive() == nil)
            await Task.yield()
            #expect(try first.receive() == "one")
            #expect(try second.receive() == "two")
            first.stream.close()
            second.stream.close()
        }
    }

    @Test func `nothing is held where events are told at once`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            let connection = try Connection(tcp: waiter)
            #expect(try connection.stream.writeNow("one") == 3)
            #expect(try connection.receive() == "one")
            connection.stream.close()
            waiter.end()
        }
    }

    @Test func `more pieces than leave at once`() async throws {
        try await gathering { waiter in
            var streams: [SocketStream] = []
            var peers: [CInt] = []
            for number in 0..<100 {
                let connection = try Connection(waiter)
                #expect(try connection.stream.writeNow("answer \(number)") != nil)
                if number == 0 { #expect(try connection.receive() == nil) }
                streams.append(connection.stream)
                peers.append(try connection.peer.duplicate().release())
            }
            await Task.yield()
            for (number, peer) in peers.enumerated() {
                #expect(try received(FileDescriptor(owning: peer)) == "answer \(number)")
            }
            for stream in streams { stream.close() }
        }
    }

    @Test(arguments: ["tcp", "unix"])
    func `what follows a piece comes behind it`(_ kind: String) async throws {
        try await gathering { waiter in
            for ending in ["write", "two", "more", "file", "shutdown", "close"] {
                let connection = try Self.connection(kind, waiter)
                let stream = connection.stream
                #expect(try stream.writeNow("first ") == 6)
                #expect(try connection.receive() == nil)
                let next = Array("second".utf8)
                try next.withUnsafeBytes { next throws in
                    switch ending {
                    case "write": #expect(try stream.tryWrite(next, more: false) == 6)
                    case "two":
                        #expect(
                            try stream.tryWrite(.init(rebasing: next[..<3]), .init(rebasing: next[3...])) == 6
                        )
                    case "more": #expect(try stream.tryWrite(next, more: true) == 6)
                    case "file":
                        let folder = try ScratchFolder()
                        let file = FileDescriptor(
                            owning: open("\(folder.path)/file", O_RDWR | O_CREAT | O_CLOEXEC, 0o600))
                        try file.writeAll(next)
                        #expect(try stream.trySendFile(file.raw, offset: 0, count: 6) == 6)
                    case "shutdown": stream.shutdownWrite()
                    default: break
                    }
                }
                stream.close()
                let hasMore = ending != "shutdown" && ending != "close"
                #expect(try connection.receive() == "first " + (hasMore ? "second" : ""), "\(ending)")
                try expectEnd(connection.peer)
            }
        }
    }

    @Test func `a peer that takes no more is given nothing more`() async throws {
        try await gathering { waiter in
            let connection = try Connection(waiter)
            let sent = pattern(4_000_000)
            var count = 0
            while let taken = try sent[count...].withUnsafeBytes({
                try connection.stream.tryWrite(.init(rebasing: $0.prefix(3000)), more: false)
            }) {
                count += taken
                await Task.yield()
            }
            #expect(count < sent.count)
            var room = [UInt8](repeating: 0, count: sent.count)
            var received = 0
            while true {
                let read = recv(connection.peer.raw, &room[received], room.count - received, 0)
                if read <= 0 { break }
                received += read
            }
            #expect(received == count)
            #expect(room[..<received] == sent[..<count])
            connection.stream.close()
        }
    }

    @Test func `what the kernel did not take of a piece comes before all else`() async throws {
        try await gathering { waiter in
            let connection = try Connection(tcp: waiter)
            connection.stream.source.keep(Array("rest ".utf8))
            // Not before the kernel has said that it takes more.
            #expect(try connection.stream.writeNow("next") == nil)
            // The task may sleep meanwhile, for as far as it knows all is written.
            var text: String?
            while text == nil {
                _ = await waiter.wait(until: waiter.loop.now + .milliseconds(20))
                text = try connection.receive()
            }
            #expect(text == "rest ")
            #expect(try connection.stream.writeNow("next") == 4)
            connection.stream.close()
            #expect(try connection.receive() == "next")
        }
    }

    @Test(arguments: ["close", "shutdown"])
    func `where it does not take that at the end either, the peer sees a reset`(_ ending: String) async throws
    {
        try await gathering { waiter in
            let connection = try Connection(tcp: waiter)
            let much = [UInt8](repeating: 65, count: 1 << 20)
            while try much.withUnsafeBytes({ try connection.stream.tryWrite($0, more: false) }) != nil {}
            // The peer's kernel may have taken some more by now, but there is no room for so much.
            connection.stream.source.keep([UInt8](repeating: 66, count: 1 << 26))
            if ending == "shutdown" { connection.stream.shutdownWrite() }
            connection.stream.close()
            #expect(throws: Errno.connectionReset) {
                while try connection.receive(1 << 20) != "" {}
            }
        }
    }

    @Test(arguments: ["tcp", "unix"])
    func `a piece for a peer that has gone breaks the connection, and no other's`(_ kind: String) async throws
    {
        try await gathering { waiter in
            var gone = try Self.connection(kind, waiter)
            let there = try Self.connection(kind, waiter)
            #expect(try gone.stream.writeNow("unread") == 6)
            await Task.yield()
            gone.hangUp()
            var event = pollfd(fd: gone.stream.source.fd, events: 0, revents: 0)
            #expect(poll(&event, 1, 20_000) == 1)
            #expect(try gone.stream.writeNow("lost") == 4)
            #expect(try there.stream.writeNow("arrives") == 7)
            await Task.yield()
            #expect(try there.receive() == "arrives")
            #expect(gone.stream.isHungUp)
            #expect(throws: Errno.connectionReset) { try gone.stream.writeNow("more") }
            #expect(throws: Errno.connectionReset) { try gone.stream.readNow() }
            gone.stream.close()
            there.stream.close()
        }
    }
}
