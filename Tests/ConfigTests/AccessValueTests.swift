import Testing

@testable import Config

/// Clients, users, redirects, rewriting and Cache-Control.
@Suite struct AccessValueTests {
    static let takesRedirect =
        "takes a path, where it is now and a status, as in `/old /new 301`, or `/old 410`"
    static let takesRewrite =
        "takes a pattern and a path, as in `^/wiki/(.*)$ /wiki.cgi/$1`, and `missing` before them for where no file is"

    static let cases: [ValueCase] = [
        ValueCase("allow = 192.0.2.0/24 ::1 all"), ValueCase("allow = none"), ValueCase("deny = all"),
        ValueCase(
            "allow = example.org",
            "allow: `example.org` is no network; takes addresses and networks such as 192.0.2.0/24 or ::1, `all` or `none`"
        ),
        ValueCase(
            "deny = 10.0.0.1/8",
            "deny: `10.0.0.1/8` is no network; takes addresses and networks such as 192.0.2.0/24 or ::1, `all` or `none`"
        ),
        ValueCase("auth = off"),
        ValueCase(
            "auth = \"Members only\" etc/none", "auth: `etc/none` cannot be read: No such file or directory"),
        ValueCase("auth = Members etc", "auth: `etc` is a folder; takes a file"),
        ValueCase(
            "auth = Members",
            "auth: `Members`: takes a name for the client and a password file, as in `\"Members\" etc/htpasswd`, or `off`"
        ),

        ValueCase("redirect = /old /new 301"), ValueCase("redirect = / https://www.example.org/ 308"),
        ValueCase("redirect = =/ /start"), ValueCase("redirect = =/a/ /a"), ValueCase("redirect = /old 410"),
        ValueCase("redirect = ~^/a/(.*)$ /b/$1 302"), ValueCase("redirect = /a https://h.example/a?b#c"),
        ValueCase("redirect = /old", "redirect: `/old`: \(takesRedirect)"),
        ValueCase("redirect = /old /new 410", "redirect: `/old /new 410`: \(takesRedirect)"),
        ValueCase("redirect = /old 301", "redirect: `/old 301`: \(takesRedirect)"),
        ValueCase(
            "redirect = /old /new 200",
            "redirect: `200` is no status of a redirect; takes 301, 302, 303, 307, 308 or 410"),
        ValueCase(
            "redirect = old /new",
            "redirect: `old` is neither a URL prefix such as /old, a path such as =/old.html, nor a pattern such as ~^/old/(.*)$"
        ),
        ValueCase(
            "redirect = /a//b /new", "redirect: segment `` in the URL prefix `/a//b`; no request has it"),
        ValueCase(
            "redirect = /old new",
            "redirect: `new` is neither a path nor a URL such as https://www.example.org/"),
        ValueCase("redirect = /old https:///x", "redirect: no host in `https:///x`"),
        ValueCase(
            "redirect = /old //h.example",
            "redirect: `//h.example` would name a host; takes a path with one `/`, or a whole URL"),
        ValueCase(
            "redirect = ~^/(.*)$ https://h.example$1",
            "redirect: a `$` in the host of `https://h.example$1`; a visitor could choose where it leads"),
        ValueCase(
            "redirect = /a /a/b",
            "redirect: `/a/b` is below `/a` and would be redirected again and again; `=/a` is that path alone"
        ),
        ValueCase(
            "redirect = / /b",
            "redirect: `/b` is below `/` and would be redirected again and again; `=/` is that path alone"),
        ValueCase("redirect = /a /ab"),
        ValueCase("redirect = =/a /a", "redirect: `/a` is redirected to itself"),
        ValueCase(
            "redirect = ~( /x", "redirect: the pattern `(` is wrong at byte 2: missing closing parenthesis"),
        ValueCase("redirect = ~^/(a) /$2", "redirect: `$2`, but the pattern `^/(a)` has 1 group"),

        ValueCase("rewrite = ^/w/(.*)$ /w.cgi/$1?x=$1"), ValueCase("rewrite = missing ^ /index.php"),
        ValueCase("rewrite = ^/w", "rewrite: `^/w`: \(takesRewrite)"),
        ValueCase("rewrite = mising ^/w /x", "rewrite: `mising ^/w /x`: \(takesRewrite)"),
        ValueCase(
            "rewrite = ^/w http://x/",
            "rewrite: `http://x/` is no path of this site; for another address there is `redirect`"),
        ValueCase(
            "rewrite = ^/w /a%20b",
            "rewrite: `%` in the path of `/a%20b`; takes the decoded form, `ä` for `%C3%A4`"),
        ValueCase("rewrite = ^/w /x?a=$1", "rewrite: `$1`, but the pattern `^/w` has 0 groups"),

        ValueCase("cache_control = max-age=3600, public"), ValueCase("cache_control = .css max-age=60"),
        ValueCase("cache_control = image/* none"), ValueCase("cache_control = text/css no-cache"),
        ValueCase(
            "cache_control = .css", "cache_control: no value behind `.css`; takes one such as max-age=3600"),
        ValueCase(
            "cache_control = a/b/c x",
            "cache_control: `a/b/c` is no media type; takes one such as text/css or image/*"),
    ]

    @Test(arguments: cases) func `values`(_ test: ValueCase) throws {
        let found = try ConfigFolder().problems("[site a]\n\(test.line)\n")
        #expect(found == (test.problem.isEmpty ? [] : ["server.ini:2: \(test.problem)"]))
    }

    @Test func `every bad line of a password file is named`() throws {
        let folder = try ConfigFolder()
        try folder.write(
            "etc/htpasswd", "# ok\nann:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\nbob:secret\n\ncarl\n")
        let text = """
            [site a]
            auth = Members etc/htpasswd
            [location a /x]
            auth = Others etc/htpasswd
            listing = perhaps
            """
        let found = try folder.problems(text)
        #expect(found.count == 3)
        #expect(found.first == "server.ini:5: listing: `perhaps` is neither; takes yes or no")
        #expect(found.dropFirst().first?.hasPrefix("etc/htpasswd:3: neither a bcrypt") == true)
        #expect(found.last == "etc/htpasswd:5: no `:`; takes lines `name:hash`")
        #expect(!found.joined().contains("secret"))
    }

    @Test func `locations take what they do not set`() throws {
        let folder = try ConfigFolder()
        try folder.write("etc/htpasswd", "ann:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/\n")
        let config = try folder.load(
            """
            [site a]
            auth = Members etc/htpasswd
            allow = 10.0.0.0/8
            deny = 10.1.0.0/16
            header = X-A: b
            [location a /open]
            auth = off
            allow = all
            header = -x-a
            """
        ).get()
        let site = try #require(config.sites.first)
        let part = try #require(site.locations.first).part
        #expect(site.part.auth == AuthSetting(realm: "Members", file: folder.path + "/etc/htpasswd"))
        #expect(part.auth == nil)
        #expect(part.allow == .all)
        #expect(part.deny == site.part.deny)
        #expect(part.headers == [FieldSetting(name: "x-a", value: nil)])
    }

    @Test func `cache control`() throws {
        let config = try ConfigFolder().load(
            """
            [defaults]
            cache_control = .css max-age=1
            cache_control = image/* max-age=2
            [site a]
            cache_control = image/png max-age=3
            cache_control = max-age=4
            cache_control = .svg none
            [site b]
            [location a /x]
            cache_control = no-store
            [location a /y]
            cache_control = .css max-age=5
            """
        ).get()
        func value(_ part: PartSettings, _ path: String, _ type: String) -> String? {
            part.cacheControl.value(path: Array(path.utf8), type: type)
        }
        let (a, b) = (config.sites[0], config.sites[1])
        #expect(value(a.part, "/a.png", "image/png") == "max-age=3")
        #expect(value(a.part, "/a.gif", "image/gif") == "max-age=4")
        #expect(value(a.part, "/a.svg", "image/svg+xml") == nil)
        #expect(value(b.part, "/a.gif", "image/gif") == "max-age=2")
        #expect(value(b.part, "/a.css", "text/css") == "max-age=1")
        #expect(value(b.part, "/a.html", "text/html") == nil)
        #expect(value(b.part, "/a", "imagex/gif") == nil)
        #expect(value(a.locations[0].part, "/a.png", "image/png") == "no-store")
        #expect(value(a.locations[1].part, "/a.css", "text/css") == "max-age=5")
        #expect(value(a.locations[1].part, "/a.png", "image/png") == "max-age=3")
    }
}
