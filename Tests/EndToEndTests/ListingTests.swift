import Glibc
import TestSupport
import Testing

/// Pages that show what a folder holds.
@Suite(.timeLimit(.minutes(5))) struct ListingTests {
    /// The links in the table's body: target and text, both without HTML's escapes.
    private static func links(_ page: String) throws -> [(target: String, text: String)] {
        let start = try #require(page.firstRange(of: "<tbody>"))
        return page[start.upperBound...].matches(of: #/<a href="([^"]*)">([^<]*)</a>/#)
            .map { (unescaped($0.1), unescaped($0.2)) }
    }

    private static func unescaped(_ text: Substring) -> String {
        var result = String(text)
        for (entity, character) in [
            ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&"),
        ] {
            result = result.split(separator: entity, omittingEmptySubsequences: false).joined(
                separator: character)
        }
        return result
    }

    @Test func `every odd name is a link that works`() async throws {
        try await withServer(site: "listing = yes", prepare: { try $0.writeOddFiles(below: "www/odd <i>&") })
        { server in
            let base = "/odd%20%3Ci%3E%26/"
            let page = try server.get(base)
            #expect(page.status == 200)
            #expect(page["Content-Type"] == "text/html; charset=utf-8")
            #expect(String(validating: page.body, as: UTF8.self) != nil)
            // Nothing of a name or of the path is markup.
            for markup in ["<b>", "<script", "<i>", "a\"b", "\"javascript:", "\"http:"] {
                #expect(!page.text.contains(markup), "\(markup)")
            }
            let links = try Self.links(page.text).filter { $0.target != "../" }
            #expect(links.count == oddNames.count)
            var found: Set<[UInt8]> = []
            for link in links {
                #expect(link.target.hasPrefix("./"))
                let file = try server.get(base + link.target)
                #expect(file.status == 200, "\(link.target)")
                // The text is the name, where that can be shown.
                if let name = String(validating: file.body, as: UTF8.self) { #expect(link.text == name) }
                found.insert(file.body)
            }
            #expect(found == Set(oddNames))
        }
    }

    private static let files = [
        "www/b.txt": "12345", "www/a.txt": "123", "www/c.txt": "1", "www/z/x": "", "www/y/x": "",
        "www/.hidden": "",
        "www/.well-known/x": "",
    ]

    @Test func `sorted as asked, folders first`() async throws {
        try await withServer(
            site: "listing = yes", files: Self.files,
            prepare: { folder in
                for (index, name) in ["y", "z", "c.txt", "b.txt", "a.txt"].enumerated() {
                    try folder.setTime("www/\(name)", 1_000_000 + index)
                }
            }
        ) { server in
            func names(_ query: String) throws -> String {
                try Self.links(try server.get("/\(query)").text).map(\.text).joined(separator: " ")
            }
            for (query, order) in [
                ("", "y/ z/ a.txt b.txt c.txt"), ("?sort=name&order=asc", "y/ z/ a.txt b.txt c.txt"),
                ("?sort=name&order=desc", "z/ y/ c.txt b.txt a.txt"),
                ("?sort=size&order=asc", "y/ z/ c.txt a.txt b.txt"),
                ("?sort=size", "y/ z/ c.txt a.txt b.txt"),
                ("?sort=time&order=asc", "y/ z/ c.txt b.txt a.txt"),
                ("?sort=time&order=desc", "z/ y/ a.txt b.txt c.txt"),
                ("?sort=nonsense&order=x&&=", "y/ z/ a.txt b.txt c.txt"),
                ("?%00%FF", "y/ z/ a.txt b.txt c.txt"),
            ] { try #expect(names(query) == order, "\(query)") }
            // Largest first, folders by name still.
            try #expect(names("?sort=size&order=desc").hasSuffix("b.txt a.txt c.txt"))
            // The head of the column that is sorted by turns the order round.
            let page = try server.get("/?sort=size&order=asc").text
            #expect(page.contains("<a href=\"?sort=size&amp;order=desc\" rel=\"nofollow\">"))
            #expect(page.contains("<a href=\"?sort=time&amp;order=asc\" rel=\"nofollow\">"))
        }
    }

    @Test func `hidden names are not shown`() async throws {
        try await withServer(site: "listing = yes", files: Self.files) { server in
            let page = try server.get("/").text
            #expect(!page.contains(".hidden"))
            #expect(!page.contains("Parent"))
            let inner = try server.get("/z/").text
            try #expect(Self.links(inner).map(\.target) == ["../", "./x"])
        }
        try await withServer(site: "listing = yes\ndotfiles = allow", files: Self.files) { server in
            try #expect(server.get("/").text.contains(">.hidden<"))
        }
    }

    @Test func `only what can be fetched is shown`() async throws {
        try await withServer(
            site: "listing = yes", files: ["www/in/a.txt": "text", "outside/secret.txt": "SECRET"],
            prepare: { folder in
                mkfifo(folder.path("www/in/pipe"), 0o644)
                try folder.link("www/in/relative", to: "a.txt")
                try folder.link("www/in/up", to: "../in")
                try folder.link("www/in/absolute", to: folder.path("www/in/a.txt"))
                try folder.link("www/in/dangling", to: "nothing")
                try folder.link("www/in/out", to: "../../outside/secret.txt")
                try folder.link("www/in/out-folder", to: folder.path("outside"))
            }
        ) { server in
            let links = try Self.links(try server.get("/in/").text)
            #expect(links.map(\.text) == ["Parent folder", "up/", "a.txt", "absolute", "relative"])
            for link in links where link.target.hasPrefix("./") {
                try #expect(server.get("/in/\(link.target)").status == 200, "\(link.target)")
            }
        }
        try await withServer(
            site: "listing = yes\nsymlinks = deny", files: ["www/a.txt": ""],
            prepare: { try $0.link("www/link", to: "a.txt") }
        ) { server in
            try #expect(Self.links(try server.get("/").text).map(\.text) == ["a.txt"])
        }
    }

    @Test func `many names, and none`() async throws {
        try await withServer(
            site: "listing = yes",
            prepare: { folder in
                try folder.makeFolder("www/many")
                for number in 0..<3000 {
                    close(open(folder.path("www/many/file-\(number)"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
                }
                try folder.makeFolder("www/none")
            }
        ) { server in
            try #expect(Self.links(try server.get("/many/").text).count == 3001)
            try #expect(server.get("/none/").text.contains("empty"))
            let head = try server.head("/many/")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
        }
    }

    @Test func `no listing where it is not wanted`() async throws {
        let more = "[location default /open]\nlisting = yes\n[location default /open/closed]\nlisting = no"
        try await withServer(
            more: more,
            files: ["www/open/closed/a.txt": "", "www/open/index.html": "", "www/open/x/a.txt": ""]
        ) { server in
            for (path, status) in [("/", 403), ("/open/", 200), ("/open/x/", 200), ("/open/closed/", 403)] {
                try #expect(server.get(path).status == status, "\(path)")
            }
            try #expect(!server.get("/open/").text.contains("Parent"))
        }
    }

    @Test func `names in another encoding are readable`() async throws {
        // 读我.txt and more in GBK: together they are enough to tell.
        let names: [[UInt8]] = [
            [0xB6, 0xC1, 0xCE, 0xD2], [0xC4, 0xE3, 0xBA, 0xC3, 0xCA, 0xC0, 0xBD, 0xE7],
            [0xD5, 0xE2, 0xCA, 0xC7, 0xD6, 0xD0, 0xCE, 0xC4, 0xB5, 0xC4, 0xCE, 0xC4, 0xBC, 0xFE],
        ]
        try await withServer(
            site: "listing = yes",
            prepare: { folder in
                for name in names {
                    let path = Array(folder.path("www/").utf8) + name + Array(".txt".utf8) + [0]
                    close(open(path.map(CChar.init(bitPattern:)), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
                }
            }
        ) { server in
            let links = try Self.links(try server.get("/").text)
            #expect(Set(links.map(\.text)) == ["读我.txt", "你好世界.txt", "这是中文的文件.txt"])
            for link in links { try #expect(server.get("/\(link.target)").status == 200, "\(link)") }
            let json = try server.get("/", headers: ["Accept": "application/json"]).text
            #expect(json.contains("\"name\":\"读我.txt\""))
            #expect(json.contains("\"url\":\"./%B6%C1%CE%D2.txt\""))
        }
    }

    @Test func `JSON and plain text by Accept`() async throws {
        let files = [
            "www/b.txt": "12345", "www/folder/x": "", "www/.hidden": "", "www/a \"\\.txt": "", "www/f\no": "",
        ]
        try await withServer(
            site: "listing = yes", files: files,
            prepare: { folder in
                for name in ["b.txt", "folder", "a \"\\.txt", "f\no"] {
                    try folder.setTime("www/\(name)", 784_111_777)
                }
            }
        ) { server in
            let date = "Sun, 06 Nov 1994 08:49:37 GMT"
            let json = try server.get("/", headers: ["Accept": "application/json"])
            #expect(json.status == 200)
            #expect(json["Content-Type"] == "application/json")
            #expect(
                json.text == """
                    [
                    { "name":"folder", "type":"directory", "mtime":"\(date)" },
                    { "name":"a \\"\\\\.txt", "type":"file", "mtime":"\(date)", "size":0 },
                    { "name":"b.txt", "type":"file", "mtime":"\(date)", "size":5 },
                    { "name":"f\\u000Ao", "type":"file", "mtime":"\(date)", "size":0 }
                    ]

                    """)
            let text = try server.get("/?sort=size&order=desc", headers: ["Accept": "text/plain"])
            #expect(text["Content-Type"] == "text/plain; charset=utf-8")
            #expect(text.text == "folder/\nb.txt\na \"\\.txt\nf?o\n")
            let types = [
                ("*/*", "text/html"), ("application/json;q=0.5, text/html;q=0.4", "application/json"),
                ("image/png", "text/html"), ("text/html;q=0", "text/html"),
            ]
            for (accept, type) in types {
                let answer = try server.get("/", headers: ["Accept": accept])
                #expect(answer["Content-Type"]?.hasPrefix(type) == true, "\(accept)")
                #expect(answer["Vary"] == "Accept")
                let head = try server.head("/", headers: ["Accept": accept])
                #expect(head["Content-Length"] == "\(answer.body.count)")
                #expect(head["Content-Type"] == answer["Content-Type"])
            }
            let empty = try server.get("/folder/", headers: ["Accept": "application/json"])
            #expect(empty.text.contains("\"name\":\"x\""))
        }
    }

    @Test func `conditions of a listing, which has neither tag nor date`() async throws {
        try await withServer(site: "listing = yes", files: ["www/list/a.txt": "a"]) { server in
            let rows: [(KeyValuePairs<String, String>, Int)] = [
                (["If-None-Match": "*"], 304), (["If-None-Match": "\"x\""], 200), (["If-Match": "*"], 200),
                (["If-Match": "\"x\""], 412), (["If-Modified-Since": "Sun, 06 Nov 2094 08:49:37 GMT"], 200),
                (["If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"], 200),
                (["Range": "bytes=0-1"], 200),
            ]
            for (fields, status) in rows {
                for method in ["GET", "HEAD"] {
                    let response = try server.request(method, "/list/", headers: fields)
                    #expect(response.status == status, "\(method), \(fields)")
                    if status < 400 { #expect(response["Vary"] == "Accept", "\(fields)") }
                }
            }
        }
    }

    @Test func `an empty folder in every form`() async throws {
        try await withServer(site: "listing = yes") { server in
            try #expect(server.get("/", headers: ["Accept": "application/json"]).text == "[\n]\n")
            try #expect(server.get("/", headers: ["Accept": "text/plain"]).text == "")
        }
    }

    @Test func `texts of the folder stand above and below`() async throws {
        try await withServer(
            site: "listing = yes\nindex = none.html",
            files: [
                "www/a/HEADER.html": "<h2>Above</h2>", "www/a/README.md": "# <b>Below</b> & more",
                "www/a/README.txt": "not this one", "www/b/HEADER.txt": "text <i>",
                "www/b/README": "x".times(100_000), "www/c/README.md": "\u{0}binary",
                "www/d/x": "", "outside.txt": "SECRET",
            ],
            prepare: { folder in
                try folder.write(
                    "www/e/README.txt",
                    [
                        0xC4, 0xE3, 0xBA, 0xC3, 0xCA, 0xC0, 0xBD, 0xE7, 0xA3, 0xAC, 0xD5, 0xE2, 0xCA, 0xC7,
                        0xD6, 0xD0, 0xCE, 0xC4, 0xA1, 0xA3,
                    ])
                try folder.link("www/d/README.md", to: "../../outside.txt")
                mkfifo(folder.path("www/d/HEADER.html"), 0o644)
            }
        ) { server in
            let page = try server.get("/a/").text
            let above = try #require(page.firstRange(of: "<h2>Above</h2>"))
            let table = try #require(page.firstRange(of: "<table>"))
            let below = try #require(page.firstRange(of: "<pre># &lt;b&gt;Below&lt;/b&gt; &amp; more</pre>"))
            #expect(above.upperBound < table.lowerBound)
            #expect(table.upperBound < below.lowerBound)
            #expect(!page.contains("not this one"))
            let other = try server.get("/b/").text
            #expect(other.contains("<pre>text &lt;i&gt;</pre>"))
            #expect(other.contains("x\n\u{2026}</pre>"))
            #expect(other.utf8.count < 90_000)
            for path in ["/c/", "/d/"] {
                let page = try server.get(path)
                #expect(page.status == 200)
                #expect(!page.text.contains("<pre>"), "\(path)")
                #expect(!page.text.contains("SECRET"))
            }
            try #expect(server.get("/e/").text.contains("<pre>你好世界，这是中文。</pre>"))
        }
    }

    @Test func `the page says what it is`() async throws {
        try await withServer(
            site: "listing = yes",
            files: [
                "www/one/two three/a.png": "1", "www/one/two three/b.tar.gz": "22",
                "www/one/two three/c/d": "",
            ],
            prepare: { try $0.sparse("www/one/two three/big.iso", size: 5 << 30) }
        ) { server in
            let page = try server.get("/one/two%20three/").text
            // Each folder above is a link, this one is not.
            #expect(page.contains("<a class=\"home\" href=\"/\""))
            #expect(page.contains("<a href=\"/one/\">one</a>"))
            #expect(page.contains("<span>two three</span>"))
            #expect(page.contains("aria-sort=\"ascending\""))
            #expect(page.contains("<td class=\"img\"><a href=\"./a.png\">"))
            #expect(page.contains("<td class=\"zip\"><a href=\"./b.tar.gz\">"))
            #expect(page.contains("<td class=\"dir\"><a href=\"./c/\">"))
            #expect(page.contains("title=\"5368709120 bytes\">5.0 GB</td>"))
            #expect(page.contains("1 folder, 3 files, 5.0 GB"))
            // Nothing else is fetched, and nothing runs.
            for word in ["src=", "<script", "@import", "href=\"http"] {
                #expect(!page.contains(word), "\(word)")
            }
        }
    }

    @Test func `what the server cannot read is not shown`() async throws {
        // Another user than the one who owns the files.
        guard getuid() == 0 else { return }
        try await withServer(
            site: "listing = yes\ncgi_extensions = .cgi", server: "user = nobody",
            files: [
                "www/a.txt": "a", "www/secret.txt": "s", "www/closed/x": "", "www/entered/index.html": "i",
                "www/run.cgi": "#!/bin/sh",
            ],
            prepare: { folder in
                chmod(folder.path("www/secret.txt"), 0o600)
                chmod(folder.path("www/closed"), 0o700)
                chmod(folder.path("www/entered"), 0o711)
                chmod(folder.path("www/run.cgi"), 0o711)
            }
        ) { server in
            let links = try Self.links(try server.get("/").text)
            #expect(links.map(\.text) == ["entered/", "a.txt", "run.cgi"])
            try #expect(server.get("/entered/").text == "i")
            try #expect(server.get("/secret.txt").status == 403)
        }
    }

    @Test func `many names come in pieces`() async throws {
        try await withServer(
            site: "listing = yes",
            prepare: { folder in
                for number in 0..<5000 {
                    close(open(folder.path("www/file-\(number)"), O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
                }
            }
        ) { server in
            for (accept, count) in [("text/html", 5000), ("application/json", 5000), ("text/plain", 5000)] {
                let answer = try server.get("/", headers: ["Accept": accept])
                if accept != "text/plain" { #expect(answer.chunks.count > 2, "\(accept)") }
                #expect(
                    answer.text.matches(of: /file-\d+["<\n]/).count == count * (accept == "text/html" ? 2 : 1)
                )
                let head = try server.head("/", headers: ["Accept": accept])
                #expect(head.body.isEmpty)
                #expect(head["Content-Type"] == answer["Content-Type"])
            }
            // HTTP/1.0 has no chunks.
            let old = try server.connect()
            try old.send("GET / HTTP/1.0\r\n\r\n")
            let page = try old.readResponse()
            #expect(page.framing == .untilClose)
            #expect(page.text.hasSuffix("</html>\n"))
            // A client that leaves half-way does no harm.
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read(1000)
            client.reset()
            try #expect(server.get("/file-1").status == 200)
        }
    }

    @Test func `wget fetches the whole tree`() async throws {
        let files = [
            "www/a.txt": "a", "www/folder one/b c.txt": "b", "www/folder one/deep/ä.txt": "c",
            "www/.hidden": "no",
        ]
        try await withServer(site: "listing = yes", files: files) { server in
            let result = try runCommand(
                [
                    "wget", "-q", "-r", "-np", "-nH", "-R", "index.html*", "--restrict-file-names=nocontrol",
                    "-P", server.folder.path("copy"), server.url("/"),
                ])
            #expect(result.status == 0, "\(result.stderr)")
            for (name, text) in files where !name.contains(".hidden") {
                try #expect(server.folder.read("copy/\(name.dropFirst(4))") == text, "\(name)")
            }
            #expect(!server.folder.exists("copy/.hidden"))
        }
    }
}
