import TestSupport
import Testing

/// The content of requests.
@Suite(.timeLimit(.minutes(5))) struct RequestContentTests {
    private static let scripts = [
        "length": page("echo $CONTENT_LENGTH $(wc -c)"), "sum": page("md5sum"), "echo": page("cat"),
        "deaf": page("echo fine"), "notes": page("echo >ran; cat"),
        "closes": page("exec <&-; echo fine"),
        "words": page("for word; do printf '[%s]' \"$word\"; done"),
    ]

    /// Bytes that differ from place to place.
    private static func pattern(_ count: Int) -> [UInt8] {
        var state: UInt32 = 1
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
    }

    private static func chunked(_ body: [UInt8], by size: Int) -> [UInt8] {
        var result: [UInt8] = []
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(size)
            result += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + [13, 10]
            rest = rest.dropFirst(size)
        }
        return result + Array("0\r\n\r\n".utf8)
    }

    @Test(arguments: [0, 1, 65535, 65536, 65537, 1_000_000])
    func `content arrives as it was sent`(_ count: Int) async throws {
        try await withScripts(Self.scripts) { server in
            let body = Self.pattern(count)
            let plain = try server.request("POST", "/cgi-bin/echo", body: body)
            #expect(plain.body == body)
            for size in [7, 1000, 70_000] where count / size < 10_000 {
                let client = try server.connect()
                try client.send(
                    "POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
                try client.send(Self.chunked(body, by: size))
                #expect(try client.readResponse().body == body)
            }
        }
    }

    @Test func `chunked request has a CONTENT_LENGTH`() async throws {
        try await withScripts(Self.scripts) { server in
            for count in [0, 5, 100_000] {
                let response = try server.request(
                    "POST", "/cgi-bin/length", headers: ["Transfer-Encoding": "chunked"],
                    body: Self.chunked(Self.pattern(count), by: 4096))
                #expect(response.text == "\(count) \(count)\n")
            }
        }
    }

    @Test func `max_body, before the script starts`() async throws {
        try await withScripts(Self.scripts, site: "max_body = 100") { server in
            let fits = try server.post("/cgi-bin/length", "x".times(100))
            #expect(fits.text == "100 100\n")
            #expect(try server.post("/cgi-bin/notes", "x".times(101)).status == 413)
            let chunked = try server.request(
                "POST", "/cgi-bin/notes", headers: ["Transfer-Encoding": "chunked"],
                body: Self.chunked(Self.pattern(101), by: 10))
            #expect(chunked.status == 413)
            _ = try server.waitForError(containing: "max_body = 100")
            #expect(!server.folder.exists("cgi-bin/ran"))
        }
    }

    @Test func `413 while a client still sends`() async throws {
        try await withScripts(Self.scripts, site: "max_body = 1M") { server in
            let result = try runCommand(
                [
                    "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect:", "-H",
                    "Transfer-Encoding: chunked", "--data-binary", "@-", server.url("/cgi-bin/echo"),
                ], input: Self.pattern(3_000_000))
            #expect(result.stdout == "413", "\(result.stderr)")
        }
    }

    @Test func `100-continue after the size check`() async throws {
        try await withScripts(Self.scripts, site: "max_body = 2M") { server in
            let fine = try runCommand(
                [
                    "curl", "-sS", "-H", "Expect: 100-continue", "--expect100-timeout", "30", "--data-binary",
                    "@-",
                    server.url("/cgi-bin/length"),
                ], input: Self.pattern(1_100_000))
            #expect(fine.stdout == "1100000 1100000\n", "\(fine.stderr)")
            let client = try server.connect()
            try client.send(
                "POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\nExpect: 100-continue\r\n\r\n"
            )
            let refused = try client.readResponse()
            #expect(refused.status == 413)
            #expect(refused.interim.isEmpty)
        }
    }

    /// The script starts when all of it is here, so that a slow client holds no process.
    @Test(arguments: ["Content-Length: 4", "Transfer-Encoding: chunked"])
    func `spooled upload`(_ framing: String) async throws {
        try await withScripts(Self.scripts) { server in
            let isChunked = framing.hasPrefix("T")
            let client = try server.connect()
            try client.send("POST /cgi-bin/notes HTTP/1.1\r\nHost: h\r\n\(framing)\r\n\r\n")
            try client.send(isChunked ? "2\r\nab\r\n" : "ab")
            #expect(try server.get("/cgi-bin/deaf").status == 200)
            #expect(!server.folder.exists("cgi-bin/ran"))
            try client.send(isChunked ? "2\r\ncd\r\n0\r\n\r\n" : "cd")
            #expect(try client.readResponse().text == "abcd")
        }
    }

    @Test func `client that leaves in the middle of its content`() async throws {
        try await withScripts(Self.scripts) { server in
            for framing in [
                "Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            ] {
                let client = try server.connect()
                try client.send("POST /cgi-bin/notes HTTP/1.1\r\nHost: h\r\n\(framing)")
                client.close()
                _ = try server.waitForLog(containing: "POST /cgi-bin/notes")
            }
            #expect(!server.folder.exists("cgi-bin/ran"))
        }
    }

    /// It may still read: nothing tells it from one that has gone.
    @Test func `client that ends its side in the middle of its content`() async throws {
        try await withScripts(Self.scripts) { server in
            for framing in [
                "Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            ] {
                let client = try server.connect()
                try client.send("POST /cgi-bin/notes HTTP/1.1\r\nHost: h\r\n\(framing)")
                client.finishSending()
                let response = try client.readResponse()
                #expect(response.status == 400)
                #expect(response["Connection"] == "close")
                #expect(try client.expectEnd() == .eof)
            }
            #expect(!server.folder.exists("cgi-bin/ran"))
        }
    }

    @Test(arguments: ["deaf", "closes"]) func `script does not read its body`(_ name: String) async throws {
        try await withScripts(Self.scripts) { server in
            for count in [10, 100_000, 3_000_000] {
                let response = try server.request("POST", "/cgi-bin/\(name)", body: Self.pattern(count))
                #expect(response.text == "fine\n")
            }
        }
    }

    @Test func `both directions at once`() async throws {
        // It answers while it reads, and much more than any pipe holds.
        try await withScripts(["x": page("tr a-z A-Z")]) { server in
            let body = Array("some text in small letters\n".times(200_000).utf8)
            let response = try server.request("POST", "/cgi-bin/x", body: body)
            #expect(response.body.count == body.count)
            #expect(response.body.suffix(27).elementsEqual("SOME TEXT IN SMALL LETTERS\n".utf8))
        }
    }

    @Test func `much answer before any reading`() async throws {
        try await withScripts(["x": page("head -c 1000000 /dev/zero; wc -c")]) { server in
            let response = try server.request("POST", "/cgi-bin/x", body: Self.pattern(1_000_000))
            #expect(response.body.count == 1_000_008)
            #expect(response.text.hasSuffix("1000000\n"))
        }
    }

    @Test func `stdin ends where CONTENT_LENGTH does`() async throws {
        try await withScripts(["x": page("cat; echo end")]) { server in
            let full = try server.post("/cgi-bin/x", "body")
            #expect(full.text == "bodyend\n")
            let empty = try server.post("/cgi-bin/x", "")
            #expect(empty.text == "end\n")
            let none = try server.get("/cgi-bin/x")
            #expect(none.text == "end\n")
        }
    }

    @Test func `200 MB chunked upload with flat memory`() async throws {
        try await withScripts(["x": page("wc -c")], files: ["upload": ""]) { server in
            _ = try server.get("/cgi-bin/x")
            let size = 200 << 20
            let made = try runCommand(["truncate", "-s", "\(size)", server.folder.path("upload")])
            #expect(made.status == 0)
            let before = try server.resetPeakMemory()
            let result = try runCommand(
                [
                    "curl", "-sS", "-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Expect:", "-T",
                    server.folder.path("upload"), server.url("/cgi-bin/x"),
                ], within: 60)
            #expect(result.stdout == "\(size)\n", "\(result.stderr)")
            let growth = try server.peakMemory() - before
            #expect(growth < 8 << 20, "\(growth)")
        }
    }

    @Test func `100 MB answer with flat memory`() async throws {
        try await withScripts(["x": page("head -c 104857600 /dev/zero")]) { server in
            _ = try server.head("/cgi-bin/x")
            let before = try server.resetPeakMemory()
            let result = try runCommand(
                ["curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", server.url("/cgi-bin/x")],
                within: 60)
            #expect(result.stdout == "104857600", "\(result.stderr)")
            let growth = try server.peakMemory() - before
            #expect(growth < 8 << 20, "\(growth)")
        }
    }

    @Test func `isindex`() async throws {
        try await withScripts(Self.scripts) { server in
            let words = try server.get("/cgi-bin/words?one+t%77o")
            #expect(words.text == "[one][two]")
            let form = try server.get("/cgi-bin/words?one=1+two")
            #expect(form.text == "")
            let posted = try server.post("/cgi-bin/words?one", "x")
            #expect(posted.text == "")
        }
    }
}
