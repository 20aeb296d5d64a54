import TestSupport
import Testing

/// What a script gets of a request.
@Suite(.timeLimit(.minutes(5))) struct RequestSideTests {
    private static let scripts = [
        "env": ScriptEnvironment.script,
        "length": page("echo $CONTENT_LENGTH $(wc -c)"),
        "echo": page("cat"),
        "deaf": page("echo fine"),
        "arguments": page("for word; do printf '[%s]' \"$word\"; done"),
    ]

    @Test func `chunked POST has its length`() async throws {
        try await withScripts(Self.scripts) { server in
            let response = try server.request(
                "POST", "/cgi-bin/length", headers: ["Transfer-Encoding": "chunked"],
                body: Array("2\r\nab\r\n3;x=y\r\ncde\r\n0\r\nX-Trailer: 1\r\n\r\n".utf8))
            #expect(response.text == "5 5\n")
            let environment = try server.environment(
                "/cgi-bin/env", method: "POST", headers: ["Transfer-Encoding": "chunked"],
                body: Array("1\r\nx\r\n0\r\n\r\n".utf8))
            #expect(environment["HTTP_TRANSFER_ENCODING"] == nil)
            #expect(environment["CONTENT_LENGTH"] == "1")
        }
    }

    @Test func `3 MB POST to a script that ignores stdin`() async throws {
        try await withScripts(Self.scripts) { server in
            let body = [UInt8](repeating: 0x61, count: 3_000_000)
            let response = try server.request("POST", "/cgi-bin/deaf", body: body)
            #expect(response.text == "fine\n")
            // The connection goes on behind it.
            let client = try server.connect()
            try client.send("POST /cgi-bin/deaf HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n")
            try client.send(body)
            #expect(try client.readResponse().text == "fine\n")
            try client.send("GET /cgi-bin/deaf HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse().text == "fine\n")
        }
    }

    @Test(arguments: [0, 5, 100_000]) func `stdin ends after CONTENT_LENGTH`(_ count: Int) async throws {
        try await withScripts(Self.scripts) { server in
            let client = try server.connect()
            try client.send("POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: \(count)\r\n\r\n")
            // What is behind it belongs to the next request.
            try client.send(
                [UInt8](repeating: 0x61, count: count)
                    + Array("GET /cgi-bin/deaf HTTP/1.1\r\nHost: h\r\n\r\n".utf8)
            )
            #expect(try client.readResponse().body.count == count)
            #expect(try client.readResponse().text == "fine\n")
        }
    }

    @Test func `stdin is at its end where there is no body`() async throws {
        try await withScripts(Self.scripts) { server in
            let body = try server.get("/cgi-bin/echo").body
            #expect(body.isEmpty)
        }
    }

    @Test func `Expect 100-continue is answered`() async throws {
        try await withScripts(Self.scripts, site: "max_body = 10") { server in
            let client = try server.connect()
            try client.send(
                "POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            _ = try client.read { $0 == Array("HTTP/1.1 100 Continue\r\n\r\n".utf8) }
            try client.send("body")
            #expect(try client.readResponse().text == "body")
            // Not where the body is too large anyhow.
            let other = try server.connect()
            try other.send(
                "POST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n"
            )
            let refused = try other.readResponse()
            #expect(refused.status == 413)
            #expect(refused.interim.isEmpty)
        }
    }

    @Test func `Proxy does not become HTTP_PROXY`() async throws {
        try await withScripts(Self.scripts) { server in
            let environment = try server.environment(
                "/cgi-bin/env", headers: ["Proxy": "http://evil", "PROXY": "http://evil"])
            #expect(environment["HTTP_PROXY"] == nil)
        }
    }

    @Test func `Foo_Bar and Foo-Bar sent together`() async throws {
        try await withScripts(Self.scripts) { server in
            for order in [("Foo_Bar", "Foo-Bar"), ("Foo-Bar", "Foo_Bar")] {
                let environment = try server.environment(
                    "/cgi-bin/env", headers: [order.0: order.0, order.1: order.1])
                #expect(environment["HTTP_FOO_BAR"] == "Foo-Bar")
            }
            let alone = try server.environment("/cgi-bin/env", headers: ["Foo_Bar": "u"])
            #expect(alone["HTTP_FOO_BAR"] == nil)
        }
    }

    @Test func `Foo_Bar and Foo-Bar sent together, underscore_headers = pass`() async throws {
        let own = "[location default /cgi-bin/env/own]\nunderscore_headers = drop"
        try await withScripts(Self.scripts, site: "underscore_headers = pass", more: own) { server in
            for order in [("Foo_Bar", "Foo-Bar"), ("Foo-Bar", "Foo_Bar")] {
                let environment = try server.environment(
                    "/cgi-bin/env", headers: [order.0: order.0, order.1: order.1])
                #expect(environment["HTTP_FOO_BAR"] == "Foo-Bar")
            }
            let alone = try server.environment(
                "/cgi-bin/env", headers: ["Foo_Bar": "u", "foo_bar": "v", "A_B-C": "1", "A-B_C": "2"])
            #expect(alone["HTTP_FOO_BAR"] == "u, v")
            #expect(alone["HTTP_A_B_C"] == "1")
            let hidden = try server.environment(
                "/cgi-bin/env",
                headers: [
                    "Proxy": "p", "Content_Length": "9", "Transfer_Encoding": "x", "Proxy_Authorization": "s",
                    "X.Y": "z",
                ])
            for name in ["PROXY", "CONTENT_LENGTH", "TRANSFER_ENCODING", "PROXY_AUTHORIZATION"] {
                #expect(hidden["HTTP_\(name)"] == nil)
            }
            #expect(!hidden.variables.values.contains("z"))
            let location = try server.environment("/cgi-bin/env/own", headers: ["Foo_Bar": "u"])
            #expect(location["HTTP_FOO_BAR"] == nil)
        }
    }

    @Test func `two X-A headers`() async throws {
        try await withScripts(Self.scripts) { server in
            let environment = try server.environment(
                "/cgi-bin/env", headers: ["X-A": "1", "X-B": "b", "x-a": "2"])
            #expect(environment["HTTP_X_A"] == "1, 2")
            #expect(environment["HTTP_X_B"] == "b")
        }
    }

    @Test func `two Cookie headers`() async throws {
        try await withScripts(Self.scripts) { server in
            let environment = try server.environment(
                "/cgi-bin/env", headers: ["Cookie": "a=1", "COOKIE": "b=2; c=3"])
            #expect(environment["HTTP_COOKIE"] == "a=1; b=2; c=3")
        }
    }

    /// `auto` gives it where the site does not check it itself; the user that it claims counts for nothing.
    @Test(arguments: [("auto", true), ("yes", true), ("no", false)])
    func `Authorization`(_ setting: String, _ isPassed: Bool) async throws {
        try await withScripts(Self.scripts, site: "cgi_pass_authorization = \(setting)") { server in
            let environment = try server.environment(
                "/cgi-bin/env", headers: ["Authorization": "Basic YTpi", "Proxy-Authorization": "Basic YTpi"])
            #expect(environment["HTTP_AUTHORIZATION"] == (isPassed ? "Basic YTpi" : nil))
            #expect(environment["HTTP_PROXY_AUTHORIZATION"] == nil)
            #expect(environment["REMOTE_USER"] == nil)
            #expect(environment["AUTH_TYPE"] == nil)
        }
    }

    @Test(arguments: [
        "b=%32", "", "a=b&c=d", "%zz", "a%00b", "a?b?c", "a=/../b", "x=%C3%A9&y=\u{E9}", "'\"`|$(x)\\",
        "a+b=%2B", "%",
        "[]{}^", "a=b%0d%0aX:y",
    ])
    func `QUERY_STRING is byte for byte what was sent`(_ query: String) async throws {
        try await withScripts(Self.scripts) { server in
            let environment = try server.environment("/cgi-bin/env?\(query)")
            #expect(environment["QUERY_STRING"] == query)
            #expect(environment["REQUEST_URI"] == "/cgi-bin/env?\(query)")
        }
    }

    @Test func `PATH_INFO`() async throws {
        try await withScripts(Self.scripts) { server in
            for (sent, expected) in [
                ("/path/x%20y", "/path/x y"), ("/a%2Fb", "/a/b"), ("/a//b", "/a//b"), ("/a/", "/a/"),
                ("/", "/"),
                ("/%C3%A9", "/\u{E9}"), ("/a%3Fb", "/a?b"), ("/a+b", "/a+b"), ("/%25", "/%"), ("/.a", "/.a"),
                ("/a;b=c", "/a;b=c"), ("/a/%2e%2e/b", "/b"), ("/a/./b", "/a/b"),
            ] {
                let environment = try server.environment("/cgi-bin/env\(sent)?q")
                #expect(environment["PATH_INFO"] == expected, "\(sent)")
                #expect(environment["SCRIPT_NAME"] == "/cgi-bin/env")
                #expect(environment["REQUEST_URI"] == "/cgi-bin/env\(sent)?q")
            }
            #expect(try server.environment("/cgi-bin/env")["PATH_INFO"] == nil)
        }
    }

    @Test func `isindex arguments`() async throws {
        try await withScripts(Self.scripts) { server in
            for (query, expected) in [
                ("?foo+b%61r", "[foo][bar]"), ("?foo", "[foo]"), ("?a%20b+c", "[a b][c]"), ("?a=b+c", ""),
                ("?a%3Db", "[a=b]"), ("", ""), ("?", ""), ("?$(id)+`id`+;id", "[$(id)][`id`][;id]"),
                ("?a+%zz", ""), ("?a%00b", ""), ("?-v", "[-v]"),
            ] {
                let text = try server.get("/cgi-bin/arguments\(query)").text
                #expect(text == expected, "\(query)")
            }
            // What is too long for a command line comes in QUERY_STRING alone.
            for (count, isTold) in [(2000, true), (10_000, false)] {
                let long = try server.get("/cgi-bin/arguments?\("a+".times(count))b")
                #expect(long.status == 200)
                #expect(long.text == (isTold ? "[a]".times(count) + "[b]" : ""))
            }
        }
    }

    @Test func `isindex arguments, cgi_isindex = no`() async throws {
        try await withScripts(
            Self.scripts, site: "cgi_isindex = off",
            more: "[location default /cgi-bin/arguments/on]\ncgi_isindex = yes"
        ) { server in
            let text = try server.get("/cgi-bin/arguments?foo+bar").text
            #expect(text == "")
            #expect(try server.get("/cgi-bin/arguments/on?foo+bar").text == "[foo][bar]")
            #expect(try server.environment("/cgi-bin/env?foo+bar")["QUERY_STRING"] == "foo+bar")
        }
    }

    @Test func `nothing of the server's environment leaks`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site default]
            root = www
            cgi  = /cgi-bin/ cgi-bin/
            """
        try await withServer(
            ini: ini, files: ["cgi-bin/env": ScriptEnvironment.script],
            environment: [
                "SECRET": "x", "LD_LIBRARY_PATH": "/nowhere", "HTTP_PROXY": "http://evil", "PATH": "/bin",
            ]
        ) { server in
            let environment = try server.environment("/cgi-bin/env")
            let known: Set = [
                "PATH", "LANG", "GATEWAY_INTERFACE", "SERVER_SOFTWARE", "SERVER_PROTOCOL", "SERVER_NAME",
                "SERVER_PORT", "SERVER_ADDR", "REMOTE_ADDR", "REMOTE_HOST", "REMOTE_PORT", "REQUEST_METHOD",
                "REQUEST_SCHEME", "REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME", "SCRIPT_FILENAME",
                "DOCUMENT_ROOT", "REDIRECT_STATUS", "UNIQUE_ID", "HTTP_HOST",
            ]
            #expect(Set(environment.variables.keys) == known, "\(environment)")
            #expect(environment["PATH"] == "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            #expect(environment["LANG"] == "C.UTF-8")
        }
    }

    @Test func `signals are as a fresh process has them`() async throws {
        // In the script's own place: dash blocks all signals for a moment where it starts a command.
        let script = page("exec grep -E '^Sig(Blk|Ign)' /proc/self/status")
        try await withScripts(["signals": script]) { server in
            let lines = try server.get("/cgi-bin/signals").text.split(separator: "\n")
            #expect(lines.count == 2)
            for line in lines {
                let mask = UInt64(line.suffix(16), radix: 16) ?? .max
                // 32 and 33 are the C library's own, and posix_spawn has them ignored.
                #expect(mask & ~(0b11 << 31) == 0, "\(line)")
            }
        }
    }

    @Test func `a script ends by SIGPIPE where nobody reads`() async throws {
        // `yes` would print its complaint about EPIPE for ever if SIGPIPE were ignored.
        try await withScripts(["x": page("yes | head -n 1; echo done")]) { server in
            let text = try server.get("/cgi-bin/x").text
            #expect(text == "y\ndone\n")
        }
    }

    @Test func `working directory`() async throws {
        let files = ["cgi-bin/deep/er/pwd": page("pwd")]
        try await withScripts(["pwd": page("pwd")], files: files) { server in
            let text = try server.get("/cgi-bin/pwd").text
            #expect(text == server.folder.path("cgi-bin\n"))
            let deep = try server.get("/cgi-bin/deep/er/pwd/x").text
            #expect(deep == server.folder.path("cgi-bin/deep/er\n"))
        }
    }
}
