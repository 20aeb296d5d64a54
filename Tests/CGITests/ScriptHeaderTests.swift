import TestSupport
import Testing

/// What becomes of the header that a script prints (RFC 3875, section 6.3).
@Suite(.timeLimit(.minutes(5))) struct ScriptHeaderTests {
    private static func get(_ name: String, _ fields: String = "") -> String {
        "GET /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    @Test func `document response without Content-Type`() async throws {
        try await withScripts(["x.txt": prints("X-A: b\\n\\nbody")]) { server in
            let response = try server.get("/cgi-bin/x.txt")
            #expect(response.status == 200)
            #expect(response["Content-Type"] == nil)
            #expect(response.text == "body")
            _ = try server.waitForError(containing: "no Content-Type")
        }
    }

    /// What is printed is whole and once in the answer, in whatever pieces it comes.
    @Test(arguments: [
        ("\\n<html>\\n<p>x: y\\n", "<html>\n<p>x: y\n"), ("\\r\\n<html>", "<html>"), ("\\n\\n<p>x", "\n<p>x"),
        ("\\nhello", "hello"), ("\\nhello\\nworld: x", "hello\nworld: x"), ("\\n <p>", " <p>"),
    ])
    func `an empty line as the header`(_ output: String, _ content: String) async throws {
        let pieces = """
            #!/usr/bin/python3
            import array, fcntl, os, termios
            unread = array.array("i", [0])
            for byte in b"\(output)":
                os.write(1, bytes([byte]))
                # Until the server has it.
                while fcntl.ioctl(1, termios.FIONREAD, unread) == 0 and unread[0]: os.sched_yield()
            """
        try await withScripts(["whole": prints(output), "pieces": pieces]) { server in
            for name in ["whole", "pieces"] {
                let response = try server.get("/cgi-bin/\(name)")
                #expect(response.status == 200)
                #expect(response["Content-Type"] == nil)
                #expect(response.text == content, "\(name)")
                let line = try server.waitForError(containing: "script=/cgi-bin/\(name) ")
                #expect(line.contains("no Content-Type"))
            }
        }
    }

    @Test func `an empty line, and a header or nothing`() async throws {
        let scripts = [
            "broken": prints("\\nX-A: b\\nhello world\\n\\nbody"), "alone": prints("\\n"),
            "fails": shell("printf '\\nhello'; exit 3"),
            "hints": prints("Status: 103\\n\\n\\n<p>x"),
        ]
        try await withScripts(scripts) { server in
            for name in ["broken", "alone", "fails"] {
                let status = try server.get("/cgi-bin/\(name)").status
                #expect(status == 500, "\(name)")
            }
            let hints = try server.get("/cgi-bin/hints")
            #expect(hints.text == "<p>x")
        }
    }

    @Test func `an empty Location`() async throws {
        let scripts = [
            "x": prints("Location:\\nContent-Type: text/x\\n\\nbody"),
            "moved": prints("Status: 302\\nLocation: \\n\\n"),
        ]
        try await withScripts(scripts) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 200)
            #expect(response["Location"] == nil)
            #expect(response.text == "body")
            #expect(try server.waitForError(containing: "Location").contains("because it says nothing"))
            let moved = try server.get("/cgi-bin/moved")
            #expect(moved.status == 302)
            #expect(moved["Location"] == nil)
        }
    }

    @Test func `an empty Content-Type`() async throws {
        try await withScripts(["x": prints("Content-Type:\\nA: b\\n\\nbody")]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 200)
            #expect(response["Content-Type"] == nil)
            #expect(response["A"] == "b")
            _ = try server.waitForError(
                containing: "left out of the script's header, because it says nothing: Content-Type")
        }
    }

    @Test func `headers absent altogether`() async throws {
        try await withScripts(["x": prints("<p>A page\\n\\n<p>of text")]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 500)
            #expect(try server.waitForError(containing: "no header").contains("<p>A page"))
        }
    }

    @Test(arguments: [
        "Content-Type: text/x\\nX-A: b\\n\\nbody", "Content-Type: text/x\\r\\nX-A: b\\r\\n\\r\\nbody",
        "Content-Type: text/x\\r\\nX-A: b\\n\\nbody", "Content-Type: text/x\\nX-A: b\\n\\r\\nbody",
        "Content-Type: text/x\\nX-A: b\\r\\n\\nbody", "\\nContent-Type: text/x\\nX-A: b\\n\\nbody",
        "Content-Type: text/x\\r\\r\\nX-A: b\\r\\r\\n\\r\\r\\nbody",
        "Content-Type : text/x\\nX-A\\t: b\\n\\nbody",
        "Content-Type:\\n text/x\\nX-A: b\\n\\nbody",
        "Content-Type: text/x\\r\\nX-A:\\r\\n\\tb\\r\\n\\r\\nbody",
        "content-type:text/x\\nX-A:b\\n\\nbody", "Content-Type:  text/x  \\nX-A:\\tb\\t\\n\\nbody",
    ])
    func `LF, CR LF and a leading blank line`(_ output: String) async throws {
        try await withScripts(["x": prints(output)]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 200)
            #expect(response["Content-Type"] == "text/x")
            #expect(response["X-A"] == "b")
            #expect(response.text == "body")
        }
    }

    @Test func `a body of the same line ends`() async throws {
        try await withScripts(["x": prints("Content-Type: text/x\\n\\n\\r\\n\\n\\0\\r")]) { server in
            let body = try server.get("/cgi-bin/x").body
            #expect(body == [13, 10, 10, 0, 13])
        }
    }

    @Test func `header that comes byte by byte`() async throws {
        let script = """
            #!/usr/bin/python3
            import os
            for byte in b"Status: 201\\r\\nContent-Type: text/x\\r\\n\\r\\nbody":
                os.write(1, bytes([byte]))
            """
        try await withScripts(["x": script]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 201)
            #expect(response["Content-Type"] == "text/x")
            #expect(response.text == "body")
        }
    }

    @Test(arguments: [
        ("Status: 418 I'm a teapot\\nContent-Type: text/x\\nX-A: b", 418),
        ("Content-Type: text/x\\nStatus: 418\\nX-A: b", 418),
        ("Content-Type: text/x\\nX-A: b\\nstatus:404", 404),
        ("Content-Type: text/x\\nX-A: b\\nStatus: 200 OK", 200), ("Status: 299 Own\\nX-A: b", 299),
        ("X-A: b\\nStatus: 599", 599), ("X-A: b\\nStatus: 401\\nWWW-Authenticate: Basic", 401),
    ])
    func `Status anywhere`(_ header: String, _ status: Int) async throws {
        try await withScripts(["x": shell("printf '%b' \"\(header)\\n\\nbody\"")]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == status)
            #expect(response["Status"] == nil)
            #expect(response["X-A"] == "b")
            #expect(response.text == "body")
        }
    }

    @Test(arguments: ["abc", "20", "2000", "0", "099", "600", "-200", "200x", ""])
    func `Status that is none`(_ value: String) async throws {
        try await withScripts(["x": prints("Content-Type: text/x\\nStatus: \(value)\\n\\nbody")]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 500 || value == "200x" && response.status == 200)
        }
    }

    @Test(arguments: [204, 304]) func `status without content`(_ status: Int) async throws {
        let script = prints("Status: \(status)\\nETag: \"a\"\\nContent-Length: 4\\n\\nbody")
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("x"))
                let response = try client.readResponse()
                #expect(response.status == status)
                #expect(response["ETag"] == "\"a\"")
            }
        }
    }

    @Test func `206 and Content-Encoding of the script's own`() async throws {
        let script = prints(
            "Status: 206\\nContent-Range: bytes 1-3/10\\nContent-Encoding: gzip\\nContent-Length: 3\\n\\nabc")
        try await withScripts(["x": script]) { server in
            let response = try server.get(
                "/cgi-bin/x", headers: ["Range": "bytes=1-3", "Accept-Encoding": "gzip"])
            #expect(response.status == 206)
            #expect(response["Content-Range"] == "bytes 1-3/10")
            #expect(response["Content-Encoding"] == "gzip")
            #expect(response.text == "abc")
        }
    }

    @Test func `duplicate response headers`() async throws {
        let script = prints(
            "Content-Type: text/x\\nSet-Cookie: a=1\\nX-A: 1\\nset-cookie: b=2\\nX-A: 2\\n\\n")
        try await withScripts(["x": script]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.all("Set-Cookie") == ["a=1", "b=2"])
            #expect(response.all("X-A") == ["1", "2"])
        }
    }

    @Test func `fields that may stand once`() async throws {
        let scripts = [
            "type": prints("Content-Type: text/x\\ncontent-type: text/y\\n\\nbody"),
            "length": prints("Content-Type: text/x\\nContent-Length: 4\\nContent-Length: 3\\n\\nbody"),
            "fragment": prints("Location: /a.txt#b\\n\\n"),
        ]
        try await withScripts(scripts, files: ["www/a.txt": "a"]) { server in
            try #expect(server.get("/cgi-bin/type").all("Content-Type") == ["text/y"])
            let length = try server.get("/cgi-bin/length")
            #expect(length.framing == .chunked)
            #expect(length.text == "body")
            // A fragment is the client's to know (RFC 3875, 6.3.2).
            let fragment = try server.get("/cgi-bin/fragment")
            #expect(fragment.status == 302)
            #expect(fragment["Location"] == "/a.txt#b")
        }
    }

    @Test func `forbidden headers`() async throws {
        let script = prints(
            "Content-Type: text/x\\nTransfer-Encoding: chunked\\nConnection: close\\nKeep-Alive: 5\\nUpgrade: x\\nTrailer: X-T\\n\\nbody"
        )
        try await withScripts(["x": script]) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("x"))
                let response = try client.readResponse()
                #expect(response.text == "body")
                for name in ["Connection", "Keep-Alive", "Upgrade", "Trailer"] {
                    #expect(response[name] == nil)
                }
            }
            let line = try server.waitForError(containing: "left out")
            #expect(line.contains("Transfer-Encoding, Connection, Keep-Alive, Upgrade, Trailer"))
        }
    }

    @Test func `forbidden headers are logged once, however many requests there are`() async throws {
        let script = prints("Content-Type: text/x\\nConnection: close\\n\\nbody")
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/", server: "error_log = errors", threads: 1,
            files: ["cgi-bin/x": script, "cgi-bin/y": script]
        ) { server in
            for _ in 1...5 {
                for name in ["x", "y"] { #expect(try server.get("/cgi-bin/\(name)").text == "body") }
            }
            try server.stop()
            let lines = try server.folder.read("errors").split(separator: "\n").filter {
                $0.contains("left out")
            }
            #expect(lines.count == 2, "\(lines)")
            #expect(lines.contains { $0.contains("script=/cgi-bin/x ") })
            #expect(lines.contains { $0.contains("script=/cgi-bin/y ") })
        }
    }

    /// One Date and one Server, whatever the script says.
    @Test func `Date and Server of the script`() async throws {
        let script = prints(
            "Content-Type: text/x\\nDate: Sun, 06 Nov 1994 08:49:37 GMT\\nServer: mine\\n\\nbody")
        try await withScripts(["x": script]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.all("Date").count == 1)
            #expect(response.all("Server").count == 1)
            #expect(response["Server"] != "mine")
            #expect(try server.waitForError(containing: "left out").contains(": Date, Server"))
        }
    }

    @Test func `header size`() async throws {
        let long = """
            #!/usr/bin/python3
            import os
            size = int(os.environ["QUERY_STRING"].partition("=")[2])
            print("Content-Type: text/x\\nX-Long: " + "a" * size + "\\n\\nbody", end="")
            """
        let endless = shell("while :; do echo 'X-A: some text to make it longer'; done")
        try await withScripts(["long": long, "endless": endless]) { server in
            let fine = try server.get("/cgi-bin/long?n=60000")
            #expect(fine.status == 200)
            #expect(fine["X-Long"]?.utf8.count == 60_000)
            #expect(fine.text == "body")
            let tooLong = try server.get("/cgi-bin/long?n=70000")
            #expect(tooLong.status == 500)
            _ = try server.waitForError(containing: "longer than 65536 bytes")
            #expect(try server.get("/cgi-bin/endless").status == 500)
        }
    }

    @Test(arguments: [
        "X A: b", ": b", "X-A\\0: b", "X-A: b\\0c", "X-A: b\\rX-B: c", "X-A b", "X(A: b",
    ])
    func `header lines that are none`(_ line: String) async throws {
        try await withScripts(["x": prints("Content-Type: text/x\\n\(line)\\n\\nbody")]) { server in
            let status = try server.get("/cgi-bin/x").status
            #expect(status == 500)
        }
    }
}
