import Glibc
import TestSupport
import Testing

/// `cgi_stream_upload`: content that its script gets as it arrives.
@Suite(.timeLimit(.minutes(5))) struct StreamedUploadTests {
    private static let on = "cgi_stream_upload = yes"
    private static let scripts = [
        // Reads first, as most do.
        "length": shell(
            "n=$(wc -c); printf 'Content-Type: text/plain\\n\\n'; echo $CONTENT_LENGTH $n"),
        "echo": page("cat"), "deaf": page("echo fine"),
        "closes": page("exec <&-; echo fine"), "hangs": shell("echo $$ >>pids; exec sleep 1000"),
        "lines": page("echo ready; while read -r line; do echo \"got $line\"; done; echo end"),
        "notes": shell(
            "echo $$ >>pids; printf 'Content-Type: text/plain\\n\\n'; cat >part; echo >whole; echo end"),
    ]

    private static func post(_ name: String, _ length: Int, _ fields: String = "") -> String {
        "POST /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\(fields)\r\n"
    }

    @Test(arguments: [1, 65536, 65537, 1_000_000])
    func `streaming upload: content arrives as it was sent`(_ count: Int) async throws {
        try await withScripts(Self.scripts, site: Self.on) { server in
            let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.post("length", count))
                try client.send(body)
                #expect(try client.readResponse().text == "\(count) \(count)\n")
            }
            let echo = try server.request("POST", "/cgi-bin/echo", body: body)
            #expect(echo.body == body)
        }
    }

    @Test func `streaming upload: the script answers each line as it comes`() async throws {
        try await withScripts(Self.scripts, site: Self.on) { server in
            let client = try server.connect()
            try client.send(Self.post("lines", 8))
            _ = try client.read { $0.contains("ready\n".utf8) }
            try client.send("one\n")
            _ = try client.read { $0.contains("got one\n".utf8) }
            try client.send("two\n")
            _ = try client.read { $0.contains("got two\n".utf8) && $0.contains("end\n".utf8) }
        }
    }

    @Test func `streaming upload: without a length it is spooled`() async throws {
        try await withScripts(Self.scripts, site: Self.on) { server in
            let client = try server.connect()
            try client.send(
                "POST /cgi-bin/length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab")
            #expect(try server.post("/cgi-bin/deaf", "").text == "fine\n")
            try client.send("cde\r\n0\r\n\r\n")
            #expect(try client.readResponse().text == "5 5\n")
        }
    }

    @Test func `streaming upload: max_body and 100-continue`() async throws {
        try await withScripts(Self.scripts, site: "max_body = 10\n\(Self.on)") { server in
            let client = try server.connect()
            try client.send(Self.post("echo", 4, "Expect: 100-continue\r\n"))
            _ = try client.read { $0.starts(with: "HTTP/1.1 100 Continue\r\n\r\n".utf8) }
            try client.send("body")
            _ = try client.read { $0.contains("body\r\n0\r\n\r\n".utf8) }
            let other = try server.connect()
            try other.send(Self.post("hangs", 11, "Expect: 100-continue\r\n"))
            let refused = try other.readResponse()
            #expect(refused.status == 413)
            #expect(refused.interim.isEmpty)
            #expect(!server.folder.exists("cgi-bin/pids"))
        }
    }

    @Test(arguments: ["deaf", "closes"])
    func `streaming upload: a script that does not read its body`(_ name: String) async throws {
        try await withScripts(Self.scripts, site: Self.on) { server in
            for count in [10, 100_000, 3_000_000] {
                let response = try server.request(
                    "POST", "/cgi-bin/\(name)", body: [UInt8](repeating: 97, count: count))
                #expect(response.text == "fine\n", "\(count)")
            }
            // The connection is as good as before where little was left over.
            let client = try server.connect()
            for _ in 1...3 {
                try client.send(Self.post(name, 1000) + "x".times(1000))
                #expect(try client.readResponse().text == "fine\n")
            }
        }
    }

    /// There is content under way when it turns out that there is nobody to read it.
    @Test func `streaming upload: a script that cannot be run`() async throws {
        try await withScripts(["x": "#!/nonexistent/program\n"], site: Self.on) { server in
            for count in [0, 10, 3_000_000] {
                let response = try server.request(
                    "POST", "/cgi-bin/x", body: [UInt8](repeating: 97, count: count))
                #expect(response.status == 500, "\(count)")
            }
            _ = try server.waitForError(containing: "/nonexistent/program")
            #expect(eventually { server.children.isEmpty })
        }
    }

    @Test func `streaming upload: a script that neither reads nor answers`() async throws {
        try await withScripts(Self.scripts, site: "cgi_timeout = 500ms\n\(Self.on)") { server in
            for count in [10, 3_000_000] {
                let response = try server.request(
                    "POST", "/cgi-bin/hangs", body: [UInt8](repeating: 97, count: count))
                #expect(response.status == 504)
            }
            _ = try server.waitForError(containing: "cgi_timeout")
        }
    }

    /// The time in which a script has to print does not run while its client has the word.
    @Test func `streaming upload: a slow client is not held against its script`() async throws {
        try await withScripts(Self.scripts, site: "cgi_timeout = 2s\ncgi_idle_timeout = 2s\n\(Self.on)") {
            server in
            let client = try server.connect()
            try client.send(Self.post("length", 5))
            for _ in 1...5 {
                #expect(try client.staysSilent(for: 0.5))
                try client.send("x")
            }
            #expect(try client.readResponse().text == "5 5\n")
        }
    }

    @Test func `streaming upload: a client that stops sending`() async throws {
        try await withScripts(Self.scripts, site: Self.on, server: "body_timeout = 2s") { server in
            let client = try server.connect()
            try client.send(Self.post("length", 5) + "abc")
            #expect(try client.readResponse().status == 408)
            _ = try server.waitForError(containing: "body_timeout")
            // Where an answer has begun, it is cut.
            let answer = try server.cutAnswer(to: Self.post("notes", 5) + "abc")
            #expect(answer.head.hasPrefix("HTTP/1.1 200 "))
            #expect(!answer.hasLastChunk)
            _ = try server.waitForError(containing: "within body_timeout; the answer was cut after ")
            #expect(eventually { server.children.isEmpty }, "\(server.children)")
            #expect(!server.folder.exists("cgi-bin/whole"))
        }
    }

    @Test(arguments: Leaving.allCases, ["kill", "finish"])
    func `streaming upload: a client that leaves`(_ leaving: Leaving, _ setting: String)
        async throws
    {
        try await withScripts(Self.scripts, site: "cgi_on_disconnect = \(setting)\n\(Self.on)") { server in
            let client = try server.connect()
            try client.send(Self.post("notes", 1_000_000) + "abc")
            let script = try server.notedProcesses(1)
            #expect(eventually { (try? server.folder.read("cgi-bin/part")) == "abc" })
            client.leave(by: leaving)
            expectEnd(of: script)
            // A part of it is not taken for all.
            #expect(!server.folder.exists("cgi-bin/whole"))
        }
    }

    @Test func `streaming upload: a client that ends its side before the content is whole`() async throws {
        try await withScripts(Self.scripts, site: Self.on) { server in
            let client = try server.connect()
            try client.send(Self.post("length", 5) + "abc")
            client.finishSending()
            #expect(try client.readResponse().status == 400)
            // Behind the content it may.
            let other = try server.connect()
            try other.send(Self.post("length", 5) + "abcde")
            other.finishSending()
            #expect(try other.readResponse().text == "5 5\n")
        }
    }

    /// It sends all before it reads anything, and no pipe or socket holds so much.
    @Test func `streaming upload: both directions at once, and a client that reads last`() async throws {
        try await withScripts(Self.scripts, site: Self.on) { server in
            let count = 30_000_000
            let body = [UInt8](repeating: 97, count: count)
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(Self.post("echo", count))
            try client.send(body, within: 20, reading: false)
            #expect(try client.readResponse(within: 60).body.count == count)
            let result = try runCommand(
                [
                    "curl", "-sS", "-o", "/dev/null", "-w", "%{size_download}", "-H", "Expect:",
                    "--data-binary", "@-", server.url("/cgi-bin/echo"),
                ], input: body)
            #expect(result.stdout == "\(count)", "\(result.stderr)")
        }
    }

    /// It sends all before it reads anything, and its script reads nothing, prints more than the sockets
    /// hold, and ends then or later.
    @Test(arguments: ["", "sleep 0.1", "exec <&-"])
    func `streaming upload: a script that prints much and reads nothing`(_ end: String) async throws {
        let script = page("head -c $QUERY_STRING /dev/zero; \(end)")
        try await withScripts(["x": script], site: Self.on, server: "write_timeout = 5s") { server in
            let body = [UInt8](repeating: 97, count: 12_000_000)
            for count in [1000, 100_000, 500_000]
                + Array(stride(from: 1_500_000, through: 3_500_000, by: 125_000))
            {
                let client = try server.connect(receiveBuffer: 4096)
                try client.send(Self.post("x?\(count)", body.count))
                try client.send(body, reading: false)
                let response = try client.readResponse()
                #expect(response.body.count == count, "\(count)")
            }
        }
    }

    @Test func `streaming upload: much content with flat memory, and nothing on disk`() async throws {
        try await withScripts(
            ["x": page("wc -c")], site: Self.on, files: ["upload": ""],
            prepare: { try $0.makeFolder("tmp") }
        ) { server in
            _ = try server.post("/cgi-bin/x", "x")
            let size = 200 << 20
            let made = try runCommand(["truncate", "-s", "\(size)", server.folder.path("upload")])
            #expect(made.status == 0)
            let before = try server.resetPeakMemory()
            let result = try runCommand(
                [
                    "curl", "-sS", "-X", "POST", "-H", "Expect:", "-T", server.folder.path("upload"),
                    server.url("/cgi-bin/x"),
                ], within: 60)
            #expect(result.stdout == "\(size)\n", "\(result.stderr)")
            let growth = try server.peakMemory() - before
            #expect(growth < 8 << 20, "\(growth)")
        }
    }

    @Test func `streaming upload: a local redirect and an error page behind half the content`() async throws {
        let scripts = [
            "to": shell("head -c 3 >/dev/null; printf 'Location: /a.txt\\n\\n'"),
            "fails": shell("head -c 3 >/dev/null; exit 1"), "sorry": page("cat; echo sorry"),
        ]
        try await withScripts(
            scripts, site: "error_page = 500 /cgi-bin/sorry\n\(Self.on)", files: ["www/a.txt": "static\n"]
        ) { server in
            let client = try server.connect()
            for (name, text) in [("to", "static\n"), ("fails", "sorry\n"), ("to", "static\n")] {
                try client.send(Self.post(name, 6) + "abcdef")
                #expect(try client.readResponse().text == text)
            }
        }
    }
}
