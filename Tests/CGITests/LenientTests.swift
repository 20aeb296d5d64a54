import TestSupport
import Testing

/// `cgi_lenient`: output without a header.
@Suite(.timeLimit(.minutes(5))) struct LenientTests {
    @Test(arguments: [
        ("<p>A page\\n\\n<p>of text", "text/html; charset=utf-8"),
        ("\\n  <!DOCTYPE html>\\n<title>x</title>\\n", "text/html; charset=utf-8"),
        ("<!-- a remark --><p>x", "text/html; charset=utf-8"),
        ("hello without headers\\n", "text/plain; charset=utf-8"), ("hello", "text/plain; charset=utf-8"),
        ("\\n\\nhello", "text/plain; charset=utf-8"), ("a < b: true\\n\\nc", "text/plain; charset=utf-8"),
        (": x\\n", "text/plain; charset=utf-8"), ("< no tag\\n", "text/plain; charset=utf-8"),
        ("\\303\\244\\303\\266\\n", "text/plain; charset=utf-8"), ("\\377\\376\\001\\002\\000", "text/plain"),
    ])
    func `headers absent altogether, cgi_lenient`(_ output: String, _ type: String) async throws {
        try await withScripts(["x": shell("printf '\(output)' | tee out")], site: "cgi_lenient = yes") {
            server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.readResponse()
                #expect(response.status == 200)
                #expect(response["Content-Type"]?.hasPrefix(type) == true, "\(response)")
                let printed = try readFile(server.folder.path("cgi-bin/out"))
                #expect(response.body == printed)
            }
            let line = try server.waitForError(containing: "printed no header")
            #expect(line.contains(" warning ") && line.contains("script=/cgi-bin/x "))
        }
    }

    /// What has a header, or the beginning of one, is read as strictly as ever.
    @Test(arguments: [
        ("Content-Type: text/x\\n\\nbody", 200), ("Content-Type: text/x\\n", 500),
        ("Content-Type: text/x\\n<p>no empty line\\n", 500), ("", 500), ("\\n", 500),
        ("Status: fine\\n\\n", 500), ("HTTP/1.1 fine\\n\\n", 500),
    ])
    func `cgi_lenient changes nothing for a header`(_ output: String, _ status: Int) async throws {
        try await withScripts(["x": shell("printf '\(output)'")], site: "cgi_lenient = yes") { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == status)
            #expect(status != 200 || response["Content-Type"] == "text/x" && response.text == "body")
        }
    }

    @Test func `cgi_lenient of a location, of a script that fails, and of a page that streams`() async throws
    {
        let scripts = [
            "short": shell("printf hello"), "fails": shell("printf hello; exit 3"),
            "cut": shell("echo '<p>hello'; while ! [ -e end ]; do sleep 0.02; done; exit 3"),
            "streams": shell("echo '<p>first'; while ! [ -e go ]; do sleep 0.02; done; echo last"),
        ]
        try await withScripts(
            scripts, more: "[location default /cgi-bin]\ncgi_lenient = yes"
        ) { server in
            #expect(try server.get("/cgi-bin/short").text == "hello")
            let failed = try server.get("/cgi-bin/fails")
            #expect(failed.status == 500)
            #expect(failed.text.contains("exited with status 3"))
            let cut = try server.connect()
            try cut.send("GET /cgi-bin/cut HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try cut.read { $0.contains("<p>hello\n".utf8) }
            try server.folder.write("cgi-bin/end", "")
            #expect(try !cut.readToEnd().suffix(5).elementsEqual("0\r\n\r\n".utf8))
            let client = try server.connect()
            try client.send("GET /cgi-bin/streams HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read { $0.contains("<p>first\n".utf8) }
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read { $0.contains("last\n".utf8) && $0.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
        }
        try await withScripts(scripts, more: "[location default /cgi-bin/cut]\ncgi_lenient = yes") { server in
            let status = try server.get("/cgi-bin/short").status
            #expect(status == 500)
        }
    }
}
