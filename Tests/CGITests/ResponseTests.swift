import TestSupport
import Testing

/// What becomes of a script's answer, its header aside (RFC 3875, sections 5 and 6).
@Suite(.timeLimit(.minutes(5))) struct ResponseTests {
    private static func get(_ name: String, _ fields: String = "") -> String {
        "GET /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    // MARK: Content

    /// While nothing of the answer has gone out, the length is left out and the answer is whole.
    @Test(arguments: [(3, 6), (30_000, 60_000), (40_000, 60_000)])
    func `CGI Content-Length too short`(_ length: Int, _ count: Int) async throws {
        // In one call. What is longer than 32 KiB is read in several.
        let script = """
            #!/usr/bin/python3
            import os
            os.write(1, b"Content-Type: text/x\\nContent-Length: \(length)\\n\\n" + b"y" * \(count))
            """
        let content = String(repeating: "y", count: count)
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("x"))
                let response = try client.readResponse()
                #expect(response.text == content)
                #expect(response.framing == .chunked)
            }
            try client.send("HEAD /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse(to: "HEAD").status == 200)
            _ = try server.waitForError(containing: "longer than its Content-Length, which is left out")
            let old = try server.connect()
            try old.send("GET /cgi-bin/x HTTP/1.0\r\n\r\n")
            #expect(try old.readResponse().text == content)
        }
    }

    @Test func `CGI Content-Length too short, and sent already`() async throws {
        let script = shell(
            "printf 'Content-Type: text/x\\nContent-Length: 3\\n\\nab'; while ! [ -e go ]; do sleep 0.02; done; printf cdef"
        )
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            try client.send(Self.get("x"))
            let first = try client.read { $0.suffix(6).elementsEqual("\r\n\r\nab".utf8) }
            #expect(String(decoding: first, as: UTF8.self).contains("Content-Length: 3\r\n"))
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read { $0.last == UInt8(ascii: "c") }
            try client.send(Self.get("x"))
            _ = try client.read { $0.starts(with: "HTTP/1.1 200 ".utf8) }
            _ = try server.waitForError(
                containing: "3 bytes longer than its Content-Length; they were not sent")
        }
    }

    /// What is not sent may be longer than it says.
    @Test func `CGI Content-Length too short of an answer without content`() async throws {
        let fields = "Content-Type: text/x\\nETag: \"a\"\\nContent-Length: 3\\n\\nabcdef"
        let scripts = ["x": prints(fields), "none": prints("Status: 204\\n\(fields)")]
        try await withScripts(scripts) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("x", "If-None-Match: \"a\"\r\n"))
                #expect(try client.readResponse().status == 304)
                try client.send(Self.get("none"))
                #expect(try client.readResponse().status == 204)
                try client.send(Self.get("x"))
                #expect(try client.readResponse().text == "abcdef")
            }
        }
    }

    /// All of it came, and is larger than what is waited with.
    @Test func `CGI Content-Length of a larger answer`() async throws {
        let script = page("yes | head -c 100000").replacing("\\n\\n", with: "\\nContent-Length: 100000\\n\\n")
        try await withScripts(["x": script]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.framing == .length)
            #expect(response.text == String(repeating: "y\n", count: 50_000))
        }
    }

    @Test func `CGI Content-Length too long`() async throws {
        try await withScripts(["x": prints("Content-Type: text/x\\nContent-Length: 10\\n\\nabc")]) { server in
            let answer = try server.cutAnswer(to: Self.get("x"))
            #expect(answer.text == "abc")
            #expect(answer.ending == .reset)
            _ = try server.waitForError(containing: "7 bytes shorter than its Content-Length")
        }
    }

    @Test(arguments: ["abc", "-1", "+3", "", "1.5", "1, 1", "99999999999999999999"])
    func `CGI Content-Length that is none`(_ value: String) async throws {
        try await withScripts(["x": prints("Content-Type: text/x\\nContent-Length: \(value)\\n\\nabc")]) {
            server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("x"))
                let response = try client.readResponse()
                #expect(response.text == "abc")
                #expect(response.framing == .chunked)
            }
            #expect(
                try server.waitForError(containing: "left out").contains(
                    "Content-Length, which is \"\(value)\""))
        }
    }

    @Test func `HEAD`() async throws {
        let scripts = [
            "x": page("echo $REQUEST_METHOD >methods; echo some text"),
            "long": prints("Content-Type: text/x\\nContent-Length: 10\\n\\n"),
            "much": page("head -c 1000000 /dev/zero; echo >written"),
        ]
        try await withScripts(scripts) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("HEAD /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.readResponse(to: "HEAD")
                #expect(response.status == 200)
                #expect(response["Content-Type"] == "text/plain")
                // Its answer is whole before the script is at its end.
                #expect(eventually { (try? server.folder.read("cgi-bin/methods")) == "HEAD\n" })
            }
            let long = try server.head("/cgi-bin/long")
            #expect(long["Content-Length"] == "10")
            #expect(try server.head("/cgi-bin/much").status == 200)
            try server.waitForFile("written")
        }
    }

    @Test func `nph- by name and by content`() async throws {
        let output =
            "HTTP/1.0 299 Quite fine\\r\\nServer: mine\\r\\nContent-Type: text/x\\r\\nContent-Length: 4\\r\\n\\r\\nbody"
        try await withScripts(["nph-x": prints(output), "x": prints(output)]) { server in
            for name in ["nph-x", "x"] {
                let client = try server.connect()
                for _ in 1...2 {
                    try client.send(Self.get(name))
                    let response = try client.readResponse()
                    #expect(response.version == "HTTP/1.1")
                    #expect(response.status == 299)
                    #expect(response["Content-Type"] == "text/x")
                    #expect(response.text == "body")
                    #expect(response.framing == .length)
                }
            }
        }
    }

    @Test func `nph- with chunks of its own`() async throws {
        let output =
            "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4\\r\\nbody\\r\\n0\\r\\n\\r\\n"
        try await withScripts(["nph-x": prints(output)]) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("nph-x"))
                #expect(try client.readResponse().text == "body")
            }
        }
    }

    @Test(arguments: [
        ("body", "a chunk size is not hexadecimal"), ("4\\r\\nbody+", "a chunk is longer than its size"),
        ("4\\nbody", "a chunk size line does not end in CR LF"), ("", "the script's last chunk is missing"),
    ])
    func `nph- that says that it makes chunks and makes none`(_ content: String, _ fault: String) async throws
    {
        let output = "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\(content)"
        try await withScripts(["nph-x": seenAtItsEnd("printf '%b' '\(output)'")]) { server in
            #expect(try server.get("/cgi-bin/nph-x").status == 500)
            _ = try server.waitForError(containing: fault)
        }
    }

    @Test(arguments: ["4\\r\\nbo", "4\\r\\nbody\\r\\n"])
    func `nph- with chunks that are cut`(_ content: String) async throws {
        let output = "HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n\(content)"
        try await withScripts(["nph-x": prints(output)]) { server in
            let answer = try server.cutAnswer(to: Self.get("nph-x"))
            #expect(!answer.hasLastChunk)
        }
    }

    @Test func `nph- that answers like any other script`() async throws {
        try await withScripts(["nph-x": prints("Status: 201\\nContent-Type: text/x\\n\\nbody")]) { server in
            let response = try server.get("/cgi-bin/nph-x")
            #expect(response.status == 201)
            #expect(response.text == "body")
        }
    }

    @Test func `nph- streams`() async throws {
        let script = shell(
            "printf 'HTTP/1.0 200 OK\\r\\n\\r\\nfirst\\n'; while ! [ -e go ]; do sleep 0.02; done; echo last")
        try await withScripts(["nph-x": script]) { server in
            let client = try server.connect()
            try client.send(Self.get("nph-x"))
            _ = try client.read { $0.contains("first\n".utf8) }
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read { $0.contains("last\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        }
    }

    @Test func `HTTP 1 dot 0 gets no chunks`() async throws {
        try await withScripts(["x": page("echo some text")]) { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.framing == .untilClose)
            #expect(response.text == "some text\n")
            #expect(client.ending == .eof)
        }
    }

    @Test func `1xx from a script`() async throws {
        let scripts = [
            "hints": prints(
                "Status: 103\\nLink: </a.css>; rel=preload\\n\\nContent-Type: text/x\\nStatus: 201\\n\\nbody"),
            "continue": prints("Status: 100\\n\\n"), "switch": prints("Status: 101\\nUpgrade: x\\n\\n"),
        ]
        try await withScripts(scripts) { server in
            let response = try server.get("/cgi-bin/hints")
            #expect(response.interim.map(\.status) == [103])
            #expect(response.interim.first?["Link"] == "</a.css>; rel=preload")
            #expect(response.status == 201)
            #expect(response["Link"] == nil)
            #expect(response.text == "body")
            // One who does not know interim answers gets the last alone.
            let client = try server.connect()
            try client.send("GET /cgi-bin/hints HTTP/1.0\r\n\r\n")
            let old = try client.readResponse()
            #expect(old.interim.isEmpty)
            #expect(old.status == 201)
            for name in ["continue", "switch"] {
                #expect(try server.get("/cgi-bin/\(name)").status == 500, "\(name)")
            }
        }
    }

    @Test func `interim answers without end`() async throws {
        let once = "Status: 103\\nLink: </a.css>\\n\\n"
        let scripts = [
            "many": shell(
                "i=0; while [ $i -lt 16 ]; do printf '\(once)'; i=$((i+1)); done; printf 'Content-Type: text/x\\n\\nbody'"
            ),
            "endless": shell("while :; do printf '\(once)'; done"),
        ]
        try await withScripts(scripts) { server in
            let response = try server.get("/cgi-bin/many")
            #expect(response.interim.count == 16)
            #expect(response.text == "body")
            let client = try server.connect()
            try client.send("GET /cgi-bin/endless HTTP/1.0\r\n\r\n")
            #expect(try client.readResponse().status == 500)
            _ = try server.waitForError(containing: "more than 16 interim answers")
        }
    }

    @Test func `trailers are dropped safely`() async throws {
        try await withScripts(["env": ScriptEnvironment.script]) { server in
            let environment = try server.environment(
                "/cgi-bin/env", method: "POST", headers: ["Transfer-Encoding": "chunked", "Trailer": "X-A"],
                body: Array("1\r\nx\r\n0\r\nX-A: b\r\nContent-Length: 7\r\nHost: other\r\n\r\n".utf8))
            #expect(environment["HTTP_X_A"] == nil)
            #expect(environment["CONTENT_LENGTH"] == "1")
        }
    }

    @Test func `a compressed answer is left as it is`() async throws {
        let script = shell(
            "printf 'Content-Type: text/x\\nContent-Encoding: gzip\\n\\n'; echo text | gzip -c")
        try await withScripts(["x": script]) { server in
            let result = try runCommand(["curl", "-sS", "--compressed", server.url("/cgi-bin/x")])
            #expect(result.stdout == "text\n", "\(result.stderr)")
            let raw = try server.get("/cgi-bin/x", headers: ["Accept-Encoding": "identity"])
            #expect(raw.body.starts(with: [0x1F, 0x8B]))
        }
    }

    @Test func `fields of the site`() async throws {
        try await withScripts(
            ["x": prints("Content-Type: text/x\\nX-A: script\\n\\n")],
            site: "header = X-A: site\nheader = X-B: b"
        ) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.all("X-A") == ["site"])
            #expect(response.all("X-B") == ["b"])
        }
    }

    // MARK: Error pages, cache, logs

    @Test func `an error page made by a script`() async throws {
        let scripts = [
            "error": shell("printf 'Content-Type: text/x\\n\\n%s' $REDIRECT_STATUS"), "bad": shell("exit 1"),
        ]
        try await withScripts(
            scripts,
            site:
                "error_page = 404 /cgi-bin/error\nerror_page = 500 /cgi-bin/error\nerror_page = 403 /cgi-bin/bad"
        ) { server in
            let missing = try server.get("/none")
            #expect(missing.status == 404)
            #expect(missing.text == "404")
            let failed = try server.get("/cgi-bin/bad")
            #expect(failed.status == 500)
            #expect(failed.text == "500")
            // A page that fails itself is the plain one, with the first status.
            let forbidden = try server.get("/cgi-bin/")
            #expect(forbidden.status == 403)
            #expect(try server.head("/none").status == 404)
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("POST /cgi-bin/none HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc")
                #expect(try client.readResponse().text == "404")
            }
        }
    }

    @Test func `log_format = combined_cgi and json`() async throws {
        let scripts = ["x": page("echo some text"), "dies": page("echo half; kill -KILL $$")]
        try await withScripts(scripts, site: "log_format = combined_cgi") { server in
            _ = try server.get("/cgi-bin/x")
            let line = try server.waitForLog(containing: "/cgi-bin/x")
            let report = #/" 200 10 "-" "-" .*\w{16}.* exit=0 first=\d+us total=\d+us cpu=\d+us peak=\d+K/#
            #expect(line.firstMatch(of: report) != nil, "\(line)")
            _ = try server.cutAnswer(to: Self.get("dies"))
            #expect(try server.waitForLog(containing: "/cgi-bin/dies").contains(" exit=SIGKILL "))
            _ = try server.get("/none")
            #expect(try server.waitForLog(containing: "/none").contains(" exit=- "))
        }
        try await withScripts(scripts, site: "log_format = json") { server in
            _ = try server.get("/cgi-bin/x")
            let line = try server.waitForLog(containing: "/cgi-bin/x")
            #expect(line.contains("\"exit\":0"), "\(line)")
            #expect(!line.contains("cut"), "\(line)")
            _ = try server.cutAnswer(to: Self.get("dies"))
            let dead = try server.waitForLog(containing: "/cgi-bin/dies")
            #expect(dead.contains("\"cut\":true") && dead.contains("\"signal\":\"SIGKILL\""), "\(dead)")
        }
    }

    /// What a script has used that is ended by the server.
    @Test func `figures of scripts that are ended`() async throws {
        let spin = shell("while :; do :; done")
        let scripts = [
            "slow": spin, "wrong": shell("echo no header; exec sleep 100"),
            "idle": page("echo half; while :; do :; done"),
            "left": shell("echo >started; while :; do :; done"),
        ]
        let site = "cgi_timeout = 2s\ncgi_idle_timeout = 2s"
        try await withScripts(scripts, site: "log_format = combined_cgi\n\(site)") { server in
            #expect(try server.get("/cgi-bin/slow").status == 504)
            _ = try server.cutAnswer(to: Self.get("idle"))
            #expect(try server.get("/cgi-bin/wrong").status == 500)
            let client = try server.connect()
            try client.send(Self.get("left"))
            try server.waitForFile("started")
            client.close()
            let figures = #/ exit=- first=\S+ total=\d+us cpu=(\d+)us peak=[1-9]\d+K/#
            // The kernel reckons what a process uses now and then only.
            for (name, least) in [("slow", 1), ("idle", 1), ("wrong", 0), ("left", 0)] {
                let line = try server.waitForLog(containing: "/cgi-bin/\(name)")
                let used = line.firstMatch(of: figures).flatMap { Int($0.1) }
                #expect(used ?? -1 >= least, "\(line)")
            }
        }
        try await withScripts(scripts, site: "log_format = json\n\(site)") { server in
            #expect(try server.get("/cgi-bin/slow").status == 504)
            let line = try server.waitForLog(containing: "/cgi-bin/slow")
            #expect(line.contains(#/"cpu_us":[1-9]\d+,"peak_kb":[1-9]/#), "\(line)")
            #expect(!line.contains("\"exit\"") && !line.contains("\"signal\""), "\(line)")
        }
    }

    @Test func `answers of all kinds on one connection, asked for at once`() async throws {
        let scripts = [
            "echo": page("cat"), "none": prints("Status: 204\\n\\n"), "to": prints("Location: /a.txt\\n\\n"),
            "length": prints("Content-Length: 4\\n\\nbody"), "bad": shell("echo no header"),
            "nph-x": prints("HTTP/1.1 200 OK\\n\\nnph"),
        ]
        try await withScripts(scripts, files: ["www/a.txt": "static"]) { server in
            let requests = [
                ("POST", "echo", "Content-Length: 3\r\n\r\nabc"), ("GET", "none", "\r\n"),
                ("POST", "echo", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
                ("GET", "to", "\r\n"),
                ("HEAD", "length", "\r\n"), ("POST", "to", "Content-Length: 3\r\n\r\nabc"),
                ("GET", "length", "\r\n"),
                ("GET", "missing", "\r\n"), ("POST", "bad", "Content-Length: 3\r\n\r\nabc"),
                ("GET", "nph-x", "\r\n"),
                ("HEAD", "bad", "\r\n"), ("GET", "echo", "\r\n"),
            ]
            let client = try server.connect()
            try client.send(
                requests.map { "\($0.0) /cgi-bin/\($0.1) HTTP/1.1\r\nHost: h\r\n\($0.2)" }.joined())
            var answers: [String] = []
            for request in requests {
                let response = try client.readResponse(to: request.0)
                answers.append(response.status == 200 ? response.text : "\(response.status)")
            }
            #expect(
                answers == [
                    "abc", "204", "abc", "static", "", "static", "body", "404", "500", "nph", "500", "",
                ])
        }
    }

    @Test func `many large answers at once`() async throws {
        let script = page("yes $QUERY_STRING | head -c 2000000")
        try await withScripts(["x": script]) { server in
            let whole = try onThreads(12) { number in
                let body = try server.get("/cgi-bin/x?n=\(number)").body
                let line = Array("n=\(number)\n".utf8)
                return body.count == 2_000_000
                    && body.indices.allSatisfy { body[$0] == line[$0 % line.count] }
            }
            #expect(!whole.contains(false))
        }
    }
}
