import TestSupport
import Testing

/// `redirect` and `rewrite`.
@Suite(.timeLimit(.minutes(5))) struct RedirectTests {
    @Test func `redirects`() async throws {
        let site = """
            redirect = /old /new 301
            redirect = =/exact https://www.example.org/x 308
            redirect = ~^/a/(\\d+)/(.*)$ /b/$2?n=$1 307
            redirect = /gone 410
            redirect = /temporary /t
            redirect = /see /other 303
            redirect = /private/moved /t
            redirect = ~^/slow/(a+)+$ /t
            error_page = 410 /gone-page.html
            header = X-A: b
            """
        let more = "[location default /private]\ndeny = all\n"
        let files = ["www/gone-page.html": "long gone", "www/old/a": "old", "www/exact/a": "a"]
        try await withServer(site: site, more: more, files: files) { server in
            for (path, status, location) in [
                ("/old", 301, "/new"), ("/old/a?x=1&y", 301, "/new/a?x=1&y"), ("//old/a", 301, "/new/a"),
                ("/%6Fld/a%20b%0D%0AX:y", 301, "/new/a%20b%0D%0AX%3Ay"),
                ("/exact?q", 308, "https://www.example.org/x?q"),
                ("/exact/a", 200, nil), ("/a/12/x/y?z", 307, "/b/x/y?n=12"), ("/a/x/y", 404, nil),
                ("/temporary/", 302, "/t/"), ("/see", 303, "/other"), ("/private/moved", 302, "/t"),
                ("/private/a", 403, nil), ("/gone/x", 410, nil),
                ("/old//evil.example", 301, "/new/evil.example"),
                ("/slow/" + String(repeating: "a", count: 5000) + "b", 500, nil),
            ] as [(String, Int, String?)] {
                for method in ["GET", "HEAD", "POST"] where location != nil || method == "GET" {
                    let response = try server.request(method, path)
                    #expect(response.status == status, "\(method) \(path)")
                    #expect(response["Location"] == location, "\(method) \(path)")
                    #expect(response["X-A"] == "b")
                }
            }
            try #expect(server.get("/gone").text == "long gone")
            _ = try server.waitForError(containing: "takes too many steps")
        }
    }

    @Test func `rewriting`() async throws {
        let site = """
            cgi = /run cgi-bin/env
            cgi = /cgi-bin/ cgi-bin/
            cgi_extensions = .cgi
            rewrite = ^/page/(.*)\\.html$ /run/$1?from=page
            rewrite = ^/w/(.*)$ /run/$1
            rewrite = ^/drop$ /run?
            rewrite = ^/plain$ /a.txt
            rewrite = ^/once/(.*)$ /once/x/$1
            rewrite = ^/up/(.*)-(.*)$ /$1$2/x
            rewrite = ^/secret$ /private/a
            rewrite = missing ^/(.*)$ /index.cgi/$1
            """
        let more = """
            [location default /private]
            deny = all
            """
        let script = """
            #!/bin/sh
            printf 'Content-Type: text/plain\\n\\n'
            echo "$REQUEST_METHOD $SCRIPT_NAME|$PATH_INFO|$QUERY_STRING|$REQUEST_URI|$(cat)"
            """
        let files = [
            "cgi-bin/env": script, "www/index.cgi": script, "www/a.txt": "a", "www/private/a": "secret",
            "www/once/x/y": "y", "www/folder/z": "z",
        ]
        try await withServer(site: site, more: more, files: files) { server in
            for (path, answer) in [
                ("/page/a%20b.html?q=1", "GET /run|/a b|from=page|/page/a%20b.html?q=1|\n"),
                ("/w/x%3Fy?q=1", "GET /run|/x?y|q=1|/w/x%3Fy?q=1|\n"),
                ("/drop?q=1", "GET /run|||/drop?q=1|\n"),
                ("/plain?x", "a"), ("/plain", "a"), ("/once/y", "y"),
                ("/none/at/all", "GET /index.cgi|/none/at/all||/none/at/all|\n"),
                ("/index.cgi/x", "GET /index.cgi|/x||/index.cgi/x|\n"), ("/a.txt", "a"),
            ] {
                for _ in 0..<2 { try #expect(server.get(path).text == answer, "\(path)") }
            }
            try #expect(server.post("/w/x", "content").text == "POST /run|/x||/w/x|content\n")
            for (path, status) in [
                ("/secret", 403), ("/private/none", 403), ("/folder", 301), ("/folder/", 403),
                ("/a.txt/x", 404),
                ("/cgi-bin/none", 404), ("/up/.-.", 400),
            ] { try #expect(server.get(path).status == status, "\(path)") }
        }
    }
}
