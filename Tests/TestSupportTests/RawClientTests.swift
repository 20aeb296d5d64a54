import Base
import Glibc
import TestSupport
import Testing

/// A listener whose one client gets `answer`, byte for byte, and then the end asked for.
private struct Answer: Sendable {
    enum End: Sendable { case eof, reset, open }
    var bytes: String
    var end = End.eof

    /// Runs `body` with a client that has sent `request`.
    func to<R: Sendable>(
        _ request: String = "GET / HTTP/1.1\r\n\r\n", _ body: @escaping @Sendable (RawClient) throws -> R
    ) async throws -> R {
        try await blocking {
            let listener = try Listener()
            let client = try RawClient(to: listener.address)
            let peer = try listener.accept()
            try client.send(request)
            // What is not read would turn the close into a reset.
            var part = [UInt8](repeating: 0, count: 4096)
            _ = recv(peer.raw, &part, part.count, 0)
            try Array(bytes.utf8).withUnsafeBytes { try peer.writeAll($0) }
            switch end {
            case .open: return try body(client)
            case .eof: _ = consume peer
            case .reset:
                var linger = linger(l_onoff: 1, l_linger: 0)
                setsockopt(
                    peer.raw, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
                _ = consume peer
            }
            return try body(client)
        }
    }
}

private struct Listener: ~Copyable {
    let socket: FileDescriptor
    let address: SocketAddress

    init() throws {
        socket = FileDescriptor(
            owning: Glibc.socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        let raw = socket.raw
        _ = try SocketAddress.ip(.loopback, port: 0).withSockaddr { bind(raw, $0, $1) }
        listen(raw, 10)
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(raw, $0, &length) }
        }
        guard let address = SocketAddress(storage, length: length) else { throw TestFailure("no address") }
        self.address = address
    }

    borrowing func accept() throws -> FileDescriptor {
        let raw = Glibc.accept(socket.raw, nil, nil)
        guard raw >= 0 else { throw TestFailure("accept: \(Errno.current)") }
        return FileDescriptor(owning: raw)
    }
}

/// Bytes whose control characters are spelled out in the list of tests.
private struct Wire: Sendable, ExpressibleByStringLiteral, CustomTestStringConvertible {
    let text: String
    init(stringLiteral text: String) { self.text = text }
    var testDescription: String { text.debugDescription }
}

@Suite(.timeLimit(.minutes(5))) struct RawClientTests {
    @Test func `a response with everything in it`() async throws {
        let response = try await Answer(
            bytes:
                "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 \r\nSet-Cookie: a\r\nset-cookie:b\t\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n4;x=y\r\nWiki\r\n0A\r\n0123456789\r\n0\r\nDigest: z\r\n\r\n"
        ).to { client in
            let response = try client.readResponse()
            #expect(try client.expectEnd() == .eof)
            return response
        }
        #expect(response.interim.map(\.status) == [103])
        #expect(response.interim.first?["Link"] == "a")
        #expect(response.reason == "")
        #expect(response.all("SET-COOKIE") == ["a", "b"])
        #expect(response.fields.map(\.name) == ["Set-Cookie", "set-cookie", "Transfer-Encoding"])
        #expect(response.text == "Wiki0123456789")
        #expect(response.chunks == [4, 10])
        #expect(response.trailers.map(\.value) == ["z"])
    }

    @Test func `a body to the end of the connection`() async throws {
        let response = try await Answer(bytes: "HTTP/1.0 200 OK\r\n\r\nall of it").to {
            try $0.readResponse()
        }
        #expect(response.framing == .untilClose)
        #expect(response.text == "all of it")
    }

    @Test func `pipelined responses come one by one`() async throws {
        let one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
        let texts = try await Answer(bytes: "\(one)a\(one)\(one)b").to { client in
            [
                try client.readResponse().text, try client.readResponse(to: "HEAD").text,
                try client.readResponse().text,
            ]
        }
        #expect(texts == ["a", "", "b"])
    }

    private static let malformed: [Wire] = [
        "\r\nHTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n", "HTTP/2 200 OK\r\n\r\n", "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 OK\r\nA: b\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n",
    ]

    @Test(arguments: malformed) private func `malformed responses`(_ bytes: Wire) async throws {
        try await Answer(bytes: bytes.text).to { client in
            do {
                let response = try client.readResponse()
                Issue.record("accepted: \(response)")
            } catch ClientError.malformed {}
        }
    }

    private static let cut: [Wire] = [
        "", "HTTP/1.1", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    ]

    @Test(arguments: cut) private func `cut off by the end, by a reset, and by silence`(_ bytes: Wire)
        async throws
    {
        for end in [Answer.End.eof, .reset, .open] {
            try await Answer(bytes: bytes.text, end: end).to { client in
                do {
                    let response = try client.readResponse(within: end == .open ? 0.2 : 20)
                    Issue.record("accepted: \(response)")
                } catch ClientError.ended(let ending, _, _) {
                    #expect(ending == (end == .eof ? .eof : .reset))
                    #expect(end != .open)
                } catch ClientError.timedOut {
                    #expect(end == .open)
                }
            }
        }
    }

    @Test func `the end of file is told from a reset`() async throws {
        try await Answer(bytes: "bye").to { client in
            let bytes = try client.readToEnd()
            #expect(bytes == Array("bye".utf8))
            #expect(client.ending == .eof)
        }
        try await Answer(bytes: "", end: .reset).to { client in
            let bytes = try client.readToEnd()
            #expect(bytes.isEmpty)
            #expect(client.ending == .reset)
        }
    }

    @Test func `the other end sees a half close and a reset`() async throws {
        try await blocking {
            let listener = try Listener()
            var byte: UInt8 = 0
            let first = try RawClient(to: listener.address)
            let peer = try listener.accept()
            first.finishSending()
            #expect(recv(peer.raw, &byte, 1, 0) == 0)
            try Array("still".utf8).withUnsafeBytes { try peer.writeAll($0) }
            #expect(try first.read(5) == Array("still".utf8))
            let second = try RawClient(to: listener.address)
            let abandoned = try listener.accept()
            second.reset()
            #expect(recv(abandoned.raw, &byte, 1, 0) == -1)
            #expect(Errno.current == .connectionReset)
        }
    }

    @Test func `both sides send at once and neither blocks`() async throws {
        let listener = try Listener()
        let address = listener.address
        let size = 20_000_000
        async let received = blocking {
            let client = try RawClient(to: address)
            try client.send([UInt8](repeating: 0x61, count: size), within: 30)
            client.finishSending()
            return try client.readToEnd(within: 30).count
        }
        let raw = listener.socket.raw
        // An echo that does not read on before it has written: with a client of the same kind both would wait.
        try await blocking {
            let peer = FileDescriptor(owning: accept(raw, nil, nil))
            var part = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = recv(peer.raw, &part, part.count, 0)
                if count <= 0 { break }
                try part[..<count].withUnsafeBytes { try peer.writeAll($0) }
            }
        }
        #expect(try await received == size)
    }

    @Test func `nobody listens`() async throws {
        try await blocking {
            let address = try { try Listener().address }()
            #expect(throws: ClientError.self) { try RawClient(to: address) }
        }
    }

    @Test func `reading by condition and by count`() async throws {
        try await Answer(bytes: "220 ready\r\nrest").to { client in
            let first = try client.read(9)
            #expect(first == Array("220 ready".utf8))
            #expect(try client.read("the rest") { $0.count == 6 } == Array("\r\nrest".utf8))
            #expect(throws: ClientError.self) { _ = try client.read(1) }
        }
    }
}
