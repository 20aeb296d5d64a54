import Glibc
import TestSupport
import Testing

/// Clients that end their sending side and still read, as `nc -N` does.
@Suite(.timeLimit(.minutes(5))) struct HalfClosedClientTests {
    /// As `nc -N` does, and some clients of HTTP/1.0. The scripts are silent for longer than anyone
    /// would wait for a client that has gone.
    @Test(arguments: [
        ("HTTP/1.0", "echo fine"), ("HTTP/1.1", "echo fine"), ("HTTP/1.0", "sleep 1.2; echo fine"),
        ("HTTP/1.1", "sleep 1.2; echo fine"), ("HTTP/1.1", "echo begin; sleep 1.2; echo fine"),
    ])
    func `client that ends its sending half gets the whole answer`(_ version: String, _ script: String)
        async throws
    {
        try await withScripts(["x": page(script), "late": shell("sleep 1.2\n\(page(script))")]) { server in
            for name in ["x", "late"] {
                let client = try server.connect()
                try client.send("GET /cgi-bin/\(name) \(version)\r\nHost: h\r\nConnection: close\r\n\r\n")
                client.finishSending()
                let response = try client.readResponse()
                #expect(response.status == 200)
                #expect(response.text.hasSuffix("fine\n"))
                #expect(try client.expectEnd() == .eof)
            }
        }
    }

    @Test func `client that ends its sending half in the midst of the answer`() async throws {
        try await withScripts([
            "x": page("echo begin; while ! [ -e go ]; do sleep 0.02; done; echo fine")
        ]) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            _ = try client.read { $0.contains("begin\n".utf8) }
            client.finishSending()
            // The next chunk's size has a zero in front, sent to see whether anybody is there.
            _ = try client.read { $0.last == UInt8(ascii: "0") }
            try server.folder.write("cgi-bin/go", "")
            let rest = try client.readToEnd()
            #expect(String(decoding: rest, as: UTF8.self) == "5\r\nfine\n\r\n0\r\n\r\n")
        }
    }

    /// Nothing can be sent to it to find out, so the time at which it leaves has to tell.
    @Test func `client of HTTP 1 dot 0 that leaves in the midst of the answer`() async throws {
        try await withScripts(["x": page("\(HungScript.family)\necho begin\nwait")]) { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.0\r\n\r\n")
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains("begin".utf8) }
            // A wait on purpose: who ends its side right behind its request is waited for.
            _ = try server.connect().staysSilent(for: 2.2)
            client.close()
            expectEnd(of: family)
        }
    }

    @Test func `client that ends its sending half, and an error`() async throws {
        try await withScripts(["x": shell("sleep 1; exit 1")]) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            client.finishSending()
            #expect(try client.readResponse().status == 500)
        }
    }

    @Test func `client that ends its sending half, and leaves then`() async throws {
        try await withScripts(["x": page("\(HungScript.family)\nwhile :; do echo x; sleep 0.2; done")]) {
            server in
            let client = try server.connect()
            try client.send(HungScript.request)
            client.finishSending()
            let family = try server.notedProcesses(4)
            _ = try client.read { $0.contains("x\n".utf8) }
            client.close()
            expectEnd(of: family)
        }
    }

    @Test func `client that ends its sending half keeps its place in the queue`() async throws {
        try await withScripts(
            ["x": page("echo $$ >>pids; while ! [ -e go ]; do sleep 0.02; done; echo fine")],
            site: "cgi_max_processes = 1"
        ) { server in
            let first = try server.connect()
            try first.send(HungScript.request)
            _ = try server.notedProcesses(1)
            let second = try server.connect()
            try second.send(HungScript.request)
            second.finishSending()
            // A wait on purpose, for a server that would give it up.
            _ = try server.connect().staysSilent(for: 0.3)
            try server.folder.write("cgi-bin/go", "")
            #expect(try first.readResponse().text == "fine\n")
            #expect(try second.readResponse().text == "fine\n")
        }
    }
}
