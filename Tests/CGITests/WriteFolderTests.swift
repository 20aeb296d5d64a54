import Glibc
import TestSupport
import Testing

/// Scripts that may write to some folders only (`cgi_write`).
@Suite(.enabled(if: Machine.hasLandlock, "this kernel has no Landlock"), .timeLimit(.minutes(5)))
struct WriteFolderTests {
    private static let attempts = page(
        """
        try() { if sh -c "$2" 2>/dev/null; then echo "$1: yes"; else echo "$1: no"; fi; }
        try inside 'echo x >../data/file'
        try deep 'mkdir ../data/a && mkdir ../data/a/b && mv ../data/file ../data/a/b/ && rm -r ../data/a'
        try second 'echo x >../more/file'
        try elsewhere 'echo x >../www/file'
        try append 'echo x >>../www/there'
        try empty 'python3 -c "import os; os.truncate(\\"../www/there\\", 0)" || perl -e "truncate(q(../www/there), 0) or exit 1"'
        try remove 'rm -f ../www/there'
        try folder 'mkdir ../www/folder'
        try link 'ln -s x ../www/link'
        try move 'mv ../www/there ../data/there'
        try temporary 'echo x >/tmp/gatehouse-write-test-$$'
        try null 'echo x >/dev/null'
        try stderr 'echo x >/dev/stderr'
        try read 'test "$(cat ../www/there)" = there'
        try run '/usr/bin/env true'
        """)

    /// With the outcome that each attempt has where only `data` and `more` may be written to.
    private static let expected = [
        "inside: yes", "deep: yes", "second: yes", "elsewhere: no", "append: no", "empty: no", "remove: no",
        "folder: no", "link: no", "move: no", "temporary: no", "null: yes", "stderr: yes", "read: yes",
        "run: yes",
    ]

    private static func withAttempts(
        _ site: String, server: String = "", _ body: @escaping @Sendable (ServerProcess) throws -> Void
    ) async throws {
        try await withScripts(
            ["x": attempts], site: site, server: server, files: ["www/there": "there"],
            prepare: { folder in
                for name in ["data", "more"] { try folder.makeFolder(name, mode: 0o777) }
            }, test: body)
    }

    @Test func `writing below the folders and nowhere else`() async throws {
        try await Self.withAttempts("cgi_write = data more") { server in
            for _ in 0..<3 {
                let lines = try server.get("/cgi-bin/x").text.split(separator: "\n").map(String.init)
                #expect(lines == Self.expected)
            }
            try #expect(server.folder.read("www/there") == "there")
        }
    }

    @Test(.enabled(if: Machine.isRoot, "only root can become other users"))
    func `the same for a script of another user`() async throws {
        try await Self.withAttempts("cgi_write = data more\ncgi_user = nobody", server: "user = www-data") {
            server in
            let lines = try server.get("/cgi-bin/x").text.split(separator: "\n").map(String.init)
            #expect(lines == Self.expected)
        }
    }

    /// Longer than a message: a thread of the server starts it.
    @Test func `the same without a spawner`() async throws {
        let long = "x".times(60_000)
        let settings = (0..<4).map { "cgi_env = V\($0)=\(long)" }.joined(separator: "\n")
        try await Self.withAttempts("cgi_write = data more\n\(settings)") { server in
            let lines = try server.get("/cgi-bin/x").text.split(separator: "\n").map(String.init)
            #expect(lines == Self.expected)
        }
    }

    @Test func `no folder at all, and for a location everywhere`() async throws {
        let script = page("if echo x >../data/file; then echo yes; else echo no; fi")
        try await withScripts(
            ["x": script, "y": script], site: "cgi_write = none",
            more: "[location default /cgi-bin/y]\ncgi_write = everywhere",
            prepare: { try $0.makeFolder("data") }
        ) { server in
            try #expect(server.get("/cgi-bin/x").text == "no\n")
            _ = try server.waitForError(containing: "(cgi_write lets it write nowhere)")
            try #expect(server.get("/cgi-bin/y").text == "yes\n")
        }
    }

    @Test func `the error log says why a script could not write`() async throws {
        try await withScripts(
            ["x": shell("echo x >../www/file || exit 3")], site: "cgi_write = data",
            prepare: { try $0.makeFolder("data") }
        ) { server in
            try #expect(server.get("/cgi-bin/x").status == 500)
            let line = try server.waitForError(containing: "(cgi_write lets it write only below ")
            #expect(line.contains("/data)"))
        }
    }
}

/// What setuid programs give scripts (`cgi_no_new_privs`).
@Suite(.timeLimit(.minutes(5))) struct NewPrivilegesTests {
    @Test(arguments: ["", "cgi_no_new_privs = no"])
    func `it is set where it is not turned off`(_ site: String) async throws {
        let long = "x".times(60_000)
        let more =
            "[location default /cgi-bin/long]\n"
            + (0..<4).map { "cgi_env = V\($0)=\(long)" }.joined(separator: "\n")
        let script = page("grep NoNewPrivs /proc/$$/status")
        try await withScripts(["x": script, "long": script], site: site, more: more) { server in
            let expected = "NoNewPrivs:\t\(site.isEmpty ? 1 : 0)\n"
            try #expect(server.get("/cgi-bin/x").text == expected)
            // By a thread of the server.
            try #expect(server.get("/cgi-bin/long").text == expected)
        }
    }

    /// A copy of `id` that runs as its owner.
    @Test(.enabled(if: Machine.isRoot, "only root can make a setuid program"), arguments: ["yes", "no"])
    func `a setuid program`(_ setting: String) async throws {
        try await withScripts(
            ["x": page("./id -un")], site: "cgi_user = nobody\ncgi_no_new_privs = \(setting)",
            server: "user = www-data",
            prepare: { folder in
                _ = try runCommand(["cp", "/usr/bin/id", folder.path("cgi-bin/id")])
                chown(folder.path("cgi-bin/id"), getpwnam("daemon")?.pointee.pw_uid ?? 0, 0)
                chmod(folder.path("cgi-bin/id"), 0o4755)
            }
        ) { server in
            try #expect(server.get("/cgi-bin/x").text == (setting == "yes" ? "nobody\n" : "daemon\n"))
        }
    }

    /// As Debian installs some: the script itself is one.
    @Test(.enabled(if: Machine.isRoot, "only root can make a setuid program"), arguments: [0o4755, 0o2755])
    func `a script that is a setuid program`(_ mode: mode_t) async throws {
        let isSetUID = mode & S_ISUID != 0
        let says =
            "cgi-bin/x is \(isSetUID ? "setuid, for daemon" : "setgid") (mode \(String(mode, radix: 8))), and gets no rights by that here; cgi_no_new_privs = no lets it"
        try await withScripts(
            [:], site: "cgi = /free cgi-bin/y\ncgi_user = nobody", server: "user = www-data",
            more: "[location default /free]\ncgi_no_new_privs = no\n",
            prepare: { folder in
                let daemon = getpwnam("daemon")?.pointee
                for name in ["x", "y"] {
                    let path = folder.path("cgi-bin/\(name)")
                    _ = try runCommand(["cp", "/bin/false", path])
                    chown(path, isSetUID ? daemon?.pw_uid ?? 0 : 0, daemon?.pw_gid ?? 0)
                    chmod(path, mode)
                }
            }
        ) { server in
            try #expect(server.get("/free").status == 500)
            try #expect(server.get("/cgi-bin/x").status == 500)
            let line = try server.waitForError(containing: "script=/cgi-bin/x ")
            #expect(line.contains("exited with status 1 without any output; "), "\(line)")
            #expect(line.hasSuffix(says), "\(line)")
            let free = try server.waitForError(containing: "script=/free ")
            #expect(free.hasSuffix("without any output"), "\(free)")
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", server.configuration])
            #expect(check.stderr.contains(says), "\(check.stderr)")
        }
    }

    @Test(arguments: [0, 75])
    func `words of sendmail and sudo are explained`(_ status: Int) async throws {
        let words = "postdrop: warning: mail_queue_enter: create file maildrop/1.2: Permission denied"
        let script = page("echo '\(words)' >&2; exit \(status)")
        try await withScripts(
            ["x": script, "y": script], more: "[location default /cgi-bin/y]\ncgi_no_new_privs = no"
        ) { server in
            _ = try? server.get("/cgi-bin/y")
            _ = try? server.get("/cgi-bin/x")
            let line = try server.waitForError(containing: "cgi_no_new_privs = no lets them")
            #expect(line.contains("script=/cgi-bin/x "))
        }
    }
}
