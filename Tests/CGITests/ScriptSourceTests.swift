import Glibc
import TestSupport
import Testing

/// What lies in a folder of scripts is never sent as a file, whatever address leads there.
@Suite(.timeLimit(.minutes(5))) struct ScriptSourceTests {
    private static let script = page("echo ran # secret")
    private static let files = [
        "www/cgi-real/hi.sh": script, "www/cgi-real/data.txt": "secret",
        "www/cgi-real/sub/deep.txt": "secret",
        "www/cgi-real/404.html": "secret", "www/app.py": script, "www/plain.txt": "plain",
    ]

    /// Each twice: what is kept of an answer must not be sent, either.
    private static func expectRefused(
        _ path: String, _ server: ServerProcess, host: String = "h", status: Int = 403,
        headers: KeyValuePairs<String, String> = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for method in ["GET", "HEAD", "GET"] {
            let fields = KeyValuePairs(dictionaryLiteral: ("Host", host))
            let response = try server.request(method, path, headers: headers.isEmpty ? fields : headers)
            #expect(response.status == status, "\(method) \(path)", sourceLocation: sourceLocation)
            #expect(!response.text.contains("secret"), "\(method) \(path)", sourceLocation: sourceLocation)
        }
    }

    @Test func `whatever address leads there`() async throws {
        try await withServer(
            site: """
                cgi = /cgi/ www/cgi-real/
                cgi = /app www/app.py
                alias = /all/ .
                error_page = 404 /cgi-real/404.html
                cgi_errors_to = 127.0.0.1
                """, files: Self.files,
            prepare: { folder in
                try folder.link("www/link", to: "cgi-real")
                try folder.link("www/page.html", to: "cgi-real/hi.sh")
                try folder.makeFolder("www/d")
                try folder.link("www/d/index.html", to: "../cgi-real/hi.sh")
            }
        ) { server in
            for _ in 1...2 {
                #expect(try server.get("/cgi/hi.sh").text == "ran\n")
                #expect(try server.get("/app").text == "ran\n")
                #expect(try server.get("/plain.txt").text == "plain")
            }
            for path in [
                "/cgi-real/hi.sh", "/cgi-real/data.txt", "/cgi-real/sub/deep.txt", "//cgi-real//hi.sh",
                "/all/www/cgi-real/hi.sh", "/link/hi.sh", "/link/data.txt", "/page.html",
                "/d/",
                "/app.py", "/all/www/app.py",
            ] { try Self.expectRefused(path, server) }
            let told = try server.get("/cgi-real/hi.sh").text
            let line = try server.waitForError(
                containing: "\(server.folder.path)/www/cgi-real/hi.sh is not sent")
            for words in ["cgi = /cgi ", "server.ini:"] {
                #expect(told.contains(words) && line.contains(words), "\(told)\(line)")
            }
            // The server's own page for an error is not sent from there, either.
            try Self.expectRefused("/nothing", server, status: 404)
            _ = try server.waitForError(containing: "error_page for 404 itself failed with 403")
        }
    }

    @Test func `a site above another`() async throws {
        try await withServer(
            site: "cgi = /cgi/ www/cgi-real/\ncgi = /app www/app.py\nalias = /same www/cgi-real",
            more: "[site above]\nhost = above\nroot = .", files: Self.files
        ) { server in
            for path in ["/www/cgi-real/hi.sh", "/www/cgi-real/sub/deep.txt", "/www/app.py"] {
                try Self.expectRefused(path, server, host: "above")
            }
            for path in ["/same/hi.sh", "/same/data.txt"] { try Self.expectRefused(path, server) }
            #expect(try server.get("/www/plain.txt", headers: ["Host": "above"]).text == "plain")
        }
    }

    @Test func `where links may lead anywhere`() async throws {
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/\nsymlinks = follow",
            files: ["cgi-bin/hi.sh": Self.script, "cgi-bin/data.txt": "secret", "data/a.txt": "plain"],
            prepare: { folder in
                try folder.link("www/out", to: "../cgi-bin")
                try folder.link("www/hi.txt", to: folder.path("cgi-bin/hi.sh"))
                try folder.link("www/data", to: "../data")
            }
        ) { server in
            for path in ["/out/hi.sh", "/out/data.txt", "/hi.txt"] { try Self.expectRefused(path, server) }
            #expect(try server.get("/data/a.txt").text == "plain")
            #expect(try server.get("/cgi-bin/hi.sh").text == "ran\n")
        }
    }

    @Test func `compressed siblings`() async throws {
        try await withServer(
            site: "cgi = /cgi/ www/cgi-real/\ncompress = gzip\ncompress_min = 1",
            files: ["www/cgi-real/hi.sh": Self.script, "www/a.bin": "plain"],
            prepare: { try $0.link("www/a.bin.gz", to: "cgi-real/hi.sh") }
        ) { server in
            for _ in 1...2 {
                let response = try server.get("/a.bin", headers: ["Accept-Encoding": "gzip"])
                #expect(response.status == 200 && response.text == "plain")
            }
        }
    }

    @Test func `listings neither show nor name them`() async throws {
        try await withServer(
            site: """
                listing = yes
                cgi = /cgi/ www/cgi-real/
                cgi = /app www/app.py
                cgi = /cgi-bin/ www/cgi-bin/
                """,
            files: Self.files.merging(["www/cgi-bin/x": Self.script, "www/sub/a": "a"]) { $1 },
            prepare: { folder in
                try folder.link("www/link", to: "cgi-real")
                try folder.link("www/README", to: "cgi-real/data.txt")
            }
        ) { server in
            let page = try server.get("/", headers: ["Accept": "text/plain"]).text
            for name in ["plain.txt", "sub", "cgi-bin"] { #expect(page.contains(name), "\(page)") }
            for name in ["cgi-real", "app.py", "link", "README"] { #expect(!page.contains(name), "\(page)") }
            #expect(try !server.get("/").text.contains("secret"))
            for path in ["/cgi-real/", "/cgi-real/sub/", "/link/"] {
                let response = try server.get(path)
                #expect(response.status == 403)
                #expect(!response.text.contains("deep.txt") && !response.text.contains("data.txt"))
            }
        }
    }

    /// Who names a folder inside of one of scripts means it: pictures are sent, and scripts are not.
    @Test func `a folder within that is served by name`() async throws {
        try await withServer(
            site: """
                listing = yes
                cgi = /cgi-bin/ cgi-bin/
                cgi_interpreter = .run /bin/sh
                alias = /cgi-bin/images/ cgi-bin/images
                """, more: "[site other]\nhost = other\nroot = cgi-bin/more",
            files: [
                "cgi-bin/x": Self.script, "cgi-bin/images/a.png": "picture",
                "cgi-bin/images/hi.sh": Self.script,
                "cgi-bin/more/hi.sh": Self.script, "cgi-bin/more/old.run": "secret",
            ]
        ) { server in
            #expect(try server.get("/cgi-bin/images/a.png").text == "picture")
            #expect(try server.get("/cgi-bin/images/").status == 200)
            try Self.expectRefused("/cgi-bin/images/hi.sh", server)
            for path in ["/hi.sh", "/old.run"] { try Self.expectRefused(path, server, host: "other") }
        }
    }

    @Test(arguments: ["X-Sendfile", "X-Accel-Redirect", "x-lighttpd-send-file"])
    func `X-Sendfile`(_ field: String) async throws {
        let sends = shell("printf '\(field): %s\\n\\n' \"$HTTP_X_FILE\"")
        let files = [
            "cgi-bin/send": sends, "cgi-bin/data.txt": "secret", "cgi-bin/open/a.txt": "named",
            "private/a.txt": "private",
        ]
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/\ncgi_sendfile = .\ncgi_sendfile = cgi-bin/open", files: files
        ) { server in
            let folder = server.folder.path
            func ask(_ name: String) throws -> RawResponse {
                try server.get("/cgi-bin/send", headers: ["X-File": "\(folder)/\(name)"])
            }
            #expect(try ask("private/a.txt").text == "private")
            #expect(try ask("cgi-bin/open/a.txt").text == "named")
            for name in ["cgi-bin/data.txt", "cgi-bin/send"] {
                let response = try ask(name)
                #expect(response.status == 500 && !response.text.contains("secret"), "\(response)")
            }
            let line = try server.waitForError(containing: "whose folder is not in cgi_sendfile")
            #expect(line.contains("its neighbour in \(field),"), "\(line)")
        }
    }

    /// A link to the site's folder that is set to a new release.
    @Test func `folders that others take the place of`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site default]
            root = current/www
            cgi = /cgi/ current/www/cgi-real/

            """
        try await withServer(
            ini: ini,
            prepare: { folder in
                for release in ["one", "two"] {
                    try folder.write("\(release)/www/release", release)
                    try folder.script("\(release)/www/cgi-real/hi.sh", Self.script)
                }
                try folder.link("current", to: "one")
            }
        ) { server in
            #expect(try server.get("/release").text == "one")
            try Self.expectRefused("/cgi-real/hi.sh", server)
            unlink(server.folder.path("current"))
            try server.folder.link("current", to: "two")
            #expect(eventually { (try? server.get("/release").text) == "two" })
            try Self.expectRefused("/cgi-real/hi.sh", server)
            #expect(try server.get("/cgi/hi.sh").text == "ran\n")
        }
    }

    // MARK: check

    private static func check(
        _ site: String, files: [String], more: String = "",
        prepare: @escaping @Sendable (ScratchFolder) throws -> Void = { _ in }
    ) async throws -> (CommandResult, String) {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            for name in files { try folder.script(name, script) }
            try prepare(folder)
            let ini = try folder.write("server.ini", "[site default]\n\(site)\n\(more)\n")
            return (try runCommand([ServerProcess.builtExecutable, "check", "-c", ini]), folder.path)
        }
    }

    /// But for what a machine where root builds is warned of.
    private static func lines(_ check: CommandResult) -> [Substring] {
        check.stderr.split(separator: "\n").filter { !$0.contains("scripts run as root") }
    }

    @Test func `check warns of scripts below served folders`() async throws {
        let (result, folder) = try await Self.check(
            "root = www\ncgi = /cgi/ www/cgi-real/\ncgi = /cgi-bin/ www/cgi-bin/\ncgi = /out/ out",
            files: ["www/cgi-real/x", "www/cgi-bin/x", "out/x"], more: "[site b]\nalias = /a/ www/cgi-bin")
        #expect(result.status == 0)
        let lines = Self.lines(result)
        #expect(lines.count == 2, "\(result)")
        for (line, words) in zip(
            lines,
            [
                [
                    "server.ini:3: warning: \(folder)/www/cgi-real lies below `root = \(folder)/www`",
                    "server.ini:2)",
                ],
                ["server.ini:4: warning: \(folder)/www/cgi-bin lies below `alias = /a ", "server.ini:7)"],
            ])
        {
            for words in words { #expect(line.contains(words), "\(line)") }
        }
    }

    @Test(arguments: ["inside", "follow"])
    func `check warns of links that are refused`(_ symlinks: String) async throws {
        let (result, folder) = try await Self.check(
            "cgi = /cgi-bin/ cgi-bin\nsymlinks = \(symlinks)",
            files: ["cgi-bin/x", "out/y", "out/sub/z"]
        ) { folder in
            try folder.link("cgi-bin/inside", to: "x")
            try folder.link("cgi-bin/leaves", to: "../out/y")
            try folder.link("cgi-bin/folder", to: folder.path("out/sub"))
            // What a script reads may lie anywhere.
            try folder.write("data/a.txt", "a")
            try folder.link("cgi-bin/data", to: "../data")
            try folder.link("cgi-bin/a.txt", to: "../data/a.txt")
            if symlinks == "follow" { try folder.write("out/y", "#!/none\n", mode: 0o755) }
        }
        let lines = Self.lines(result)
        if symlinks == "follow" {
            #expect(result.status == 1 && lines.count == 1, "\(result)")
            #expect(lines.first?.contains("line 1 of \(folder)/cgi-bin/leaves names") == true, "\(result)")
            return
        }
        #expect(result.status == 0 && lines.count == 2, "\(result)")
        for (line, words) in zip(lines, [["folder", "out/sub"], ["leaves", "out/y"]]) {
            let start =
                "server.ini:2: warning: the link \(folder)/cgi-bin/\(words[0]) leads to \(folder)/\(words[1])"
            #expect(line.contains(start) && line.contains("symlinks = follow"), "\(line)")
        }
    }
}
