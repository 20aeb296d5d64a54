import Glibc
import TestSupport
import Testing

/// Scripts that hang, and clients that leave.
@Suite(.timeLimit(.minutes(5))) struct HungScriptTests {
    private static let get = "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n"
    /// Ignored by the shell and all that it starts.
    private static let deafToTerm = "trap '' TERM"
    /// Notes itself and three more that live on in its group: one quiet, one that does not heed TERM,
    /// one that has lost its parent.
    private static let family = """
        echo $$ >>pids
        sleep 1000 & echo $! >>pids
        (trap '' TERM; exec sleep 1000) & echo $! >>pids
        (sleep 1000 & echo $! >>pids)
        """

    // MARK: Time-outs

    @Test func `silent script, time-out`() async throws {
        try await withScripts(["x": shell("exec sleep 1000")], site: "cgi_timeout = 500ms") { server in
            let seconds = try seconds {
                let response = try server.get("/cgi-bin/x")
                #expect(response.status == 504)
                #expect(response.text.contains("cgi_timeout"))
            }
            #expect(seconds > 0.4 && seconds < 3)
            let line = try server.waitForError(containing: "cgi_timeout")
            #expect(line.contains("script=/cgi-bin/x "))
            _ = try server.waitForLog(containing: "/cgi-bin/x HTTP/1.1\" 504 ")
        }
    }

    // MARK: Answers that are whole before their scripts end

    /// Answers of which the client has all at once, from scripts that print for ever: method, header.
    static let settled = [
        ("HEAD", "Content-Type: text/plain\\n\\n"), ("GET", "Status: 204\\n\\n"),
        ("GET", "ETag: \"a\"\\n\\n"), ("GET", "Location: http://h/\\nContent-Length: 0\\n\\n"),
        ("GET", "Content-Type: text/plain\\nContent-Length: 2\\n\\nok"),
    ]

    /// What comes before the client has its answer shows that a length is wrong.
    private static func endless(_ header: String) -> String {
        shell(
            "echo $$ >>pids; printf '\(header)'; while ! [ -e go ]; do sleep 0.02; done; while :; do echo more; sleep 0.05; done"
        )
    }

    private static func ask(_ method: String) -> String {
        "\(method) /cgi-bin/x HTTP/1.1\r\nHost: h\r\nIf-None-Match: \"a\"\r\n\r\n"
    }

    @Test(arguments: settled) func `a script that prints on when its client has its answer and has gone`(
        _ method: String, _ header: String
    ) async throws {
        try await withScripts(["x": Self.endless(header)]) { server in
            let client = try server.connect()
            try client.send(Self.ask(method))
            let processes = try server.notedProcesses(1)
            _ = try client.read { String(decoding: $0, as: UTF8.self).contains("\r\n\r\n") }
            try server.folder.write("cgi-bin/go", "")
            client.close()
            expectEnd(of: processes, within: 2)
            _ = try server.waitForError(containing: "has its answer and has gone")
        }
    }

    @Test(arguments: settled) func `a script that prints on while its client waits for the next answer`(
        _ method: String, _ header: String
    ) async throws {
        try await withScripts(
            ["x": Self.endless(header), "y": page("echo next")], site: "cgi_idle_timeout = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.ask(method))
            let processes = try server.notedProcesses(1)
            let answer = try client.readResponse(to: method)
            #expect(answer.status < 400)
            try server.folder.write("cgi-bin/go", "")
            expectEnd(of: processes, within: 2)
            let line = try server.waitForError(containing: "went on after its answer was whole")
            #expect(line.contains("cgi_idle_timeout = 500ms"))
            try client.send("GET /cgi-bin/y HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse().text == "next\n")
        }
    }

    @Test func `a script that floods whoever asks for no content`() async throws {
        let script = shell("echo $$ >>pids; printf 'A: b\\n\\n'; cat /dev/zero; sleep 1000")
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            try client.send(Self.ask("HEAD"))
            expectEnd(of: try server.notedProcesses(1))
            _ = try server.waitForError(containing: "more than the client is to have")
        }
    }

    /// It has its place and its time for that.
    @Test func `a script that works on when its answer is whole and its client has gone`() async throws {
        let script = shell(
            """
            printf 'Content-Type: text/plain\\nContent-Length: 2\\n\\nok'
            while ! [ -e go ]; do sleep 0.02; done
            echo >done
            """)
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.read { $0.suffix(2).elementsEqual("ok".utf8) }
            client.close()
            try server.folder.write("cgi-bin/go", "")
            #expect(eventually { server.folder.exists("cgi-bin/done") })
        }
    }

    // MARK: A closed stdout

    private static let closing = "printf 'Content-Type: text/plain\\n\\nhi'; echo $$ >>pids; exec >&- 2>&-"

    @Test func `who closes stdout does not keep the visitor waiting`() async throws {
        try await withScripts(["x": shell("\(Self.closing); exec sleep 1000")], site: "cgi_linger = 20s") {
            server in
            let seconds = try seconds {
                let answer = try server.get("/cgi-bin/x")
                #expect(answer.text == "hi")
            }
            #expect(seconds < 3)
            let processes = try server.notedProcesses(1)
            #expect(processes.allSatisfy { $0.isRunning })
            for process in processes { kill(process.pid, SIGKILL) }
        }
    }

    @Test func `who works on behind a closed stdout has cgi_idle_timeout for it`() async throws {
        try await withScripts(
            ["x": shell("\(Self.closing); exec sleep 1000")],
            site: "cgi_max_processes = 1\ncgi_idle_timeout = 700ms"
        ) { server in
            #expect(try server.get("/cgi-bin/x").text == "hi")
            let first = try server.notedProcesses(1)
            let line = try server.waitForError(containing: "closed its stdout and worked on")
            #expect(line.contains("cgi_idle_timeout = 700ms") && line.contains("script=/cgi-bin/x "))
            expectEnd(of: first, within: 2)
            // Its place is free.
            #expect(try server.get("/cgi-bin/x").text == "hi")
        }
    }

    // MARK: What has left the group

    /// A session of its own is out of the group's reach; one that was let go of at once has no parent to be
    /// found by, and may have an environment of its own.
    @Test(
        arguments: ["time-out", "disconnect"],
        ["env -i setsid", "setsid env -i", "setsid -f", "setsid -f env -i", "env -i setsid -f setsid -f"])
    func `what has left the group is ended with its script`(_ how: String, _ prefix: String) async throws {
        let script = shell(
            "\(prefix) /bin/sh -c 'echo $$ >>pids; exec /bin/sleep 1000' >/dev/null 2>&1 & exec sleep 1000")
        try await withScripts(
            ["x": script], site: "cgi_timeout = \(how == "time-out" ? "500ms" : "60s")"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let left = try server.notedProcesses(1)
            if how == "disconnect" { client.close() }
            // TERM is enough.
            expectEnd(of: left, within: 2)
        }
    }

    /// Starts `left` without a parent and without an environment, out of the group.
    private static let leaving = "setsid -f env -i ./left >/dev/null 2>&1 </dev/null"

    /// Nor does what it starts for that get the same TERM.
    @Test func `what has left the group has the time to say goodbye`() async throws {
        let left = shell(
            """
            trap 'sh -c "sleep 0.5; echo >goodbye"; exit' TERM
            echo $$ >>pids
            while :; do sleep 0.05; done
            """)
        try await withScripts(
            ["x": shell("\(Self.leaving)\nexec sleep 1000"), "left": left], site: "cgi_timeout = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let left = try server.notedProcesses(1)
            #expect(try client.readResponse().status == 504)
            expectEnd(of: left, within: 2)
            #expect(server.folder.exists("cgi-bin/goodbye"))
        }
    }

    @Test func `what has left the group and ignores TERM is killed after the grace`() async throws {
        let left = shell("\(Self.deafToTerm)\necho $$ >>pids\nwhile :; do sleep 0.05; done")
        try await withScripts(
            ["x": shell("\(Self.leaving)\nexec sleep 1000"), "left": left], site: "cgi_timeout = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let left = try server.notedProcesses(1)
            #expect(try client.readResponse().status == 504)
            let seconds = try seconds { expectEnd(of: left) }
            #expect(seconds > 2)
        }
    }

    /// It is looked for again when the group is gone.
    @Test func `what leaves the group while that is ended goes with it`() async throws {
        let script = shell(
            """
            \(Self.deafToTerm)
            while ! [ -e go ]; do sleep 0.02; done
            \(Self.leaving)
            while :; do sleep 0.05; done
            """)
        try await withScripts(
            ["x": script, "left": shell("echo $$ >>pids\nwhile :; do sleep 0.05; done")],
            site: "cgi_timeout = 500ms"
        ) { server in
            #expect(try server.get("/cgi-bin/x").status == 504)
            try server.folder.write("cgi-bin/go", "")
            expectEnd(of: try server.notedProcesses(1))
        }
    }

    /// What it left behind after a regular end may go on, whatever happens to others.
    @Test func `a daemon that a script starts lives on`() async throws {
        let daemon = "sh -c 'echo $$ >>pids; exec sleep 1000' >/dev/null 2>&1 </dev/null"
        try await withScripts(
            [
                "x": page("setsid \(daemon) & setsid -f \(daemon); echo done"),
                "hung": shell("exec sleep 1000"),
            ],
            site: "cgi_timeout = 500ms\ncgi_kill_grace = 500ms"
        ) { server in
            try #expect(server.get("/cgi-bin/x").text == "done\n")
            let daemons = try server.notedProcesses(2)
            try #expect(server.get("/cgi-bin/hung").status == 504)
            #expect(eventually { server.children.isEmpty })
            try #expect(server.get("/cgi-bin/x").text == "done\n")
            let all = try server.notedProcesses(4)
            let running = all.filter(\.isRunning)
            #expect(running == all)
            #expect(Set(daemons.map(\.pid)).isSubset(of: all.map(\.pid)))
            for daemon in all { kill(daemon.pid, SIGKILL) }
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
            for client in clients { try client.send(Self.get) }
            for client in clients { #expect(try client.readResponse().status == 504) }
            for _ in 0..<6 { #expect(try server.get("/a.txt").text == "here") }
        }
    }

    @Test func `cgi_max_time also holds for a script that has closed its output`() async throws {
        let script = page(
            """
            \(Self.leaving)
            trap 'echo >goodbye; exit' TERM
            echo $$ >>pids
            exec >&- 2>&-
            while :; do sleep 0.05; done
            """)
        try await withScripts(
            ["x": script, "left": shell("echo $$ >>pids; exec sleep 1000")],
            site: "cgi_max_time = 2s\ncgi_linger = 100ms"
        ) { server in
            #expect(try server.get("/cgi-bin/x").status == 200)
            let processes = try server.notedProcesses(2)
            expectEnd(of: processes)
            #expect(server.folder.exists("cgi-bin/goodbye"))
        }
    }

    @Test func `the script itself afterwards, though it ignores TERM`() async throws {
        try await withScripts(
            ["x": shell("\(Self.deafToTerm)\necho $$ >>pids\nwhile :; do sleep 1000; done")],
            site: "cgi_timeout = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
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
            site: "cgi_timeout = 300ms"
        ) { server in
            #expect(try server.get("/cgi-bin/x").status == 504)
            try server.waitForFile("tidy")
        }
    }

    @Test func `a child the script started`() async throws {
        try await withScripts(
            ["x": shell("\(Self.family)\nwait")], site: "cgi_timeout = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            #expect(try client.readResponse().status == 504)
            expectEnd(of: family)
        }
    }

    @Test func `silent in the middle, cgi_idle_timeout`() async throws {
        try await withScripts(
            ["x": page("\(Self.family)\necho begin; wait")], site: "cgi_idle_timeout = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
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
            ["x": page("\(Self.family)\nwhile :; do echo x; sleep 0.05; done")], site: "cgi_max_time = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
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

    /// TERM does not reach it before it goes on, KILL does.
    @Test func `a script that has been stopped`() async throws {
        try await withScripts(
            ["x": shell("echo $$ >>pids; kill -STOP $$; echo")], site: "cgi_timeout = 300ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let script = try server.notedProcesses(1)
            #expect(try client.readResponse().status == 504)
            expectEnd(of: script)
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

    // MARK: Clients that leave

    enum Leaving: String, CaseIterable { case close, reset }

    @Test(arguments: Leaving.allCases)
    func `client leaves while the script is silent`(_ leaving: Leaving) async throws {
        try await withScripts(["x": shell("\(Self.family)\n\(Self.deafToTerm)\nwait")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            leaving == .close ? client.close() : client.reset()
            expectEnd(of: family)
            _ = try server.waitForError(containing: "the client has gone")
            _ = try server.waitForLog(containing: "/cgi-bin/x HTTP/1.1\" 499 ")
        }
    }

    @Test(arguments: Leaving.allCases)
    func `client leaves after a part of the answer`(_ leaving: Leaving) async throws {
        try await withScripts(["x": page("\(Self.family)\necho begin\n\(Self.deafToTerm)\nwait")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains("begin".utf8) }
            leaving == .close ? client.close() : client.reset()
            expectEnd(of: family)
        }
    }

    @Test(arguments: Leaving.allCases)
    func `client leaves while the script prints once in a while`(_ leaving: Leaving) async throws {
        try await withScripts(["x": page("\(Self.family)\nwhile :; do echo x; sleep 0.2; done")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains("x\n".utf8) }
            leaving == .close ? client.close() : client.reset()
            expectEnd(of: family)
        }
    }

    /// The script fills all buffers and stands still, for the client takes nothing; then that one leaves.
    @Test(arguments: Leaving.allCases)
    func `client that takes nothing leaves`(_ leaving: Leaving) async throws {
        try await withScripts(["x": page("\(Self.family)\nyes")]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            leaving == .close ? client.close() : client.reset()
            expectEnd(of: family)
        }
    }

    @Test func `a script that is silent for longer than write_timeout is not the client's fault`()
        async throws
    {
        let script = page("echo first; while ! [ -e go ]; do sleep 0.02; done; echo last")
        try await withScripts(["x": script], server: "write_timeout = 300ms") { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.read { $0.contains("first\n".utf8) }
            // Longer than write_timeout.
            #expect(try client.staysSilent(for: 0.6))
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read { $0.contains("last\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        }
    }

    @Test func `client that takes nothing and stays, write_timeout`() async throws {
        try await withScripts(["x": page("\(Self.family)\nyes")], server: "write_timeout = 1s") { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            expectEnd(of: family, within: 6)
            _ = try server.waitForError(containing: "the client took nothing for write_timeout = 1s; ")
            _ = client
        }
    }

    /// Not taken for a script that is silent, though it cannot print for longer than its time-out.
    @Test func `client that is slow`() async throws {
        try await withScripts(
            ["x": page("head -c 8000000 /dev/zero")], site: "cgi_idle_timeout = 300ms"
        ) { server in
            let client = try server.connect(receiveBuffer: 65536)
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(try client.read(500, within: 5).count == 500)
            // A wait on purpose: longer than the script's time-out, shorter than write_timeout.
            _ = try server.connect().staysSilent(for: 0.8)
            #expect(try client.readToEnd(within: 20).count > 8_000_000 - 500)
        }
    }

    /// What it still prints is read, so that it does not end of that.
    @Test func `cgi_on_disconnect = finish`() async throws {
        try await withScripts(
            [
                "x": page(
                    "echo $$ >>pids; while ! [ -e go ]; do sleep 0.02; done; head -c 1000000 /dev/zero; echo >finished"
                )
            ],
            site: "cgi_on_disconnect = finish"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get)
            let script = try server.notedProcesses(1)
            _ = try client.read { $0.contains("text/plain".utf8) }
            client.reset()
            try server.folder.write("cgi-bin/go", "")
            try server.waitForFile("finished")
            expectEnd(of: script)
        }
    }

    // MARK: The end of the server

    @Test func `script under way when the server stops`() async throws {
        try await withScripts(["x": page("sleep 0.5; echo done")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.read { $0.contains("text/plain".utf8) }
            server.send(SIGTERM)
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
            ini: ini, files: ["cgi-bin/x": shell("\(Self.family)\n\(Self.deafToTerm)\nwait")]
        ) {
            server in
            let client = try server.connect()
            try client.send(Self.get)
            let family = try server.notedProcesses(4)
            server.send(SIGTERM)
            #expect(try server.waitForExit() == .status(0))
            expectEnd(of: family, within: 0.5)
        }
    }

    // MARK: Clients that end their side and still read

    /// As `nc -N` does, and some clients of HTTP/1.0. The scripts are silent for longer than anyone
    /// would wait for a client that has gone.
    @Test(arguments: [
        ("HTTP/1.0", "echo fine"), ("HTTP/1.1", "echo fine"), ("HTTP/1.0", "sleep 1.2; echo fine"),
        ("HTTP/1.1", "sleep 1.2; echo fine"), ("HTTP/1.1", "echo begin; sleep 1.2; echo fine"),
    ])
    func `client that ends its sending half gets the whole answer`(_ version: String, _ script: String)
        async throws
    {
        try await withScripts(["x": page(script), "late": shell("sleep 1.2\n\(page(script))")]) { server in
            for name in ["x", "late"] {
                let client = try server.connect()
                try client.send("GET /cgi-bin/\(name) \(version)\r\nHost: h\r\nConnection: close\r\n\r\n")
                client.finishSending()
                let response = try client.readResponse()
                #expect(response.status == 200)
                #expect(response.text.hasSuffix("fine\n"))
                #expect(try client.expectEnd() == .eof)
            }
        }
    }

    @Test func `client that ends its sending half in the midst of the answer`() async throws {
        try await withScripts([
            "x": page("echo begin; while ! [ -e go ]; do sleep 0.02; done; sleep 1; echo fine")
        ]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            _ = try client.read { $0.contains("begin\n".utf8) }
            client.finishSending()
            try server.folder.write("cgi-bin/go", "")
            // The next chunk's size has a zero in front, sent to see whether anybody is there.
            let rest = try client.readToEnd()
            #expect(String(decoding: rest, as: UTF8.self).hasSuffix("05\r\nfine\n\r\n0\r\n\r\n"))
        }
    }

    /// Nothing can be sent to it to find out, so the time at which it leaves has to tell.
    @Test func `client of HTTP 1 dot 0 that leaves in the midst of the answer`() async throws {
        try await withScripts(["x": page("\(Self.family)\necho begin\nwait")]) { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.0\r\n\r\n")
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains("begin".utf8) }
            // A wait on purpose: who ends its side right behind its request is waited for.
            _ = try server.connect().staysSilent(for: 2.2)
            client.close()
            expectEnd(of: family)
        }
    }

    @Test func `client that ends its sending half, and an error`() async throws {
        try await withScripts(["x": shell("sleep 1; exit 1")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            client.finishSending()
            #expect(try client.readResponse().status == 500)
        }
    }

    @Test func `client that ends its sending half, and leaves then`() async throws {
        try await withScripts(["x": page("\(Self.family)\nwhile :; do echo x; sleep 0.2; done")]) { server in
            let client = try server.connect()
            try client.send(Self.get)
            client.finishSending()
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains("x\n".utf8) }
            client.close()
            expectEnd(of: family)
        }
    }

    @Test func `client that ends its sending half keeps its place in the queue`() async throws {
        try await withScripts(
            ["x": page("echo $$ >>pids; while ! [ -e go ]; do sleep 0.02; done; echo fine")],
            site: "cgi_max_processes = 1"
        ) { server in
            let first = try server.connect()
            try first.send(Self.get)
            _ = try server.notedProcesses(1)
            let second = try server.connect()
            try second.send(Self.get)
            second.finishSending()
            // A wait on purpose, for a server that would give it up.
            _ = try server.connect().staysSilent(for: 0.3)
            try server.folder.write("cgi-bin/go", "")
            #expect(try first.readResponse().text == "fine\n")
            #expect(try second.readResponse().text == "fine\n")
        }
    }
}
