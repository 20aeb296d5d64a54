import TestSupport
import Testing

/// Which site answers, and what stands behind a path of it.
@Suite(.timeLimit(.minutes(5))) struct SiteTests {
    @Test func `names, wildcards and the first site`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            threads = 2
            [defaults]
            access_log = off
            [site first.example]
            root = first
            [site two]
            host = two.example WWW.Two.example.
            root = two
            [site three]
            host = *.three.example
            root = three
            [site four]
            host = exact.three.example *.deep.three.example [::1] 192.0.2.1
            root = four
            """
        let files = ["first", "two", "three", "four"].map { ("\($0)/name", $0) }
        try await withServer(ini: ini, files: Dictionary(uniqueKeysWithValues: files)) { server in
            for (host, site) in [
                ("first.example", "first"), ("two.example", "two"), ("TWO.example:8080", "two"),
                ("www.two.example", "two"), ("www.two.example.", "two"), ("two.example.:80", "two"),
                ("x.two.example", "first"), ("two", "first"), ("a.three.example", "three"),
                ("a.b.three.example", "three"), ("three.example", "first"), ("exact.three.example", "four"),
                ("EXACT.three.example.", "four"), ("x.exact.three.example", "three"),
                ("a.deep.three.example", "four"),
                ("deep.three.example", "three"), ("xthree.example", "first"), ("[::1]", "four"),
                ("[::1]:80", "four"),
                ("192.0.2.1:1", "four"), ("192.0.2.2", "first"),
            ] { try #expect(server.get("/name", headers: ["Host": host]).text == site, "\(host)") }
            // A whole URL decides, whatever Host says.
            try #expect(
                server.get("http://two.example/name", headers: ["Host": "a.three.example"]).text == "two")
            try #expect(server.get("http://two.example/name", headers: ["Host": ""]).text == "two")
            // Without a Host there is the first site.
            try #expect(
                server.answer(to: "GET /name HTTP/1.0\r\n\r\n", method: "GET").response.text == "first")
        }
    }

    @Test func `addresses of sites`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            listen = unix:socket
            [site everywhere]
            root = one
            [site inner]
            listen = unix:socket
            root = two
            [site outer]
            listen = 127.0.0.1:0
            root = three
            """
        let files = ["one/name": "one", "two/name": "two", "three/name": "three"]
        try await withServer(ini: ini, files: files) { server in
            for (listener, host, site) in [
                (0, "everywhere", "one"), (0, "outer", "three"), (0, "inner", "one"), (0, "other", "one"),
                (1, "everywhere", "one"), (1, "outer", "one"), (1, "inner", "two"), (1, "other", "one"),
            ] {
                let response = try server.get("/name", headers: ["Host": host], listener: listener)
                #expect(response.text == site, "\(host) on \(server.listeners[listener])")
            }
        }
    }

    @Test func `a site of its own address is the only one there`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            listen = unix:socket
            [site public]
            listen = 127.0.0.1:0
            root = one
            [site private]
            listen = unix:socket
            root = two
            """
        try await withServer(ini: ini, files: ["one/name": "one", "two/name": "two"]) { server in
            try #expect(server.get("/name", headers: ["Host": "private"]).text == "one")
            try #expect(server.get("/name", headers: ["Host": "public"], listener: 1).text == "two")
        }
    }

    private static let script = """
        #!/bin/sh
        printf 'Content-Type: text/plain\\n\\n%s|%s' "$SCRIPT_NAME" "$PATH_INFO"
        """

    @Test func `aliases and scripts, inside one another, at the borders of segments`() async throws {
        let site = """
            alias = /files files
            alias = /files/deep deep/
            alias = /run/static/ static
            alias = /ä/ö umlaut
            cgi = /run/ cgi-bin/
            cgi = /files/run run
            cgi = /git cgi-bin/one
            cgi = /git/inner cgi-bin/two
            """
        let files = [
            "www/a.txt": "root", "www/filesx/a.txt": "root", "www/gitweb": "root", "www/runs/one": "root",
            "www/files/only-in-root": "root", "files/a.txt": "files", "files/deep/a.txt": "hidden by deep",
            "files/deeper/a.txt": "files", "files/runx": "files", "deep/a.txt": "deep",
            "static/a.txt": "static",
            "umlaut/a.txt": "umlaut", "cgi-bin/one": Self.script, "cgi-bin/two": Self.script,
            "run/four": Self.script,
            "cgi-bin/sub/three": Self.script, "cgi-bin/static/a.txt": "hidden by static",
        ]
        try await withServer(site: site, files: files) { server in
            for (path, text) in [
                ("/a.txt", "root"), ("/filesx/a.txt", "root"), ("/gitweb", "root"), ("/runs/one", "root"),
                ("/files/a.txt", "files"), ("/files/deep/a.txt", "deep"), ("/files/deeper/a.txt", "files"),
                ("/files/runx", "files"), ("/run/static/a.txt", "static"), ("/run/../files/a.txt", "files"),
                ("/%C3%A4/%C3%B6/a.txt", "umlaut"), ("/%66iles/a.txt", "files"),
                ("/run/one", "/run/one|"), ("/run/one/", "/run/one|/"), ("/run/one/x/y?q", "/run/one|/x/y"),
                ("/run/sub/three/x", "/run/sub/three|/x"), ("/files/run/four/x", "/files/run/four|/x"),
                ("/git", "/git|"), ("/git/", "/git|/"), ("/git/x.git/info", "/git|/x.git/info"),
                ("/git/innerx", "/git|/innerx"),
                ("/git/inner", "/git/inner|"), ("/git/inner/x", "/git/inner|/x"),
            ] {
                let response = try server.get(path)
                #expect(response.status == 200, "\(path)")
                #expect(response.text == text, "\(path)")
            }
            for (path, status) in [
                ("/files/only-in-root", 404), ("/run/static/one", 404), ("/run/none", 404), ("/files", 301),
                ("/files/deep", 301),
                ("/run", 403), ("/run/", 403), ("/run/sub", 403), ("/run/sub/", 403), ("/gitx", 404),
                ("/Files/a.txt", 404),
            ] { try #expect(server.get(path).status == status, "\(path)") }
        }
    }

    @Test func `locations`() async throws {
        let site = """
            header = X-Site: yes
            cache_control = no-cache
            charset = off
            """
        let more = """
            [location default /part]
            header = X-Part: yes
            cache_control = max-age=1
            charset = utf-8
            index = other.html
            [location default /part/inner]
            charset = koi8-r
            dotfiles = allow
            [location default /quiet]
            access_log = off
            symlinks = deny
            """
        let files = [
            "www/a.txt": "a", "www/part/a.txt": "a", "www/part/other.html": "other",
            "www/part/index.html": "index",
            "www/partly/a.txt": "a", "www/part/inner/a.txt": "a", "www/part/inner/.b.txt": "b",
            "www/part/.b.txt": "b",
            "www/part/inner/index.html": "index", "www/quiet/a.txt": "a",
        ]
        try await withServer(
            site: site, more: more, files: files, prepare: { try $0.link("www/quiet/link", to: "a.txt") }
        ) { server in
            for (path, part, charset, cache) in [
                ("/a.txt", false, "", "no-cache"), ("/partly/a.txt", false, "", "no-cache"),
                ("/part/a.txt", true, "; charset=utf-8", "max-age=1"),
                ("/part/x/../a.txt", true, "; charset=utf-8", "max-age=1"),
                // A location inside another is of the site, not of that one.
                ("/part/inner/a.txt", false, "; charset=koi8-r", "no-cache"),
                ("/part/inner/.b.txt", false, "; charset=koi8-r", "no-cache"),
            ] {
                let response = try server.get(path)
                #expect(response.status == 200, "\(path)")
                #expect(response["X-Site"] == "yes", "\(path)")
                #expect(response["X-Part"] == (part ? "yes" : nil), "\(path)")
                #expect(response["Content-Type"] == "text/plain\(charset)", "\(path)")
                #expect(response["Cache-Control"] == cache, "\(path)")
            }
            try #expect(server.get("/part/.b.txt").status == 404)
            try #expect(server.get("/part/").text == "other")
            try #expect(server.get("/part/inner/").text == "index")
            try #expect(server.get("/quiet/link").status == 403)
            try #expect(server.get("/quiet/a.txt").status == 200)
            try #expect(server.get("/quiet").status == 301)
            _ = try server.get("/part")
            // Whatever of /quiet there was would stand before this line or beside it.
            _ = try server.waitForLog(containing: "GET /part HTTP")
            try server.stop()
            #expect(!server.process.stdout.text.contains("quiet"))
        }
    }

    @Test func `defaults`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            home = home
            [defaults]
            listing = yes
            header = X-All: yes
            access_log = off
            alias = /shared shared
            [site one]
            root = one
            [site two]
            root = two
            listing = no
            header = X-Two: yes
            alias = /shared two
            """
        let files = ["home/one/a.txt": "one", "home/two/a.txt": "two", "home/shared/a.txt": "shared"]
        try await withServer(ini: ini, files: files) { server in
            let one = try server.get("/", headers: ["Host": "one"])
            #expect(one.status == 200)
            #expect(one["X-All"] == "yes")
            let two = try server.get("/", headers: ["Host": "two"])
            #expect(two.status == 403)
            #expect(two["X-All"] == "yes")
            #expect(two["X-Two"] == "yes")
            try #expect(server.get("/shared/a.txt", headers: ["Host": "one"]).text == "shared")
            try #expect(server.get("/shared/a.txt", headers: ["Host": "two"]).text == "two")
        }
    }

    @Test func `a site without a root`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site only-scripts]
            cgi = /run cgi-bin
            """
        try await withServer(ini: ini, files: ["cgi-bin/one": Self.script]) { server in
            try #expect(server.get("/run/one").text == "/run/one|")
            try #expect(server.get("/").status == 404)
            try #expect(server.get("/server.ini").status == 404)
        }
    }
}
