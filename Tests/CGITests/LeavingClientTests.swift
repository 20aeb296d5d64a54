import Glibc
import TestSupport
import Testing

/// Clients that leave, or take nothing of what their scripts print.
@Suite(.timeLimit(.minutes(5))) struct LeavingClientTests {
    // MARK: Clients that leave

    @Test(arguments: Leaving.allCases)
    func `client leaves while the script is silent`(_ leaving: Leaving) async throws {
        try await withScripts(["x": shell("\(HungScript.family)\n\(HungScript.deafToTerm)\nwait")]) {
            server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            client.leave(by: leaving)
            expectEnd(of: family)
            _ = try server.waitForError(containing: "the client has gone")
            _ = try server.waitForLog(containing: "/cgi-bin/x HTTP/1.1\" 499 ")
        }
    }

    private func expectFamilyEnds(after leaving: Leaving, of script: String, printing: String) async throws {
        try await withScripts(["x": page("\(HungScript.family)\n\(script)")]) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains(printing.utf8) }
            client.leave(by: leaving)
            expectEnd(of: family)
        }
    }

    @Test(arguments: Leaving.allCases)
    func `client leaves after a part of the answer`(_ leaving: Leaving) async throws {
        try await expectFamilyEnds(
            after: leaving, of: "echo begin\n\(HungScript.deafToTerm)\nwait", printing: "begin")
    }

    @Test(arguments: Leaving.allCases)
    func `client leaves while the script prints once in a while`(_ leaving: Leaving) async throws {
        try await expectFamilyEnds(after: leaving, of: "while :; do echo x; sleep 0.2; done", printing: "x\n")
    }

    /// The script fills all buffers and stands still, for the client takes nothing; then that one leaves.
    @Test(arguments: Leaving.allCases)
    func `client that takes nothing leaves`(_ leaving: Leaving) async throws {
        try await withScripts(["x": page("\(HungScript.family)\nyes")]) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            client.leave(by: leaving)
            expectEnd(of: family)
        }
    }

    @Test func `cgi_on_disconnect = finish, and a script that fails`() async throws {
        let script = shell(
            "echo $$ >>pids; while ! [ -e go ]; do sleep 0.02; done; printf 'Content-Type: text/plain\\n\\nabc'; exit 2"
        )
        try await withScripts(["x": script], site: "cgi_on_disconnect = finish", threads: 1) {
            server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try server.notedProcesses(1)
            client.leave(by: .reset)
            // The one thread that there is has seen it leave before this is answered.
            try #expect(server.get("/none").status == 404)
            try server.folder.write("cgi-bin/go", "")
            let line = try server.waitForError(containing: "exited with status 2")
            #expect(!line.contains("no content"), "\(line)")
            // Nobody got a page.
            #expect(try server.waitForLog(containing: "/cgi-bin/x ").contains(" 499 "))
        }
    }

    /// What it still prints is read, so that it does not end of that.
    @Test func `cgi_on_disconnect = finish`() async throws {
        try await withScripts(
            [
                "x": page(
                    "echo $$ >>pids; while ! [ -e go ]; do sleep 0.02; done; head -c 1000000 /dev/zero; echo >finished"
                )
            ],
            site: "cgi_on_disconnect = finish"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let script = try server.notedProcesses(1)
            _ = try client.read { $0.contains("text/plain".utf8) }
            client.reset()
            try server.folder.write("cgi-bin/go", "")
            try server.waitForFile("finished")
            expectEnd(of: script)
        }
    }

    // MARK: Clients that are slow

    @Test func `a script that is silent for longer than write_timeout is not the client's fault`()
        async throws
    {
        let script = page("echo first; while ! [ -e go ]; do sleep 0.02; done; echo last")
        try await withScripts(["x": script], server: "write_timeout = 300ms") { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            _ = try client.read { $0.contains("first\n".utf8) }
            // Longer than write_timeout.
            #expect(try client.staysSilent(for: 0.6))
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read { $0.contains("last\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        }
    }

    @Test func `client that takes nothing and stays, write_timeout`() async throws {
        try await withScripts(["x": page("\(HungScript.family)\nyes")], server: "write_timeout = 2s") {
            server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(HungScript.request)
            let family = try server.notedProcesses(4)
            expectEnd(of: family)
            _ = try server.waitForError(containing: "the client took nothing for write_timeout = 2s; ")
            _ = client
        }
    }

    /// Not taken for a script that is silent, though it cannot print for longer than its time-out.
    @Test func `client that is slow`() async throws {
        try await withScripts(
            ["x": page("head -c 8000000 /dev/zero")], site: "cgi_idle_timeout = 2s"
        ) { server in
            let client = try server.connect(receiveBuffer: 65536)
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(try client.read(500).count == 500)
            // A wait on purpose: longer than the script's time-out, shorter than write_timeout.
            _ = try server.connect().staysSilent(for: 2.5)
            #expect(try client.readToEnd().count > 8_000_000 - 500)
        }
    }
}
