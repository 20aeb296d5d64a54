import Glibc
import Testing

@testable import Config

/// A whole `server.ini` and all that is said of it.
struct ProblemCase: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    let problems: [String]

    init(_ name: String, _ text: String, _ problems: [String]) {
        (self.name, self.text, self.problems) = (name, text, problems)
    }

    var testDescription: String { name }
}

@Suite struct ProblemTests {
    static let cases: [ProblemCase] = [
        ProblemCase("the least there can be", "[site a]", []),
        ProblemCase(
            "folders to write to that a setuid program could leave",
            """
            [defaults]
            cgi_write = www
            [site a]
            [site b]
            cgi_no_new_privs = no
            [location a /x]
            cgi_no_new_privs = no
            [location a /y]
            cgi_no_new_privs = no
            cgi_write = everywhere
            """,
            [
                "server.ini:2: cgi_write: needs cgi_no_new_privs = yes; a setuid program could leave the folders again"
            ]),
        ProblemCase("no site", "", ["server.ini: no [site NAME]; a server has at least one"]),
        ProblemCase(
            "no site but others", "[server]\n[defaults]\n",
            ["server.ini: no [site NAME]; a server has at least one"]),
        ProblemCase(
            "everything at once, by line",
            """
            [server]
            lisen = 127.0.0.1:80
            threads = none
            [site a]
            root = nowhere
            threads = 4
            [sit b]
            root = ignored
            [site c]
            indx = x.html
            just words
            [location d /x]
            listing = perhaps
            [site a
            """,
            [
                "server.ini:2: unknown key `lisen`; did you mean `listen`?",
                "server.ini:3: threads: `none` is no number; takes 1 to 1024, or `auto`",
                "server.ini:5: root: `nowhere`: No such file or directory",
                "server.ini:6: `threads` belongs in [server]",
                "server.ini:7: unknown section `[sit b]`; did you mean `site`?",
                "server.ini:10: unknown key `indx`; did you mean `index`?",
                "server.ini:11: neither `[section]` nor `key = value`",
                "server.ini:12: no site `d` for this location; did you mean `a`?",
                "server.ini:13: listing: `perhaps` is neither; takes yes or no",
                "server.ini:14: `[` without `]`",
                "server.ini:14: second [site a]; the first is at server.ini:4",
            ]),
        ProblemCase(
            "keys in the wrong section",
            "[site a]\n[location a /x]\nroot = www\nlog_level = info\n[server]\nroot = www\n",
            [
                "server.ini:3: `root` belongs in [site NAME] or [defaults]",
                "server.ini:4: `log_level` belongs in [server]",
                "server.ini:6: `root` belongs in [site NAME] or [defaults]",
            ]),
        ProblemCase(
            "unknown keys",
            "[site a]\nDocumentRoot = www\nCGI-Timeout = 3s\ncompres = /x 1s\nmagic = x\nthread = 1\n",
            [
                "server.ini:2: unknown key `DocumentRoot`; here it is `root`",
                "server.ini:3: unknown key `CGI-Timeout`; did you mean `cgi_timeout`?",
                "server.ini:4: unknown key `compres`; did you mean `compress`?",
                "server.ini:5: unknown key `magic`; `gatehouse keys` lists all",
                "server.ini:6: unknown key `thread`; did you mean `threads`?",
            ]),
        ProblemCase(
            "one thing said twice by keys that may stand twice",
            """
            [defaults]
            error_page = 404 /all
            [site a]
            error_page = 404 /a
            error_page = 410 /a
            error_page = 404 /b
            mime = .x a/b
            mime = .x a/c
            cgi_cache = /x 1s
            cgi_cache = /x 2s
            header = A: 1
            header = A: 1
            """,
            [
                "server.ini:6: error_page: `404` is at line 4 already",
                "server.ini:8: mime: `.x` is at line 7 already",
                "server.ini:10: cgi_cache: `/x` is at line 9 already",
            ]),
        ProblemCase(
            "keys of other servers",
            "[site a]\nServer_Name = a\nautoindex = on\nserver.document-root = www\n",
            [
                "server.ini:2: unknown key `Server_Name`; here it is `host`",
                "server.ini:3: unknown key `autoindex`; here it is `listing`",
                "server.ini:4: unknown key `server.document-root`; here it is `root`",
            ]),
        ProblemCase(
            "comments as others have them",
            """
            [site a]
            root = www # pages
            listing = yes # please
            index = index.html ; names
            cgi_env = COLOUR=red #1
            access_log = a.log # mine
            error_log = "b #1.log"
            [location a /x]
            index = index.html # names
            """,
            [
                "server.ini:2: root: `www # pages`: No such file or directory; a comment behind a value begins with `;`, not with `#`",
                "server.ini:3: listing: `yes # please` is neither; takes yes or no; a comment behind a value begins with `;`, not with `#`",
                "server.ini:6: access_log: `a.log # mine` has a ` #` in it; a comment behind a value begins with `;`, not with `#`, and a value that has one stands in double quotes",
                "server.ini:9: index: `index.html # names` has a ` #` in it; a comment behind a value begins with `;`, not with `#`, and a value that has one stands in double quotes",
            ]),
        ProblemCase(
            "sections that are none",
            """
            [proxy]
            listen = x
            [service echo]
            [socks]
            [server x]
            [defaults x]
            [site]
            [site a b]
            [location a]
            [location a x]
            []
            [ ]
            [site ok]
            """,
            [
                "server.ini:1: unknown section `[proxy]`; there are [server], [site NAME], [defaults], [location SITE /prefix]",
                "server.ini:3: unknown section `[service echo]`; there are [server], [site NAME], [defaults], [location SITE /prefix]",
                "server.ini:4: unknown section `[socks]`; there are [server], [site NAME], [defaults], [location SITE /prefix]",
                "server.ini:5: [server] takes no name: `[server x]`",
                "server.ini:6: [defaults] takes no name: `[defaults x]`",
                "server.ini:7: [site] has no name; takes [site NAME]",
                "server.ini:8: more than one name in `[site a b]`; takes [site NAME]",
                "server.ini:9: `[location a]` is incomplete; takes [location SITE /prefix]",
                "server.ini:10: URL prefix `x` does not begin with `/`",
                "server.ini:11: section without a name",
                "server.ini:12: section without a name",
            ]),
        ProblemCase(
            "sections twice, in any case, and what is in them",
            """
            [site a]
            [Site A]
            rot = x
            [server]
            [SERVER]
            threads = x
            [defaults]
            [defaults]
            [location a /x]
            [location A /x/]
            listing = x
            [location a /X]
            """,
            [
                "server.ini:2: second [site a]; the first is at server.ini:1",
                "server.ini:3: unknown key `rot`; did you mean `root`?",
                "server.ini:5: second [server]; the first is at server.ini:4",
                "server.ini:6: threads: `x` is no number; takes 1 to 1024, or `auto`",
                "server.ini:8: second [defaults]; the first is at server.ini:7",
                "server.ini:10: second [location a /x]; the first is at server.ini:9",
                "server.ini:11: listing: `x` is neither; takes yes or no",
            ]),
        ProblemCase(
            "keys twice, in any case",
            "[site a]\nroot = www\nRoot = www\nroot = nowhere\nheader = A: 1\nheader = A: 2\n",
            [
                "server.ini:3: second `root` in this section; the first is at line 2",
                "server.ini:4: second `root` in this section; the first is at line 2",
            ]),
        ProblemCase(
            "a wrong home is one problem",
            "[server]\nhome = nowhere\ninclude = x.ini\nerror_log = logs/x\n[site a]\nroot = www\ncgi = /x y\n",
            ["server.ini:2: home: `nowhere`: No such file or directory"]),
        ProblemCase(
            "one host name for two sites",
            "[site a]\nhost = x.org y.org\n[site b]\nhost = z.org Y.org\n[site x.org]\n",
            [
                "server.ini:4: host name `y.org` belongs to [site a] already, at server.ini:2",
                "server.ini:5: host name `x.org` belongs to [site a] already, at server.ini:2",
            ]),
        ProblemCase(
            "one host name on different addresses",
            """
            [server]
            listen = 127.0.0.1:81
            listen = 127.0.0.1:82
            [site a]
            host = x.org
            listen = 127.0.0.1:81
            [site b]
            host = x.org
            listen = 127.0.0.1:82
            """, []),
        ProblemCase(
            "one host name on all addresses and on one",
            "[site a]\nhost = x.org\nlisten = 127.0.0.1:8080\n[site b]\nhost = x.org\n",
            ["server.ini:5: host name `x.org` belongs to [site a] already, at server.ini:2"]),
        ProblemCase(
            "an address that nobody opens", "[site a]\nlisten = 127.0.0.1:9\n",
            ["server.ini:2: listen: `127.0.0.1:9` is no `listen` of [server], which opens the addresses"]),
        ProblemCase(
            "an address that no site answers on",
            "[server]\nlisten = 127.0.0.1:81\nlisten = 127.0.0.1:82\n[site a]\nlisten = 127.0.0.1:81\n",
            ["server.ini:3: listen: no site answers on `127.0.0.1:82`; each names others"]),
        ProblemCase(
            "an address twice",
            "[server]\nlisten = *:80\nlisten = *:80\nlisten = *:0\nlisten = *:0\n[site a]\n",
            ["server.ini:3: listen: `*:80` is at line 2 already"]),
        ProblemCase(
            "an unreadable address is said once",
            "[server]\nlisten = 80\n[site a]\nlisten = 127.0.0.1:80\n",
            [
                "server.ini:2: listen: `80` is a port without an address; `*:80` is that port on every address, `127.0.0.1:80` for this machine only"
            ]
        ),
        ProblemCase(
            "a name that is no host",
            "[site a/b]\n[site c_d]\n[site é]\nhost = e.org\n[site f/g]\nhost = :\n",
            [
                "server.ini:1: `a/b` is no host name; a site of that name needs a `host`",
                "server.ini:6: host: `:` in the host name `:`; takes a name without port",
            ]),
        ProblemCase(
            "a prefix twice", "[site a]\ncgi = /x cgi-bin\nalias = /x/ www\nalias = /y www\n",
            ["server.ini:3: URL prefix `/x` is at line 2 already"]),
        ProblemCase(
            "wrong defaults are said once", "[defaults]\nlisting = x\n[site a]\n[site b]\n",
            ["server.ini:2: listing: `x` is neither; takes yes or no"]),
    ]

    @Test(arguments: cases) func `says`(_ test: ProblemCase) throws {
        try #expect(ConfigFolder().problems(test.text) == test.problems)
    }

    @Test func `files that cannot be read`() throws {
        let folder = try ConfigFolder()
        func problems(_ name: String) -> [String] {
            if case .failure(let problems) = folder.read("\(folder.path)/\(name)") {
                problems.list
            } else {
                []
            }
        }
        #expect(problems("none.ini") == ["none.ini: cannot be read: No such file or directory"])
        #expect(problems("www") == ["www: is a folder; takes a file"])
        #expect(problems("server.ini/x") == ["server.ini/x: cannot be read: No such file or directory"])
        try folder.write("large.ini", [UInt8](repeating: 0x0A, count: INIReader.maxFile + 1))
        #expect(problems("large.ini") == ["large.ini: larger than 16M"])
        if getuid() != 0 {
            try chmod(folder.write("closed.ini", "[site a]"), 0)
            #expect(problems("closed.ini") == ["closed.ini: cannot be read: Permission denied"])
        }
    }

    @Test func `lines in included files`() throws {
        let folder = try ConfigFolder()
        try folder.makeFolder("sites")
        try folder.write("sites/a.ini", "[site a]\nrot = www\n")
        try folder.write("sites/b.ini", "[server]\n[site A]\nlisting = ?\n[location c /x]\n")
        try folder.write("sites/c.txt", "nonsense\n")
        #expect(
            try folder.problems("[server]\ninclude = sites/*.ini\n[site c]\nroot = x\n") == [
                "server.ini:4: root: `x`: No such file or directory",
                "sites/a.ini:2: unknown key `rot`; did you mean `root`?",
                "sites/b.ini:1: second [server]; the first is at server.ini:1",
                "sites/b.ini:2: second [site a]; the first is at sites/a.ini:1",
                "sites/b.ini:3: listing: `?` is neither; takes yes or no",
            ])
    }

    @Test func `includes that go wrong`() throws {
        let folder = try ConfigFolder()
        try folder.write("a.ini", "[site a]\n")
        try folder.link("b.ini", to: "a.ini")
        try folder.makeFolder("d.ini")
        let found = try folder.problems(
            """
            [server]
            include = *.ini
            include = a.ini
            include = missing.ini
            include = none/*.ini
            include = ${NONE}
            """)
        #expect(
            found == [
                "server.ini:2: include: `b.ini` is read already, by the `include` at server.ini:2",
                "server.ini:2: include: `d.ini` is a folder; takes a file",
                "server.ini:2: include: `server.ini` is read already, as the file with this `include`",
                "server.ini:3: include: `a.ini` is read already, by the `include` at server.ini:2",
                "server.ini:4: include: `missing.ini` cannot be read: No such file or directory",
                "server.ini:5: include: `none`: No such file or directory",
                "server.ini:6: include: environment variable `NONE` is not set; `${NONE:-text}` gives a default",
            ])
    }

    @Test func `hostile files`() throws {
        let folder = try ConfigFolder()
        let name = String(repeating: "x", count: 60_000)
        #expect(
            try folder.problems("[site a]\n[\(name)]\n[location \(name) /]\n[site \(name)]\nhost = \(name)\n")
                == [
                    "server.ini:2: unknown section `[\(name.prefix(79))…`; there are [server], [site NAME], [defaults], [location SITE /prefix]",
                    "server.ini:5: host: `\(name.prefix(80))…` is no host name",
                ])
        let garbage = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* $0 &* 31 >> 3) }
        guard case .failure = try folder.load(garbage) else {
            Issue.record("garbage was taken for a configuration")
            return
        }
        // Ten thousand wrong keys are ten thousand problems.
        let keys = String(repeating: "wrongkey = 1\n", count: 10_000)
        try #expect(folder.problems("[site a]\n" + keys).count == 10_000)
    }

    /// Bytes of a good file changed at random places: whatever comes of it, the loader comes back.
    @Test func `damaged files`() throws {
        let folder = try ConfigFolder()
        let good = Array(
            #"""
            [server]
            listen = [::1]:8080
            include = extra*.ini
            header_timeout = 15s
            max_header_size = 32K
            [defaults]
            header = X-A: "b ; c" ; comment
            [site a]
            host = a.org *.b.org [::1]
            root = ${ROOT:-www}
            alias = /x "my pages"
            cgi = /cgi-bin/ cgi-bin/
            cgi_env = A="b ; c"
            log_format = "%h \"%r\" %{X}i"
            mime = .a b/c
            [location a /x/y]
            cgi_extensions = .cgi .pl
            """#.utf8)
        let letters = Array("[]=:;#\"\\${}%/*. \t\n\r\u{0}é0K".utf8)
        var state: UInt64 = 7
        func random(_ limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
        for _ in 0..<1000 {
            var bytes = good
            for _ in 0...random(4) {
                let index = random(bytes.count)
                switch random(3) {
                case 0: bytes[index] = letters[random(letters.count)]
                case 1: bytes.insert(letters[random(letters.count)], at: index)
                default: bytes.removeSubrange(index..<min(bytes.count, index + 1 + random(8)))
                }
            }
            guard case .failure(let problems) = try folder.load(bytes) else { continue }
            #expect(!problems.list.isEmpty)
            #expect(problems.list.allSatisfy { $0.hasPrefix("server.ini:") && !$0.contains("\n") })
        }
    }
}
