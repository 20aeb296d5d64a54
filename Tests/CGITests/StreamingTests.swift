import Glibc
import TestSupport
import Testing

/// Answers that go out while their script runs, and how a client sees that one was cut.
@Suite(.timeLimit(.minutes(5))) struct StreamingTests {
    private static let get = "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n"

    // MARK: Streams

    @Test func `bytes at the client while the script runs`() async throws {
        try await withScripts(
            [
                "x": page(
                    "for i in 1 2 3; do echo line $i; while ! [ -e go$i ]; do sleep 0.02; done; done; echo end"
                )
            ]
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            for number in 1...3 {
                _ = try client.read { $0.contains("line \(number)\n".utf8) }
                try server.folder.write("cgi-bin/go\(number)", "")
            }
            _ = try client.read { $0.contains("end\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        }
    }

    /// There the server looks at scripts from time to time only.
    @Test func `bytes at the client while the script runs, beside many others`() async throws {
        let script =
            "for i in 1 2 3; do echo line $i; while ! [ -e go$i ]; do sleep 0.02; done; done; echo end"
        try await withScripts(["x": page(script), "other": page("echo other")]) { server in
            let others = try (1...16).map { _ in try server.connect() }
            let client = try server.connect()
            for other in others {
                for _ in 1...30 { try other.send("GET /cgi-bin/other HTTP/1.1\r\nHost: h\r\n\r\n") }
            }
            try client.send(Self.get)
            for number in 1...3 {
                _ = try client.read { $0.contains("line \(number)\n".utf8) }
                try server.folder.write("cgi-bin/go\(number)", "")
            }
            _ = try client.read { $0.contains("end\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
            for other in others {
                for _ in 1...30 { #expect(try other.readResponse().text == "other\n") }
            }
        }
    }

    @Test(arguments: [("1s", 0.9...3.0), ("0", 0.0...0.8)])
    func `script ends, background child keeps stdout open`(_ linger: String, _ range: ClosedRange<Double>)
        async throws
    {
        try await withScripts(
            ["x": page("sleep 1000 & echo $! >>pids; echo done")], site: "cgi_linger = \(linger)"
        ) { server in
            let client = try server.connect()
            // On a busy machine one of them may take longer.
            let times = try (1...3).map { _ in
                try seconds {
                    try client.send(Self.get)
                    let response = try client.readResponse()
                    #expect(response.text == "done\n")
                    #expect(response.framing == .chunked)
                }
            }
            #expect(range.contains(times.min() ?? 0), "\(times)")
            _ = try server.waitForError(containing: "cgi_linger")
            // The connection goes on, and so does the child: that is what it was started for.
            let children = try server.notedProcesses(3)
            try client.send("GET /none HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse().status == 404)
            for child in children { kill(child.pid, SIGKILL) }
        }
    }

    @Test func `background child that prints within cgi_linger`() async throws {
        try await withScripts(["x": page("(sleep 0.2; echo late) & echo first")], site: "cgi_linger = 10m") {
            server in
            let text = try server.get("/cgi-bin/x").text
            #expect(text == "first\nlate\n")
        }
    }

    @Test func `script that closes its stdout and works on`() async throws {
        try await withScripts(
            ["x": page("echo done; exec >&- 2>&-; while ! [ -e go ]; do sleep 0.02; done; echo >finished")]
        ) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.text == "done\n")
            try server.folder.write("cgi-bin/go", "")
            try server.waitForFile("finished")
        }
    }

    @Test func `8 parallel requests to a 1 s script`() async throws {
        // None goes on before all are there.
        let script = "echo $$ >>pids; while [ $(wc -l <pids) -lt 8 ]; do sleep 0.02; done; sleep 1; echo done"
        try await withScripts(["x": page(script)]) { server in
            let seconds = try seconds {
                let statuses = try onThreads(8) { _ in try server.get("/cgi-bin/x").status }
                #expect(statuses == Array(repeating: 200, count: 8))
            }
            #expect(seconds > 0.9 && seconds < 4 * Deadline.patience, "\(seconds)")
        }
    }

    @Test func `NPH, client keeps the connection`() async throws {
        let script = prints(
            "HTTP/1.1 299 Quite fine\\r\\nContent-Type: text/plain\\r\\nConnection: close\\r\\n\\r\\nwhole")
        try await withScripts(["nph-x": script]) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("GET /cgi-bin/nph-x HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.readResponse()
                #expect(response.status == 299)
                #expect(response.text == "whole")
                #expect(response["Connection"] == nil)
            }
        }
    }

    // MARK: Cut is cut

    private static let endings = ["kill -KILL $$", "exit 1", "echo oops >&2; exit 1"]

    @Test(arguments: endings) func `cut: chunked`(_ end: String) async throws {
        try await withScripts(["x": page("printf 12345; \(end)")]) { server in
            let answer = try server.cutAnswer(to: Self.get)
            #expect(answer.head.contains("Transfer-Encoding: chunked\r\n"))
            #expect(answer.text.hasPrefix("5\r\n12345\r\n"))
            #expect(!answer.hasLastChunk)
        }
    }

    @Test(arguments: endings) func `cut: a length was promised`(_ end: String) async throws {
        let script = shell("printf 'Content-Type: text/plain\\nContent-Length: 10\\n\\n12345'; \(end)")
        try await withScripts(["x": script]) { server in
            let answer = try server.cutAnswer(to: Self.get)
            #expect(answer.head.contains("Content-Length: 10\r\n"))
            #expect(answer.text == "12345")
            #expect(answer.ending == .reset)
        }
    }

    @Test(arguments: endings) func `cut: HTTP 1 dot 0, where only a reset can tell`(_ end: String)
        async throws
    {
        try await withScripts(["x": page("printf 12345; \(end)")]) { server in
            let answer = try server.cutAnswer(to: "GET /cgi-bin/x HTTP/1.0\r\n\r\n")
            #expect(answer.text == "12345")
            #expect(answer.ending == .reset)
        }
    }

    /// All that the script did print arrives, however slow the client is: it may be the error's own page.
    @Test func `cut: nothing of what there was is lost`() async throws {
        try await withScripts(["x": page("head -c 300000 /dev/zero; exit 1")]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(Self.get)
            _ = try server.waitForError(containing: "cut after 300000 bytes")
            let answer = try client.readCutAnswer()
            #expect(answer.content.filter { $0 == 0 }.count == 300_000)
            #expect(!answer.hasLastChunk)
        }
    }

    @Test func `exit 1 after all of a promised length is whole`() async throws {
        let script = shell("printf 'Content-Type: text/plain\\nContent-Length: 5\\n\\n12345'; exit 1")
        try await withScripts(["x": script]) { server in
            #expect(try server.get("/cgi-bin/x").text == "12345")
            _ = try server.waitForError(containing: "exited with status 1")
        }
    }

    /// A shell script has the status of its last command; squid's cachemgr.cgi never ends with 0.
    @Test(arguments: ["stderr", "ignore"])
    func `exit 1 is whole where cgi_exit_status lets it pass`(_ rule: String) async throws {
        let scripts = [
            "page": page("echo fine; \(rule == "ignore" ? "echo oops >&2; " : "")test 1 = 2"),
            "there": shell("printf 'Location: /cgi-bin/page\\n\\n'; exit 3"),
            "short": shell("printf 'Content-Type: text/plain\\nContent-Length: 10\\n\\n12345'; exit 1"),
        ]
        try await withScripts(scripts, site: "cgi_exit_status = \(rule)") { server in
            let client = try server.connect()
            for name in ["page", "there", "page"] {
                try client.send("GET /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.readResponse()
                #expect(response.status == 200)
                #expect(response.text == "fine\n")
            }
            _ = try server.waitForError(containing: "exited with status 1 after its answer")
            #expect(try server.head("/cgi-bin/page").status == 200)
            _ = try server.cutAnswer(to: "GET /cgi-bin/short HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(!server.process.stderr.text.contains("after a whole answer"))
        }
    }

    @Test func `cgi_exit_status = stderr cuts where there are words on stderr`() async throws {
        let scripts = ["x": page("echo half; echo oops >&2; exit 1")]
        try await withScripts(scripts, site: "cgi_exit_status = stderr") { server in
            _ = try server.cutAnswer(to: Self.get)
        }
    }

    @Test func `the log names the way out for a script that always exits with 1`() async throws {
        try await withScripts(["x": page("echo fine; exit 1")]) { server in
            _ = try server.cutAnswer(to: Self.get)
            _ = try server.waitForError(containing: "cgi_exit_status = ignore")
        }
    }

    // MARK: A header and nothing else

    private static let header = "printf 'Content-Type: text/plain\\n\\n'"

    @Test(arguments: [
        "\(header); exit 1", "\(header); kill -KILL $$", "\(header); echo oops >&2; exit 1",
        "printf 'Content-Type: text/plain\\nContent-Length: 10\\n\\n'; exit 1",
        "printf 'Content-Type: text/plain\\nContent-Length: 10\\n\\n'",
        "printf 'Status: 200 Fine\\nSet-Cookie: a=b\\n\\n'; exit 255",
        "printf 'Status: 404\\nContent-Type: text/plain\\n\\n'; kill -KILL $$",
        "printf 'HTTP/1.1 200 OK\\r\\nContent-Type: text/plain\\r\\n\\r\\n'; exit 1",
    ])
    func `a script that fails behind its header has an error page`(_ lines: String) async throws {
        try await withScripts(
            ["x": seenAtItsEnd(lines)], site: "cgi_capture = kept", prepare: { try $0.makeFolder("kept") }
        ) { server in
            let client = try server.connect()
            let isFailure = lines.contains("exit") || lines.contains("kill")
            // What is missing of a length is not missing for HEAD.
            let methods = isFailure ? ["GET", "HEAD", "GET"] : ["GET", "GET"]
            for method in methods {
                try client.send("\(method) /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.readResponse(to: method)
                #expect(response.status == 500)
                #expect(response["Set-Cookie"] == nil)
                if method == "GET" { #expect(response.text.contains("Request ")) }
            }
            if isFailure {
                _ = try server.waitForError(containing: "; it had printed its header and no content")
            }
            #expect(eventually { (try? listFolder(server.folder.path("kept")))?.count == methods.count })
        }
    }

    @Test func `a script that is ended by its time behind its header has one, too`() async throws {
        let script = shell(
            """
            kill -STOP $PPID
            while ! grep -q ') T ' /proc/$PPID/stat; do :; done
            (sleep 1; kill -CONT $PPID) >/dev/null 2>&1 &
            \(Self.header)
            exec sleep 1000
            """)
        try await withScripts(["x": script], site: "cgi_max_time = 500ms") { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 504)
            #expect(response.text.contains("cgi_max_time"))
        }
    }

    @Test(arguments: [
        ("Status: 204\\n\\n", "exit 1", 204), ("Status: 304\\n\\n", "kill -KILL $$", 304),
        ("Location: http://h/\\n\\n", "exit 1", 302), ("Location: /a.txt\\n\\n", "exit 1", 200),
        ("Status: 303\\nLocation: /a.txt\\nContent-Type: text/plain\\n\\n", "exit 255", 303),
        ("Content-Type: text/plain\\nContent-Length: 0\\n\\n", "exit 1", 200),
        ("Status: 404\\nContent-Type: text/plain\\n\\n", "exit 255", 404),
    ])
    func `an answer that needs no content is whole whatever the exit`(
        _ header: String, _ end: String, _ status: Int
    ) async throws {
        try await withScripts(
            ["x": seenAtItsEnd("printf '\(header)'; \(end)")], files: ["www/a.txt": "static\n"]
        ) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get)
                let response = try client.readResponse()
                #expect(response.status == status)
                #expect(response.text == (header.contains("Location: /a") && status == 200 ? "static\n" : ""))
            }
            _ = try server.waitForError(
                containing: status == 404 ? "after its answer of 404" : "after a whole answer")
        }
    }

    /// What is held to be compressed has come all the same.
    @Test(arguments: ["gzip", "off"]) func `a redirect with half a page is cut`(_ compress: String)
        async throws
    {
        let script = page("printf half; exit 1").replacing(
            "\\n\\n", with: "\\nStatus: 302\\nLocation: http://h/\\n\\n")
        try await withScripts(["x": seenAtItsEnd(script)], site: "compress = \(compress)") { server in
            let answer = try server.cutAnswer(
                to: "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip\r\n\r\n")
            #expect(answer.head.hasPrefix("HTTP/1.1 302 "))
        }
    }

    @Test func `a header alone passes where cgi_exit_status lets it`() async throws {
        try await withScripts(
            ["x": seenAtItsEnd("\(Self.header); exit 1")], site: "cgi_exit_status = stderr"
        ) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 200)
            #expect(response.text == "")
        }
    }

    @Test func `an error page of the site's, and an older answer, come in the place of a header`()
        async throws
    {
        let scripts = [
            "x": seenAtItsEnd("[ -e fine ] || { \(Self.header); exit 1; }; \(Self.header); echo fine")
        ]
        try await withScripts(
            scripts, site: "error_page = 500 /sorry.txt\ncgi_cache = /cgi-bin 200ms",
            files: ["www/sorry.txt": "sorry\n"]
        ) { server in
            let sorry = try server.get("/cgi-bin/x")
            #expect(sorry.status == 500)
            #expect(sorry.text == "sorry\n")
            try server.folder.write("cgi-bin/fine", "")
            #expect(try server.get("/cgi-bin/x").text == "fine\n")
            unlink(server.folder.path("cgi-bin/fine"))
            #expect(try server.staleAnswer("/cgi-bin/x").text == "fine\n")
        }
    }

    /// A header waits for no content longer than a moment.
    @Test func `a header goes out while its script prints no more`() async throws {
        try await withScripts(["x": page("while ! [ -e go ]; do sleep 0.02; done; exit 1")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.read { $0.contains("\r\n\r\n".utf8) }
            try server.folder.write("cgi-bin/go", "")
            #expect(try client.readToEnd().isEmpty)
            _ = try server.waitForError(containing: "cut after 0 bytes of content")
        }
    }
}
