import Base
import Glibc
import TestSupport
import Testing

/// Scripts that do not start: their first line, the interpreter it names, the file as a whole.
@Suite(.timeLimit(.minutes(5))) struct FirstLineTests {
    // MARK: The ends of lines

    @Test func `CRLF shebang`() async throws {
        try await expectDiagnosis(
            "#!/bin/sh\r\necho\r\n", says: ["cgi-bin/x", "CR LF (Windows line ends)", "dos2unix"])
    }

    @Test func `CRLF shebang behind env`() async throws {
        try await expectDiagnosis(
            "#!/usr/bin/env python3\r\nprint()\r\n", says: ["cgi-bin/x", "CR LF (Windows line ends)"])
    }

    /// A program behind env gets none; its name does.
    @Test func `CR LF behind env's program`() async throws {
        try await expectDiagnosis(
            "#!/usr/bin/env python3\r\nprint()\r\n",
            says: ["env looks for python3 with a CR at the end of its name", "dos2unix"])
    }

    @Test func `what is wrong is told once`() async throws {
        try await withScripts(["x": "#!/usr/bin/env python3\r\nprint()\r\n"]) { server in
            try #expect(server.get("/cgi-bin/x").status == 500)
            let line = try server.waitForError(containing: "dos2unix")
            #expect(line.split(separator: "dos2unix").count == 2, "\(line)")
        }
    }

    @Test(arguments: ["/usr/bin/perl -w", "/usr/bin/perl --", "/usr/bin/env -S perl -w"])
    func `CR LF that Perl does not mind`(_ line: String) async throws {
        let script = "#!\(line)\r\nprint \"Content-Type: text/plain\\n\\nfine\";\r\n"
        try await blocking {
            let site = try ScriptSite(["x": script], server: "user = root")
            let check = try site.run("check")
            #expect(check.status == 0 && check.stderr == "", "\(check.stderr)")
            let doctor = try site.run("doctor", "/cgi-bin/x")
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
        try await expectDiagnosis("#!\(program) \(argument)\r\n", says: ["exited with status 2"] + words)
        try await blocking {
            let site = try ScriptSite(["x": "#!\(program) \(argument)\r\n"], server: "user = root")
            let check = try site.run("check")
            #expect(check.status == 0)
            #expect(
                check.stderr.hasPrefix("\(site.configuration):5: warning: line 1 of "), "\(check.stderr)")
            for word in words { #expect(check.stderr.contains(word), "\(check.stderr)") }
        }
    }

    @Test func `CR alone as line end`() async throws {
        try await expectDiagnosis("#!/bin/sh\recho\r", says: ["ends in CR alone", "sed -i "])
    }

    @Test func `CR LF below a shell's first line`() async throws {
        try await expectDiagnosis(
            "#!/bin/sh\necho Content-Type: text/plain\r\nnothere\r\n",
            says: ["CR LF (Windows line ends)", "dos2unix"])
    }

    // MARK: The interpreter

    /// The server's working folder has one of that name, the script's has none.
    @Test func `interpreter without its path`() async throws {
        try await expectDiagnosis(
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
        try await expectDiagnosis("\(line)\n", says: ["as on Windows", "/perl is there"])
    }

    @Test(arguments: [
        ("perl -w", " is what it looks for"), ("-i perl", " is no option of env"),
    ])
    func `arguments behind env`(_ argument: String, _ words: String) async throws {
        try await expectDiagnosis(
            "#!/usr/bin/env \(argument)\n", says: [words, "`#!/usr/bin/env -S \(argument)`"])
    }

    @Test func `env that splits its argument`() async throws {
        try await expectDiagnosis(
            "#!/usr/bin/env -S -u X A=b python2 -u\n", says: ["env look for python2", "/python3 is there"])
    }

    @Test func `interpreter missing`() async throws {
        try await expectDiagnosis(
            "#!/usr/bin/python2\n", says: ["/usr/bin/python2", "does not exist", "/python3 is there"])
    }

    @Test func `interpreter missing for env`() async throws {
        try await expectDiagnosis(
            "#!/usr/bin/env python2\n", says: ["env look for python2", "/python3 is there"])
    }

    @Test func `an interpreter that is a script whose own is missing`() async throws {
        let folder = try ScratchFolder()
        let program = try folder.script("wrapper", "#!/usr/bin/python2\n")
        try await expectDiagnosis(
            "#!\(program)\n",
            says: [
                "names the interpreter \(program)", "which cannot be run: line 1 of \(program) names",
                "/usr/bin/python2", "/python3 is there",
            ])
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [
        ("echo\n", "does not begin with #! and an interpreter"), ("\u{FEFF}#!/bin/sh\n", "byte order mark"),
        ("", "is empty"),
    ])
    func `an interpreter that is no program either`(_ text: String, _ words: String) async throws {
        let folder = try ScratchFolder()
        let inner = try folder.script("inner", text)
        try await expectDiagnosis(
            "#!\(inner)\n",
            says: ["cgi-bin/x names the interpreter \(inner), which cannot be run: \(inner) ", words])
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [5, 6]) func `scripts in a row`(_ count: Int) async throws {
        let folder = try ScratchFolder()
        var last = try folder.script("s1", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nfine'\n")
        for number in 2..<count { last = try folder.script("s\(number)", "#!\(last)\n") }
        if count == 5 {
            let script = "#!\(last)\n"
            try await withScripts(["x": script]) { try #expect($0.get("/cgi-bin/x").text == "fine") }
        } else {
            try await expectDiagnosis(
                "#!\(last)\n",
                says: ["s1, which is a script as well; the system follows 5 in a row and no more"])
        }
        withExtendedLifetime(folder) {}
    }

    @Test func `a script that names itself`() async throws {
        try await withScripts(
            ["x": ":"],
            prepare: { folder in
                let path = folder.path("cgi-bin/x")
                try folder.script("cgi-bin/x", "#!\(path)\n")
            }
        ) { server in
            try #expect(server.get("/cgi-bin/x").status == 500)
            _ = try server.waitForError(containing: "cgi-bin/x, which is the file itself")
        }
    }

    /// The kernel looks for a relative one where the script runs, whichever file names it.
    @Test func `a relative interpreter that another interpreter names`() async throws {
        let folder = try ScratchFolder()
        let wrapper = try folder.script("wrapper", "#!run/it\n")
        try folder.script("run/it", shell(":"))
        try await expectDiagnosis(
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
            let wrapper = try folder.script("lib/wrapper", "#!\(line)\n")
            let site = try ScriptSite(
                ["x": "#!\(wrapper)\n", "run/it": page("echo fine")], server: "user = root")
            let check = try site.run("check")
            #expect(check.status == 0 && check.stderr == "", "\(check.stderr)")
            let doctor = try site.run("doctor", "/cgi-bin/x")
            #expect(doctor.status == 0 && doctor.stdout.contains("fine"), "\(doctor.stdout)")
        }
    }

    @Test func `a relative program behind env`() async throws {
        try await expectDiagnosis(
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
        try await expectDiagnosis(
            which == "itself" ? "" : "#!\(path)\n",
            says: ["was compiled for another system", "ld-other", "compile it here"]
        ) { if which == "itself" { try $0.write("cgi-bin/x", Array(foreign), mode: 0o755) } }
        withExtendedLifetime(folder) {}
    }

    /// A descriptor for writing that another script has inherited keeps it busy as well.
    @Test func `a file that is being written`() async throws {
        let folder = try ScratchFolder()
        let busy = try folder.script("busy", shell("exec sleep 1000"))
        let file = FileDescriptor(owning: open(busy, O_WRONLY | O_CLOEXEC))
        try await expectDiagnosis("#!\(busy)\n", says: ["open for writing", "an upload"])
        withExtendedLifetime(folder) {}
        _ = file.raw
    }

    @Test func `interpreter that is a folder`() async throws {
        try await expectDiagnosis("#!/usr/bin\n", says: ["names the interpreter /usr/bin", "it is a folder"])
    }

    @Test func `interpreter that is no program`() async throws {
        try await expectDiagnosis(
            "#!/etc/passwd\n", says: ["names the interpreter /etc/passwd", "no execute bit is set"])
    }

    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `interpreter in a folder that cannot be entered`() async throws {
        let folder = try ScratchFolder()
        let program = folder.path("closed/sh")
        try folder.makeFolder("closed")
        try folder.script("closed/sh", shell(":"))
        chmod(folder.path("closed"), 0o700)
        try await expectDiagnosis(
            "#!\(program)\n", server: "user = nobody",
            says: [
                "names the interpreter \(program)",
                "/closed (mode 0700, owner root) cannot be entered by nobody",
            ])
        withExtendedLifetime(folder) {}
    }

    // MARK: The file

    @Test(arguments: [[0xFF, 0xFE], [0xFE, 0xFF]] as [[UInt8]])
    func `written in UTF-16`(_ mark: [UInt8]) async throws {
        try await expectDiagnosis(
            "", says: ["cgi-bin/x is written in UTF-16", "UTF-8 without BOM"]
        ) { try $0.write("cgi-bin/x", mark + [0x23, 0x00, 0x21, 0x00], mode: 0o755) }
    }

    @Test func `UTF-8 BOM before the shebang`() async throws {
        try await expectDiagnosis("\u{FEFF}#!/bin/sh\n", says: ["byte order mark (BOM)", "sed -i"])
    }

    @Test func `no shebang`() async throws {
        try await expectDiagnosis(
            "echo hello\n", says: ["does not begin with #!", "echo hello", "#!/bin/sh"])
    }

    @Test func `PHP without shebang`() async throws {
        try await expectDiagnosis("<?php echo 1;\n", says: ["is PHP", "cgi_interpreter = .php"])
    }

    @Test func `an empty file`() async throws {
        try await expectDiagnosis("", says: ["cgi-bin/x is empty"])
    }
}
