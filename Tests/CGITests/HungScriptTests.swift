import Glibc
import TestSupport
import Testing

/// Scripts that hang: time-outs, what is ended then, and the end of the server.
@Suite(.timeLimit(.minutes(5))) struct HungScriptTests {
    // MARK: Time-outs

    @Test func `silent script, time-out`() async throws {
        try await withScripts(["x": shell("exec sleep 1000")], site: "cgi_timeout = 500ms") { server in
            let seconds = try seconds {
                let response = try server.get("/cgi-bin/x")
                #expect(response.status == 504)
                #expect(response.text.contains("cgi_timeout"))
            }
            #expect(seconds > 0.4 && seconds < 3 * Deadline.patience)
            let line = try server.waitForError(containing: "cgi_timeout")
            #expect(line.contains("script=/cgi-bin/x "))
            _ = try server.waitForLog(containing: "/cgi-bin/x HTTP/1.1\" 504 ")
        }
    }

    @Test func `silent in the middle, cgi_idle_timeout`() async throws {
        try await withScripts(
            ["x": page("\(HungScript.family)\necho begin; wait")], site: "cgi_idle_timeout = 2s"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            let answer = try client.readCutAnswer()
            #expect(answer.head.hasPrefix("HTTP/1.1 200 "))
            #expect(answer.text.contains("begin"))
            #expect(!answer.hasLastChunk)
            expectEnd(of: family)
            let line = try server.waitForError(containing: "cgi_idle_timeout")
            #expect(line.contains("cut after 6 bytes"))
        }
    }

    @Test func `never silent, cgi_max_time`() async throws {
        try await withScripts(
            ["x": page("\(HungScript.family)\nwhile :; do echo x; sleep 0.05; done")],
            site: "cgi_max_time = 2s"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            let answer = try client.readCutAnswer()
            #expect(answer.text.contains("x\n"))
            #expect(!answer.hasLastChunk)
            expectEnd(of: family)
            _ = try server.waitForError(containing: "cgi_max_time")
        }
    }

    @Test func `before its header, cgi_max_time`() async throws {
        try await withScripts(
            ["x": shell("while :; do echo 'X-A: b'; sleep 0.05; done")], site: "cgi_max_time = 300ms"
        ) { server in
            let status = try server.get("/cgi-bin/x").status
            #expect(status == 504)
        }
    }

    @Test func `cgi_max_time also holds for a script that has closed its output`() async throws {
        let script = page(
            """
            \(HungScript.leaving)
            trap 'echo >goodbye; exit' TERM
            echo $$ >>pids
            exec >&- 2>&-
            while :; do sleep 0.05; done
            """)
        try await withScripts(
            ["x": script, "left": shell("echo $$ >>pids; exec sleep 1000")],
            site: "cgi_max_time = 4s\ncgi_linger = 100ms"
        ) { server in
            #expect(try server.get("/cgi-bin/x").status == 200)
            let processes = try server.notedProcesses(2)
            expectEnd(of: processes)
            #expect(server.folder.exists("cgi-bin/goodbye"))
        }
    }

    /// A time-out of a part of the site.
    @Test func `time-outs of a location`() async throws {
        try await withScripts(
            ["x": shell("exec sleep 1000"), "slow": page("sleep 0.6; echo done")],
            more: "[location default /cgi-bin/x]\ncgi_timeout = 200ms"
        ) { server in
            let status = try server.get("/cgi-bin/x").status
            #expect(status == 504)
            let text = try server.get("/cgi-bin/slow").text
            #expect(text == "done\n")
        }
    }

    // MARK: What is ended then

    @Test func `the script itself afterwards, though it ignores TERM`() async throws {
        try await withScripts(
            ["x": shell("\(HungScript.deafToTerm)\necho $$ >>pids\nwhile :; do sleep 1000; done")],
            site: "cgi_timeout = 2s\ncgi_kill_grace = 5s"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let script = try server.notedProcesses(1)
            #expect(try client.readResponse().status == 504)
            #expect(script[0].isRunning, "it has its grace")
            expectEnd(of: script)
        }
    }

    @Test func `a script that tidies up at TERM has the time for it`() async throws {
        try await withScripts(
            [
                "x": shell(
                    "trap 'echo tidying; echo tidying >&2; sleep 0.3; echo >tidy; exit' TERM\nwhile :; do sleep 0.05; done"
                )
            ],
            site: "cgi_timeout = 2s\ncgi_kill_grace = 60s"
        ) { server in
            #expect(try server.get("/cgi-bin/x").status == 504)
            try server.waitForFile("tidy")
        }
    }

    @Test func `a child the script started`() async throws {
        try await withScripts(
            ["x": shell("\(HungScript.family)\nwait")], site: "cgi_timeout = 2s"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            #expect(try client.readResponse().status == 504)
            expectEnd(of: family)
        }
    }

    /// TERM does not reach it before it goes on, KILL does.
    @Test func `a script that has been stopped`() async throws {
        try await withScripts(
            ["x": shell("echo $$ >>pids; kill -STOP $$; echo")], site: "cgi_timeout = 2s"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let script = try server.notedProcesses(1)
            #expect(try client.readResponse().status == 504)
            expectEnd(of: script)
        }
    }

    /// With the default times: TERM at once, KILL after 3 s.
    @Test func `a script that never stops complaining holds up nobody`() async throws {
        try await withScripts(
            ["x": shell("while :; do echo complaint >&2; done")],
            site: "cgi_timeout = 500ms\ncgi_kill_grace = 200ms",
            files: ["www/a.txt": "here"]
        ) { server in
            // Both loops have one.
            let clients = try (0..<6).map { _ in try server.connect() }
            for client in clients { try client.send(HungScript.request) }
            for client in clients { #expect(try client.readResponse().status == 504) }
            for _ in 0..<6 { #expect(try server.get("/a.txt").text == "here") }
        }
    }

    // MARK: The end of the server

    @Test func `script under way when the server stops`() async throws {
        try await withScripts(["x": page("while ! [ -e go ]; do sleep 0.02; done; echo done")]) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            _ = try client.read { $0.contains("text/plain".utf8) }
            server.send(SIGTERM)
            #expect(eventually { (try? server.connect()) == nil })
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read { $0.contains("done\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
            #expect(try server.waitForExit() == .status(0))
        }
    }

    @Test func `hung script when the server stops`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            shutdown_timeout = 300ms
            [site default]
            root = www
            cgi = /cgi-bin/ cgi-bin/
            """
        try await withServer(
            ini: ini, files: ["cgi-bin/x": shell("\(HungScript.family)\n\(HungScript.deafToTerm)\nwait")]
        ) {
            server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            server.send(SIGTERM)
            #expect(try server.waitForExit() == .status(0))
            expectEnd(of: family)
        }
    }
}
