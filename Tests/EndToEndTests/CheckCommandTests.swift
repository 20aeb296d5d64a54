import Glibc
import TestSupport
import Testing

/// What `gatehouse check` says of a configuration.
@Suite(.timeLimit(.minutes(5))) struct CheckCommandTests {
    @Test func `check says good`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.write("server.ini", smallConfiguration)
            let result = try gatehouse("check", "-c", folder.path("server.ini"))
            #expect(result.status == 0)
            #expect(result.stdout.contains("good"))
            #expect(result.stderr == "")
            for words in [["check", "--config", "server.ini"], ["check", "--config=server.ini"]] {
                let result = try runCommand([ServerProcess.builtExecutable] + words, in: folder.path)
                #expect(result.status == 0, "\(words)")
            }
            // Without -c it is etc/server.ini.
            try folder.write("etc/server.ini", "[server]\nhome = ..\n\(smallConfiguration)")
            try #expect(gatehouse("check", in: folder).status == 0)
        }
    }

    @Test func `check warns of a site that has nothing`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            let path = try folder.write("server.ini", "[site a]\n[site b]\nredirect = / http://a/\n")
            let result = try gatehouse("check", "-c", path)
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
            let pages = try gatehouse("check", "-c", path)
            #expect(pages.status == 0)
            #expect(pages.stderr.contains("\(path):3: warning: the folder \(folder.path("www")) (mode 0700"))
            try folder.write("server.ini", text + "cgi = /cgi-bin/ cgi-bin/\n")
            let scripts = try gatehouse("check", "-c", path)
            #expect(scripts.status == 1)
            #expect(scripts.stderr.contains("cgi-bin/x (mode 0700, owner root) may not be run by nobody"))
        }
    }

    /// For [server], so that nothing is said of scripts that run as root.
    private static let ownUser =
        "user = \(getuid() == 0 ? "root" : String(cString: getpwuid(getuid()).pointee.pw_name))"

    /// What `check` says of a good configuration, with paths as seen from `folder`.
    private static func warnings(_ path: String, in folder: ScratchFolder) throws -> [String] {
        let result = try gatehouse("check", "-c", path)
        #expect(result.status == 0, "\(result.stderr)")
        return result.stderr.split(separator: "\n").map { String($0.replacing(folder.path, with: "")) }
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
                \(Self.ownUser)
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
            #expect(
                try Self.warnings(path, in: folder) == [
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

    @Test func `links and caches that lead to no script`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.script("cgi-bin/x", "#!/bin/sh\n")
            try folder.link("cgi-bin/gone", to: "/none")
            try folder.makeFolder("www")
            let path = try folder.write(
                "server.ini",
                """
                [server]
                \(Self.ownUser)
                [defaults]
                cgi_cache = /old 1s
                cgi_cache = /older 1s
                [site a]
                cgi = /cgi-bin/ cgi-bin/
                cgi = /old/x cgi-bin/x
                cgi_cache = /cgi-bin/x/y 1s
                cgi_cache = / 1s
                cgi_cache = /cgi 1s
                [location a /cgi-bin]
                cgi_cache = /cgi-bin/x 1s
                cgi_cache = /elsewhere 1s
                [site b]
                host = b
                root = www
                [site c]
                host = c
                root = www
                index = index.html index.cgi
                cgi_cache = /anywhere 1s

                """)
            #expect(
                try Self.warnings(path, in: folder) == [
                    "/server.ini:11: warning: cgi_cache: /cgi: no script answers there, and only scripts' answers are kept",
                    "/server.ini:14: warning: cgi_cache: /elsewhere: no script answers there, and only scripts' answers are kept",
                    "/server.ini:7: warning: the link /cgi-bin/gone leads nowhere",
                ])
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
            let check = try gatehouse("check", "-c", server.configuration)
            #expect(check.status == 0)
            #expect(check.stderr.hasPrefix("\(server.configuration):5: warning: \(words)"), "\(check.stderr)")
            #expect(check.stderr.contains("user = www-data in [server], or cgi_user"))
        }
        for ini in [
            listen + site, listen + "user = nobody\n" + scripts, listen + "user = root\n" + scripts,
            listen + scripts + "cgi_user = nobody\n",
        ] {
            try await withServer(ini: ini, prepare: prepare) { server in
                let check = try gatehouse("check", "-c", server.configuration)
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
            let lines = process.stderr.waitForLines(until: .after(20)) { $0.contains(words) }
            #expect(lines.first?.hasSuffix("\(words); start the server as another user") == true, "\(lines)")
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
            let result = try gatehouse("check", "-c", path)
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
            let run = try gatehouse("run", "-c", path)
            #expect(run.status == 1)
            #expect(run.stderr == result.stderr)
        }
    }

    @Test func `a configuration that cannot be read`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            for command in ["check", "run", "stop", "reopen"] {
                let missing = try gatehouse(command, "-c", folder.path("missing.ini"))
                #expect(missing.status == 1, "\(command)")
                #expect(missing.stderr.contains("missing.ini"), "\(command)")
                let directory = try gatehouse(command, "-c", folder.path)
                #expect(directory.status == 1, "\(command)")
                #expect(directory.stderr.contains("folder"), "\(command)")
            }
            let empty = try folder.write("empty.ini", "")
            try #expect(gatehouse("check", "-c", empty).status == 1)
        }
    }
}
