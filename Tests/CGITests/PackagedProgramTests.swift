import Glibc
import TestSupport
import Testing

private func isThere(_ path: String) -> Bool { access(path, R_OK) == 0 }

/// Small programs of Debian's, unmodified but for where they keep their data. `make compare` has many more,
/// and what they answer under Apache.
@Suite(.timeLimit(.minutes(5))) struct PackagedProgramTests {
    private static let scripts = "/usr/lib/cgi-bin"

    @Test(.enabled(if: isThere("\(scripts)/blosxom"), "blosxom is not installed"))
    func `blosxom, a blog in Perl`() async throws {
        try await withServer(
            site: "cgi = /blog cgi/blosxom",
            prepare: { folder in
                try folder.write("texts/deep/first.txt", "A title\nSome text\n")
                // An entry of this second counts as one of the future.
                let settings =
                    "$datadir = '\(folder.path("texts"))'; $plugin_dir = ''; $show_future_entries = 1; 1;\n"
                let file = try folder.write("blosxom.conf", settings)
                // A setting can only name a folder that is known before.
                try folder.script(
                    "cgi/blosxom", shell("BLOSXOM_CONFIG_FILE=\(file) exec \(Self.scripts)/blosxom"))
            }
        ) { server in
            for path in ["/blog", "/blog/", "/blog/deep/", "/blog/deep/first.html", "/blog/index.rss"] {
                let answer = try server.get(path)
                #expect(answer.status == 200)
                #expect(answer.text.contains("Some text"), "\(path): \(answer)")
            }
            let feed = try server.get("/blog/index.rss")
            #expect(feed["Content-Type"]?.hasPrefix("text/xml") == true)
            #expect(feed.text.contains("<link>\(server.url("/blog"))/"))
            let none = try server.get("/blog/none/")
            #expect(!none.text.contains("Some text"))
        }
    }

    @Test(.enabled(if: isThere("\(scripts)/wiki.pl"), "usemod-wiki is not installed"))
    func `UseModWiki, where a page is written and read`() async throws {
        try await withServer(
            site: "cgi = /wiki cgi/wiki.pl",
            prepare: { folder in
                let source = try readText("\(Self.scripts)/wiki.pl")
                    .replacing("/var/lib/usemod-wiki", with: folder.path("pages"))
                    .replacing("/etc/usemod-wiki/config", with: "/nonexistent")
                try folder.script("cgi/wiki.pl", source)
                try folder.makeFolder("pages")
            }
        ) { server in
            let editor = try server.get("/wiki?action=edit&id=SandBox")
            #expect(editor.text.contains("<textarea"))
            let saved = try server.post(
                "/wiki", "title=SandBox&text=Hello+%26+welcome&summary=*&oldtime=0&oldconflict=&Save=Save",
                headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(saved.status == 302)
            #expect(saved["Location"] == server.url("/wiki?SandBox"))
            let wiki = try server.get("/wiki?SandBox")
            #expect(wiki.text.contains("Hello &amp; welcome"))
            let feed = try server.get("/wiki?action=rss")
            #expect(feed.text.contains("SandBox"))
        }
    }

    @Test(.enabled(if: isThere("\(scripts)/info2www"), "info2www is not installed"))
    func `info2www, which takes its query as an argument`() async throws {
        try await withServer(site: "cgi = /cgi-bin/ \(Self.scripts)/") { server in
            let node = try server.get("/cgi-bin/info2www?(dir)")
            #expect(node.text.contains("Info Node: (dir)Top"))
            #expect(try server.head("/cgi-bin/info2www").status == 200)
        }
    }

    /// It ends with status 1 whatever it answers.
    @Test(.enabled(if: isThere("\(scripts)/cachemgr.cgi"), "squid-cgi is not installed"))
    func `squid's cachemgr.cgi`() async throws {
        let site = "cgi = /cgi-bin/ \(Self.scripts)/\ncgi_exit_status = ignore"
        try await withServer(site: site) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("GET /cgi-bin/cachemgr.cgi HTTP/1.1\r\nHost: h\r\n\r\n")
                let page = try client.readResponse()
                #expect(page.status == 200)
                #expect(page.text.contains("Cache Manager Interface"))
                #expect(page.text.contains("</HTML>"))
            }
        }
    }

    @Test(.enabled(if: isThere("\(scripts)/qupl.cgi"), "qdbm-cgi is not installed"))
    func `QDBM's uploader`() async throws {
        try await withServer(
            site: "cgi = /cgi/ cgi/",
            prepare: { folder in
                try folder.makeFolder("cgi/files")
                // Its settings and files are in its own folder.
                try folder.write("cgi/qupl.cgi", readFile("\(Self.scripts)/qupl.cgi"), mode: 0o755)
                try folder.write("cgi/qupl.conf", "encoding: UTF-8\ndatadir: files\nquota: 1000000\n")
                try folder.write("some.txt", String(repeating: "content\n", count: 20_000))
            }
        ) { server in
            let sent = try runCommand(
                ["curl", "-sS", "-F", "file=@some.txt", server.url("/cgi/qupl.cgi")], in: server.folder.path)
            #expect(sent.stdout.contains("some.txt"), "\(sent.stdout)\(sent.stderr)")
            let kept = try server.folder.read("cgi/files/some.txt")
            #expect(kept == String(repeating: "content\n", count: 20_000))
            let listing = try server.get("/cgi/qupl.cgi")
            #expect(listing.text.contains("160000"))
        }
    }

    @Test(.enabled(if: isThere("\(scripts)/mimetex.cgi"), "mimetex is not installed"))
    func `mimetex, with its formula as the query`() async throws {
        try await withServer(site: "cgi = /cgi-bin/ \(Self.scripts)/\nsymlinks = follow") { server in
            let picture = try server.get("/cgi-bin/mimetex.cgi?\\frac{a+b}{2}")
            #expect(picture["Content-Type"] == "image/gif")
            #expect(picture.body.starts(with: Array("GIF87a".utf8)))
            #expect(try server.head("/cgi-bin/mimetex.cgi?x^2").status == 200)
        }
    }
}
