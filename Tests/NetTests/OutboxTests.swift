import Base
import Glibc
import Net
import TestSupport
import Testing

/// Small pieces that leave together while the loop looks at its scripts from time to time.
@Suite(.timeLimit(.minutes(5))) struct OutboxTests {
    /// Runs `body` on a loop that gathers.
    private func gathering(_ body: @escaping @Sendable (Waiter) async throws -> Void) async throws {
        // As in the server.
        signal(SIGPIPE, SIG_IGN)
        try await onLoop { loop in
            loop.setSweep(every: .milliseconds(1))
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            try await body(waiter)
        }
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
                #expect(try connection.receive() == "", "\(ending)")
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

    @Test(arguments: ["tcp", "unix"])
    func `a piece for a peer that has gone breaks the connection, and no other's`(_ kind: String) async throws
    {
        try await gathering { waiter in
            var gone = try Self.connection(kind, waiter)
            let there = try Self.connection(kind, waiter)
            #expect(try gone.stream.writeNow("unread") == 6)
            await Task.yield()
            gone.hangUp()
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
