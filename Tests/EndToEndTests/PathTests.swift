import Glibc
import TestSupport
import Testing

/// Which file a path leads to, and that none leads outside.
@Suite(.timeLimit(.minutes(5))) struct PathTests {
    @Test func `nothing outside the root is reached`() async throws {
        let files = [
            "secret.txt": "SECRET", "www-other/secret.txt": "SECRET", "www/in/a.txt": "inside",
            "cgi-bin/show": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' \"$PATH_INFO\"\n",
            "files/a.txt": "alias",
        ]
        let site = """
            cgi = /cgi-bin/ cgi-bin/
            alias = /files files
            listing = yes
            symlinks = follow
            """
        try await withServer(site: site, files: files) { server in
            let ups = [
                "..", "%2e%2e", "%2E.", ".%2e", "..;", "...", "..%5c", "..%5C..", "%c0%ae%c0%ae",
                "%252e%252e",
                "..%00", ". .", "%2e%2e%2f..", "..%2f", "..\\", "%uff0e%uff0e", "..%c0%af", "..%ef%bc%8f",
            ]
            let names = ["secret.txt", "www-other/secret.txt", "etc/passwd"]
            var targets: [String] = [
                "/../www-other/secret.txt", "/..", "/../", "/%2e%2e%2f", "/../../../../etc/",
            ]
            for up in ups {
                for name in names {
                    for base in ["/", "/in/", "//", "/./", "/files/", "/files", "/cgi-bin/", "/in//../"] {
                        for depth in [1, 2, 8] { targets.append(base + "\(up)/".times(depth) + name) }
                    }
                }
            }
            targets += [
                "/etc/passwd", "//etc/passwd", "/%2fetc/passwd", "/file:///etc/passwd", "/~root/",
                "/in/a.txt/../../secret.txt",
            ]
            let client = try server.connect()
            for target in targets {
                // Each is sent as it is; what has a blank in it ends the connection and has its own below.
                if target.contains(" ") { continue }
                try client.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
                let response = try client.readResponse()
                #expect(!response.text.contains("SECRET"), "\(target)")
                #expect(!response.text.contains("root:"), "\(target)")
                let isScript = response.status == 200 && target.contains("cgi-bin")
                #expect(
                    [400, 403, 404].contains(response.status) || isScript, "\(target): \(response.status)")
            }
            // Dots that stay within are resolved.
            for target in [
                "/in/../in/a.txt", "/./in/./a.txt", "/in/x/../a.txt", "/in/%2e/a.txt", "/x/%2e%2e/in/a.txt",
            ] {
                try #expect(server.get(target).text == "inside", "\(target)")
            }
        }
    }

    @Test func `slashes that are doubled count once`() async throws {
        let script = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nrun %s' \"$PATH_INFO\"\n"
        let files = [
            "www/in/a.txt": "inside", "www/scripts/show": script, "www/scripts/sub/show": script,
            "files/a.txt": "alias",
            "www/part/a.txt": "part",
        ]
        let site = """
            cgi = /scripts www/scripts
            alias = /files/here files
            """
        let more = """
            [location default /part]
            header = X-Part: yes
            """
        try await withServer(site: site, more: more, files: files) { server in
            for target in ["//in/a.txt", "/in//a.txt", "///in///a.txt", "/%2fin/a.txt"] {
                try #expect(server.get(target).text == "inside", "\(target)")
            }
            // A script behind a prefix is never shown, however the prefix is written.
            for target in [
                "/scripts/show", "//scripts/show", "///scripts//show", "/%2Fscripts/show", "/.//scripts/show",
            ] {
                try #expect(server.get(target).text == "run ", "\(target)")
            }
            try #expect(server.get("//scripts//sub//show").text == "run ")
            // What follows the script is its own.
            try #expect(server.get("/scripts/show//a//b/").text == "run //a//b/")
            for target in ["/files/here/a.txt", "//files/here/a.txt", "/files//here//a.txt"] {
                try #expect(server.get(target).text == "alias", "\(target)")
            }
            for target in ["/part/a.txt", "//part/a.txt", "//part//a.txt"] {
                let response = try server.get(target)
                #expect(response.text == "part", "\(target)")
                #expect(response["X-Part"] == "yes", "\(target)")
            }
        }
    }

    @Test func `a folder without its slash is redirected`() async throws {
        let files = [
            "www/a/b c/index.html": "page", "www/evil.example/index.html": "page",
            "files/in/index.html": "page",
        ]
        try await withServer(site: "alias = /files files", files: files) { server in
            for (target, location) in [
                ("/a", "/a/"), ("/a?x=1&y=%20", "/a/?x=1&y=%20"), ("/a?", "/a/?"), ("/a/b%20c", "/a/b%20c/"),
                ("/a/../a", "/a/"), ("/files", "/files/"), ("/files/in?q", "/files/in/?q"),
                ("//evil.example", "/evil.example/"), ("///evil.example?x", "/evil.example/?x"),
                ("/%2fevil.example", "/evil.example/"), ("/.//evil.example", "/evil.example/"),
                ("/a/..//evil.example", "/evil.example/"), ("http://other.example/a", "/a/"),
            ] {
                let response = try server.get(target)
                #expect(response.status == 301, "\(target)")
                #expect(response["Location"] == location, "\(target)")
                #expect(!response.body.isEmpty)
            }
            // Bytes of a query that no URL should hold come back escaped.
            let client = try server.connect()
            try client.send(
                Array("GET /a?\"".utf8) + [0xC4, 0xE3] + Array("> HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
            try #expect(client.readResponse()["Location"] == "/a/?\"%C4%E3>")
        }
    }

    @Test func `what is not there or not for sending`() async throws {
        try await withServer(
            files: ["www/a.txt": "text", "www/folder/b.txt": "text"],
            prepare: { folder in
                mkfifo(folder.path("www/pipe"), 0o644)
                try folder.link("www/loop", to: "loop")
                try folder.link("www/dangling", to: "nothing")
                try folder.link("www/null", to: "/dev/null")
            }
        ) { server in
            for (target, status) in [
                ("/none", 404), ("/none/", 404), ("/a.txt/", 404), ("/a.txt/b", 404), ("/folder/", 403),
                ("/folder/none", 404), ("/pipe", 403), ("/loop", 403), ("/dangling", 404), ("/null", 403),
                ("/A.TXT", 404), ("/\("x".times(256))", 404), ("/\("x/".times(3000))", 404),
                ("/a.txt%20", 404),
            ] {
                let response = try server.get(target)
                #expect(response.status == status, "\(target.prefix(40))")
                #expect(response["Content-Type"] == "text/html; charset=utf-8")
            }
        }
    }

    @Test(.enabled(if: getuid() != 0)) func `an unreadable file is forbidden`() async throws {
        try await withServer(
            prepare: { folder in
                try folder.write("www/a.txt", "text", mode: 0o000)
                try folder.makeFolder("www/folder", mode: 0o000)
            }
        ) { server in
            try #expect(server.get("/a.txt").status == 403)
            try #expect(server.get("/folder/").status == 403)
            try #expect(server.get("/folder/x").status == 403)
        }
    }

    @Test(arguments: [
        ("/%zz", "the path has a `%` without two hexadecimal digits"),
        ("/a/../../b", "the path has more `..` than folders"),
    ]) func `a path that is none has its reason in the log`(_ path: String, _ reason: String) async throws {
        try await withServer { server in
            try #expect(server.get(path).status == 400)
            _ = try server.waitForError(containing: "refused: \(reason)")
        }
    }

    /// The server runs as somebody else where it can.
    @Test(
        .enabled(if: getuid() == 0, "only root can start the server as another user"),
        arguments: [
            ("/a.txt", "a.txt (mode 0600, owner root) cannot be read by nobody; `chmod o+r "),
            ("/list/", "list/ (mode 0711, owner root) cannot be read by nobody; `chmod o+rx "),
            ("/closed/b.txt", "/closed (mode 0700, owner root) cannot be entered by nobody; `chmod o+x "),
        ])
    func `what cannot be read says why`(_ path: String, _ words: String) async throws {
        try await withServer(
            site: "listing = yes\ncgi_errors_to = 127.0.0.1", server: "user = nobody",
            prepare: { folder in
                try folder.write("www/a.txt", "text", mode: 0o600)
                try folder.makeFolder("www/list", mode: 0o711)
                try folder.write("www/closed/b.txt", "text")
                chmod(folder.path("www/closed"), 0o700)
            }
        ) { server in
            let told = try server.get(path)
            #expect(told.status == 403)
            #expect(told.text.contains(words), "\(told.text)")
            _ = try server.waitForError(containing: words)
            let plain = try server.request("GET", path, from: "127.0.0.2")
            #expect(plain.status == 403)
            #expect(!plain.text.contains("nobody"))
        }
    }

    static let hidden = [
        "www/.hidden": "hidden", "www/in/.htaccess": "hidden", "www/.git/config": "hidden",
        "www/.well-known/acme": "known", "www/.well-known/.hidden": "hidden",
        "www/in/.well-known/x": "hidden",
        "www/a.b": "seen", "www/..a": "hidden",
    ]
    static let hiddenPaths = [
        "/.hidden", "/in/.htaccess", "/.git/config", "/.well-known/.hidden", "/in/.well-known/x", "/..a",
        "/%2ehidden", "//.hidden", "/in//.htaccess",
    ]

    @Test func `names that begin with a dot are hidden`() async throws {
        try await withServer(files: Self.hidden) { server in
            for path in Self.hiddenPaths { try #expect(server.get(path).status == 404, "\(path)") }
            try #expect(server.get("/.git").status == 404)
            try #expect(server.get("/.well-known/acme").text == "known")
            try #expect(server.get("/.well-known").status == 301)
            try #expect(server.get("/a.b").text == "seen")
        }
    }

    @Test func `names that begin with a dot are shown where that is wanted`() async throws {
        try await withServer(site: "dotfiles = allow", files: Self.hidden) { server in
            for path in Self.hiddenPaths { try #expect(server.get(path).text == "hidden", "\(path)") }
        }
    }

    /// What lies behind links, and the answer by policy.
    static let links: [(path: String, inside: Int, follow: Int, deny: Int)] = [
        ("/plain.txt", 200, 200, 200), ("/relative", 200, 200, 403), ("/absolute", 200, 200, 403),
        ("/folder/up", 200, 200, 403), ("/round", 200, 200, 403), ("/chain", 200, 200, 403),
        ("/out", 403, 200, 403), ("/out-absolute", 403, 200, 403), ("/other/secret.txt", 403, 200, 403),
        ("/other-absolute/secret.txt", 403, 200, 403), ("/into/plain.txt", 200, 200, 403),
        ("/whole/plain.txt", 200, 200, 403),
        ("/sibling", 403, 200, 403), ("/gone-absolute", 404, 404, 403), ("/gone-outside", 404, 404, 403),
        ("/whole", 301, 301, 403), ("/%C3%A4/plain.txt", 200, 200, 403),
    ]

    @Test(arguments: ["inside", "follow", "deny"]) func `symbolic links`(_ policy: String) async throws {
        try await withServer(
            site: "symlinks = \(policy)",
            files: [
                "www/plain.txt": "plain", "www/folder/plain.txt": "plain", "outside/secret.txt": "SECRET",
                "www-other/secret.txt": "SECRET",
            ],
            prepare: { folder in
                try folder.link("www/relative", to: "folder/plain.txt")
                try folder.link("www/absolute", to: folder.path("www/folder/plain.txt"))
                try folder.link("www/folder/up", to: "../plain.txt")
                try folder.link("www/round", to: "../www/plain.txt")
                try folder.link("www/chain", to: "absolute")
                try folder.link("www/out", to: "../outside/secret.txt")
                try folder.link("www/out-absolute", to: folder.path("outside/secret.txt"))
                try folder.link("www/other", to: "../outside")
                try folder.link("www/other-absolute", to: folder.path("outside"))
                try folder.link("www/into", to: folder.path("www/folder"))
                try folder.link("www/whole", to: folder.path("www"))
                try folder.link("www/sibling", to: folder.path("www-other/secret.txt"))
                try folder.link("www/ä", to: "folder")
                try folder.link("www/gone-absolute", to: folder.path("www/gone"))
                try folder.link("www/gone-outside", to: folder.path("outside/gone"))
            }
        ) { server in
            for link in Self.links {
                let status = policy == "inside" ? link.inside : policy == "follow" ? link.follow : link.deny
                let response = try server.get(link.path)
                #expect(response.status == status, "\(link.path)")
                if policy != "follow" { #expect(!response.text.contains("SECRET"), "\(link.path)") }
            }
        }
    }

    /// A link on the way to the root is the administrator's own and counts as no link.
    @Test func `a root behind a link`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site default]
            root = link/www
            symlinks = deny
            """
        try await withServer(
            ini: ini, files: ["real/www/a.txt": "text"], prepare: { try $0.link("link", to: "real") }
        ) { server in
            try #expect(server.get("/a.txt").text == "text")
        }
    }

    @Test func `odd names`() async throws {
        let bytes: [UInt8] = [0xC4, 0xE3, 0xBA, 0xC3]
        try await withServer(
            prepare: { folder in
                try folder.writeOddFiles(below: "www/odd")
                let target = Array(folder.path("www/odd/").utf8) + bytes + [0]
                symlink(target.map(CChar.init(bitPattern:)), folder.path("www/link"))
            }
        ) { server in
            for name in oddNames {
                let response = try server.get("/odd/\(escaped(name))")
                #expect(response.status == 200, "\(String(decoding: name, as: UTF8.self))")
                #expect(response.body == name)
            }
            #expect(try server.get("/link").body == bytes)
            // Raw bytes above 127 are no URL, but clients send them.
            let client = try server.connect()
            for name in [Array("ä.txt".utf8), bytes] {
                try client.send(Array("GET /odd/".utf8) + name + Array(" HTTP/1.1\r\nHost: h\r\n\r\n".utf8))
                try #expect(client.readResponse().body == name)
            }
        }
    }
}

/// Names of files that have caused trouble somewhere.
let oddNames: [[UInt8]] =
    [
        "a b", " ", "a  b ", "ä.txt", "e\u{301}", "日本語", "\u{1F600}", "a'b", "a\"b", "<b>", "a&amp;b",
        "a%20b", "%", "100%",
        "a?b", "a#b", "a;b", "a=b", "a+b", "a,b", "a:b", "javascript:alert(1)", "http:", "a\\b", "a..\\x",
        "a|b", "~", "$HOME",
        "`id`", "*", "[x]", "{x}", "-rf", "a\tb", "a\nb", "a\rb", "a\u{1B}[31mb", "\u{7F}", "\u{202E}txt",
        "x".times(255),
        "ä".times(127), "</a><script>alert(1)</script>".filter { $0 != "/" }, "a.", "con", "--",
    ].map { Array($0.utf8) } + [[0xC4, 0xE3, 0xBA, 0xC3], [0xFF, 0xFE], [0x61, 0x80], [0xC0, 0xAF]]

/// A name as it stands in a URL, every byte but letters and digits escaped.
func escaped(_ name: [UInt8]) -> String {
    name.map { byte in
        let character = Character(UnicodeScalar(byte))
        if byte < 0x80, character.isLetter || character.isNumber { return String(character) }
        return "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }.joined()
}

extension ScratchFolder {
    /// Writes a file of each odd name, which holds its own name.
    func writeOddFiles(below parent: String) throws {
        try makeFolder(parent)
        for name in oddNames {
            let path = (Array(self.path(parent).utf8) + [UInt8(ascii: "/")] + name + [0]).map(
                CChar.init(bitPattern:))
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            defer { close(file) }
            let count = name.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count == name.count else { throw TestFailure("cannot write \(escaped(name))") }
        }
    }
}
