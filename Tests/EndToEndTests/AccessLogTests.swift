import Glibc
import TestSupport
import Testing

/// Lines of the access logs.
@Suite(.timeLimit(.minutes(5))) struct AccessLogTests {
    /// As it stands in a line, in brackets.
    // A Regex is not Sendable; this one is never changed and has no captures to share.
    nonisolated(unsafe) private static let time = /\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]/

    /// The line with the time, the ports and what else differs each time taken out.
    private static func generalized(_ line: String, _ server: ServerProcess) -> String {
        line.replacing(time, with: "[T]").replacing("\(server.port())", with: "PORT")
    }

    @Test(
        arguments: [
            ("common", #"127.0.0.1 - - [T] "GET /a.txt?q=1 HTTP/1.1" 200 10"#),
            ("combined", #"127.0.0.1 - - [T] "GET /a.txt?q=1 HTTP/1.1" 200 10 "http://r/" "Agent/1""#),
            (
                "vhost_combined",
                #"default:PORT 127.0.0.1 - - [T] "GET /a.txt?q=1 HTTP/1.1" 200 10 "http://r/" "Agent/1""#
            ),
            ("COMMON", #"127.0.0.1 - - [T] "GET /a.txt?q=1 HTTP/1.1" 200 10"#),
            (
                #"%h %l %u %m %U%q %H %s %>s %b %B %v %V %A:%p %{local}p %X "%{x-a}i" "%{X-None}i" %f 100%%"#,
                #"127.0.0.1 - - GET /a.txt?q=1 HTTP/1.1 200 200 10 10 default h.example 127.0.0.1:PORT PORT - "value" "-" - 100%"#
            ),
            (#""%a" %%%m%%"#, #""127.0.0.1" %GET%"#), ("%{x}a %{c}a", "127.0.0.1 127.0.0.1"),
        ])
    func `lines of each format`(_ format: String, _ expected: String) async throws {
        try await withServer(site: "log_format = \(format)", files: ["www/a.txt": "0123456789"]) { server in
            _ = try server.get(
                "/a.txt?q=1",
                headers: [
                    "Host": "H.example:8080", "Referer": "http://r/", "User-Agent": "Agent/1", "X-A": "value",
                ])
            let lines = server.process.stdout.waitForLines(until: .after(20)) { _ in true }
            #expect(
                lines.map { Self.generalized($0, server) }.map {
                    $0.replacing("H.example", with: "h.example")
                } == [expected])
        }
    }

    /// Not time(2), which may be a tick late.
    private static var wallSeconds: Int {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now.tv_sec
    }

    @Test func `what differs each time`() async throws {
        let format = "%{remote}p %D %T %{ms}T %{us}T %{sec}t %{msec}t %{usec}t %L %t"
        try await withServer(site: "log_format = \(format)", files: ["www/a.txt": "x"]) { server in
            let client = try server.connect()
            let start = Self.wallSeconds
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.readResponse()
            let end = Self.wallSeconds
            let line = try server.waitForLog(containing: "[")
            let pattern = #/(\d+) (\d+) 0 (\d+) (\d+) (\d{10}) (\d{13}) (\d{16}) ([0-9a-f]{16}) \[.*\]/#
            let match = try #require(line.wholeMatch(of: pattern), "\(line)")
            #expect(match.1 == "\(client.localPort ?? 0)")
            // The server's clock is read once in a while.
            #expect(try (start - 1...end).contains(#require(Int(match.5))))
            #expect(match.6.hasPrefix(match.5.dropLast(1)))
        }
    }

    @Test func `the bytes are those of the content sent`() async throws {
        try await withServer(site: #"log_format = "%m %U %s %b %B %X""#, files: ["www/a.txt": "0123456789"]) {
            server in
            let client = try server.connect()
            let host = "Host: h\r\n"
            try client.send("GET /a.txt HTTP/1.1\r\n\(host)\r\nHEAD /a.txt HTTP/1.1\r\n\(host)\r\n")
            try client.send("GET /a.txt HTTP/1.1\r\n\(host)Range: bytes=2-4\r\n\r\n")
            try client.send("GET /a.txt HTTP/1.1\r\n\(host)If-None-Match: *\r\nConnection: close\r\n\r\n")
            _ = try client.readToEnd()
            let lines = try server.waitForLog(containing: "/a.txt", count: 4)
            #expect(
                lines == [
                    "GET /a.txt 200 10 10 +", "HEAD /a.txt 200 - 0 +", "GET /a.txt 206 3 3 +",
                    "GET /a.txt 304 - 0 -",
                ])
        }
    }

    /// As Apache has it: X where the connection ended before the answer did.
    @Test func `a client that leaves within its answer`() async throws {
        let large = String(repeating: "0123456789abcdef", count: 1 << 21)
        try await withServer(site: #"log_format = "%U %s %X""#, files: ["www/large.txt": large]) { server in
            let client = try server.connect()
            try client.send("GET /large.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read(100)
            client.reset()
            #expect(try server.waitForLog(containing: "/large.txt") == "/large.txt 200 X")
        }
    }

    /// What a client sends can neither end a line nor a quoted part of it, nor steer a terminal.
    @Test func `hostile bytes are escaped`() async throws {
        try await withServer { server in
            let client = try server.connect()
            let head = Array(#"GET /"a\b?"<"#.utf8) + [0x9B, 0xE4] + Array(" HTTP/1.1\r\nHost: h\r\n".utf8)
            let fields = Array("User-Agent: \"a\\\tb\" ".utf8) + [0xC2, 0x9B, 0xFF] + Array("m\r\n".utf8)
            try client.send(head + fields + Array("Referer: ü\r\nConnection: close\r\n\r\n".utf8))
            #expect(try client.readResponse().status == 404)
            let line = try server.waitForLog(containing: "404")
            #expect(line.contains(#""GET /\"a\\b?\"<\x9B\xE4 HTTP/1.1" 404 "#), "\(line)")
            #expect(line.hasSuffix(#""\xC3\xBC" "\"a\\\x09b\" \xC2\x9B\xFFm""#), "\(line)")
            #expect(server.process.stdout.bytes.allSatisfy { $0 < 0x7F })
        }
    }

    @Test func `json`() async throws {
        try await withServer(site: "log_format = json", files: ["www/a.txt": "0123456789"]) { server in
            let client = try server.connect()
            let fields = Array("Host: h:1\r\nUser-Agent: \"a\\\tb\" ä".utf8) + [0xFF] + Array("\r\n\r\n".utf8)
            try client.send(Array("GET /a.txt?\"\\ HTTP/1.1\r\n".utf8) + fields)
            #expect(try client.readResponse().status == 200)
            try client.send("nonsense\r\n\r\n")
            #expect(try client.readResponse().status == 400)
            let lines = server.process.stdout.waitForLines(2, until: .after(20)) { _ in true }
            try #require(lines.count == 2)
            #expect(server.process.stdout.text.utf8.elementsEqual(server.process.stdout.bytes), "valid UTF-8")
            let pattern =
                #/
                \{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","id":"[0-9a-f]{16}","site":"default",
                "client":"127\.0\.0\.1","method":"(.*)","target":"(.*)","host":"(.*)","referer":"","user_agent":"(.*)",
                "version":"1\.1","status":(\d+),"bytes":(\d+),"duration_us":\d+(,"request":"nonsense")?\}
                /#
            let good = try #require(lines[0].wholeMatch(of: pattern), "\(lines[0])")
            #expect(good.1 == "GET" && good.3 == "h:1" && good.5 == "200" && good.6 == "10")
            #expect(good.2 == #"/a.txt?\"\\"#)
            #expect(good.4 == "\\\"a\\\\\\u0009b\\\" ä\u{FFFD}")
            let bad = try #require(lines[1].wholeMatch(of: pattern), "\(lines[1])")
            #expect(bad.7 != nil && good.7 == nil)
            #expect(bad.1 == "" && bad.2 == "" && bad.5 == "400")
            // Another reader agrees.
            if commandExists("python3") {
                let check = "import json, sys\nfor line in sys.stdin: json.loads(line)"
                let result = try runCommand(["python3", "-c", check], input: server.process.stdout.bytes)
                #expect(result.status == 0, "\(result.stderr)")
            }
        }
    }

    @Test func `lines come at once and in order`() async throws {
        try await withServer(site: "log_format = %U", files: ["www/a.txt": "x"]) { server in
            let client = try server.connect()
            for number in 0..<20 {
                try client.send("GET /\(number) HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try client.readResponse()
                // 100 ms are promised; a busy machine gets a second.
                _ = try server.waitForLog(containing: "/\(number)", within: 1)
            }
            #expect(server.process.stdout.lines == (0..<20).map { "/\($0)" })
        }
    }

    @Test func `whole lines under load, and none is lost`() async throws {
        try await withServer(site: "access_log = access.log\nlog_format = common", files: ["www/a.txt": "x"])
        { server in
            let batch = 50
            _ = try onThreads(6) { thread in
                let client = try server.connect()
                for round in 0..<10 {
                    let requests = (0..<batch).map {
                        "GET /a.txt?\("x".times($0 * 40))&\(thread).\(round).\($0) HTTP/1.1\r\nHost: h\r\n\r\n"
                    }
                    try client.send(requests.joined())
                    for _ in requests { _ = try client.readResponse() }
                }
            }
            try server.stop()
            let lines = try server.folder.read("access.log").split(separator: "\n")
            #expect(lines.count == 6 * 10 * batch)
            let pattern =
                #/127\.0\.0\.1 - - \[[^\]]+\] "GET /a\.txt\?x*&(\d+)\.(\d+)\.(\d+) HTTP/1\.1" 200 1/#
            var last: [Substring: Int] = [:]
            for line in lines {
                let match = try #require(line.wholeMatch(of: pattern), "\(line)")
                // Each connection's lines stand in the order of its requests.
                let number = (Int(match.2) ?? 0) * batch + (Int(match.3) ?? 0)
                #expect(number == last[match.1].map { $0 + 1 } ?? 0)
                last[match.1] = number
            }
        }
    }

    @Test func `logs of several sites`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site one]
            root = www
            access_log = one.log
            log_format = %v %U
            [site two]
            root = www
            access_log = off
            [site three]
            root = www
            access_log = stderr
            log_format = %v %U
            [site four]
            root = www
            access_log = one.log
            log_format = "%v: %U"
            """
        try await withServer(ini: ini, files: ["www/a.txt": "x"]) { server in
            for site in ["two", "one", "three", "four"] {
                _ = try server.get("/a.txt", headers: ["Host": site])
            }
            for line in ["one /a.txt", "four: /a.txt"] {
                _ = try server.folder.waitForLine(in: "one.log", containing: line)
            }
            _ = try server.waitForError(containing: "three /a.txt")
            // Each site keeps the folder open for itself.
            server.restHere()
            try server.stop()
            // Which of the two comes first is for the threads that served them to settle.
            let lines = try server.folder.read("one.log").split(separator: "\n")
            #expect(lines.sorted() == ["four: /a.txt", "one /a.txt"])
            #expect(server.process.stdout.text == "")
            #expect(!server.process.stderr.text.contains("two"))
        }
    }

    @Test func `USR1 opens the logs again, and no line is lost`() async throws {
        let site = """
            access_log = access.log
            error_log = error.log
            log_format = %q
            """
        try await withServer(site: site, files: ["www/a.txt": "x"]) { server in
            let rounds = 5
            for round in 0..<rounds {
                _ = try onThreads(3) { thread in
                    let client = try server.connect()
                    for number in 0..<40 {
                        try client.send("GET /a.txt?\(round).\(thread).\(number) HTTP/1.1\r\nHost: h\r\n\r\n")
                        _ = try client.readResponse()
                        if thread == 0, number == 20 {
                            rename(
                                server.folder.path("access.log"), server.folder.path("access.log.\(round)"))
                            server.send(SIGUSR1)
                        }
                    }
                }
                #expect(eventually { server.folder.exists("access.log") })
                #expect(eventually { server.folder.exists("error.log") })
            }
            try server.stop()
            var lines: [Substring] = []
            for name in (0..<rounds).map({ "access.log.\($0)" }) + ["access.log"] {
                lines += try server.folder.read(name).split(separator: "\n")
            }
            #expect(lines.count == rounds * 3 * 40)
            #expect(Set(lines).count == lines.count)
            #expect(server.process.stderr.text.matches(of: /logs reopened/).count == rounds)
        }
    }

    @Test func `a log that cannot be opened again stays`() async throws {
        try await withServer(
            site: "access_log = logs/access.log\nlog_format = %U", prepare: { try $0.makeFolder("logs") }
        ) {
            server in
            rename(server.folder.path("logs"), server.folder.path("moved"))
            server.send(SIGUSR1)
            _ = try server.waitForError(containing: "cannot reopen the log")
            _ = try server.get("/still-logged")
            _ = try server.folder.waitForLine(in: "moved/access.log", containing: "/still-logged")
            // The log has another name now.
            server.restHere()
        }
    }

    /// The error log stays readable in any language, but what steers a terminal is escaped there, too.
    @Test func `hostile bytes in the error log`() async throws {
        let script = #"""
            #!/bin/sh
            printf 'ä\033[1m \302\233 \302\240\tend\177\n' >&2
            printf 'Content-Type: text/plain\n\n'
            """#
        try await withServer(site: "cgi = /run cgi-bin", files: ["cgi-bin/script": script]) { server in
            _ = try server.get("/run/script")
            let line = try server.waitForError(containing: "end")
            #expect(
                line.hasSuffix("ä\\x1B[1m \\xC2\\x9B \u{A0}\\x09end\\x7F"), "\(line.debugDescription)")
        }
    }

    @Test func `one request id in both logs and on the error page`() async throws {
        let site = """
            log_format = "%L %U"
            cgi = /run cgi-bin
            """
        let script = "#!/bin/sh\necho 'something odd' >&2\nprintf 'Content-Type: text/plain\\n\\n'\n"
        try await withServer(
            site: site, files: ["cgi-bin/script": script],
            prepare: { try $0.link("www/out", to: "/etc/passwd") }
        ) { server in
            for (path, text) in [("/run/script", "something odd"), ("/out", "symbolic link")] {
                let response = try server.get(path)
                let line = try server.waitForLog(containing: path)
                let id = String(line.prefix(16))
                let error = try server.waitForError(containing: text)
                #expect(error.contains("id=\(id) "), "\(error)")
                #expect(error.contains("site=default "), "\(error)")
                if response.status == 403 { #expect(response.text.contains(id)) }
            }
        }
    }
}
