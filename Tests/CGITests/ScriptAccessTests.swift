import Glibc
import TestSupport
import Testing

/// Scripts that may not run, and what is none.
@Suite(.timeLimit(.minutes(5))) struct ScriptAccessTests {
    @Test func `not executable`() async throws {
        try await expectDiagnosis(
            page("echo 1"), 403, mode: 0o644, says: ["no execute bit", "chmod 755 ", "cgi-bin/x"])
    }

    /// The server runs as somebody else where it can, and the folder is closed to all others.
    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a folder on the way that cannot be entered`() async throws {
        try await expectDiagnosis(
            page("echo 1"), 403, server: "user = nobody",
            says: ["cgi-bin (mode 0700, owner root) cannot be entered by nobody", "chmod o+x "]
        ) { chmod($0.path("cgi-bin"), 0o700) }
    }

    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a script that its user may not run`() async throws {
        try await expectDiagnosis(
            page("echo 1"), 403, mode: 0o700, server: "user = nobody",
            says: ["cgi-bin/x (mode 0700, owner root) may not be run by nobody", "chmod 755 "])
    }

    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a script that its user may run and not read`() async throws {
        try await expectDiagnosis(
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
}
