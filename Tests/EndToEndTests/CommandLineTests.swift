import Glibc
import TestSupport
import Testing

/// The command as people type it.
@Suite(.timeLimit(.minutes(5))) struct CommandLineTests {
    private static func gatehouse(
        _ words: String..., in folder: ScratchFolder? = nil, environment: [String: String] = [:]
    ) throws
        -> CommandResult
    {
        try runCommand([ServerProcess.builtExecutable] + words, in: folder?.path, environment: environment)
    }

    private static let good = "[site default]\nroot = www\n"

    @Test func `check says good`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.write("server.ini", Self.good)
            let result = try Self.gatehouse("check", "-c", folder.path("server.ini"))
            #expect(result.status == 0)
            #expect(result.stdout.contains("good"))
            #expect(result.stderr == "")
            for words in [["check", "--config", "server.ini"], ["check", "--config=server.ini"]] {
                let result = try runCommand([ServerProcess.builtExecutable] + words, in: folder.path)
                #expect(result.status == 0, "\(words)")
            }
            // Without -c it is etc/server.ini.
            try folder.write("etc/server.ini", "[server]\nhome = ..\n\(Self.good)")
            try #expect(Self.gatehouse("check", in: folder).status == 0)
        }
    }

    @Test func `check warns of a site that has nothing`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            let path = try folder.write("server.ini", "[site a]\n[site b]\nredirect = / http://a/\n")
            let result = try Self.gatehouse("check", "-c", path)
            #expect(result.status == 0)
            #expect(result.stderr.hasPrefix("\(path):1: warning: [site a] has neither root nor alias"))
            #expect(result.stderr.split(separator: "\n").count == 1, "\(result.stderr)")
        }
    }

    /// Root may do everything, the user whom the server becomes may not.
    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `check by root looks with the eyes of the server's user`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            chmod(folder.path("www"), 0o700)
            try folder.write("cgi-bin/x", "#!/bin/sh\n", mode: 0o700)
            let text = "[server]\nuser = nobody\n[site a]\nroot = www\n"
            let path = try folder.write("server.ini", text)
            let pages = try Self.gatehouse("check", "-c", path)
            #expect(pages.status == 0)
            #expect(pages.stderr.contains("\(path):3: warning: the folder \(folder.path("www")) (mode 0700"))
            try folder.write("server.ini", text + "cgi = /cgi-bin/ cgi-bin/\n")
            let scripts = try Self.gatehouse("check", "-c", path)
            #expect(scripts.status == 1)
            #expect(scripts.stderr.contains("cgi-bin/x (mode 0700, owner root) may not be run by nobody"))
        }
    }

    @Test func `check warns of what is doubtful`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("www/there.html", "x")
            try folder.write("pages/there.html", "x")
            try folder.script("cgi-bin/sorry", "#!/bin/sh\n")
            let path = try folder.write(
                "server.ini",
                """
                [server]
                user = \(getuid() == 0 ? "root" : String(cString: getpwuid(getuid()).pointee.pw_name))
                [defaults]
                charset = uft-8
                cgi_env = A=of all
                error_page = 410 /gone.html
                [site a]
                root = www
                alias = /p/ pages
                cgi = /cgi-bin/ cgi-bin/
                charset = Shift_JIS
                cgi_env = A=1
                cgi_env = B=2
                cgi_env = "A = 3"
                error_page = 403 /there.html
                error_page = 404 /missing.html?a
                error_page = 500 /cgi-bin/sorry/path/info
                error_page = 502 /cgi-bin/none
                error_page = 503 /p/there%2Ehtml
                error_page = 504 /p/missing.html
                [site b]
                root = www
                charset = klingon

                """)
            let result = try Self.gatehouse("check", "-c", path)
            #expect(result.status == 0, "\(result.stderr)")
            #expect(
                result.stderr.split(separator: "\n").map { $0.replacing(folder.path, with: "") } == [
                    "/server.ini:4: warning: charset: `uft-8` is a name that no browser knows; did you mean `utf-8`?",
                    "/server.ini:14: warning: cgi_env: `A` takes the place of the one at line 12",
                    "/server.ini:23: warning: charset: `klingon` is a name that no browser knows",
                    "/server.ini:16: warning: error_page: 404 /missing.html?a: there is no /www/missing.html",
                    "/server.ini:6: warning: error_page: 410 /gone.html: there is no /www/gone.html",
                    "/server.ini:18: warning: error_page: 502 /cgi-bin/none: there is no /cgi-bin/none",
                    "/server.ini:20: warning: error_page: 504 /p/missing.html: there is no /pages/missing.html",
                ])
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root may be somebody else"))
    func `a closed folder on the way is named`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.makeFolder("closed/cgi-bin")
            chmod(folder.path, 0o755)
            chmod(folder.path("closed"), 0o700)
            let path = try folder.write(
                "server.ini", "[server]\nlisten = 127.0.0.1:0\n[site a]\ncgi = /x/ closed/cgi-bin\n")
            let result = try runCommand([
                "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                ServerProcess.builtExecutable, "run", "-c", path,
            ])
            #expect(result.status == 1)
            let closed = folder.path("closed")
            #expect(
                result.stderr.hasPrefix(
                    "\(path):4: cgi: `\(closed)/cgi-bin`: the folder \(closed) of root cannot be entered by nobody; `chmod o+x"
                ), "\(result.stderr)")
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root's scripts run as root"))
    func `scripts that run as root`() async throws {
        let words = "scripts run as root, with all its rights"
        let listen = "[server]\nlisten = 127.0.0.1:0\n"
        let site = "[site a]\nroot = www\n"
        let scripts = "\(site)cgi = /cgi-bin/ cgi-bin/\n"
        let prepare: @Sendable (ScratchFolder) throws -> Void = { try $0.makeFolder("cgi-bin") }
        try await withServer(ini: listen + scripts, prepare: prepare) { server in
            _ = try server.waitForError(containing: " warning \(words)")
            let check = try Self.gatehouse("check", "-c", server.configuration)
            #expect(check.status == 0)
            #expect(check.stderr.hasPrefix("\(server.configuration):5: warning: \(words)"), "\(check.stderr)")
            #expect(check.stderr.contains("user = www-data in [server], or cgi_user"))
        }
        for ini in [
            listen + site, listen + "user = nobody\n" + scripts, listen + "user = root\n" + scripts,
            listen + scripts + "cgi_user = nobody\n",
        ] {
            try await withServer(ini: ini, prepare: prepare) { server in
                let check = try Self.gatehouse("check", "-c", server.configuration)
                #expect(!check.stderr.contains(words), "\(ini)")
                // What is written before it ends has been written then.
                try server.stop()
                #expect(!server.process.stderr.text.contains(words), "\(ini)")
            }
        }
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("cgi-bin")
            let process = try ChildProcess(
                [ServerProcess.builtExecutable, "serve", "--listen", "0", "--cgi", folder.path("cgi-bin")],
                in: folder.path)
            let lines = process.stderr.waitForLines(until: .after(10)) { $0.contains(words) }
            #expect(lines.first?.hasSuffix("\(words); start the server as another user") == true, "\(lines)")
        }
    }

    @Test(arguments: [
        (
            "listen = 192.0.2.1:1", "", 3,
            "cannot listen on 192.0.2.1:1: Cannot assign requested address; this machine"
        ),
        ("pid_file = link", "", 3, "pid_file "),
        ("error_log = /proc/x.log", "", 3, "cannot open the log /proc/x.log: "),
        ("", "access_log = /proc/x.log", 6, "cannot open the log /proc/x.log: "),
    ])
    func `a start that fails names the line`(
        _ server: String, _ site: String, _ line: Int, _ words: String
    ) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            symlink("server.ini", folder.path("link"))
            let listen = server.hasPrefix("listen") ? "" : "listen = 127.0.0.1:0"
            let path = try folder.write(
                "server.ini", "[server]\n\(listen)\n\(server)\n[site a]\nroot = www\n\(site)\n")
            let result = try runCommand([ServerProcess.builtExecutable, "run", "-c", path], within: 10)
            #expect(result.status == 1)
            #expect(result.stderr.hasPrefix("gatehouse: \(path):\(line): \(words)"), "\(result.stderr)")
        }
    }

    @Test func `check names all problems at once`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            let path = try folder.write(
                "server.ini",
                """
                [server]
                listen = nowhere
                threds = 2
                pid_file = ${NOT_SET_ANYWHERE}
                [site default]
                root = missing
                listing = perhaps
                listing = yes
                [sight other]
                [site default]
                keepalive_timeout = 5s
                """)
            let result = try Self.gatehouse("check", "-c", path)
            #expect(result.status == 1)
            #expect(result.stdout == "")
            let lines = result.stderr.split(separator: "\n").map { $0.dropFirst(path.count) }
            #expect(result.stderr.split(separator: "\n").allSatisfy { $0.hasPrefix("\(path):") })
            for (line, word) in [
                (2, "nowhere"), (3, "threads"), (4, "NOT_SET_ANYWHERE"), (6, "missing"), (7, "perhaps"),
                (8, "listing"),
                (9, "sight"), (10, "default"), (11, "[server]"),
            ] {
                #expect(
                    lines.contains { $0.hasPrefix(":\(line): ") && $0.contains(word) }, "\(line): \(word)")
            }
            #expect(lines.count == 9, "\(result.stderr)")
            // The server does not start with it, and says the same.
            let run = try Self.gatehouse("run", "-c", path)
            #expect(run.status == 1)
            #expect(run.stderr == result.stderr)
        }
    }

    @Test func `a configuration that cannot be read`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            for command in ["check", "run", "stop", "reopen"] {
                let missing = try Self.gatehouse(command, "-c", folder.path("missing.ini"))
                #expect(missing.status == 1, "\(command)")
                #expect(missing.stderr.contains("missing.ini"), "\(command)")
                let directory = try Self.gatehouse(command, "-c", folder.path)
                #expect(directory.status == 1, "\(command)")
                #expect(directory.stderr.contains("folder"), "\(command)")
            }
            let empty = try folder.write("empty.ini", "")
            try #expect(Self.gatehouse("check", "-c", empty).status == 1)
        }
    }

    @Test func `the reference of settings`() async throws {
        try await blocking {
            let all = try Self.gatehouse("keys")
            #expect(all.status == 0)
            for key in ["listen", "max_header_size", "cgi", "log_format", "symlinks"] {
                #expect(all.stdout.contains(key))
                let one = try Self.gatehouse("keys", key)
                #expect(one.status == 0)
                #expect(one.stdout.hasPrefix(key))
                for part in ["meaning", "type", "default", "sections"] {
                    #expect(one.stdout.contains(part), "\(key)")
                }
            }
            try #expect(Self.gatehouse("keys", "LISTEN").status == 0)
            let wrong = try Self.gatehouse("keys", "symlink")
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
            let result = try runCommand([ServerProcess.builtExecutable] + words, in: folder.path, within: 5)
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
            let result = try runCommand([ServerProcess.builtExecutable] + words, within: 5)
            #expect(result.status != 0)
            #expect(result.stderr.contains(hint), "\(result.stderr)")
        }
    }

    @Test func `the doctor says what it cannot run`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("etc/server.ini", "[server]\nhome = ..\nlisten = 127.0.0.1:0\n\(Self.good)")
            try folder.write("www/index.html", "hello")
            for (subject, words) in [
                ("none.sh", "`none.sh`: No such file"), ("www", "`www`: is a folder"),
                ("www/index.html", "no setting of a site makes www/index.html a script"),
                ("ftp://a/b", "takes a script's file, a URL with http:// or a path with /"),
            ] {
                let result = try Self.gatehouse("doctor", subject, in: folder)
                #expect(result.status == 1, "\(subject)")
                #expect(result.stderr.contains(words), "\(result.stderr)")
            }
            // A folder of the machine with the name of a path is meant as the path.
            try #expect(Self.gatehouse("doctor", "/", in: folder).stdout.contains("HTTP/1.1 200"))
        }
    }

    @Test func `help and version`() async throws {
        try await blocking {
            let help = try Self.gatehouse("help")
            #expect(help.status == 0)
            for command in ["run", "serve", "check", "keys", "stop", "reopen", "version", "help"] {
                #expect(help.stdout.contains("\n  \(command) "), "\(command)")
                let one = try Self.gatehouse("help", command)
                #expect(one.status == 0)
                #expect(one.stdout.hasPrefix("usage: gatehouse \(command)"))
                try #expect(Self.gatehouse(command, "--help").stdout == one.stdout)
                try #expect(Self.gatehouse(command, "-h").stdout == one.stdout)
            }
            try #expect(Self.gatehouse("--help").stdout == help.stdout)
            try #expect(Self.gatehouse("-h").stdout == help.stdout)
            let version = try Self.gatehouse("version")
            #expect(version.status == 0)
            #expect(version.stdout.wholeMatch(of: /gatehouse \d+\.\d+\.\d+\S*\n/) != nil)
            try #expect(Self.gatehouse("--version").stdout == version.stdout)
        }
    }

    @Test func `the manual pages`() async throws {
        try await blocking {
            let command = try Self.gatehouse("help", "--format", "man")
            #expect(command.stdout.hasPrefix(".TH GATEHOUSE 1 "))
            for name in ["run", "check", "doctor", "keys", "stop"] {
                #expect(command.stdout.contains("\n.SS gatehouse \(name)"), "\(name)")
            }
            let file = try Self.gatehouse("keys", "--format=man")
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

    @Test func `no configuration anywhere`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            guard access("/etc/gatehouse/server.ini", F_OK) != 0 else { return }
            for words in [[], ["run"], ["check"], ["stop"]] {
                let result = try runCommand([ServerProcess.builtExecutable] + words, in: folder.path)
                #expect(result.status == 1)
                #expect(result.stderr.contains("gatehouse serve"))
            }
        }
    }

    @Test func `serve a folder`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("site/a.txt", "some text")
            try folder.script("scripts/hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n")
            for words in [["serve", "site"], ["serve"]] {
                let process = try ChildProcess(
                    [ServerProcess.builtExecutable] + words + [
                        "--listen", "127.0.0.1:0", "--cgi", folder.path("scripts"),
                    ],
                    in: words.count == 1 ? folder.path("site") : folder.path)
                let lines = process.stderr.waitForLines(until: .after(10)) {
                    $0.contains("listening on http://")
                }
                let url = try #require(lines.first?.split(separator: " ").last.map(String.init))
                let result = try runCommand([
                    "curl", "-sS", "\(url)/a.txt", "\(url)/cgi-bin/hello", "\(url)/",
                ])
                #expect(result.stdout.hasPrefix("some texthello<!DOCTYPE html>"), "\(result.stderr)")
                #expect(result.stdout.contains("./a.txt"))
                #expect(
                    process.stdout.waitForLines(3, until: .after(1)) { $0.contains("\"GET /") }.count == 3)
                process.send(SIGINT)
                #expect(process.waitForExit(until: .after(5)) == .status(0))
            }
            for words in [
                ["missing"], ["--listen", "nowhere"], ["--cgi", "missing"], ["--listen", "127.0.0.1"],
            ] {
                let result = try runCommand(
                    [ServerProcess.builtExecutable, "serve"] + words, in: folder.path, within: 5)
                #expect(result.status != 0, "\(words)")
                #expect(result.stderr.contains(words.last ?? ""), "\(words)")
            }
        }
    }

    @Test func `serve on a port, and on every address`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("a.txt", "some text")
            for (listen, pattern) in [
                ("0", #/http://127\.0\.0\.1:\d+/#), ("*:0", #/http://127\.0\.0\.1:\d+/#),
                ("0.0.0.0:0", #/http://127\.0\.0\.1:\d+/#),
            ] {
                let process = try ChildProcess(
                    [ServerProcess.builtExecutable, "serve", "--listen", listen], in: folder.path)
                let lines = process.stderr.waitForLines(until: .after(10)) { $0.contains("listening on") }
                let url = try #require(lines.first?.split(separator: " ").last.map(String.init))
                #expect(url.wholeMatch(of: pattern) != nil, "\(listen): \(url)")
                let result = try runCommand(["curl", "-sSi", "-r", "5-", "\(url)/a.txt"])
                #expect(result.stdout.hasSuffix("\r\n\r\ntext"), "\(result.stderr)")
                #expect(result.stdout.contains("Content-Type: text/plain; charset=utf-8\r\n"))
                // No terminal, no colours.
                let log = process.stdout.waitForLines(until: .after(2)) { $0.contains("a.txt") }
                #expect(log.first?.contains("\"GET /a.txt HTTP/1.1\" 206 4 ") == true)
                // A second one on the same port says what to do.
                let port = url.split(separator: ":").last.map(String.init) ?? ""
                let second = try runCommand(
                    [ServerProcess.builtExecutable, "serve", "--listen", port], in: folder.path, within: 5)
                #expect(second.status == 1)
                #expect(second.stderr.contains("another program"))
                #expect(second.stderr.contains("--listen 0"))
                process.send(SIGINT)
                #expect(process.waitForExit(until: .after(5)) == .status(0))
                // Addresses that mean all are not what one can open.
                #expect(!process.stderr.text.contains("0.0.0.0:"))
                #expect(!process.stderr.text.contains("[::]:"))
            }
        }
    }

    @Test func `serve in colour on a terminal`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("a.txt", "x")
            for (environment, isColoured) in [
                ([:], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false),
            ]
                as [([String: String], Bool)]
            {
                // script(1) runs a command on a terminal of its own.
                let process = try ChildProcess(
                    [
                        "script", "-qfec", "exec \(ServerProcess.builtExecutable) serve --listen 0",
                        "/dev/null",
                    ],
                    in: folder.path,
                    environment: ["TERM": "xterm", "NO_COLOR": ""].merging(environment) { $1 })
                let lines = process.stdout.waitForLines(until: .after(10)) { $0.contains("listening on") }
                let url = try #require(
                    lines.first?.split(separator: " ").last.map { String($0.filter { !$0.isNewline }) })
                _ = try runCommand(["curl", "-sS", "\(url)/a.txt", "\(url)/none"])
                let log = process.stdout.waitForLines(2, until: .after(5)) { $0.contains("HTTP/1.1") }
                #expect(log.count == 2)
                for line in log where isColoured {
                    #expect(line.contains("\u{1B}[1mGET\u{1B}[0m /"), "\(line)")
                    let status = line.contains("a.txt") ? "\u{1B}[32m200\u{1B}[0m" : "\u{1B}[33m404\u{1B}[0m"
                    #expect(line.contains(status), "\(line)")
                }
                if !isColoured { #expect(!process.stdout.text.contains("\u{1B}")) }
                process.send(SIGTERM)
                _ = process.waitForExit(until: .after(5))
            }
        }
    }

    @Test func `stop and reopen find the server by its pid_file`() async throws {
        try await withServer(
            site: "access_log = access.log", server: "pid_file = run.pid", files: ["www/a.txt": "x"]
        ) {
            server in
            try #expect(server.folder.read("run.pid") == "\(server.pid)\n")
            rename(server.folder.path("access.log"), server.folder.path("old.log"))
            try #expect(Self.gatehouse("reopen", "-c", server.configuration).status == 0)
            #expect(eventually { server.folder.exists("access.log") })
            // A second one of the same pid_file does not start.
            let second = try Self.gatehouse("run", "-c", server.configuration)
            #expect(second.status == 1)
            #expect(second.stderr.contains("\(server.pid)"))
            try #expect(server.get("/a.txt").status == 200)
            // Also where the file has been spoilt since.
            let text = try readText(server.configuration)
            try server.folder.write("server.ini", text + "\nrot = www\n")
            let stop = try Self.gatehouse("stop", "-c", server.configuration)
            #expect(stop.status == 0, "\(stop.stderr)")
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
            #expect(!server.folder.exists("run.pid"))
            for command in ["stop", "reopen"] {
                let result = try Self.gatehouse(command, "-c", server.configuration)
                #expect(result.status == 1)
                #expect(result.stderr.contains("run.pid"))
            }
        }
    }

    @Test func `a pid_file left behind is no obstacle`() async throws {
        let ended = try await blocking { () -> pid_t in
            let process = try ChildProcess(["true"])
            _ = process.waitForExit(until: .after(5))
            return process.pid
        }
        try await withServer(
            server: "pid_file = run.pid", prepare: { try $0.write("run.pid", "\(ended)\n") }
        ) { server in
            try #expect(server.folder.read("run.pid") == "\(server.pid)\n")
        }
    }

    @Test func `stop without a pid_file`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            let path = try folder.write("server.ini", Self.good)
            let result = try Self.gatehouse("stop", "-c", path)
            #expect(result.status == 1)
            #expect(result.stderr.contains("pid_file"))
        }
    }

    @Test func `an address that is taken`() async throws {
        try await withServer(files: ["www/a.txt": "x"]) { server in
            for address in ["127.0.0.1:\(server.port())", "*:\(server.port())", "0.0.0.0:\(server.port())"] {
                let path = try server.folder.write(
                    "second.ini", "[server]\nlisten = \(address)\n\(Self.good)")
                let result = try runCommand([ServerProcess.builtExecutable, "run", "-c", path], within: 5)
                #expect(result.status == 1)
                #expect(
                    result.stderr.contains(":\(server.port()): ")
                        && result.stderr.contains("another program"), "\(result.stderr)")
                #expect(!result.stderr.contains("listening"))
            }
            try #expect(server.get("/a.txt").status == 200)
        }
    }

    @Test func `other reasons not to start`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.write("busy", "")
            for (line, word) in [
                ("listen = 192.0.2.1:0", "192.0.2.1"), ("listen = unix:busy", "busy"),
                ("error_log = /dev/null/x", "/dev/null"),
            ] {
                let path = try folder.write("server.ini", "[server]\n\(line)\n\(Self.good)")
                let result = try runCommand([ServerProcess.builtExecutable, "run", "-c", path], within: 5)
                #expect(result.status == 1, "\(line)")
                #expect(result.stderr.contains(word), "\(line): \(result.stderr)")
            }
            #expect(folder.exists("busy"))
        }
    }
}
