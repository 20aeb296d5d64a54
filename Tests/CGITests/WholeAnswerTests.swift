import Glibc
import TestSupport
import Testing

/// Scripts that go on when their answers are whole.
@Suite(.timeLimit(.minutes(5))) struct WholeAnswerTests {
    // MARK: Answers of which the client has all

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
        // TERM is enough.
        try await withScripts(["x": Self.endless(header)], site: "cgi_kill_grace = 60s") { server in
            let client = try server.connect()
            try client.send(Self.ask(method))
            let processes = try server.notedProcesses(1)
            _ = try client.read { String(decoding: $0, as: UTF8.self).contains("\r\n\r\n") }
            try server.folder.write("cgi-bin/go", "")
            client.close()
            expectEnd(of: processes)
            _ = try server.waitForError(containing: "has its answer and has gone")
        }
    }

    @Test(arguments: settled) func `a script that prints on while its client waits for the next answer`(
        _ method: String, _ header: String
    ) async throws {
        try await withScripts(
            ["x": Self.endless(header), "y": page("echo next")],
            site: "cgi_idle_timeout = 2s\ncgi_kill_grace = 60s"
        ) { server in
            let client = try server.connect()
            try client.send(Self.ask(method))
            let processes = try server.notedProcesses(1)
            let answer = try client.readResponse(to: method)
            #expect(answer.status < 400)
            try server.folder.write("cgi-bin/go", "")
            expectEnd(of: processes)
            let line = try server.waitForError(containing: "went on after its answer was whole")
            #expect(line.contains("cgi_idle_timeout = 2s"))
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
            try client.send(HungScript.request)
            _ = try client.read { $0.suffix(2).elementsEqual("ok".utf8) }
            client.close()
            try server.folder.write("cgi-bin/go", "")
            #expect(eventually { server.folder.exists("cgi-bin/done") })
        }
    }

    // MARK: A closed stdout

    private static let closing = "printf 'Content-Type: text/plain\\n\\nhi'; echo $$ >>pids; exec >&- 2>&-"

    @Test func `who closes stdout does not keep the visitor waiting`() async throws {
        try await withScripts(["x": shell("\(Self.closing); exec sleep 1000")], site: "cgi_linger = 10m") {
            server in
            // Its end is not waited for so long.
            #expect(try server.get("/cgi-bin/x").text == "hi")
            let processes = try server.notedProcesses(1)
            #expect(processes.allSatisfy { $0.isRunning })
            for process in processes { kill(process.pid, SIGKILL) }
        }
    }

    @Test func `who works on behind a closed stdout has cgi_idle_timeout for it`() async throws {
        try await withScripts(
            ["x": shell("\(Self.closing); exec sleep 1000")],
            site: "cgi_max_processes = 1\ncgi_idle_timeout = 2s\ncgi_kill_grace = 60s"
        ) { server in
            #expect(try server.get("/cgi-bin/x").text == "hi")
            let first = try server.notedProcesses(1)
            let line = try server.waitForError(containing: "closed its stdout and worked on")
            #expect(line.contains("cgi_idle_timeout = 2s") && line.contains("script=/cgi-bin/x "))
            expectEnd(of: first)
            // Its place is free.
            #expect(try server.get("/cgi-bin/x").text == "hi")
        }
    }

    // MARK: What it says then

    @Test(arguments: [
        ("exec >&-", "exit 3", "exited with status 3"),
        ("exec >/dev/null", "kill -SEGV $$", "was killed by SIGSEGV"),
        ("exec >&-", "exit 0", ""),
    ])
    func `stderr behind a closed stdout`(_ close: String, _ end: String, _ how: String) async throws {
        let work = "while ! [ -e go ]; do sleep 0.02; done; echo 'step 1' >&2; touch done; \(end)"
        try await withScripts(["x": page("echo accepted; \(close); \(work)")]) { server in
            let answer = try server.get("/cgi-bin/x")
            #expect(answer.status == 200 && answer.text == "accepted\n")
            try server.folder.write("cgi-bin/go", "")
            let line = try server.waitForError(containing: "stderr: step 1")
            #expect(line.contains(" script=/cgi-bin/x pid="))
            #expect(eventually { server.folder.exists("cgi-bin/done") })
            if !how.isEmpty {
                _ = try server.waitForError(containing: "the script \(how) after it had closed its stdout")
            }
        }
    }

    @Test func `stderr of what a script leaves behind`() async throws {
        let child = "while ! [ -e go ]; do sleep 0.02; done; echo late >&2; touch done"
        try await withScripts(["x": page("echo fine; (\(child)) >/dev/null </dev/null &")]) { server in
            try #expect(server.get("/cgi-bin/x").text == "fine\n")
            try server.folder.write("cgi-bin/go", "")
            let line = try server.waitForError(containing: "stderr: late")
            #expect(line.contains(" script=/cgi-bin/x pid="))
            #expect(eventually { server.folder.exists("cgi-bin/done") })
        }
    }

    @Test func `a script that closes its stdout at once`() async throws {
        try await withScripts(["x": shell("exec >&-; while ! [ -e go ]; do sleep 0.02; done; exit 3")]) {
            server in
            try #expect(server.get("/cgi-bin/x").status == 500)
            let line = try server.waitForError(containing: "closed its output without any output")
            #expect(line.contains(" script=/cgi-bin/x pid="))
            try server.folder.write("cgi-bin/go", "")
            _ = try server.waitForError(containing: "exited with status 3 after it had closed its stdout")
        }
    }
}
