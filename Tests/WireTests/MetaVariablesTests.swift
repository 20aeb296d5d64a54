import Base
import TestSupport
import Testing
import Wire

/// The environment for a request with these fields, by name.
private func environment(
    _ fields: String = "", line: String = "GET / HTTP/1.1", common: CStringList = CStringList(),
    _ change: (inout MetaVariables.Facts) -> Void = { _ in }
) -> [String: String] {
    let (head, bytes) = parsed("\(line)\r\nHost: h\r\n\(fields)\r\n")
    var facts = MetaVariables.Facts()
    change(&facts)
    let list = MetaVariables.environment(common, facts, head, bytes.span).variables
    var result: [String: String] = [:]
    for text in list.strings {
        guard let equals = text.firstIndex(of: "=") else {
            Issue.record("no variable: \(text)")
            continue
        }
        let name = String(text[..<equals])
        #expect(result[name] == nil, "\(name) is there twice")
        result[name] = String(text[text.index(after: equals)...])
    }
    return result
}

private func words(_ query: String) -> [String] {
    MetaVariables.indexedArguments(raw(query).span).map(shown)
}

@Suite struct MetaVariablesTests {
    // MARK: What is not from fields (RFC 3875, section 4.1)

    @Test func `the facts are told`() {
        let common = MetaVariables.common(
            path: "/bin", serverSoftware: "gatehouse/1", documentRoot: raw("/srv/www").span,
            settings: [("LANG", "C"), ("NAME", "of one's own")])
        let ofScript = MetaVariables.ofScript(
            common, filename: "/srv/cgi-bin/a b", name: raw("/cgi-bin/a b").span, pathInfo: raw("/x"),
            documentRoot: raw("/srv/www"))
        let line = "REPORT /cgi-bin/a%20b/x?y=%20 HTTP/1.0"
        let environment = environment(line: line, common: ofScript) { facts in
            facts.protocolVersion = "HTTP/1.0"
            facts.queryString = raw("y=%20")
            facts.serverName = raw("h.example")
            facts.serverPort = 8080
            facts.serverAddress = IPAddress("192.0.2.1")
            facts.remoteAddress = IPAddress("2001:db8::1")
            facts.remotePort = 40000
            facts.contentLength = 0
            facts.requestID = 0x0123_4567_89AB_CDEF
            facts.remoteUser = "user"
            facts.authType = "Basic"
        }
        #expect(
            environment == [
                "PATH": "/bin", "GATEWAY_INTERFACE": "CGI/1.1", "SERVER_SOFTWARE": "gatehouse/1",
                "SERVER_PROTOCOL": "HTTP/1.0", "SERVER_NAME": "h.example", "SERVER_PORT": "8080",
                "SERVER_ADDR": "192.0.2.1", "REMOTE_ADDR": "2001:db8::1", "REMOTE_HOST": "2001:db8::1",
                "REMOTE_PORT": "40000", "REQUEST_METHOD": "REPORT", "REQUEST_SCHEME": "http",
                "REQUEST_URI": "/cgi-bin/a%20b/x?y=%20", "QUERY_STRING": "y=%20",
                "SCRIPT_NAME": "/cgi-bin/a b",
                "SCRIPT_FILENAME": "/srv/cgi-bin/a b", "DOCUMENT_ROOT": "/srv/www", "PATH_INFO": "/x",
                "PATH_TRANSLATED": "/srv/www/x", "REDIRECT_STATUS": "200", "UNIQUE_ID": "0123456789abcdef",
                "CONTENT_LENGTH": "0", "REMOTE_USER": "user", "AUTH_TYPE": "Basic", "HTTP_HOST": "h",
                "LANG": "C", "NAME": "of one's own",
            ])
    }

    @Test(arguments: [
        ("GET /a%20b?c+d HTTP/1.1", "/a%20b?c+d"), ("GET /? HTTP/1.1", "/?"),
        ("GET http://h/a?b HTTP/1.1", "/a?b"), ("GET http://h HTTP/1.1", "/"),
        ("GET http://h?b HTTP/1.1", "/?b"),
    ]) func `REQUEST_URI is path and query as sent`(_ line: String, _ expected: String) {
        #expect(environment(line: line)["REQUEST_URI"] == expected)
    }

    @Test func `where a page is fetched in the place of another, the method is GET`() {
        let environment = environment(line: "POST /a HTTP/1.1") { $0.method = "GET" }
        #expect(environment["REQUEST_METHOD"] == "GET")
        #expect(WireTests.environment(line: "POST /a HTTP/1.1")["REQUEST_METHOD"] == "POST")
    }

    @Test func `what is unknown is not there, but the query always is`() {
        let script = MetaVariables.ofScript(
            CStringList(), filename: "/a", name: raw("").span, pathInfo: nil, documentRoot: raw("/"))
        let environment = environment(common: script)
        for name in [
            "PATH_INFO", "PATH_TRANSLATED", "CONTENT_LENGTH", "CONTENT_TYPE", "REMOTE_USER", "AUTH_TYPE",
            "HTTPS", "REMOTE_IDENT", "REMOTE_PORT",
        ] {
            #expect(environment[name] == nil, "\(name)")
        }
        #expect(environment["QUERY_STRING"] == "")
        #expect(environment["SCRIPT_NAME"] == "")
    }

    @Test func `HTTPS is on for https only`() {
        #expect(environment { $0.isSecure = true }["HTTPS"] == "on")
        #expect(environment { $0.isSecure = true }["REQUEST_SCHEME"] == "https")
        #expect(environment { $0.isSecure = false }["HTTPS"] == nil)
    }

    @Test func `where a script answers in the place of another, it is told of the first request`() {
        let environment = environment { facts in
            facts.redirect = MetaVariables.Redirect(
                status: 404, url: raw("/missing page"), query: raw("a=%20"), method: raw("POST"))
        }
        #expect(environment["REDIRECT_STATUS"] == "404")
        #expect(environment["REDIRECT_URL"] == "/missing page")
        #expect(environment["REDIRECT_QUERY_STRING"] == "a=%20")
        #expect(environment["REDIRECT_REQUEST_METHOD"] == "POST")
        let plain = WireTests.environment()
        for name in ["REDIRECT_URL", "REDIRECT_QUERY_STRING", "REDIRECT_REQUEST_METHOD"] {
            #expect(plain[name] == nil)
        }
    }

    // MARK: Fields (section 4.1.18)

    struct Case: CustomTestStringConvertible {
        let fields: String
        let expected: [String: String]
        init(_ fields: String, _ expected: [String: String]) {
            (self.fields, self.expected) = (fields, expected)
        }
        var testDescription: String { fields }
    }

    @Test(arguments: [
        Case("User-Agent: curl/8\r\n", ["HTTP_USER_AGENT": "curl/8"]),
        Case("accept-LANGUAGE: de, en;q=0.5\r\n", ["HTTP_ACCEPT_LANGUAGE": "de, en;q=0.5"]),
        Case("X-1-2: 3\r\n", ["HTTP_X_1_2": "3"]),
        Case("X-Empty:\r\n", ["HTTP_X_EMPTY": ""]),
        Case("X-Equals: a=b=c\r\n", ["HTTP_X_EQUALS": "a=b=c"]),
        Case("Upgrade: h2c\r\n", [:]),
        // Fields of one name.
        Case("A: 1\r\nB: x\r\na: 2\r\nA: 3\r\n", ["HTTP_A": "1, 2, 3", "HTTP_B": "x"]),
        Case("Accept: a/b\r\nAccept: c/d\r\n", ["HTTP_ACCEPT": "a/b, c/d"]),
        Case("Cookie: a=1\r\nX: y\r\ncookie: b=2; c=3\r\n", ["HTTP_COOKIE": "a=1; b=2; c=3", "HTTP_X": "y"]),
        Case("A:\r\nA: 2\r\n", ["HTTP_A": ", 2"]),
        // Names that would pass for others, or are none.
        Case("X_Real-IP: 127.0.0.1\r\n", [:]),
        Case("Content_Length: 5\r\n", [:]),
        Case("X.Y: z\r\nX!: z\r\nX'Y: z\r\n`id`: z\r\n$X: z\r\n", [:]),
        Case("X-Y: dash\r\nX_Y: underscore\r\n", ["HTTP_X_Y": "dash"]),
        // What a script is not told.
        Case("Proxy: http://evil/\r\n", [:]),
        Case("PROXY: http://evil/\r\nproxy: b\r\n", [:]),
        Case("Proxy-Authorization: Basic eDp5\r\n", [:]),
        Case(
            "Connection: keep-alive\r\nKeep-Alive: 5\r\nTE: trailers\r\nTrailer: x\r\nProxy-Connection: y\r\n"
                + "Expect: 100-continue\r\n", [:]),
        Case("Transfer-Encoding: chunked\r\n", [:]),
        Case("Authorization: Basic eDp5\r\n", [:]),
        // Told under their own names only.
        Case("Content-Length: 5\r\nContent-Type: text/plain\r\n", ["CONTENT_TYPE": "text/plain"]),
        // Values like a function's body (CVE-2014-6271).
        Case("User-Agent: () { :;}; echo x\r\n", [:]),
        Case("X: () {\r\nY: ok\r\n", ["HTTP_Y": "ok"]),
        Case("Cookie: () { :;}; echo x\r\nCookie: a=1\r\n", [:]),
        Case("Content-Type: () { :;}; echo x\r\n", [:]),
        Case("X: a() {\r\n", ["HTTP_X": "a() {"]),
    ]) func `fields as variables`(_ test: Case) {
        let before = environment()
        let after = environment(test.fields)
        #expect(after.filter { before[$0.key] == nil } == test.expected)
        for (name, value) in before { #expect(after[name] == value) }
    }

    @Test(arguments: [
        Case("X_Real-IP: a\r\n", ["HTTP_X_REAL_IP": "a"]),
        Case("X_Y: a\r\nx_y: b\r\n", ["HTTP_X_Y": "a, b"]),
        Case("X-Y: dash\r\nX_Y: underscore\r\n", ["HTTP_X_Y": "dash"]),
        Case("X_Y: underscore\r\nx-y: dash\r\n", ["HTTP_X_Y": "dash"]),
        Case("X_Y-Z: 1\r\nX-Y_Z: 2\r\nX_Y_Z: 3\r\n", ["HTTP_X_Y_Z": "1"]),
        Case("User_Agent: u\r\nCookie: a=1\r\n", ["HTTP_USER_AGENT": "u", "HTTP_COOKIE": "a=1"]),
        Case("Content_Length: 5\r\nContent_Type: x\r\nKeep_Alive: 5\r\nProxy_Connection: x\r\n", [:]),
        Case("Transfer_Encoding: x\r\nProxy_Authorization: Basic eDp5\r\nProxy: http://evil/\r\n", [:]),
        Case("X_Y.Z: a\r\n", [:]), Case("X_Y: () { :;}\r\n", [:]),
    ]) func `fields as variables, where underscores are passed`(_ test: Case) {
        let before = environment()
        let after = environment(test.fields) { $0.passUnderscores = true }
        #expect(after.filter { before[$0.key] == nil } == test.expected)
    }

    @Test(arguments: [
        ("A: b\r\nConnection: close\r\nUpgrade: x\r\n", []),
        ("A_B: c\r\na.b: c\r\n", ["A_B name", "a.b name"]),
        ("Proxy: x\r\n", ["Proxy proxy"]), ("PROXY: () { x\r\n", ["PROXY proxy"]),
        ("X: () { :;}\r\nUser-Agent: () {\r\n", ["X function", "User-Agent function"]),
        ("Content-Type: () { x\r\n", ["Content-Type function"]), ("X: ()\r\nY: a () {\r\n", []),
        ("TE: () { x\r\n", []), ("X: a\r\nx: () { b\r\n", []), ("X_Y: () { :;}\r\n", ["X_Y name"]),
        ("X: () {\r\nx: () { b\r\n", ["X function"]), ("X_Y: a\r\nx_y: b\r\n", ["X_Y name", "x_y name"]),
        ("Authorization: () { x\r\n", []),
    ])
    func `what is refused, and why`(_ fields: String, _ expected: [String]) {
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
        let refused = MetaVariables.environment(CStringList(), MetaVariables.Facts(), head, bytes.span)
            .refused
        #expect(refused.map { "\(shown($0.name)) \($0.why)" } == expected)
    }

    @Test(arguments: [
        ("X_Y: a\r\nx_y: b\r\n", []), ("X_Y: a\r\nX-Y: b\r\n", ["X_Y name"]),
        ("X_Y.Z: a\r\n", ["X_Y.Z name"]), ("X_Y: () {\r\n", ["X_Y function"]),
        ("Content_Length: 5\r\n", ["Content_Length name"]),
    ])
    func `what is refused where underscores are passed`(_ fields: String, _ expected: [String]) {
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
        var facts = MetaVariables.Facts()
        facts.passUnderscores = true
        let refused = MetaVariables.environment(CStringList(), facts, head, bytes.span).refused
        #expect(refused.map { "\(shown($0.name)) \($0.why)" } == expected)
    }

    @Test func `Authorization where it is passed on`() {
        let fields = "Authorization: Basic eDp5\r\nProxy-Authorization: Basic eDp5\r\n"
        let passed = environment(fields) { $0.passAuthorization = true }
        #expect(passed["HTTP_AUTHORIZATION"] == "Basic eDp5")
        #expect(passed["HTTP_PROXY_AUTHORIZATION"] == nil)
    }

    @Test func `who is logged in is the server's to say`() {
        let claimed = environment("Remote-User: root\r\nRemote_User: root\r\nAuth-Type: x\r\n")
        #expect(claimed["REMOTE_USER"] == nil)
        #expect(claimed["HTTP_REMOTE_USER"] == "root")
    }

    @Test func `no field takes the place of what is computed`() {
        for name in environment("").keys where !name.hasPrefix("HTTP_") {
            let field = name.replacing("_", with: "-")
            guard !["CONTENT-LENGTH", "CONTENT-TYPE"].contains(field) else { continue }
            let environment = environment("\(field): claimed\r\n")
            #expect(environment[name] != "claimed", "\(name)")
        }
    }

    @Test func `bytes beyond ASCII are passed on as they are`() {
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\nX: \u{E4}\u{FF}\r\n\r\n")
        let list = MetaVariables.environment(CStringList(), MetaVariables.Facts(), head, bytes.span).variables
        let found = list.withPointers { pointers in
            var index = 0
            while let text = pointers[index] {
                let name = raw("HTTP_X=")
                if (0..<name.count).allSatisfy({ UInt8(bitPattern: text[$0]) == name[$0] }) {
                    return (UInt8(bitPattern: text[7]), UInt8(bitPattern: text[8]), text[9])
                }
                index += 1
            }
            return (0, 0, 0)
        }
        #expect(found == (0xE4, 0xFF, 0))
    }

    @Test func `a zero byte in a path ends the variable`() {
        let script = MetaVariables.ofScript(
            CStringList(), filename: "/x", name: raw("/x").span, pathInfo: raw("/a\0b"),
            documentRoot: raw("/w"))
        #expect(environment(common: script)["PATH_INFO"] == "/a")
        #expect(environment(common: script)["PATH_TRANSLATED"] == "/w/a")
    }

    // MARK: Indexed queries (section 4.4)

    @Test func `words of an indexed query`() {
        #expect(words("a") == ["a"])
        #expect(words("a+b+c") == ["a", "b", "c"])
        #expect(words("a%20b+%2B%3D") == ["a b", "+="])
        #expect(words("%c3%bc") == ["\u{C3}\u{BC}"])
    }

    @Test(arguments: [
        "", "a=b", "a+b=c", "=", "a&b=c", "a%", "a+%zz", "a+%4", "a%00b", "%00", "a+%00",
        String(repeating: "a+", count: 10000),
    ]) func `no words of any other query`(_ query: String) {
        #expect(words(query) == [])
    }
}
