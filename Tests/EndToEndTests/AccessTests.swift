import TestSupport
import Testing

/// Who may see what: `allow`, `deny`, and that no way leads round them.
@Suite(.timeLimit(.minutes(5))) struct AccessTests {
    @Test func `networks of a site and its locations`() async throws {
        let more = """
            [location default /inner]
            allow = 127.0.0.0/8
            deny = 127.0.0.2 127.0.0.128/25
            [location default /inner/open]
            allow = all
            deny = none
            [location default /closed]
            deny = all
            """
        let files = ["www/a": "a", "www/inner/a": "a", "www/inner/open/a": "a", "www/closed/a": "a"]
        try await withServer(site: "deny = 127.0.0.3", more: more, files: files) { server in
            for (path, source, status) in [
                ("/a", "127.0.0.1", 200), ("/a", "127.0.0.2", 200), ("/a", "127.0.0.3", 403),
                ("/inner/a", "127.0.0.1", 200), ("/inner/a", "127.0.0.2", 403),
                ("/inner/a", "127.0.0.3", 200),
                ("/inner/a", "127.0.0.200", 403), ("/inner/none", "127.0.0.2", 403),
                ("/inner", "127.0.0.2", 403),
                ("/inner/open/a", "127.0.0.2", 200), ("/closed/a", "127.0.0.1", 403),
            ] {
                // Twice, so that an answer that was kept would be seen.
                for _ in 0..<2 {
                    let response = try server.request("GET", path, from: source)
                    #expect(response.status == status, "\(path) from \(source)")
                }
            }
            _ = try server.waitForError(containing: "the client's address is not allowed here")
        }
    }

    @Test func `both families`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            listen = [::1]:0
            listen = unix:socket
            [site a]
            root = www
            allow = 127.0.0.1
            deny = ::1
            [location a /six]
            allow = ::/64
            deny = none
            [location a /all]
            allow = all
            """
        let files = ["www/a": "a", "www/six/a": "a", "www/all/a": "a"]
        try await withServer(ini: ini, listenerCount: 3, files: files) { server in
            // A client of a Unix socket has no address, and is one of `all` only.
            for (path, statuses) in [
                ("/a", [200, 403, 403]), ("/six/a", [403, 200, 403]), ("/all/a", [200, 403, 200]),
            ] {
                for (listener, status) in statuses.enumerated() {
                    try #expect(server.get(path, listener: listener).status == status, "\(path) \(listener)")
                }
            }
        }
    }

    @Test func `a kept answer of an open part is not given to a closed one`() async throws {
        let more = "[location default /private]\ndeny = 127.0.0.2\n"
        try await withServer(more: more, files: ["www/private/a": "secret"]) { server in
            for _ in 0..<3 {
                try #expect(server.request("GET", "/private/a", from: "127.0.0.1").text == "secret")
                try #expect(server.request("GET", "/private/a", from: "127.0.0.2").status == 403)
            }
        }
    }

    @Test(arguments: [
        "/private/a", "//private/a", "/%70rivate/a", "/x/../private/a", "/./private/a", "/private//a",
        "/private%2Fa",
        "/private/./a", "/%2Fprivate/a", "/x/%2e%2e/private/a", "/private", "/private/", "/private/none",
        "/private/.hidden",
        "/private/x.cgi", "/private/index.html", "http://default/private/a",
    ])
    func `other spellings`(_ path: String) async throws {
        let more = "[location default /private]\ndeny = all\n"
        let files = [
            "www/private/a": "secret", "www/private/index.html": "secret", "www/x/b": "b",
            "www/private/x.cgi": "#!/bin/sh\necho Status: 200; echo\n",
        ]
        try await withServer(
            site: "cgi_extensions = .cgi\nlisting = yes", more: more, files: files
        ) { server in
            for method in ["GET", "HEAD", "POST", "OPTIONS", "PUT"] {
                try #expect(server.request(method, path).status == 403, "\(method)")
            }
        }
    }

    @Test func `a folder shows neither names nor texts that the client may not have`() async throws {
        let site = "listing = yes\nauth = M etc/htpasswd"
        let more = """
            [location default /f]
            auth = off
            [location default /f/members]
            auth = M etc/htpasswd
            [location default /f/local]
            auth = off
            deny = 127.0.0.2
            [location default /f/local/deep]
            auth = off
            [location default /f/README.txt]
            deny = 127.0.0.2
            auth = off
            """
        // Of `ann`: `myPassword`.
        let users = "ann:$2y$04$isdNVLZh0N4mBW3QOjN/BO2ghfApAEMm/OTPABCVhok2XJPGi4FRO\n"
        let files = [
            "etc/htpasswd": users, "www/f/members/a": "", "www/f/local/a": "", "www/f/open/a": "",
            "www/f/README.txt": "for us alone", "www/g/members/a": "",
        ]
        try await withServer(
            site: site, more: more + "\n[location default /g/members]\nallow = all\n", files: files
        ) { server in
            func names(_ path: String, from source: String, password: String = "") throws -> String {
                let answer = try server.request(
                    "GET", path, headers: ["Accept": "text/plain", "Authorization": password], from: source)
                return answer.text.split(separator: "\n").joined(separator: " ")
            }
            for path in ["/f/", "//f//"] {
                try #expect(names(path, from: "127.0.0.1") == "local/ open/ README.txt")
                try #expect(names(path, from: "127.0.0.2") == "open/")
            }
            try #expect(server.request("GET", "/f/", from: "127.0.0.1").text.contains("for us alone"))
            try #expect(!server.request("GET", "/f/", from: "127.0.0.2").text.contains("for us alone"))
            // The password that was shown for the folder opens what is in it, too.
            let ann = "Basic YW5uOm15UGFzc3dvcmQ="
            try #expect(names("/g/", from: "127.0.0.1", password: ann) == "members/")
        }
    }

    @Test func `a coded form with rules of its own is not given away`() async throws {
        let files = ["www/a.txt": "plain", "www/a.txt.gz": "for us alone"]
        try await withServer(
            site: "compress = gzip", more: "[location default /a.txt.gz]\ndeny = all\n", files: files
        ) { server in
            try #expect(server.get("/a.txt.gz").status == 403)
            let answer = try server.get("/a.txt", headers: ["Accept-Encoding": "gzip"])
            #expect(answer.text == "plain")
        }
    }

    @Test func `default pages and error pages`() async throws {
        let site = """
            cgi = /cgi-bin/ cgi-bin/
            cgi_extensions = .cgi
            error_page = 403 /private/sorry.html
            """
        let more = """
            [location default /private]
            deny = all
            [location default /page/index.html]
            deny = all
            [location default /script/index.cgi]
            deny = all
            [location default /cgi-bin/index.cgi]
            deny = all
            """
        let script = "#!/bin/sh\necho Status: 200; echo; echo ran\n"
        let files = [
            "www/private/sorry.html": "sorry", "www/private/a": "secret", "www/page/index.html": "secret",
            "www/script/index.cgi": script, "cgi-bin/index.cgi": script, "cgi-bin/ok": script,
            "cgi-bin/go": "#!/bin/sh\necho Location: \"$QUERY_STRING\"; echo\n",
        ]
        try await withServer(site: "index = index.html index.cgi\n\(site)", more: more, files: files) {
            server in
            for path in [
                "/private/a", "/page/", "/page/index.html", "/script/", "/script/index.cgi", "/cgi-bin/",
                "/cgi-bin/go?/private/a", "/cgi-bin/go?/x/../private/a",
            ] {
                for _ in 0..<2 {
                    let response = try server.get(path)
                    #expect(response.status == 403, "\(path)")
                    #expect(response.text == "sorry", "\(path)")
                }
            }
            try #expect(server.get("/cgi-bin/go?/cgi-bin/ok").text == "ran\n")
        }
    }

    @Test func `fields that no answer has`() async throws {
        let site = "cgi_extensions = .cgi\nheader = X-A: 1\nheader = -X-Powered-By"
        let more = "[location default /x]\nheader = -x-a\nheader = X-B: 2\n"
        let script = "#!/bin/sh\nprintf 'X-Powered-By: PHP\\nX-C: 3\\nStatus: 200\\n\\n'\n"
        try await withServer(site: site, more: more, files: ["www/a.cgi": script, "www/x/a.cgi": script]) {
            server in
            let (outer, inner) = (try server.get("/a.cgi"), try server.get("/x/a.cgi"))
            #expect(
                [outer["X-A"], outer["X-B"], outer["X-C"], outer["X-Powered-By"]] == ["1", nil, "3", nil])
            #expect(
                [inner["X-A"], inner["X-B"], inner["X-C"], inner["X-Powered-By"]] == [nil, "2", "3", nil])
        }
    }

    @Test func `Cache-Control by type and ending`() async throws {
        let site = """
            cache_control = image/* max-age=86400
            cache_control = .css max-age=3600
            cache_control = no-cache
            charset = utf-8
            cache_control = text/plain max-age=1
            error_page = 404 /a.css
            """
        let more = "[location default /x]\ncache_control = none\n"
        let files = ["a.png", "a.css", "a.html", "a.txt", "x/a.css"].map { ("www/\($0)", "x") }
        try await withServer(site: site, more: more, files: Dictionary(uniqueKeysWithValues: files)) {
            server in
            for (path, value) in [
                ("/a.png", "max-age=86400"), ("/a.css", "max-age=3600"), ("/a.html", "no-cache"),
                ("/a.txt", "max-age=1"),
                // An error must not be kept as long as the page that shows it.
                ("/x/a.css", nil), ("/none", nil),
            ] { try #expect(server.get(path)["Cache-Control"] == value, "\(path)") }
        }
    }
}
