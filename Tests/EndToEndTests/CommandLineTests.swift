import Glibc
import TestSupport
import Testing

/// The words of the command: its help, its reference, and what is wrong with others.
@Suite(.timeLimit(.minutes(5))) struct CommandLineTests {
    @Test func `help and version`() async throws {
        try await blocking {
            let help = try gatehouse("help")
            #expect(help.status == 0)
            for command in ["run", "serve", "check", "keys", "stop", "reopen", "version", "help"] {
                #expect(help.stdout.contains("\n  \(command) "), "\(command)")
                let one = try gatehouse("help", command)
                #expect(one.status == 0)
                #expect(one.stdout.hasPrefix("usage: gatehouse \(command)"))
                try #expect(gatehouse(command, "--help").stdout == one.stdout)
                try #expect(gatehouse(command, "-h").stdout == one.stdout)
            }
            try #expect(gatehouse("--help").stdout == help.stdout)
            try #expect(gatehouse("-h").stdout == help.stdout)
            let version = try gatehouse("version")
            #expect(version.status == 0)
            #expect(version.stdout.wholeMatch(of: /gatehouse \d+\.\d+\.\d+\S*\n/) != nil)
            try #expect(gatehouse("--version").stdout == version.stdout)
        }
    }

    @Test func `the manual pages`() async throws {
        try await blocking {
            let command = try gatehouse("help", "--format", "man")
            #expect(command.stdout.hasPrefix(".TH GATEHOUSE 1 "))
            for name in ["run", "check", "doctor", "keys", "stop"] {
                #expect(command.stdout.contains("\n.SS gatehouse \(name)"), "\(name)")
            }
            let file = try gatehouse("keys", "--format=man")
            #expect(file.stdout.hasPrefix(".TH GATEHOUSE-SERVER.INI 5 "))
            for key in ["listen*", "max_header_size", "cgi*", "log_format"] {
                #expect(file.stdout.contains("\n.TP\n.B \(key)\n"), "\(key)")
            }
            // The formatter's opinion, where there is one.
            guard commandExists("groff") else { return }
            for page in [command, file] {
                let result = try runCommand(
                    ["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-rCHECKSTYLE=3"], input: page.output)
                #expect(result.status == 0 && result.stderr == "", "\(result.stderr)")
                #expect(result.stdout.contains("gatehouse"))
            }
        }
    }

    @Test func `the reference of settings`() async throws {
        try await blocking {
            let all = try gatehouse("keys")
            #expect(all.status == 0)
            for key in ["listen", "max_header_size", "cgi", "log_format", "symlinks"] {
                #expect(all.stdout.contains(key))
                let one = try gatehouse("keys", key)
                #expect(one.status == 0)
                #expect(one.stdout.hasPrefix(key))
                for part in ["meaning", "type", "default", "sections"] {
                    #expect(one.stdout.contains(part), "\(key)")
                }
            }
            try #expect(gatehouse("keys", "LISTEN").status == 0)
            let wrong = try gatehouse("keys", "symlink")
            #expect(wrong.status == 1)
            #expect(wrong.stderr.contains("`symlinks`"))
        }
    }

    @Test(
        arguments: [
            ["frobnicate"], ["check", "--frobnicate"], ["check", "-c"], ["check", "-c", "x", "y"],
            ["keys", "a", "b"], ["keys", "-x"],
            ["keys", "--format", "html"], ["keys", "--format", "man", "x"],
            ["version", "x"], ["help", "frobnicate"], ["help", "run", "x"], ["serve", "a", "b"],
            ["serve", "--listen"],
            ["serve", "--frob", "a"], ["--frobnicate"], ["stop", "now"], ["reopen", "-x"], ["run", "x"], [""],
        ])
    func `wrong usage`(_ words: [String]) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            let result = try runCommand([ServerProcess.builtExecutable] + words, in: folder.path)
            #expect(result.status == 2, "\(words)")
            #expect(result.stdout == "", "\(words)")
            #expect(result.stderr.hasPrefix("gatehouse: "), "\(words)")
        }
    }

    /// What a wrong word was probably meant to be.
    @Test(
        arguments: [
            (["chek"], "did you mean `check`?"), (["help", "reopn"], "did you mean `reopen`?"),
            (["check", "etc/server.ini"], "a file is named by `-c FILE`"),
            (["-c", "server.ini", "check"], "a subcommand stands first, as in `gatehouse check …`"),
            (["serve", "a", "b"], "`b` is too much\n"),
            (["keys", "frobnicate"], "`gatehouse keys` lists them"),
            (["serve", "--listen", "x"], "gatehouse: --listen: no port in `x`"),
            (["serve", "/nowhere"], "gatehouse: serve: `/nowhere`: No such file"),
        ])
    func `a hint`(_ words: [String], _ hint: String) async throws {
        try await blocking {
            let result = try runCommand([ServerProcess.builtExecutable] + words)
            #expect(result.status != 0)
            #expect(result.stderr.contains(hint), "\(result.stderr)")
        }
    }

    @Test func `the doctor says what it cannot run`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write(
                "etc/server.ini", "[server]\nhome = ..\nlisten = 127.0.0.1:0\n\(smallConfiguration)")
            try folder.write("www/index.html", "hello")
            for (subject, words) in [
                ("none.sh", "`none.sh`: No such file"), ("www", "`www`: is a folder"),
                ("www/index.html", "no setting of a site makes www/index.html a script"),
                ("ftp://a/b", "takes a script's file, a URL with http:// or a path with /"),
            ] {
                let result = try gatehouse("doctor", subject, in: folder)
                #expect(result.status == 1, "\(subject)")
                #expect(result.stderr.contains(words), "\(result.stderr)")
            }
            // A folder of the machine with the name of a path is meant as the path.
            try #expect(gatehouse("doctor", "/", in: folder).stdout.contains("HTTP/1.1 200"))
        }
    }
}
