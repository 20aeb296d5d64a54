import Glibc
import TestSupport
import Testing

/// Clients that are slow, silent or do not listen.
@Suite(.timeLimit(.minutes(5))) struct TimeoutTests {
    private static let timeouts = """
        header_timeout = 1s
        keepalive_timeout = 1s
        body_timeout = 1s
        write_timeout = 1s
        """
    private static let files = [
        "www/a.txt": "Some text\n",
        "cgi-bin/echo": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ncat\n",
    ]

    /// Seconds that `body` took.
    private static func seconds(_ body: () throws -> Void) throws -> Double {
        let clock = ContinuousClock()
        return try clock.measure(body) / .seconds(1)
    }

    @Test(arguments: [
        ("G", "G"), ("GET /a.txt HTTP/1.1\r\nHost: h\r\n", "GET /a.txt HTTP/1.1"), ("\r\n", "-"),
    ])
    func `a head that does not come whole`(_ start: String, _ logged: String) async throws {
        try await withServer(server: Self.timeouts, files: Self.files) { server in
            let seconds = try Self.seconds {
                let client = try server.connect()
                try client.send(start)
                let response = try client.readResponse()
                #expect(response.status == 408)
                #expect(response["Connection"] == "close")
                #expect(try client.expectEnd() == .eof)
            }
            #expect(seconds > 0.9 && seconds < 12)
            let line = try server.waitForLog(containing: "408")
            #expect(line.contains("\"\(logged)\" 408 "))
        }
    }

    /// The time is for the whole head, so sending now and then does not help.
    @Test func `a head that comes in drops`() async throws {
        try await withServer(server: Self.timeouts, files: Self.files) { server in
            let seconds = try Self.seconds {
                let client = try server.connect()
                try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n")
                while try client.staysSilent(for: 0.1) { try client.send("X-A: b\r\n") }
                #expect(try client.readResponse().status == 408)
            }
            #expect(seconds > 0.9 && seconds < 12)
        }
    }

    @Test func `a connection on which nothing comes is closed silently`() async throws {
        try await withServer(server: Self.timeouts, files: Self.files) { server in
            let quiet = try server.connect()
            let kept = try server.connect()
            let seconds = try Self.seconds {
                try kept.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try kept.readResponse().status == 200)
                let ending = try kept.expectEnd()
                #expect(ending == .eof)
            }
            #expect(seconds > 0.9 && seconds < 12)
            #expect(try quiet.expectEnd() == .eof)
            #expect(server.process.stdout.lines.count == 1)
        }
    }

    @Test func `content for a script that does not come`() async throws {
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/", server: Self.timeouts, files: Self.files
        ) { server in
            for framing in [
                "Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            ] {
                let client = try server.connect()
                try client.send("POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\n\(framing)")
                let response = try client.readResponse(within: 12)
                #expect(response.status == 408, "\(framing)")
                #expect(response["Connection"] == "close")
                #expect(try client.expectEnd() == .eof)
            }
        }
    }

    /// The time is between two pieces: content that keeps coming may take as long as it likes.
    @Test func `content that comes slowly`() async throws {
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/", server: "body_timeout = 2s", files: Self.files
        ) { server in
            let client = try server.connect()
            try client.send("POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\n\r\n")
            for _ in 1...7 {
                #expect(try client.staysSilent(for: 0.35))
                try client.send("x")
            }
            #expect(try client.readResponse().text == "xxxxxxx")
        }
    }

    @Test func `content that nobody waits for does not come`() async throws {
        try await withServer(server: Self.timeouts, files: Self.files) { server in
            let client = try server.connect()
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc")
            #expect(try client.readResponse().text == "Some text\n")
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `a client that reads nothing is dropped`() async throws {
        try await withServer(
            server: Self.timeouts, prepare: { try $0.sparse("www/large.bin", size: 1 << 30) }
        ) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            // It is dropped when its line is in the log, with the bytes that the kernel took.
            let line = try server.waitForLog(containing: "/large.bin")
            let sent = try #require(line.firstMatch(of: #/" 200 (\d+) /#))
            #expect(try #require(Int(sent.1)) < 1 << 30)
            _ = try client.readToEnd()
            #expect(client.ending == .reset)
        }
    }

    @Test func `a client that reads slowly is served`() async throws {
        try await withServer(
            server: "write_timeout = 2s", prepare: { try $0.sparse("www/some.bin", size: 400_000) }
        ) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /some.bin HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            var count = 0
            for _ in 1...10 {
                count += try client.read(10_000).count
                // A pause on purpose: what is read late must not be lost.
                poll(nil, 0, 250)
            }
            count += try client.readToEnd().count
            #expect(count > 400_000)
            #expect(client.ending == .eof)
        }
    }
}

extension ScratchFolder {
    /// A file of `size` bytes that takes no room, with `pieces` of text at some offsets.
    func sparse(_ name: String, size: Int, pieces: [Int: String] = [:]) throws {
        let path = try write(name, "")
        let file = open(path, O_WRONLY | O_CLOEXEC)
        defer { close(file) }
        guard file >= 0, ftruncate(file, size) == 0 else { throw TestFailure("cannot make \(path)") }
        for (offset, text) in pieces {
            let written = Array(text.utf8).withUnsafeBytes { pwrite(file, $0.baseAddress, $0.count, offset) }
            guard written == text.utf8.count else { throw TestFailure("cannot write \(path)") }
        }
    }
}
