import Base
import Glibc
import TestSupport
import Testing

/// Broken scripts: what the browser gets and what the operator finds in the log.
@Suite(.timeLimit(.minutes(5))) struct DiagnosisTests {
    /// Asks for a script and expects `status`, one line in the error log with its name, the request's id
    /// and all of `words`, the same on the page for whom `cgi_errors_to` names, and nothing of it for others.
    private func expect(
        _ script: String, _ status: Int = 500, mode: mode_t = 0o755, server: String = "", site: String = "",
        says words: [String], prepare: @escaping @Sendable (ScratchFolder) throws -> Void = { _ in }
    ) async throws {
        try await withScripts(
            [:], site: "cgi_errors_to = 127.0.0.1\n\(site)", server: server,
            prepare: { folder in
                try folder.write("cgi-bin/x", script, mode: mode)
                try prepare(folder)
            }
        ) { server in
            let told = try server.get("/cgi-bin/x")
            #expect(told.status == status)
            let id = try requestID(told)
            var lines: [String] = []
            let said = eventually {
                lines = server.process.stderr.lines.filter { $0.contains(id) }
                return lines.contains { line in words.allSatisfy { line.contains($0) } }
            }
            #expect(said, "\(words) in:\n\(lines.joined(separator: "\n"))")
            #expect(lines.allSatisfy { $0.contains("site=default script=/cgi-bin/x ") })
            for word in words { #expect(told.text.contains(word), "\(word) in:\n\(told.text)") }

            let plain = try server.request("GET", "/cgi-bin/x", from: "127.0.0.2")
            #expect(plain.status == status)
            #expect(try requestID(plain) != id)
            for word in words { #expect(!plain.text.contains(word), "\(word) is not for everybody") }
            #expect(!plain.text.contains(server.folder.path))
        }
    }

    @Test func `CRLF shebang`() async throws {
        try await expect(
            "#!/bin/sh\r\necho\r\n", says: ["cgi-bin/x", "CR LF (Windows line ends)", "dos2unix"])
    }

    @Test func `CRLF shebang behind env`() async throws {
        try await expect(
            "#!/usr/bin/env python3\r\nprint()\r\n", says: ["cgi-bin/x", "CR LF (Windows line ends)"])
    }

    /// A program behind env gets none; its name does.
    @Test func `CR LF behind env's program`() async throws {
        try await expect(
            "#!/usr/bin/env python3\r\nprint()\r\n",
            says: ["env looks for python3 with a CR at the end of its name", "dos2unix"])
    }

    @Test(arguments: ["/usr/bin/perl -w", "/usr/bin/perl --", "/usr/bin/env -S perl -w"])
    func `CR LF that Perl does not mind`(_ line: String) async throws {
        let (script, site) = (
            "#!\(line)\r\nprint \"Content-Type: text/plain\\n\\nfine\";\r\n", "cgi = /cgi-bin/ cgi-bin/\n"
        )
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", script)
            let ini = try folder.write("server.ini", "[server]\nuser = root\n[site a]\nroot = www\n\(site)")
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", ini])
            #expect(check.status == 0 && check.stderr == "", "\(check.stderr)")
            let doctor = try runCommand([ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/x"])
            #expect(doctor.status == 0 && doctor.stdout.contains("fine"), "\(doctor.stdout)")
        }
    }

    /// The interpreter is found, and does not understand its argument.
    @Test(arguments: [("python3", "-u"), ("sh", "-e")])
    func `CR LF behind an interpreter's argument`(_ name: String, _ argument: String) async throws {
        let words = [
            "ends in CR LF (Windows line ends)", "\(name) gets the argument \(argument) with a CR",
            "dos2unix",
        ]
        let program = name == "sh" ? "/bin/sh" : "/usr/bin/python3"
        try await expect("#!\(program) \(argument)\r\n", says: ["exited with status 2"] + words)
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", "#!\(program) \(argument)\r\n")
            let ini = try folder.write(
                "server.ini", "[server]\nuser = root\n[site a]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n")
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", ini])
            #expect(check.status == 0)
            #expect(check.stderr.hasPrefix("\(ini):5: warning: line 1 of "), "\(check.stderr)")
            for word in words { #expect(check.stderr.contains(word), "\(check.stderr)") }
        }
    }

    /// The server's working folder has one of that name, the script's has none.
    @Test func `interpreter without its path`() async throws {
        try await expect(
            "#!perl\n",
            says: [
                "names the interpreter perl without its path", "so the system looks for it in the",
                "/perl is there",
            ]
        ) { try $0.script("perl", shell(":")) }
    }

    @Test func `interpreter in the script's own folder`() async throws {
        try await withScripts(["x": "#!run/it\n", "run/it": page("echo fine")]) { server in
            let answer = try server.get("/cgi-bin/x")
            // A script's own interpreter is looked for in the same folder.
            #expect(answer.status == 200 && answer.text == "fine\n", "\(answer)")
        }
    }

    @Test(arguments: [
        "#!C:\\Perl\\bin\\perl.exe -w", "#!C:/Perl/bin/perl.exe", "#!C:\\Perl\\bin\\perl.exe -w\r",
    ])
    func `interpreter of Windows`(_ line: String) async throws {
        try await expect("\(line)\n", says: ["as on Windows", "/perl is there"])
    }

    @Test(arguments: [
        ("perl -w", " is what it looks for"), ("-i perl", " is no option of env"),
    ])
    func `arguments behind env`(_ argument: String, _ words: String) async throws {
        try await expect(
            "#!/usr/bin/env \(argument)\n", says: [words, "`#!/usr/bin/env -S \(argument)`"])
    }

    @Test func `env that splits its argument`() async throws {
        try await expect(
            "#!/usr/bin/env -S -u X A=b python2 -u\n", says: ["env look for python2", "/python3 is there"])
    }

    @Test func `interpreter missing`() async throws {
        try await expect(
            "#!/usr/bin/python2\n", says: ["/usr/bin/python2", "does not exist", "/python3 is there"])
    }

    @Test func `interpreter missing for env`() async throws {
        try await expect(
            "#!/usr/bin/env python2\n", says: ["env look for python2", "/python3 is there"])
    }

    @Test func `an interpreter that is a script whose own is missing`() async throws {
        let folder = try ScratchFolder()
        let program = try folder.script("wrapper", "#!/usr/bin/python2\n")
        try await expect(
            "#!\(program)\n",
            says: [
                "names the interpreter \(program)", "which cannot be run: line 1 of \(program) names",
                "/usr/bin/python2", "/python3 is there",
            ])
        withExtendedLifetime(folder) {}
    }

    /// The kernel looks for a relative one where the script runs, whichever file names it.
    @Test func `a relative interpreter that another interpreter names`() async throws {
        let folder = try ScratchFolder()
        let wrapper = try folder.script("wrapper", "#!run/it\n")
        try folder.script("run/it", shell(":"))
        try await expect(
            "#!\(wrapper)\n",
            says: [
                "line 1 of \(wrapper) names the interpreter run/it, which does not exist below ",
                "/cgi-bin, where the script runs",
            ])
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: ["run/it", "/usr/bin/env run/it"])
    func `a relative interpreter beside the script`(_ line: String) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            let wrapper = try folder.script("lib/wrapper", "#!\(line)\n")
            try folder.script("cgi-bin/x", "#!\(wrapper)\n")
            try folder.script("cgi-bin/run/it", page("echo fine"))
            let ini = try folder.write(
                "server.ini", "[server]\nuser = root\n[site a]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n")
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", ini])
            #expect(check.status == 0 && check.stderr == "", "\(check.stderr)")
            let doctor = try runCommand([ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/x"])
            #expect(doctor.status == 0 && doctor.stdout.contains("fine"), "\(doctor.stdout)")
        }
    }

    @Test func `a relative program behind env`() async throws {
        try await expect(
            "#!/usr/bin/env run/it\n",
            says: ["env look for run/it, which does not exist below ", "/cgi-bin, where the script runs"])
    }

    @Test(arguments: ["itself", "interpreter"])
    func `a program whose loader is missing`(_ which: String) async throws {
        // As one of Alpine's, say.
        let folder = try ScratchFolder()
        let program = try readFile("/bin/true")
        let name = Array("ld-linux".utf8)
        let place = try #require(program.firstRange(of: name)).lowerBound
        let foreign = program[..<place] + Array("ld-other".utf8) + program[(place + name.count)...]
        let path = try folder.write("program", Array(foreign), mode: 0o755)
        try await expect(
            which == "itself" ? "" : "#!\(path)\n",
            says: ["was compiled for another system", "ld-other", "compile it here"]
        ) { if which == "itself" { try $0.write("cgi-bin/x", Array(foreign), mode: 0o755) } }
        withExtendedLifetime(folder) {}
    }

    @Test func `CR alone as line end`() async throws {
        try await expect("#!/bin/sh\recho\r", says: ["ends in CR alone", "sed -i "])
    }

    @Test func `CR LF below a shell's first line`() async throws {
        try await expect(
            "#!/bin/sh\necho Content-Type: text/plain\r\nnothere\r\n",
            says: ["CR LF (Windows line ends)", "dos2unix"])
    }

    /// A descriptor for writing that another script has inherited keeps it busy as well.
    @Test func `a file that is being written`() async throws {
        let folder = try ScratchFolder()
        let busy = try folder.script("busy", shell("exec sleep 1000"))
        let file = FileDescriptor(owning: open(busy, O_WRONLY | O_CLOEXEC))
        try await expect("#!\(busy)\n", says: ["open for writing", "an upload"])
        withExtendedLifetime(folder) {}
        _ = file.raw
    }

    @Test func `interpreter that is a folder`() async throws {
        try await expect("#!/usr/bin\n", says: ["names the interpreter /usr/bin", "it is a folder"])
    }

    @Test func `interpreter that is no program`() async throws {
        try await expect(
            "#!/etc/passwd\n", says: ["names the interpreter /etc/passwd", "no execute bit is set"])
    }

    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `interpreter in a folder that cannot be entered`() async throws {
        let folder = try ScratchFolder()
        let program = folder.path("closed/sh")
        try folder.makeFolder("closed")
        try folder.script("closed/sh", shell(":"))
        chmod(folder.path("closed"), 0o700)
        try await expect(
            "#!\(program)\n", server: "user = nobody",
            says: [
                "names the interpreter \(program)",
                "/closed (mode 0700, owner root) cannot be entered by nobody",
            ])
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [[0xFF, 0xFE], [0xFE, 0xFF]] as [[UInt8]])
    func `written in UTF-16`(_ mark: [UInt8]) async throws {
        try await expect(
            "", says: ["cgi-bin/x is written in UTF-16", "UTF-8 without BOM"]
        ) { try $0.write("cgi-bin/x", mark + [0x23, 0x00, 0x21, 0x00], mode: 0o755) }
    }

    @Test func `UTF-8 BOM before the shebang`() async throws {
        try await expect("\u{FEFF}#!/bin/sh\n", says: ["byte order mark (BOM)", "sed -i"])
    }

    @Test func `no shebang`() async throws {
        try await expect("echo hello\n", says: ["does not begin with #!", "echo hello", "#!/bin/sh"])
    }

    @Test func `PHP without shebang`() async throws {
        try await expect("<?php echo 1;\n", says: ["is PHP", "cgi_interpreter = .php"])
    }

    @Test func `an empty file`() async throws {
        try await expect("", says: ["cgi-bin/x is empty"])
    }

    @Test func `not executable`() async throws {
        try await expect(
            page("echo 1"), 403, mode: 0o644, says: ["no execute bit", "chmod 755 ", "cgi-bin/x"])
    }

    /// The server runs as somebody else where it can, and the folder is closed to all others.
    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a folder on the way that cannot be entered`() async throws {
        try await expect(
            page("echo 1"), 403, server: "user = nobody",
            says: ["cgi-bin (mode 0700, owner root) cannot be entered by nobody", "chmod o+x "]
        ) { chmod($0.path("cgi-bin"), 0o700) }
    }

    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a script that its user may not run`() async throws {
        try await expect(
            page("echo 1"), 403, mode: 0o700, server: "user = nobody",
            says: ["cgi-bin/x (mode 0700, owner root) may not be run by nobody", "chmod 755 "])
    }

    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a script that its user may run and not read`() async throws {
        try await expect(
            page("echo 1"), mode: 0o711, server: "user = nobody",
            says: ["exited with status", "cannot open", "cannot be read by nobody", "chmod a+r "])
    }

    @Test func `a noexec mount`() async throws {
        // Below /proc is such a place on every machine; the file is a program otherwise.
        try await withServer(site: "cgi = /x /proc/version") { server in
            #expect(try server.get("/x").status == 403)
            let line = try server.waitForError(containing: "/proc/version")
            #expect(line.contains("noexec") || line.contains("no execute bit"), "\(line)")
        }
    }

    @Test func `body with no header`() async throws {
        try await expect(
            shell("echo 'hello without headers'"), says: ["no header", "hello without headers"])
    }

    @Test func `body of one long line with no header`() async throws {
        // More zeros than a request id has.
        try await expect(
            shell("printf '<html>%01000d' 1; exec sleep 100"), says: ["no header", "00000000000000000000"])
    }

    /// A module or template that begins with one, most often.
    @Test func `output that begins with a byte order mark`() async throws {
        try await expect(
            prints("\\0357\\0273\\0277Content-Type: text/html\\n\\n"),
            says: [
                "\\xEF\\xBB\\xBFContent-Type: text/html",
                "begins with a byte order mark (BOM)",
            ])
        try await expect(
            prints("\\0357\\0273\\0277"),
            says: ["without the empty line", "\\xEF\\xBB\\xBF", "begins with a byte order mark (BOM)"])
    }

    @Test func `output in UTF-16`() async throws {
        try await expect(
            shell(
                "printf 'Content-Type: text/html\\n\\n' | iconv -f utf-8 -t utf-16le | (printf '\\377\\376'; cat)"
            ),
            says: ["it is UTF-16", "\\xFF\\xFEC"])
    }

    @Test(arguments: [
        ("cgi_nproc = 200", "sh: 1: Cannot fork"), ("cgi_nproc = 200", "Resource temporarily unavailable"),
        ("cgi_nproc = 200", "RuntimeError: can't start new thread"),
        ("cgi_open_files = 64", "OSError: [Errno 24] Too many open files: x"),
    ])
    func `last words that tell of a limit`(_ setting: String, _ words: String) async throws {
        for end in ["exit 2", "printf 'Content-Type: text/plain\\n\\n'; exit 2"] {
            try await expect(
                shell("echo \"\(words)\" >&2; \(end)"), site: setting,
                says: ["exited with status 2", "(\(setting) may be too little)"])
        }
        // Without the setting it is the machine's limit.
        try await withScripts(["x": shell("echo \"\(words)\" >&2; exit 2")]) { server in
            _ = try server.get("/cgi-bin/x")
            let line = try server.waitForError(containing: "exited with status 2")
            #expect(!line.contains("may be too little"))
        }
    }

    /// A stand-in for PHP's command line, which sends a page without a header.
    @Test func `PHP for the command line`() async throws {
        let folder = try ScratchFolder()
        try folder.script("php8.2", shell("echo '<html>'"))
        try await expect(
            "#!\(folder.path("php8.2"))\n<?php echo 1;\n", says: ["is no header", "php-cgi"])
        try folder.script("php8.2", shell("printf 1"))
        try await expect(
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

    @Test func `exits 0, prints nothing`() async throws {
        try await expect(shell("exit 0"), says: ["exited with status 0", "without any output"])
    }

    @Test(arguments: [
        ("\\n", "an empty line"), ("\\r\\n", "an empty line"), ("\\n\\r\\n\\n", "3 empty lines"),
    ])
    func `prints empty lines alone`(_ output: String, _ lines: String) async throws {
        try await expect(
            prints(output),
            says: ["exited with status 0 after \(lines) and nothing else, no header and no page"])
        try await expect(
            shell("printf '%b' '\(output)'; echo oops >&2; exit 3"),
            says: ["exited with status 3 after \(lines) and nothing else", "last words on stderr: ", "oops"])
    }

    @Test(arguments: ["\\r", "\\nA: b\\n"])
    func `what only resembles empty lines alone`(_ output: String) async throws {
        try await expect(prints(output), says: ["without the empty line that ends a header; they begin with"])
    }

    @Test func `stderr text and exit 1`() async throws {
        try await expect(
            shell("echo 'first words' >&2; printf 'last words' >&2; exit 1"),
            says: ["exited with status 1", "last words"])
    }

    /// What languages write behind the line that says what is wrong.
    @Test(arguments: [
        "BEGIN failed--compilation aborted at x line 2.", "Execution of x aborted due to compilation errors.",
        "Node.js v18.19.0", "#0 {main}", "  thrown in x.php on line 3", "\tat Shop.main(Shop.java:3)",
    ]) func `the last words are those that say something`(_ last: String) async throws {
        try await expect(
            shell("echo 'the reason' >&2; printf '%s\\n' '\(last)' >&2; exit 1"),
            says: ["exited with status 1", "its last words on stderr: ", "the reason"])
    }

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

    @Test func `killed by SIGSEGV`() async throws {
        try await expect(shell("kill -SEGV $$"), says: ["was killed by SIGSEGV", "without any output"])
    }

    @Test func `killed by SIGKILL, which nobody here sent`() async throws {
        try await expect(shell("kill -KILL $$"), says: ["was killed by SIGKILL", "memory runs out"])
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

    @Test func `header lines but no blank line`() async throws {
        try await expect(
            shell("printf 'Content-Type: text/html\\n'"),
            says: ["without the empty line", "Content-Type: text/html"])
    }

    @Test func `a Status that is none`() async throws {
        try await expect(prints("Status: fine\\n\\n"), says: ["Status", "fine"])
    }

    // MARK: What is no script

    @Test func `a folder of scripts itself`() async throws {
        try await withScripts(["x": page("echo 1")], site: "index = index.html index.cgi") { server in
            for path in ["/cgi-bin/", "/cgi-bin"] {
                let answer = try server.get(path)
                #expect(answer.status == 403)
                let line = try server.waitForError(containing: requestID(answer))
                for text in [line, answer.text] {
                    #expect(text.contains("is a folder of scripts"), "\(text)")
                    #expect(text.contains("index.html index.cgi"), "\(text)")
                }
            }
        }
    }

    @Test func `a named pipe among scripts`() async throws {
        try await withScripts([:], prepare: { mkfifo($0.path("cgi-bin/pipe"), 0o755) }) { server in
            let answer = try server.get("/cgi-bin/pipe")
            #expect(answer.status == 403)
            let line = try server.waitForError(containing: requestID(answer))
            #expect(line.contains("cgi-bin/pipe is no regular file"), "\(line)")
        }
    }

    // MARK: Commands

    static let broken = [
        "cgi-bin/crlf": "#!/bin/sh\r\n", "cgi-bin/python2": "#!/usr/bin/python2\n",
        "cgi-bin/bom": "\u{FEFF}#!/bin/sh\n", "cgi-bin/good": page("echo fine"),
        "cgi-bin/text": shell("echo hello without headers"),
        "cgi-bin/much": shell(
            "printf 'Content-Type: text/plain\\n\\n'; head -c 1000000 /dev/zero; head -c 9000 /dev/zero >&2"),
        "cgi-bin/log": shell("echo ' id=1 stderr: no page' >&2; exit 3"),
        "cgi-bin/half": page("echo half; exit 4"),
        "cgi-bin/endless": page(
            """
            setsid -f env -i sh -c 'echo $$ >../left; exec sleep 1000' >/dev/null 2>&1 </dev/null
            echo $$ > ../pid; while :; do echo x; sleep 0.01; done
            """),
    ]

    /// Writes the broken scripts and a configuration, and runs `gatehouse` with `arguments`.
    func run(_ arguments: [String]) async throws -> (result: CommandResult, folder: String) {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            for (name, text) in Self.broken { try folder.script(name, text) }
            try folder.write("cgi-bin/closed", shell("echo"))
            try folder.write(
                "server.ini",
                "[server]\nlisten = 127.0.0.1:0\n[site default]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n")
            let command = [ServerProcess.builtExecutable, arguments[0], "-c", folder.path("server.ini")]
            return (try runCommand(command + arguments.dropFirst()), folder.path)
        }
    }

    @Test func `check looks at every script`() async throws {
        let (result, _) = try await run(["check"])
        let text = result.stdout + result.stderr
        for (script, words) in [
            ("crlf", "CR LF"), ("python2", "does not exist"), ("bom", "byte order mark"),
            ("closed", "no execute bit"),
        ] {
            let line = text.split(separator: "\n").first { $0.contains("cgi-bin/\(script)") }
            #expect(line?.contains(words) == true, "\(text)")
            #expect(line?.contains("server.ini:5: ") == true, "\(text)")
        }
        #expect(!text.contains("cgi-bin/good"))
        #expect(result.status == 1)
    }

    /// What a location or an alias makes of a file, `check` and `doctor` know as well.
    @Test func `check and doctor know locations and aliases`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            for name in ["www", "pages", "cgi-bin"] { try folder.makeFolder(name) }
            // No interpreter of its own, and no execute bit: one of the configuration runs it.
            try folder.write("cgi-bin/old.sh", "#!/none\n" + page("echo fine"))
            try folder.script("pages/x.run", page("echo fine"))
            try folder.write(
                "server.ini",
                """
                [server]
                listen = 127.0.0.1:0
                [site default]
                root = www
                cgi = /cgi-bin/ cgi-bin/
                alias = /p/ pages
                [location default /cgi-bin]
                cgi_interpreter = .sh /bin/sh
                [location default /p]
                cgi_extensions = .run

                """)
            let executable = ServerProcess.builtExecutable
            let check = try runCommand([executable, "check", "-c", folder.path("server.ini")])
            #expect(check.status == 0, "\(check.stdout)\(check.stderr)")
            for name in ["cgi-bin/old.sh", "pages/x.run"] {
                let doctor = try runCommand(
                    [executable, "doctor", "-c", folder.path("server.ini"), folder.path(name)])
                #expect(doctor.status == 0, "\(doctor.stdout)\(doctor.stderr)")
                #expect(doctor.stdout.contains("fine"))
            }
        }
    }

    @Test func `doctor shows bytes that no screen does`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", prints("\\0357\\0273\\0277Content-Type:\ttext/html\\n\\n"))
            let ini = try folder.write("server.ini", "[site a]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n")
            let doctor = try runCommand([ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/x"])
            #expect(doctor.status == 1)
            #expect(
                doctor.stdout.contains("bytes\n    \\xEF\\xBB\\xBFContent-Type:\ttext/html\n"),
                "\(doctor.stdout)")
            #expect(doctor.stdout.contains("begins with a byte order mark"), "\(doctor.stdout)")
        }
    }

    @Test(arguments: [
        ("/cgi-bin/crlf", 1, "CR LF"), ("/cgi-bin/text", 1, "hello without headers"),
        ("/cgi-bin/closed", 1, "no execute bit"),
        ("http://localhost/cgi-bin/good?a=1", 0, "QUERY_STRING=a=1"),
        ("/cgi-bin/good", 0, "\nsite         default\n"),
        ("/cgi-bin/half", 1, "exited with status 4; the answer was cut after 5 bytes"),
    ])
    func `doctor explains`(_ subject: String, _ status: CInt, _ words: String) async throws {
        let (result, _) = try await run(["doctor", subject])
        #expect(result.status == status, "\(result.stdout)\(result.stderr)")
        #expect(result.stdout.contains(words), "\(result.stdout)\(result.stderr)")
    }
}

extension DiagnosisTests {
    @Test func `doctor says how much it leaves out`() async throws {
        let (result, _) = try await run(["doctor", "/cgi-bin/much"])
        #expect(result.status == 0)
        for words in [
            "stdout, 1000026 bytes\n", "(and 995930 bytes more)", "stderr, 9000 bytes\n",
            "(and 4904 bytes more)", " bytes behind the head)",
        ] { #expect(result.stdout.contains(words), "\(words)") }
        #expect(result.stdout.utf8.count < 30000)
    }

    /// What the server keeps from a visitor and shows to the doctor.
    @Test func `doctor says what a visitor needs`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", page("echo fine"))
            // No user is in it.
            try folder.write("htpasswd", "# none\n")
            let ini = try folder.write(
                "server.ini",
                """
                [site a]
                root = www
                cgi = /cgi-bin/ cgi-bin/
                cgi = /open/ cgi-bin/
                [location a /cgi-bin]
                auth = Members htpasswd
                deny = all

                """)
            func doctor(_ path: String) throws -> CommandResult {
                try runCommand([ServerProcess.builtExecutable, "doctor", "-c", ini, path])
            }
            let closed = try doctor("/%63gi-bin/x")
            #expect(closed.status == 0, "\(closed.stdout)\(closed.stderr)")
            for words in ["Nothing is wrong.", "log in first", "htpasswd (auth)", "(allow, deny)"] {
                #expect(closed.stdout.contains(words), "\(closed.stdout)")
            }
            let open = try doctor("/open/x")
            #expect(open.stdout.hasSuffix("Nothing is wrong.\n"), "\(open.stdout)")
        }
    }

    @Test func `doctor waits for a script that works on`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", page("echo fine; exec >&- 2>&-; sleep 0.3; touch done; exit 3"))
            try folder.script("cgi-bin/long", page("echo fine; exec >&- 2>&-; sleep 1000"))
            let ini = try folder.write(
                "server.ini", "[site a]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\ncgi_idle_timeout = 500ms\n")
            let result = try runCommand([ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/x"])
            #expect(result.status == 0)
            #expect(folder.exists("cgi-bin/done"))
            #expect(result.stdout.contains(/exit         status 3 after \d{3,} ms/), "\(result.stdout)")
            let long = try runCommand([ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/long"])
            #expect(
                long.stdout.contains("worked on for longer than cgi_idle_timeout = 500ms"), "\(long.stdout)")
        }
    }

    @Test func `doctor that waits can be interrupted`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", page("echo fine; echo $$ >../pid; exec >&- 2>&-; exec sleep 1000"))
            let ini = try folder.write("server.ini", "[site a]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n")
            let doctor = try ChildProcess([ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/x"])
            _ = eventually(within: 10) { (try? folder.read("pid"))?.hasSuffix("\n") == true }
            let script = try #require(pid_t(folder.read("pid").dropLast()).flatMap { RunningProcess($0) })
            _ = eventually { RunningProcess(script.pid)?.name == "sleep" }
            doctor.send(SIGINT)
            #expect(doctor.waitForExit(until: .after(8)) == .status(1))
            #expect(doctor.stdout.text.contains("interrupted"), "\(doctor.stdout.text)")
            expectEnd(of: [script], within: 0.5)
        }
    }

    /// The mark that a script's processes are known by is not worth a failure.
    @Test func `a script starts where it can have no mark`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.script("cgi-bin/x", page("grep locks /proc/self/limits"))
            let ini = try folder.write("server.ini", "[site default]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n")
            let result = try runCommand([
                "prlimit", "--locks=5:6", ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/x",
            ])
            #expect(result.status == 0)
            #expect(result.stdout.contains(/locks\s+5\s+6\s/), "\(result.stdout)\(result.stderr)")
        }
    }

    /// What a script writes looks like what it wants.
    @Test func `doctor does not take stderr for the diagnosis`() async throws {
        let (result, _) = try await run(["doctor", "/cgi-bin/log"])
        #expect(result.status == 1)
        let diagnosis = result.stdout.split(separator: "diagnosis\n").last ?? ""
        #expect(diagnosis.hasPrefix("    the script exited with status 3 without any output"), "\(diagnosis)")
        #expect(diagnosis.split(separator: "\n").count == 1, "\(diagnosis)")
    }

    @Test(arguments: [SIGINT, SIGTERM]) func `doctor can be interrupted`(_ signal: CInt) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            for (name, text) in Self.broken { try folder.script(name, text) }
            let ini = try folder.write(
                "server.ini", "[site default]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\ncgi_kill_grace = 1s\n")
            let doctor = try ChildProcess(
                [ServerProcess.builtExecutable, "doctor", "-c", ini, "/cgi-bin/endless"])
            let processes = try ["pid", "left"].map { name in
                _ = eventually(within: 10) { (try? folder.read(name))?.hasSuffix("\n") == true }
                return try #require(pid_t(folder.read(name).dropLast()).flatMap { RunningProcess($0) })
            }
            doctor.send(signal)
            #expect(doctor.waitForExit(until: .after(8)) == .status(1))
            #expect(doctor.stdout.waitForEnd(until: .after(2)))
            #expect(doctor.stdout.text.contains("interrupted"), "\(doctor.stdout.text)\(doctor.stderr.text)")
            // Nothing is left to be waited for.
            expectEnd(of: processes, within: 0.5)
        }
    }
}

/// The request's number that an error page shows, which the log has too.
func requestID(_ response: RawResponse) throws -> String {
    guard let match = response.text.firstMatch(of: /Request (\w+)</) else {
        throw TestFailure("no request id on \(response)")
    }
    return String(match.1)
}
