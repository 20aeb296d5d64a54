import TestSupport
import Testing

/// The variables that a script is started with (RFC 3875, section 4.1, and what became custom since).
@Suite(.timeLimit(.minutes(5))) struct MetaVariableTests {
    /// Runs `body` with a server that has an environment script in several places.
    private func withEnvironment(
        site: String = "", more: String = "", test body: @escaping @Sendable (ServerProcess) throws -> Void
    ) async throws {
        try await withScripts(
            ["env": ScriptEnvironment.script, "deep/er/env": ScriptEnvironment.script],
            site: "cgi = /one cgi-bin/env\n\(site)", more: more, test: body)
    }

    @Test func `AUTH_TYPE and REMOTE_USER are never what a client claims`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment(
                "/cgi-bin/env",
                headers: ["Authorization": "Basic YTpi", "Remote-User": "root", "Auth-Type": "Basic"])
            #expect(environment["REMOTE_USER"] == nil)
            #expect(environment["AUTH_TYPE"] == nil)
            #expect(environment["REMOTE_IDENT"] == nil)
        }
    }

    @Test func `Authorization of a location`() async throws {
        try await withEnvironment(
            site: "cgi_pass_authorization = no", more: "[location default /one]\ncgi_pass_authorization = yes"
        ) { server in
            let secret: KeyValuePairs = ["Authorization": "Bearer t"]
            let hidden = try server.environment("/cgi-bin/env", headers: secret)
            let shown = try server.environment("/one", headers: secret)
            #expect(hidden["HTTP_AUTHORIZATION"] == nil)
            #expect(shown["HTTP_AUTHORIZATION"] == "Bearer t")
        }
    }

    @Test func `CONTENT_LENGTH and CONTENT_TYPE`() async throws {
        try await withEnvironment { server in
            let posted = try server.environment(
                "/cgi-bin/env", method: "POST", headers: ["Content-Type": "text/x; charset=y"],
                body: Array("12345".utf8))
            #expect(posted["CONTENT_LENGTH"] == "5")
            #expect(posted["CONTENT_TYPE"] == "text/x; charset=y")
            #expect(posted["HTTP_CONTENT_LENGTH"] == nil)
            #expect(posted["HTTP_CONTENT_TYPE"] == nil)
            let empty = try server.environment("/cgi-bin/env", method: "POST", body: [])
            #expect(empty["CONTENT_LENGTH"] == "0")
            #expect(empty["CONTENT_TYPE"] == nil)
            let got = try server.environment("/cgi-bin/env")
            #expect(got["CONTENT_LENGTH"] == nil || got["CONTENT_LENGTH"] == "0")
            #expect(got["CONTENT_TYPE"] == nil)
        }
    }

    @Test func `GATEWAY_INTERFACE, SERVER_PROTOCOL, SERVER_SOFTWARE`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment("/cgi-bin/env")
            #expect(environment["GATEWAY_INTERFACE"] == "CGI/1.1")
            #expect(environment["SERVER_PROTOCOL"] == "HTTP/1.1")
            #expect(environment["SERVER_SOFTWARE"]?.hasPrefix("gatehouse/") == true)
            let client = try server.connect()
            try client.send("GET /cgi-bin/env HTTP/1.0\r\n\r\n")
            let old = try ScriptEnvironment(client.readResponse())
            #expect(old["SERVER_PROTOCOL"] == "HTTP/1.0")
        }
    }

    @Test func `PATH_INFO and SCRIPT_NAME split`() async throws {
        try await withEnvironment { server in
            for (path, script, info) in [
                ("/cgi-bin/env", "/cgi-bin/env", nil), ("/cgi-bin/env/", "/cgi-bin/env", "/"),
                ("/cgi-bin/env/a/b", "/cgi-bin/env", "/a/b"),
                ("/cgi-bin/deep/er/env/a", "/cgi-bin/deep/er/env", "/a"),
                ("/cgi-bin/deep/er/env", "/cgi-bin/deep/er/env", nil),
                ("/cgi-bin/%65nv/%61", "/cgi-bin/env", "/a"), ("/cgi-bin/./deep/../env", "/cgi-bin/env", nil),
                ("/one", "/one", nil), ("/one/", "/one", "/"), ("/one/a//b/", "/one", "/a//b/"),
            ] as [(String, String, String?)] {
                let environment = try server.environment(path)
                #expect(environment["SCRIPT_NAME"] == script, "\(path)")
                #expect(environment["PATH_INFO"] == info, "\(path)")
            }
            for path in ["/cgi-bin/none", "/cgi-bin/deep/none/env", "/oneandmore", "/cgi-bin/envx/a"] {
                let status = try server.get(path).status
                #expect(status == 404, "\(path)")
            }
        }
    }

    @Test func `PATH_TRANSLATED`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment("/cgi-bin/env/a%20b/c")
            #expect(environment["PATH_TRANSLATED"] == server.folder.path("www/a b/c"))
            let bare = try server.environment("/cgi-bin/env")
            #expect(bare["PATH_TRANSLATED"] == nil)
        }
    }

    @Test func `an encoded slash in PATH_INFO`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment("/cgi-bin/env/a%2Fb%2f")
            #expect(environment["PATH_INFO"] == "/a/b/")
            #expect(environment["REQUEST_URI"] == "/cgi-bin/env/a%2Fb%2f")
        }
    }

    @Test func `QUERY_STRING is always there`() async throws {
        try await withEnvironment { server in
            for (sent, expected) in [("", ""), ("?", ""), ("??", "?"), ("?a=%20+b", "a=%20+b")] {
                let environment = try server.environment("/cgi-bin/env\(sent)")
                #expect(environment["QUERY_STRING"] == expected)
                #expect(environment["REQUEST_URI"] == "/cgi-bin/env\(sent)")
            }
        }
    }

    @Test func `REQUEST_URI, REQUEST_SCHEME, SERVER_ADDR, REMOTE_PORT, DOCUMENT_ROOT, SCRIPT_FILENAME`()
        async throws
    {
        try await withEnvironment { server in
            let client = try server.connect()
            try client.send("POST /cgi-bin/deep/er/env/x?y HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
            let environment = try ScriptEnvironment(client.readResponse())
            #expect(environment["REQUEST_METHOD"] == "POST")
            #expect(environment["REQUEST_URI"] == "/cgi-bin/deep/er/env/x?y")
            #expect(environment["REQUEST_SCHEME"] == "http")
            #expect(environment["HTTPS"] == nil)
            #expect(environment["SERVER_ADDR"] == "127.0.0.1")
            #expect(environment["REMOTE_PORT"] == client.localPort.map { "\($0)" })
            #expect(environment["DOCUMENT_ROOT"] == server.folder.path("www"))
            #expect(environment["SCRIPT_FILENAME"] == server.folder.path("cgi-bin/deep/er/env"))
        }
    }

    @Test func `REQUEST_URI of an absolute target`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment("http://other.example/cgi-bin/env/a?b")
            #expect(environment["REQUEST_URI"] == "/cgi-bin/env/a?b")
            #expect(environment["SERVER_NAME"] == "other.example")
        }
    }

    @Test func `REDIRECT_STATUS is 200`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment("/cgi-bin/env")
            #expect(environment["REDIRECT_STATUS"] == "200")
            #expect(environment["REDIRECT_URL"] == nil)
        }
    }

    @Test func `REDIRECT_URL and REDIRECT_QUERY_STRING of an error page's script`() async throws {
        try await withEnvironment(site: "error_page = 404 /cgi-bin/env") { server in
            let response = try server.post("/cgi-bin/none/a%20b?c=%20", "content")
            let environment = try ScriptEnvironment(response, status: 404)
            #expect(environment["REDIRECT_STATUS"] == "404")
            #expect(environment["REDIRECT_URL"] == "/cgi-bin/none/a b")
            #expect(environment["REDIRECT_QUERY_STRING"] == "c=%20")
            #expect(environment["REDIRECT_REQUEST_METHOD"] == "POST")
            #expect(environment["REQUEST_METHOD"] == "GET")
            #expect(environment["REQUEST_URI"] == "/cgi-bin/none/a%20b?c=%20")
            #expect(environment["SCRIPT_NAME"] == "/cgi-bin/env")
            #expect(environment["CONTENT_LENGTH"] == nil || environment["CONTENT_LENGTH"] == "0")
        }
    }

    @Test func `REMOTE_ADDR and REMOTE_HOST`() async throws {
        try await withEnvironment { server in
            let response = try server.request("GET", "/cgi-bin/env", from: "127.0.0.3")
            let environment = try ScriptEnvironment(response)
            #expect(environment["REMOTE_ADDR"] == "127.0.0.3")
            #expect(environment["REMOTE_HOST"] == "127.0.0.3")
            #expect(environment["REMOTE_IDENT"] == nil)
        }
    }

    @Test func `SERVER_NAME and SERVER_PORT`() async throws {
        try await withEnvironment { server in
            for (host, name) in [
                ("example.org", "example.org"), ("example.org:1234", "example.org"), ("[::1]:80", "[::1]"),
                ("127.0.0.1:\(server.port())", "127.0.0.1"),
            ] {
                let environment = try server.environment("/cgi-bin/env", headers: ["Host": host])
                #expect(environment["SERVER_NAME"]?.lowercased() == name)
                #expect(environment["SERVER_PORT"] == "\(server.port())")
                #expect(environment["HTTP_HOST"] == host)
            }
            let client = try server.connect()
            try client.send("GET /cgi-bin/env HTTP/1.0\r\n\r\n")
            let nameless = try ScriptEnvironment(client.readResponse())
            #expect(nameless["SERVER_NAME"] == "default")
        }
    }

    @Test(arguments: ["a b", "a/b", "<script>", "a\"b", "a:b:c", "[::1"])
    func `SERVER_NAME is no host that is none`(_ host: String) async throws {
        try await withEnvironment { server in
            let status = try server.get("/cgi-bin/env", headers: ["Host": host]).status
            #expect(status == 400)
        }
    }

    @Test func `HTTP fields`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment(
                "/cgi-bin/env",
                headers: [
                    "User-Agent": "x/1 (y)", "X-Forwarded-For": "1.2.3.4", "x-123": "a", "X-Empty": "",
                    "X-Utf8": "\u{E9}\u{4E2D}", "X-Blanks": " a  b ", "If-None-Match": "\"a\"",
                    "Keep-Alive": "5", "TE": "trailers", "Connection": "close", "Upgrade": "h2c",
                ])
            #expect(environment["HTTP_USER_AGENT"] == "x/1 (y)")
            #expect(environment["HTTP_X_FORWARDED_FOR"] == "1.2.3.4")
            #expect(environment["HTTP_X_123"] == "a")
            #expect(environment["HTTP_X_EMPTY"] == "")
            #expect(environment["HTTP_X_UTF8"] == "\u{E9}\u{4E2D}")
            #expect(environment["HTTP_X_BLANKS"] == "a  b")
            #expect(environment["HTTP_IF_NONE_MATCH"] == "\"a\"")
            // What is between the client and the server alone.
            for name in ["CONNECTION", "KEEP_ALIVE", "TE", "TRANSFER_ENCODING", "UPGRADE"] {
                #expect(environment["HTTP_\(name)"] == nil)
            }
        }
    }

    @Test func `httpoxy`() async throws {
        try await withEnvironment(site: "cgi_env = HTTPS_PROXY=http://good") { server in
            let environment = try server.environment("/cgi-bin/env", headers: ["proxy": "http://evil"])
            #expect(environment["HTTP_PROXY"] == nil)
            #expect(environment["HTTPS_PROXY"] == "http://good")
        }
    }

    @Test func `duplicate headers`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment(
                "/cgi-bin/env",
                headers: ["Accept": "a", "Cookie": "a=1", "ACCEPT": "b", "Cookie": "b=2", "Accept": ""])
            #expect(environment["HTTP_ACCEPT"] == "a, b, ")
            #expect(environment["HTTP_COOKIE"] == "a=1; b=2")
            for field in ["Host: h\r\nHost: h", "Host: h\r\nContent-Length: 1\r\nContent-Length: 2"] {
                let client = try server.connect()
                try client.send("POST /cgi-bin/env HTTP/1.1\r\n\(field)\r\n\r\n")
                #expect(try client.readResponse().status == 400)
            }
        }
    }

    @Test(arguments: ["Foo_Bar", "Content_Length", "_", "X.Y", "X!", "X'Y"])
    func `names that could pass for others`(_ name: String) async throws {
        try await withEnvironment { server in
            let environment = try server.environment("/cgi-bin/env", headers: [name: "9"])
            #expect(!environment.variables.values.contains("9"), "\(environment)")
            #expect(try server.waitForError(containing: "is not passed on").contains("\"\(name)\""))
        }
    }

    @Test(arguments: [("Proxy", "http://evil/", "httpoxy"), ("User-Agent", "() { :;}; echo x", "Shellshock")])
    func `fields that are dangerous`(_ name: String, _ value: String, _ why: String) async throws {
        try await withEnvironment { server in
            for _ in 1...3 {
                let environment = try server.environment("/cgi-bin/env", headers: [name: value])
                #expect(!environment.variables.values.contains(value), "\(environment)")
            }
            let line = try server.waitForError(containing: "is not passed on")
            #expect(line.contains("\"\(name)\"") && line.contains(why))
            try server.stop()
            #expect(server.process.stderr.lines.count { $0.contains("is not passed on") } == 1)
        }
    }

    @Test func `a name that could pass for another is told of once, whichever loop sees it`() async throws {
        try await withEnvironment { server in
            for _ in 1...24 {
                let client = try server.connect()
                try client.send("GET /cgi-bin/env HTTP/1.1\r\nHost: h\r\nFoo_Bar: 9\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
            try server.stop()
            #expect(server.process.stderr.lines.count { $0.contains("is not passed on") } == 1)
        }
    }

    @Test func `GIT_PROTOCOL and HTTP_CONTENT_ENCODING`() async throws {
        try await withEnvironment { server in
            let environment = try server.environment(
                "/cgi-bin/env", method: "POST",
                headers: ["Git-Protocol": "version=2", "Content-Encoding": "gzip"], body: [1])
            #expect(environment["HTTP_GIT_PROTOCOL"] == "version=2")
            #expect(environment["HTTP_CONTENT_ENCODING"] == "gzip")
        }
    }

    @Test func `cgi_env`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site default]
            root = www
            cgi = /cgi-bin/ cgi-bin/
            cgi_env = PATH=/opt/bin:/usr/bin:/bin
            cgi_env = LANG=de_DE.UTF-8
            cgi_env = OF_SITE=1
            cgi_env = BOTH=site
            cgi_env = EMPTY=
            cgi_env = EQUALS=a=b
            cgi_env = PASSED
            cgi_env = UNSET_BY_US
            [location default /cgi-bin/env/part]
            cgi_env = BOTH=location
            cgi_env = OF_LOCATION=1
            """
        try await withServer(
            ini: ini, files: ["cgi-bin/env": ScriptEnvironment.script], environment: ["PASSED": "through"]
        ) { server in
            let site = try server.environment("/cgi-bin/env")
            #expect(site["PATH"] == "/opt/bin:/usr/bin:/bin")
            #expect(site["LANG"] == "de_DE.UTF-8")
            #expect(site["OF_SITE"] == "1")
            #expect(site["BOTH"] == "site")
            #expect(site["EMPTY"] == "")
            #expect(site["EQUALS"] == "a=b")
            #expect(site["PASSED"] == "through")
            #expect(site["UNSET_BY_US"] == nil)
            #expect(site["OF_LOCATION"] == nil)
            let part = try server.environment("/cgi-bin/env/part/x")
            #expect(part["BOTH"] == "location")
            #expect(part["OF_LOCATION"] == "1")
            #expect(part["OF_SITE"] == "1")
        }
    }

    @Test(arguments: ["User-Agent", "X-A", "Cookie"])
    func `Shellshock`(_ name: String) async throws {
        try await withScripts([
            "x": "#!/bin/bash\nprintf 'Content-Type: text/plain\\n\\n'\ncat /proc/$$/environ\n"
        ]) {
            server in
            let environment = try server.environment(
                "/cgi-bin/x", headers: [name: "() { :;}; echo vulnerable >pwned"])
            #expect(!environment.variables.values.contains { $0.hasPrefix("() {") })
            #expect(!server.folder.exists("cgi-bin/pwned"))
        }
    }

    @Test(arguments: [
        "REMOTE_USER=root", "QUERY_STRING=x", "SCRIPT_NAME=/x", "CONTENT_LENGTH=1", "HTTP_HOST=x",
        "REDIRECT_URL=/x", "REDIRECT_X=1", "9A=x",
        "A-B=x", "=x",
    ])
    func `cgi_env may not say what the server computes`(_ setting: String) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            let file = try folder.write(
                "server.ini",
                "[server]\nlisten = 127.0.0.1:0\n[site default]\nroot = www\ncgi_env = \(setting)\n")
            let result = try runCommand([ServerProcess.builtExecutable, "check", "-c", file])
            #expect(result.status == 1)
            #expect((result.stdout + result.stderr).contains("server.ini:5: "))
        }
    }

    @Test func `UNIQUE_ID is the id in the logs`() async throws {
        try await withScripts(["env": ScriptEnvironment.script, "noise": page("echo $UNIQUE_ID; echo x >&2")])
        {
            server in
            let id = try server.get("/cgi-bin/noise").text.dropLast()
            #expect(try server.waitForError(containing: "stderr: x").contains("id=\(id) "))
        }
    }

    @Test(arguments: [
        ("a b", "a%20b"), ("a+b", "a+b"), ("a%b", "a%25b"), ("\u{E9}\u{4E2D}", "%C3%A9%E4%B8%AD"),
        ("a'b\"c", "a'b%22c"),
        ("a?b", "a%3Fb"), ("a;b", "a;b"), ("-v", "-v"), ("a\\b", "a%5Cb"), ("$x", "$x"),
    ])
    func `names of scripts with unusual characters`(_ name: String, _ sent: String) async throws {
        try await withScripts([name: ScriptEnvironment.script]) { server in
            let environment = try server.environment("/cgi-bin/\(sent)/info")
            #expect(environment["SCRIPT_NAME"] == "/cgi-bin/\(name)")
            #expect(environment["SCRIPT_FILENAME"] == server.folder.path("cgi-bin/\(name)"))
            #expect(environment["PATH_INFO"] == "/info")
        }
    }

    @Test func `IPv6 and unix sockets`() async throws {
        let ini = """
            [server]
            listen = [::1]:0
            listen = unix:${SOCKET}
            [site default]
            root = www
            cgi = /cgi-bin/ cgi-bin/
            """
        let folder = try ScratchFolder()
        try await withServer(
            ini: ini, files: ["cgi-bin/env": ScriptEnvironment.script],
            environment: ["SOCKET": folder.path("socket")]
        ) { server in
            let six = try ScriptEnvironment(server.get("/cgi-bin/env"))
            #expect(six["REMOTE_ADDR"] == "::1")
            #expect(six["SERVER_ADDR"] == "::1")
            #expect(six["SERVER_NAME"] == "[::1]")
            #expect(six["SERVER_PORT"] == "\(server.port())")
            let local = try ScriptEnvironment(server.get("/cgi-bin/env", headers: ["Host": "h"], listener: 1))
            #expect(local["SERVER_NAME"] == "h")
            #expect(local["REMOTE_ADDR"] == "")
            #expect(local["REMOTE_PORT"] == nil)
            #expect(local["SERVER_PORT"] == "80")
            let named = try ScriptEnvironment(
                server.get("/cgi-bin/env", headers: ["Host": "h:8080"], listener: 1))
            #expect(named["SERVER_PORT"] == "8080")
        }
    }
}
