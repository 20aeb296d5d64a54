import Glibc
import TestSupport
import Testing

/// Where scripts send their clients (RFC 3875, sections 6.2.2 to 6.2.4).
@Suite(.timeLimit(.minutes(5))) struct ScriptRedirectTests {
    @Test func `local redirect`() async throws {
        let scripts = [
            "to": shell("printf 'Location: %s\\n\\n' \"$HTTP_X_TO\""), "env": ScriptEnvironment.script,
            "loop": shell("printf 'Location: /cgi-bin/loop?%s\\n\\n' x$QUERY_STRING; echo x >>runs"),
            "four": shell(
                "[ ${#QUERY_STRING} -lt 5 ] && printf 'Location: /cgi-bin/four?%s\\n\\n' x$QUERY_STRING || printf 'Content-Type: text/x\\n\\n%s' $QUERY_STRING"
            ),
        ]
        try await withScripts(scripts, files: ["www/a b.txt": "static\n", "www/.hidden": "secret"]) {
            server in
            let file = try server.post("/cgi-bin/to", "body", headers: ["X-To": "/a%20b.txt"])
            #expect(file.status == 200)
            #expect(file.text == "static\n")
            #expect(file["Location"] == nil)
            let environment = try server.environment(
                "/cgi-bin/to?old", method: "POST",
                headers: ["X-To": "/cgi-bin/env/info?new=%20", "Cookie": "a=1"], body: [1, 2, 3])
            #expect(environment["REQUEST_METHOD"] == "GET")
            #expect(environment["QUERY_STRING"] == "new=%20")
            #expect(environment["PATH_INFO"] == "/info")
            #expect(environment["SCRIPT_NAME"] == "/cgi-bin/env")
            #expect(environment["HTTP_COOKIE"] == "a=1")
            #expect(environment["CONTENT_LENGTH"] == nil || environment["CONTENT_LENGTH"] == "0")
            #expect(environment["REDIRECT_URL"] == "/cgi-bin/to")
            #expect(environment["REDIRECT_QUERY_STRING"] == "old")
            // A new query is none of the old one's.
            let without = try server.environment("/cgi-bin/to?old", headers: ["X-To": "/cgi-bin/env"])
            #expect(without["QUERY_STRING"] == "")

            #expect(try server.get("/cgi-bin/four").text == "xxxxx")
            #expect(try server.get("/cgi-bin/loop").status == 500)
            #expect(try server.folder.read("cgi-bin/runs") == "x\n".times(6))
            _ = try server.waitForError(containing: "local redirects")

            // The rules of the site hold for the target as for any path.
            for path in ["/none", "/.hidden", "/cgi-bin/none"] {
                #expect(try server.get("/cgi-bin/to", headers: ["X-To": path]).status == 404, "\(path)")
            }
            #expect(try server.get("/cgi-bin/to", headers: ["X-To": "/../../etc/passwd"]).status != 200)
            #expect(try server.head("/cgi-bin/to", headers: ["X-To": "/a%20b.txt"])["Content-Length"] == "7")
        }
    }

    @Test func `local redirect beside an empty Content-Type`() async throws {
        try await withScripts(
            ["to": prints("Content-Type:\\nLocation: /a.txt\\n\\n")], files: ["www/a.txt": "static\n"]
        ) { server in
            let response = try server.get("/cgi-bin/to")
            #expect(response.text == "static\n")
        }
    }

    @Test func `local redirect with its content unread and the connection kept`() async throws {
        try await withScripts(
            ["to": prints("Location: /a.txt\\n\\n")], files: ["www/a.txt": "static\n"]
        ) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("POST /cgi-bin/to HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n12345")
                #expect(try client.readResponse().text == "static\n")
            }
        }
    }

    @Test func `local redirect, cgi_local_redirects = no`() async throws {
        try await withScripts(
            ["to": prints("Location: /a.txt\\n\\n"), "with": prints("Location: /a.txt\\nStatus: 303\\n\\n")],
            site: "cgi_local_redirects = no",
            more: "[location default /cgi-bin/to/inside]\ncgi_local_redirects = yes",
            files: ["www/a.txt": "static\n"]
        ) { server in
            for (name, status) in [("to", 302), ("with", 303)] {
                let response = try server.get("/cgi-bin/\(name)")
                #expect(response.status == status)
                #expect(response["Location"] == "/a.txt")
                #expect(response.text == "")
            }
            #expect(try server.get("/cgi-bin/to/inside").text == "static\n")
        }
    }

    /// With a field that only a client can use, or a page, the client is to see it all.
    @Test func `local path with cookies`() async throws {
        let script = prints("Set-Cookie: a=1\\nLocation: /a.txt\\n\\n")
        try await withScripts(["x": script], files: ["www/a.txt": "static\n"]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response["Set-Cookie"] == "a=1")
            #expect(response.status == 302 && response["Location"] == "/a.txt" || response.text == "static\n")
        }
    }

    @Test func `a network path is not local`() async throws {
        try await withScripts(["x": prints("Location: //other.example/x\\n\\n")]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 302)
            #expect(response["Location"] == "//other.example/x")
        }
    }

    @Test(arguments: [
        ("Location: http://h/x", 302, ""),
        ("Location: http://h/x\\nContent-Type: text/html", 302, "<p>there"),
        ("Status: 301\\nLocation: http://h/x\\nContent-Type: text/html", 301, "<p>there"),
        ("Content-Type: text/html\\nLocation: http://h/x\\nStatus: 307 There", 307, "<p>there"),
        ("Location: http://h/x\\nStatus: 201", 201, "made"), ("Status: 303\\nLocation: /x", 303, ""),
        ("Location: x/y?z", 302, ""), ("Location: mailto:a@b", 302, ""),
    ])
    func `client redirect, with and without a document`(_ header: String, _ status: Int, _ body: String)
        async throws
    {
        try await withScripts(["x": prints("\(header)\\n\\n\(body)")]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == status)
            #expect(response["Location"] != nil)
            #expect(response.text == body)
        }
    }
}
