import Glibc
import TestSupport
import Testing

/// What `gatehouse check` and `gatehouse doctor` say of scripts.
@Suite(.timeLimit(.minutes(5))) struct DiagnosisCommandTests {
    private static let broken = [
        "crlf": "#!/bin/sh\r\n", "python2": "#!/usr/bin/python2\n",
        "bom": "\u{FEFF}#!/bin/sh\n", "good": page("echo fine"),
        "text": shell("echo hello without headers"),
        "much": shell(
            "printf 'Content-Type: text/plain\\n\\n'; head -c 1000000 /dev/zero; head -c 9000 /dev/zero >&2"),
        "log": shell("echo ' id=1 stderr: no page' >&2; exit 3"),
        "half": page("echo half; exit 4"),
    ]

    private static func brokenSite() throws -> ScriptSite {
        let site = try ScriptSite(broken)
        try site.folder.write("cgi-bin/closed", shell("echo"))
        return site
    }

    /// Lets `doctor` look at one of the broken scripts.
    private func doctor(_ subject: String) async throws -> CommandResult {
        try await blocking { try Self.brokenSite().run("doctor", subject) }
    }

    @Test func `check looks at every script`() async throws {
        let result = try await blocking { try Self.brokenSite().run("check") }
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
            let script = prints("\\0357\\0273\\0277Content-Type:\ttext/html\\n\\n")
            let doctor = try ScriptSite(["x": script]).run("doctor", "/cgi-bin/x")
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
        let result = try await doctor(subject)
        #expect(result.status == status, "\(result.stdout)\(result.stderr)")
        #expect(result.stdout.contains(words), "\(result.stdout)\(result.stderr)")
    }

    @Test func `doctor says how much it leaves out`() async throws {
        let result = try await doctor("/cgi-bin/much")
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
            let site = try ScriptSite(
                ["x": page("echo fine")],
                site: """
                    cgi = /open/ cgi-bin/
                    [location default /cgi-bin]
                    auth = Members htpasswd
                    deny = all
                    """)
            // No user is in it.
            try site.folder.write("htpasswd", "# none\n")
            let closed = try site.run("doctor", "/%63gi-bin/x")
            #expect(closed.status == 0, "\(closed.stdout)\(closed.stderr)")
            for words in ["Nothing is wrong.", "log in first", "htpasswd (auth)", "(allow, deny)"] {
                #expect(closed.stdout.contains(words), "\(closed.stdout)")
            }
            let open = try site.run("doctor", "/open/x")
            #expect(open.stdout.hasSuffix("Nothing is wrong.\n"), "\(open.stdout)")
        }
    }

    @Test func `doctor waits for a script that works on`() async throws {
        try await blocking {
            let site = try ScriptSite(
                ["x": page("echo fine; exec >&- 2>&-; sleep 0.3; touch done; exit 3")])
            let result = try site.run("doctor", "/cgi-bin/x")
            #expect(result.status == 0)
            #expect(site.folder.exists("cgi-bin/done"))
            #expect(result.stdout.contains(/exit         status 3 after \d{3,} ms/), "\(result.stdout)")
            let long = try ScriptSite(
                ["x": page("echo fine; exec >&- 2>&-; sleep 1000")], site: "cgi_idle_timeout = 2s"
            ).run("doctor", "/cgi-bin/x")
            #expect(
                long.stdout.contains("worked on for longer than cgi_idle_timeout = 2s"), "\(long.stdout)")
        }
    }

    @Test func `doctor that waits can be interrupted`() async throws {
        try await blocking {
            let site = try ScriptSite(
                ["x": page("echo fine; echo $$ >../pid; exec >&- 2>&-; exec sleep 1000")])
            let doctor = try site.start("doctor", "/cgi-bin/x")
            let script = try site.notedProcess("pid")
            #expect(eventually { RunningProcess(script.pid)?.name == "sleep" })
            doctor.send(SIGINT)
            #expect(doctor.waitForExit(until: .after(20)) == .status(1))
            #expect(doctor.stdout.waitForEnd(until: .after(20)))
            #expect(doctor.stdout.text.contains("interrupted"), "\(doctor.stdout.text)")
            expectEnd(of: [script])
        }
    }

    /// What a script writes looks like what it wants.
    @Test func `doctor does not take stderr for the diagnosis`() async throws {
        let result = try await doctor("/cgi-bin/log")
        #expect(result.status == 1)
        let diagnosis = result.stdout.split(separator: "diagnosis\n").last ?? ""
        #expect(diagnosis.hasPrefix("    the script exited with status 3 without any output"), "\(diagnosis)")
        #expect(diagnosis.split(separator: "\n").count == 1, "\(diagnosis)")
    }

    @Test(arguments: [SIGINT, SIGTERM]) func `doctor can be interrupted`(_ signal: CInt) async throws {
        try await blocking {
            let script = page(
                """
                setsid -f env -i sh -c 'echo $$ >../left; exec sleep 1000' >/dev/null 2>&1 </dev/null
                echo $$ > ../pid; while :; do echo x; sleep 0.01; done
                """)
            let site = try ScriptSite(["x": script], site: "cgi_kill_grace = 60s")
            let doctor = try site.start("doctor", "/cgi-bin/x")
            let processes = try ["pid", "left"].map(site.notedProcess)
            doctor.send(signal)
            #expect(doctor.waitForExit(until: .after(20)) == .status(1))
            #expect(doctor.stdout.waitForEnd(until: .after(20)))
            #expect(doctor.stdout.text.contains("interrupted"), "\(doctor.stdout.text)\(doctor.stderr.text)")
            // Nothing is left to be waited for.
            expectEnd(of: processes)
        }
    }
}
