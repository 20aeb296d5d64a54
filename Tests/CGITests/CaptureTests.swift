import Glibc
import TestSupport
import Testing

/// `cgi_capture`: what is kept of scripts that fail.
@Suite(.timeLimit(.minutes(5))) struct CaptureTests {
    private static let scripts = [
        "exit3": shell(
            "cat >/dev/null; echo oops >&2; printf 'Set-Cookie: id=secret\\nno blank line'; exit 3"),
        "cut": page("printf 12345; kill -KILL $$"), "fine": page("echo fine"),
        "crlf": "#!/bin/sh\r\necho\r\n",
        "hangs": shell("exec sleep 1000"), "missing": prints("Status: 404\\nContent-Type: text/x\\n\\nno"),
        "sorry": page("echo secret page"),
    ]
    private static let site = "cgi_capture = kept count=3 size=1K\ncgi_env = DB_PASSWORD=hunter2"

    /// Waits until there are that many records, written to their ends, and returns their names.
    private static func records(_ count: Int, _ server: ServerProcess) throws -> [String] {
        var names: [String] = []
        let came = try eventually {
            names = try listFolder(server.folder.path("kept"))
            return names.count == count
                && names.allSatisfy { (try? server.folder.read("kept/\($0)"))?.isEmpty == false }
        }
        if !came { throw TestFailure("\(count) records are none of \(names)") }
        return names
    }

    private func run(
        _ site: String = site, more: String = "", _ body: @escaping @Sendable (ServerProcess) throws -> Void
    )
        async throws
    {
        try await withScripts(
            Self.scripts, site: site, more: more, prepare: { try $0.makeFolder("kept") }, test: body)
    }

    @Test(arguments: ["no", "yes"])
    func `whole-exchange dump for debugging: a script that fails`(_ streaming: String) async throws {
        try await run("\(Self.site)\ncgi_stream_upload = \(streaming)\nerror_page = 500 /cgi-bin/sorry") {
            server in
            let body = Array("name=Ada".utf8) + [UInt8](repeating: 120, count: 100_000)
            let response = try server.request(
                "POST", "/cgi-bin/exit3?a=1",
                headers: ["Authorization": "Basic c2VjcmV0", "Cookie": "secret=1", "X-A": "b"], body: body)
            #expect(response.text == "secret page\n")
            let name = try Self.records(1, server)[0]
            let line = try server.waitForError(containing: "exited with status 3")
            #expect(line.contains(" id=\(name.dropLast(4)) "))
            var status = stat()
            #expect(stat(server.folder.path("kept/\(name)"), &status) == 0)
            #expect(status.st_mode & 0o7777 == 0o600)
            let text = try server.folder.read("kept/\(name)")
            for words in [
                "asked for    POST /cgi-bin/exit3?a=1\n", "client       127.0.0.1\n", "QUERY_STRING=a=1\n",
                "HTTP_X_A=b\n", "CONTENT_LENGTH=100008\n",
                "stdin, 100008 bytes, of which the first\n    name=Ada",
                "stdout, ", "no blank line", "stderr, 5 bytes\n    oops\n",
                "exit         exited with status 3 after ",
                "    the script exited with status 3 after ",
                "folder       \(server.folder.path("cgi-bin"))\n",
            ] { #expect(text.contains(words), "\(words) in\n\(text)") }
            for secret in ["c2VjcmV0", "secret", "hunter2"] { #expect(!text.contains(secret), "\(text)") }
            #expect(text.utf8.count < 8000)
        }
    }

    @Test func `whole-exchange dump for debugging: how scripts fail, and the last ones only`() async throws {
        try await run(more: "[location default /cgi-bin/hangs]\ncgi_timeout = 300ms") { server in
            for name in ["fine", "missing", "none"] { _ = try server.get("/cgi-bin/\(name)") }
            #expect(try server.get("/cgi-bin/crlf").status == 500)
            let first = try Self.records(1, server)[0]
            #expect(try server.folder.read("kept/\(first)").contains("CR LF"))
            // What others have put there is theirs.
            try server.folder.write("kept/notes.txt", "mine")
            // Files of one second are told apart by this alone.
            var times = [timespec(tv_sec: 1, tv_nsec: 0), timespec(tv_sec: 1, tv_nsec: 0)]
            #expect(utimensat(AT_FDCWD, server.folder.path("kept/\(first)"), &times, 0) == 0)
            _ = try server.cutAnswer(to: "GET /cgi-bin/cut HTTP/1.1\r\nHost: h\r\n\r\n")
            let cut = try #require(try Self.records(3, server).first { $0 != first && $0 != "notes.txt" })
            let text = try server.folder.read("kept/\(cut)")
            #expect(text.contains("killed by SIGKILL") && text.contains("12345"))
            #expect(try server.get("/cgi-bin/hangs").status == 504)
            #expect(try Self.records(4, server).contains(first))
            #expect(try server.get("/cgi-bin/crlf").status == 500)
            #expect(eventually { !server.folder.exists("kept/\(first)") })
            #expect(try Self.records(4, server).contains("notes.txt"))
        }
    }

    @Test func `whole-exchange dump for debugging: off, and a folder that is none`() async throws {
        try await run("") { server in
            _ = try server.get("/cgi-bin/crlf")
            _ = try server.waitForError(containing: "CR LF")
            #expect(try listFolder(server.folder.path("kept")).isEmpty)
        }
        try await run { server in
            rmdir(server.folder.path("kept"))
            #expect(try server.get("/cgi-bin/crlf").status == 500)
            _ = try server.waitForError(containing: "cannot keep what a script that failed did in ")
        }
    }
}
