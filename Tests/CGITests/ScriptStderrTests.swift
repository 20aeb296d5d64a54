import Glibc
import TestSupport
import Testing

/// What scripts print on stderr, line by line in the error log.
@Suite(.timeLimit(.minutes(5))) struct ScriptStderrTests {
    @Test func `each line of stderr is in the log with the script and the request`() async throws {
        try await withScripts(["x": page("echo one >&2; printf 'two\\nthree' >&2; echo $$")]) { server in
            let pid = try server.get("/cgi-bin/x").text.dropLast()
            let last = try server.waitForError(containing: "stderr: three")
            let lines = server.process.stderr.lines.filter { $0.contains("stderr: ") }
            #expect(lines.map { $0.suffix(3) } == ["one", "two", "ree"])
            let id = try #require(last.firstMatch(of: #/ id=(\w+)/#)).1
            for line in lines {
                #expect(line.contains(" site=default script=/cgi-bin/x pid=\(pid) "), "\(line)")
                #expect(line.contains(" id=\(id) "))
            }
        }
    }

    @Test func `stderr is in the log while the script runs`() async throws {
        try await withScripts(["x": page("echo now >&2; while ! [ -e go ]; do sleep 0.02; done")]) { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try server.waitForError(containing: "stderr: now")
            try server.folder.write("cgi-bin/go", "")
            #expect(try client.readResponse().status == 200)
        }
    }

    /// What a script prints there cannot pass for a line of the server's own, nor steer a terminal.
    @Test func `stderr cannot forge lines`() async throws {
        try await withScripts(["x": page("printf 'a\\033[31mb\\rc\\n' >&2")]) { server in
            #expect(try server.get("/cgi-bin/x").status == 200)
            let line = try server.waitForError(containing: "stderr: a")
            #expect(line.hasSuffix("stderr: a\\x1B[31mbc"), "\(line)")
        }
    }

    @Test func `400 KB on stderr`() async throws {
        let script = page(
            "echo begin; i=0; while [ $i -lt 4000 ]; do echo $i $LINE; i=$((i+1)); done >&2; echo end")
        try await withScripts(["x": script], site: "cgi_env = LINE=\("x".times(95))") { server in
            #expect(try server.get("/cgi-bin/x").text == "begin\nend\n")
            _ = try server.waitForError(containing: "stderr: 3999 xxx")
            let count = server.process.stderr.lines.count { $0.contains("stderr: ") }
            #expect(count == 4000)
        }
    }

    @Test func `400 KB on stderr without any line's end, before the header`() async throws {
        try await withScripts([
            "x": shell("head -c 400000 /dev/zero | tr '\\0' x >&2; printf 'A: b\\n\\nfine'")
        ]) {
            server in
            let text = try server.get("/cgi-bin/x").text
            #expect(text == "fine")
            let whole = eventually {
                let lines = server.process.stderr.lines.filter { $0.contains("stderr: ") }
                return lines.reduce(0) { $0 + $1.count { $0 == "x" } } >= 400_000
            }
            #expect(whole)
        }
    }
}
