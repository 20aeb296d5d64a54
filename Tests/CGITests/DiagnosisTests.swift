import Glibc
import TestSupport
import Testing

/// Scripts whose output or end is wrong: what the browser gets and what the operator finds in the log.
@Suite(.timeLimit(.minutes(5))) struct DiagnosisTests {
    // MARK: What it printed

    @Test func `body with no header`() async throws {
        try await expectDiagnosis(
            shell("echo 'hello without headers'"), says: ["no header", "hello without headers"])
    }

    @Test func `body of one long line with no header`() async throws {
        // More zeros than a request id has.
        try await expectDiagnosis(
            shell("printf '<html>%01000d' 1; exec sleep 100"), says: ["no header", "00000000000000000000"])
    }

    /// A module or template that begins with one, most often.
    @Test func `output that begins with a byte order mark`() async throws {
        try await expectDiagnosis(
            prints("\\0357\\0273\\0277Content-Type: text/html\\n\\n"),
            says: [
                "\\xEF\\xBB\\xBFContent-Type: text/html",
                "begins with a byte order mark (BOM)",
            ])
        try await expectDiagnosis(
            prints("\\0357\\0273\\0277"),
            says: ["without the empty line", "\\xEF\\xBB\\xBF", "begins with a byte order mark (BOM)"])
    }

    @Test func `output in UTF-16`() async throws {
        try await expectDiagnosis(
            shell(
                "printf 'Content-Type: text/html\\n\\n' | iconv -f utf-8 -t utf-16le | (printf '\\377\\376'; cat)"
            ),
            says: ["it is UTF-16", "\\xFF\\xFEC"])
    }

    @Test func `header lines but no blank line`() async throws {
        try await expectDiagnosis(
            shell("printf 'Content-Type: text/html\\n'"),
            says: ["without the empty line", "Content-Type: text/html"])
    }

    @Test func `a Status that is none`() async throws {
        try await expectDiagnosis(prints("Status: fine\\n\\n"), says: ["Status", "fine"])
    }

    /// A stand-in for PHP's command line, which sends a page without a header.
    @Test func `PHP for the command line`() async throws {
        let folder = try ScratchFolder()
        try folder.script("php8.2", shell("echo '<html>'"))
        try await expectDiagnosis(
            "#!\(folder.path("php8.2"))\n<?php echo 1;\n", says: ["is no header", "php-cgi"])
        try folder.script("php8.2", shell("printf 1"))
        try await expectDiagnosis(
            "#!\(folder.path("php8.2"))\n<?php echo 1;\n", says: ["without the empty line", "php-cgi"])
        withExtendedLifetime(folder) {}
    }

    @Test func `Python's cgitb`() async throws {
        let script = """
            #!/usr/bin/python3
            import warnings
            warnings.simplefilter("ignore")
            import cgitb
            cgitb.enable()
            1 / 0
            """
        try await withScripts(["x": script]) { server in
            let answer = try server.cutAnswer(to: "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.head.hasPrefix("HTTP/1.1 200 "))
            #expect(answer.head.contains("Content-Type: text/html\r\n"))
            #expect(!answer.head.contains("spam"))
            #expect(answer.text.contains("ZeroDivisionError"))
            _ = try server.waitForError(containing: "exited with status 1")
        }
    }

    @Test(arguments: ["kill -KILL $$", "exit 3"])
    func `header and half a body, then the end`(_ end: String) async throws {
        try await withScripts(["x": page("printf '0123456789'; sleep 0.1; \(end)")]) { server in
            let answer = try server.cutAnswer(to: "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.head.hasPrefix("HTTP/1.1 200 "))
            #expect(answer.text.contains("0123456789"))
            #expect(!answer.hasLastChunk)
            let line = try server.waitForError(containing: "cut after 10 bytes")
            #expect(line.contains("script=/cgi-bin/x "))
            #expect(line.contains(end.contains("exit 3") ? "exited with status 3" : "was killed by SIGKILL"))
            _ = try server.waitForLog(containing: "GET /cgi-bin/x HTTP/1.1\" 200 10 ")
        }
    }

    // MARK: How it ended

    @Test func `exits 0, prints nothing`() async throws {
        try await expectDiagnosis(shell("exit 0"), says: ["exited with status 0", "without any output"])
    }

    @Test(arguments: [
        ("\\n", "an empty line"), ("\\r\\n", "an empty line"), ("\\n\\r\\n\\n", "3 empty lines"),
    ])
    func `prints empty lines alone`(_ output: String, _ lines: String) async throws {
        try await expectDiagnosis(
            prints(output),
            says: ["exited with status 0 after \(lines) and nothing else, no header and no page"])
        try await expectDiagnosis(
            shell("printf '%b' '\(output)'; echo oops >&2; exit 3"),
            says: ["exited with status 3 after \(lines) and nothing else", "last words on stderr: ", "oops"])
    }

    @Test func `a page behind an empty line, from a script that fails`() async throws {
        try await expectDiagnosis(
            shell("printf '\\nhello'; exit 3"),
            says: [
                "exited with status 3 after an empty line, which is a header, and 5 bytes of its page: ",
                "hello",
            ])
    }

    @Test(arguments: [(1, "an interim answer"), (2, "2 interim answers")])
    func `interim answers alone`(_ count: Int, _ words: String) async throws {
        let hints = String(repeating: "Status: 103\\nLink: </a>\\n\\n", count: count)
        try await withScripts(["x": prints(hints)]) { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            let response = try client.readResponse()
            #expect(response.status == 500)
            #expect(response.interim.map(\.status) == Array(repeating: 103, count: count))
            _ = try server.waitForError(
                containing: "exited with status 0 after \(words) (Status: 103) and no other")
        }
    }

    /// The client has all that it is to have.
    @Test func `a script that fails behind the header that HEAD asks for`() async throws {
        let script = page("echo page; while ! [ -e go ]; do sleep 0.01; done; exit 3")
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            try client.send("HEAD /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse(to: "HEAD").status == 200)
            try server.folder.write("cgi-bin/go", "")
            _ = try server.waitForError(containing: "exited with status 3 after a whole answer")
            // The connection is as good as before.
            try client.send("GET /cgi-bin/none HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse().status == 404)
        }
    }

    @Test(arguments: ["\\r", "\\nA: b\\n"])
    func `what only resembles empty lines alone`(_ output: String) async throws {
        try await expectDiagnosis(
            prints(output), says: ["without the empty line that ends a header; they begin with"])
    }

    @Test func `killed by SIGSEGV`() async throws {
        try await expectDiagnosis(
            shell("kill -SEGV $$"), says: ["was killed by SIGSEGV", "without any output"])
    }

    @Test func `killed by SIGKILL, which nobody here sent`() async throws {
        try await expectDiagnosis(shell("kill -KILL $$"), says: ["was killed by SIGKILL", "memory runs out"])
    }

    // MARK: Its last words

    @Test func `stderr text and exit 1`() async throws {
        try await expectDiagnosis(
            shell("echo 'first words' >&2; printf 'last words' >&2; exit 1"),
            says: ["exited with status 1", "last words"])
    }

    /// What languages write behind the line that says what is wrong.
    @Test(arguments: [
        "BEGIN failed--compilation aborted at x line 2.", "Execution of x aborted due to compilation errors.",
        "Node.js v18.19.0", "#0 {main}", "  thrown in x.php on line 3", "\tat Shop.main(Shop.java:3)",
    ]) func `the last words are those that say something`(_ last: String) async throws {
        try await expectDiagnosis(
            shell("echo 'the reason' >&2; printf '%s\\n' '\(last)' >&2; exit 1"),
            says: ["exited with status 1", "its last words on stderr: ", "the reason"])
    }

    @Test(arguments: [
        ("cgi_nproc = 200", "sh: 1: Cannot fork"), ("cgi_nproc = 200", "Resource temporarily unavailable"),
        ("cgi_nproc = 200", "RuntimeError: can't start new thread"),
        ("cgi_open_files = 64", "OSError: [Errno 24] Too many open files: x"),
    ])
    func `last words that tell of a limit`(_ setting: String, _ words: String) async throws {
        for end in ["exit 2", "printf 'Content-Type: text/plain\\n\\n'; exit 2"] {
            try await expectDiagnosis(
                seenAtItsEnd("echo \"\(words)\" >&2; \(end)"), site: setting,
                says: ["exited with status 2", "(\(setting) may be too little)"])
        }
        // Without the setting it is the machine's limit.
        try await withScripts(["x": shell("echo \"\(words)\" >&2; exit 2")]) { server in
            _ = try server.get("/cgi-bin/x")
            let line = try server.waitForError(containing: "exited with status 2")
            #expect(!line.contains("may be too little"))
        }
    }
}
