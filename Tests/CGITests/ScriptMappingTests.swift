import Glibc
import TestSupport
import Testing

/// Which files are scripts, and that no script is a file.
@Suite(.timeLimit(.minutes(5))) struct ScriptMappingTests {
    @Test func `mapping: directory`() async throws {
        let scripts = ["x": page("echo folder"), "deep/y": page("echo deep"), "data.txt": "secret"]
        try await withScripts(scripts, site: "cgi = /other/place other", files: ["other/z": page("echo z")]) {
            server in
            chmod(server.folder.path("cgi-bin/data.txt"), 0o644)
            for (path, status, text) in [
                ("/cgi-bin/x", 200, "folder\n"), ("/cgi-bin/deep/y", 200, "deep\n"),
                ("/cgi-bin//x", 200, "folder\n"),
                ("/other/place/z", 200, "z\n"), ("/other/placez", 404, nil), ("/other/place", 403, nil),
                ("/cgi-bin", 403, nil), ("/cgi-bin/", 403, nil), ("/cgi-bin/deep/", 403, nil),
                ("/cgi-bin/none", 404, nil), ("/cgi-binx", 404, nil), ("/cgi-bin/data.txt", 403, nil),
                ("/CGI-BIN/x", 404, nil), ("/cgi-bin/../cgi-bin/x", 200, "folder\n"),
            ] as [(String, Int, String?)] {
                let response = try server.get(path)
                #expect(response.status == status, "\(path)")
                if let text { #expect(response.text == text, "\(path)") }
                #expect(!response.text.contains("secret"))
            }
        }
    }

    @Test func `mapping: one script`() async throws {
        try await withScripts(
            ["x": page("echo \"$SCRIPT_NAME|$PATH_INFO\"")], site: "cgi = /app cgi-bin/x\ncgi = / cgi-bin/x",
            files: ["www/a.txt": "static"]
        ) { server in
            for (path, text) in [
                ("/app", "/app|\n"), ("/app/a/b", "/app|/a/b\n"), ("/", "|/\n"), ("/a.txt", "|/a.txt\n"),
                ("/appl", "|/appl\n"), ("/cgi-bin/x", "/cgi-bin/x|\n"),
            ] {
                let answer = try server.get(path).text
                #expect(answer == text, "\(path)")
            }
        }
    }

    @Test func `prefixes inside one another: the longest wins, whatever its kind`() async throws {
        let files = [
            "scripts/x": page("echo x"), "docs/a.txt": "a", "docs/run/y": page("echo wrong"),
            "www/docs/b.txt": "wrong",
            "www/git/plain.txt": "plain",
        ]
        let site = """
            alias = /docs docs
            cgi = /docs/run scripts
            cgi = /git cgi-bin/git
            alias = /git/static www/git
            """
        try await withScripts(["git": page("echo git $PATH_INFO")], site: site, files: files) { server in
            for (path, status, text) in [
                ("/docs/a.txt", 200, "a"), ("/docs/run/x", 200, "x\n"), ("/docs/run/y", 404, nil),
                ("/docs/b.txt", 404, nil), ("/git/repo", 200, "git /repo\n"),
                ("/git/static/plain.txt", 200, "plain"),
                ("/gitweb", 404, nil), ("/git/staticx", 200, "git /staticx\n"),
            ] as [(String, Int, String?)] {
                let response = try server.get(path)
                #expect(response.status == status, "\(path)")
                if let text { #expect(response.text == text, "\(path)") }
            }
        }
    }

    @Test func `by extension`() async throws {
        let files = [
            "www/x.cgi": page("echo \"$SCRIPT_NAME|$PATH_INFO\""), "www/deep/y.pl": page("echo y"),
            "www/a.txt": "text", "www/x.cgi.txt": "text", "www/folder.cgi/a.txt": "text",
            "shared/z.cgi": page("echo z"), "www/off/x.cgi": page("echo x"),
            "www/closed.cgi": "#!/bin/sh\necho secret",
        ]
        try await withServer(
            site: "cgi_extensions = .cgi .pl\nalias = /shared shared",
            more: "[location default /off]\ncgi_extensions = none", files: files,
            prepare: { chmod($0.path("www/closed.cgi"), 0o644) }
        ) { server in
            for (path, status, text) in [
                ("/x.cgi", 200, "/x.cgi|\n"), ("/x.cgi/a/b", 200, "/x.cgi|/a/b\n"),
                ("/deep/y.pl", 200, "y\n"),
                ("/a.txt", 200, "text"), ("/x.cgi.txt", 200, "text"), ("/folder.cgi/a.txt", 200, "text"),
                ("/shared/z.cgi", 200, "z\n"), ("/closed.cgi", 403, nil), ("/none.cgi", 404, nil),
                ("/%78.cgi", 200, "/x.cgi|\n"),
            ] as [(String, Int, String?)] {
                let response = try server.get(path)
                #expect(response.status == status, "\(path)")
                if let text { #expect(response.text == text, "\(path)") }
                #expect(!response.text.contains("secret"))
            }
            #expect(try server.post("/x.cgi", "x").status == 200)
        }
    }

    /// Where a script is need not be looked at for each request. What is there counts all the same.
    @Test(arguments: ["/cgi-bin/a", "/cgi-bin/a/info", "/b.cgi"])
    func `a script that changes a moment after it ran`(_ path: String) async throws {
        let files = ["cgi-bin/a": page("echo first"), "www/b.cgi": page("echo first")]
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/\ncgi_extensions = .cgi", threads: 1, files: files,
            prepare: { folder in
                for name in files.keys { chmod(folder.path(name), 0o755) }
            }
        ) { server in
            let name = path.hasPrefix("/cgi-bin") ? "cgi-bin/a" : "www/b.cgi"
            let file = server.folder.path(name)
            #expect(try server.get(path).text == "first\n")

            let other = try server.folder.script("\(name).new", page("echo second"))
            #expect(rename(other, file) == 0)
            #expect(try server.get(path).text == "second\n")

            chmod(file, 0o644)
            #expect(try server.get(path).status == 403)
            chmod(file, 0o755)
            #expect(try server.get(path).text == "second\n")

            #expect(rename(file, other) == 0)
            #expect(try server.get(path).status == 404)
            #expect(rename(other, file) == 0)
            #expect(try server.get(path).text == "second\n")
        }
    }

    @Test func `interpreter map`() async throws {
        let files = [
            "www/x.sh": "printf 'Content-Type: text/x\\n\\n'; echo $0 $*",
            "cgi-bin/y.sh": "printf 'A: b\\n\\n'; pwd",
        ]
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin\ncgi_interpreter = .sh /bin/sh", files: files
        ) { server in
            let text = try server.get("/x.sh?one+two").text
            #expect(text == "\(server.folder.path("www/x.sh")) one two\n")
            let folder = try server.get("/cgi-bin/y.sh/info").text
            #expect(folder == server.folder.path("cgi-bin\n"))
        }
    }

    @Test func `interpreter of the map that has gone`() async throws {
        try await withServer(
            site: "cgi_interpreter = .x bin/run", files: ["www/a.x": "secret", "bin/run": page("echo run")]
        ) { server in
            #expect(try server.get("/a.x").text == "run\n")
            unlink(server.folder.path("bin/run"))
            let response = try server.get("/a.x")
            #expect(response.status == 500)
            #expect(!response.text.contains("secret"))
            _ = try server.waitForError(containing: "bin/run of cgi_interpreter cannot be run")
        }
    }

    @Test func `index script`() async throws {
        let files = [
            "www/app/index.cgi": page("echo \"$SCRIPT_NAME|$PATH_INFO|$QUERY_STRING\""),
            "cgi-bin/index.cgi": page("echo index"), "www/index.html": "page",
        ]
        try await withServer(
            site: "index = index.html index.cgi\ncgi = /cgi-bin/ cgi-bin\ncgi_extensions = .cgi", files: files
        ) { server in
            #expect(try server.get("/").text == "page")
            #expect(try server.get("/app/?a=b").text == "/app/index.cgi||a=b\n")
            let redirect = try server.get("/app?a=b")
            #expect(redirect.status == 301)
            #expect(redirect["Location"]?.hasSuffix("/app/?a=b") == true)
            #expect(try server.get("/cgi-bin/").text == "index\n")
            #expect(try server.post("/app/", "x").status == 200)
            // Another request than GET is to be the same one there.
            for method in ["POST", "PUT", "REPORT"] {
                let redirect = try server.request(method, "/app?a=b", body: Array("x".utf8))
                #expect(redirect.status == 308)
                #expect(redirect["Location"]?.hasSuffix("/app/?a=b") == true)
            }
            #expect(try server.head("/app").status == 301)
            #expect(try server.request("OPTIONS", "/app").status == 204)
        }
    }

    @Test func `folder of scripts without its slash`() async throws {
        let files = [
            "cgi-bin/index.cgi": page("echo index"), "cgi-bin/app/index.cgi": page("echo app"),
            "cgi-bin/none/x": page(""),
        ]
        try await withServer(site: "index = index.html index.cgi\ncgi = /cgi-bin/ cgi-bin", files: files) {
            server in
            for path in ["/cgi-bin", "/cgi-bin/app"] {
                let redirect = try server.get("\(path)?a=b")
                #expect(redirect.status == 301)
                #expect(redirect["Location"] == "\(path)/?a=b")
                #expect(try server.post("\(path)?a=b", "x").status == 308)
            }
            #expect(try server.get("/cgi-bin/app/").text == "app\n")
            // Without a script for it, a folder of scripts is nobody's.
            #expect(try server.get("/cgi-bin/none").status == 403)
            #expect(try server.get("/cgi-bin/none/").status == 403)
        }
    }

    @Test func `exec-bit check`() async throws {
        try await withServer(site: "cgi = /cgi-bin/ cgi-bin", files: ["cgi-bin/x": "echo secret"]) { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 403)
            #expect(!response.text.contains("secret"))
            _ = try server.waitForError(containing: "chmod 755")
        }
    }

    @Test func `never serve script source`() async throws {
        let files = [
            "cgi-bin/a.txt": "secret", "cgi-bin/b.html": "secret", "cgi-bin/c.cgi": "secret",
            "cgi-bin/.hidden": "secret",
            "cgi-bin/d/e": "secret", "cgi-bin/f~": "secret",
        ]
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin\nlisting = yes\ncgi_sendfile = cgi-bin", files: files
        ) { server in
            for path in [
                "a.txt", "b.html", "c.cgi", ".hidden", "d/e", "d/", "", "f~", "a.txt/", "a.txt%00", "%61.txt",
                "a.txt?x",
            ] {
                for method in ["GET", "POST", "PUT", "HEAD", "OPTIONS", "PROPFIND"] {
                    let response = try server.request(method, "/cgi-bin/\(path)")
                    #expect(response.status >= 400, "\(method) \(path)")
                    #expect(!response.text.contains("secret"), "\(method) \(path)")
                }
            }
        }
    }

    /// What looks like a script and is none by any setting; with one that allows it, it is a file.
    @Test func `never serve script source among the pages`() async throws {
        let files = [
            "www/a.cgi": "#!/bin/sh\nsecret", "www/b.PHP": "<?php secret", "www/c.pl": "secret",
            "www/d/index.php": "secret", "www/d.phpx": "text", "www/install.sh": "#!/bin/sh\ntext",
            "www/src/c.pl": "text", "www/src/a.cgi": "text", "pages/e.fcgi": "secret",
        ]
        try await withServer(
            site: "index = index.php\nalias = /p/ pages\ncgi_errors_to = 127.0.0.1",
            more: "[location default /src]\nscript_sources = none", files: files
        ) { server in
            for path in ["/a.cgi", "/b.PHP", "/c.pl", "/d/", "/d/index.php", "/%61.cgi", "/p/e.fcgi"] {
                for _ in 1...2 {
                    let response = try server.get(path)
                    #expect(response.status == 403, "\(path)")
                    #expect(!response.text.contains("secret"), "\(path)")
                    #expect(response.text.contains("cgi_extensions"))
                }
                #expect(try server.head(path).status == 403)
            }
            #expect(try server.waitForError(containing: ".PHP").contains("script_sources = none"))
            for path in ["/d.phpx", "/install.sh", "/src/c.pl", "/src/a.cgi"] {
                #expect(try server.get(path).text.contains("text"), "\(path)")
            }
            #expect(try server.get("/none.php").status == 404)
        }
    }

    @Test func `symbolic links to scripts`() async throws {
        try await withScripts(["x": page("echo x")], files: ["outside/y": page("echo y")]) { server in
            try server.folder.link("cgi-bin/inside", to: "x")
            try server.folder.link("cgi-bin/leaves", to: "../outside/y")
            #expect(try server.get("/cgi-bin/inside").text == "x\n")
            #expect(try server.get("/cgi-bin/leaves").status == 403)
            _ = try server.waitForError(containing: "symlinks = follow")
        }
        try await withScripts([:], site: "symlinks = follow", files: ["outside/y": page("echo y; pwd")]) {
            server in
            try server.folder.link("cgi-bin/leaves", to: "../outside/y")
            #expect(try server.get("/cgi-bin/leaves").text == "y\n\(server.folder.path("cgi-bin"))\n")
        }
    }

    @Test func `a script that appears, changes, and goes`() async throws {
        try await withScripts([:]) { server in
            #expect(try server.get("/cgi-bin/x").status == 404)
            try server.folder.script("cgi-bin/x", page("echo 1"))
            #expect(try server.get("/cgi-bin/x").text == "1\n")
            try server.folder.script("cgi-bin/x", page("echo 2"))
            #expect(try server.get("/cgi-bin/x").text == "2\n")
            unlink(server.folder.path("cgi-bin/x"))
            #expect(try server.get("/cgi-bin/x").status == 404)
        }
    }
}
