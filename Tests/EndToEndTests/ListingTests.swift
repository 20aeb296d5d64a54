import Glibc
import TestSupport
import Testing

/// Pages that show what a folder holds.
@Suite(.timeLimit(.minutes(2))) struct ListingTests {
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
                #expect(link.text == String(decoding: file.body, as: UTF8.self))
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
            #expect(page.contains("<a href=\"?sort=size&amp;order=desc\">"))
            #expect(page.contains("<a href=\"?sort=time&amp;order=asc\">"))
        }
    }

    @Test func `hidden names are not shown`() async throws {
        try await withServer(site: "listing = yes", files: Self.files) { server in
            let page = try server.get("/").text
            #expect(!page.contains("hidden"))
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
}
