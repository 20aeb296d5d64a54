import TestSupport
import Testing

/// Which requests are answered, which are refused, and what that does to the connection: RFC 9112 as
/// tables of bytes.
@Suite(.timeLimit(.minutes(5))) struct HTTP1RuleTests {
    private static let files = ["www/a.txt": "Some text\n", "www/probe.txt": "here\n"]

    private static func check(_ rows: [RawRow], server lines: String = "") async throws {
        try await withServer(server: lines, files: files) { server in
            for row in rows { try row.check(server) }
        }
    }

    /// A GET of `/a.txt` with these field lines, each with its end.
    private static func get(_ fields: String, body: String = "") -> String {
        "GET /a.txt HTTP/1.1\r\n\(fields)\r\n\(body)"
    }

    @Test func `what is odd but allowed is answered`() async throws {
        let host = "Host: h\r\n"
        try await Self.check([
            RawRow("plain", Self.get(host), 200, closes: false),
            RawRow("LF ends a line, too", "GET /a.txt HTTP/1.1\nHost: h\n\n", 200, closes: false),
            RawRow("empty lines in front", "\r\n\r\n" + Self.get(host), 200, closes: false),
            RawRow("blanks around a value", Self.get("Host:\t h \t\r\n"), 200, closes: false),
            RawRow("no blank before a value", Self.get("hOST:h\r\n"), 200, closes: false),
            RawRow("an empty value", Self.get("\(host)X-A:\r\n"), 200, closes: false),
            RawRow(
                "a name of all token characters", Self.get("\(host)!#$%&'*+-.^_`|~: x\r\n"), 200,
                closes: false),
            RawRow(
                "bytes above 127 in a value",
                Array(Self.get("\(host)X-A: ").utf8.dropLast(2)) + [0xC4, 0xE3, 0x80, 0xFF]
                    + Array("\r\n\r\n".utf8), 200, closes: false),
            RawRow("a tab in a value", Self.get("\(host)X-A: a\tb\r\n"), 200, closes: false),
            RawRow("an escaped path", "GET /%61.t%78t HTTP/1.1\r\n\(host)\r\n", 200, closes: false),
            RawRow("an empty query", "GET /a.txt? HTTP/1.1\r\n\(host)\r\n", 200, closes: false),
            RawRow(
                "a question mark in the query", "GET /a.txt?a?b HTTP/1.1\r\n\(host)\r\n", 200, closes: false),
            RawRow("a later minor version", "GET /a.txt HTTP/1.9\r\n\(host)\r\n", 200, closes: false),
            RawRow("asked to close", Self.get("\(host)Connection: close\r\n"), 200, closes: true),
            RawRow("close in a list", Self.get("\(host)Connection: x, CLOSE\r\n"), 200, closes: true),
            RawRow(
                "close in a second field", Self.get("\(host)Connection: x\r\nConnection: close\r\n"), 200,
                closes: true),
            RawRow("1.0", "GET /a.txt HTTP/1.0\r\n\r\n", 200, closes: true),
            RawRow("1.0, kept", "GET /a.txt HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 200, closes: false),
            RawRow("200 fields", Self.get(host + "A: b\r\n".times(199)), 200, closes: false),
        ])
    }

    @Test func `Host and the target say which site`() async throws {
        let end = " HTTP/1.1\r\nHost: h\r\n\r\n"
        try await Self.check([
            RawRow("a port", Self.get("Host: h:8080\r\n"), 200, closes: false),
            RawRow("an empty port", Self.get("Host: h:\r\n"), 200, closes: false),
            RawRow("IPv6", Self.get("Host: [::1]:80\r\n"), 200, closes: false),
            RawRow("an empty Host", Self.get("Host:\r\n"), 400, closes: true),
            RawRow("no Host in 1.1", Self.get(""), 400, closes: true),
            RawRow("no Host in 1.0", "GET /a.txt HTTP/1.0\r\n\r\n", 200, closes: true),
            RawRow("two of them", Self.get("Host: h\r\nHost: h\r\n"), 400, closes: true),
            RawRow("two of them in 1.0", "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400, closes: true),
            RawRow("a path in it", Self.get("Host: h/x\r\n"), 400, closes: true),
            RawRow("a blank in it", Self.get("Host: h x\r\n"), 400, closes: true),
            RawRow("a user in it", Self.get("Host: u@h\r\n"), 400, closes: true),
            RawRow("a port that is none", Self.get("Host: h:8x\r\n"), 400, closes: true),
            RawRow("an open bracket", Self.get("Host: [::1\r\n"), 400, closes: true),
            RawRow("markup in it", Self.get("Host: <b>\r\n"), 400, closes: true),
            RawRow("a whole URL", "GET http://h/a.txt" + end, 200, closes: false),
            RawRow("a whole URL, loudly", "GET HTTP://H:80/a.txt?x" + end, 200, closes: false),
            RawRow("a whole URL without Host", "GET http://h/a.txt HTTP/1.1\r\n\r\n", 400, closes: true),
            RawRow("a whole URL without path", "GET http://h" + end, 403, closes: false),
            RawRow("a whole URL with query only", "GET http://h?x" + end, 403, closes: false),
            RawRow("no host in the URL", "GET http:///a.txt" + end, 400, closes: true),
            RawRow("a user in the URL", "GET http://u:p@h/a.txt" + end, 400, closes: true),
            RawRow(
                "another Host than the URL's", "GET http://h/a.txt HTTP/1.1\r\nHost: i\r\n\r\n", 200,
                closes: false),
            RawRow("two hosts in one", Self.get("Host: h,i\r\n"), 400, closes: true),
            RawRow("a broken escape in it", Self.get("Host: h%zz\r\n"), 400, closes: true),
            RawRow("bytes above 127 in it", Self.get("Host: ä\r\n"), 400, closes: true),
            RawRow("another scheme", "GET ftp://h/a.txt" + end, 400, closes: true),
        ])
    }

    @Test func `a request line that is none is refused`() async throws {
        let host = "\r\nHost: h\r\n\r\n"
        try await Self.check([
            RawRow("no version", "GET /a.txt" + host, 400, closes: true),
            RawRow("two blanks in front", "GET  /a.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("two blanks behind", "GET /a.txt  HTTP/1.1" + host, 400, closes: true),
            RawRow("a blank at the end", "GET /a.txt HTTP/1.1 " + host, 400, closes: true),
            RawRow("tabs", "GET\t/a.txt\tHTTP/1.1" + host, 400, closes: true),
            RawRow("a blank at the start", " GET /a.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("a blank in the target", "GET /a b HTTP/1.1" + host, 400, closes: true),
            RawRow("no slash", "GET a.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("an asterisk", "GET * HTTP/1.1" + host, 400, closes: true),
            RawRow("a fragment", "GET /a.txt#b HTTP/1.1" + host, 400, closes: true),
            RawRow("a control byte", "GET /a\u{1}.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("NUL", "GET /a\u{0}.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("DEL", "GET /a\u{7F}.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("a bare CR", "GET /a.txt\rHTTP/1.1" + host, 400, closes: true),
            RawRow("a version in small letters", "GET /a.txt http/1.1" + host, 400, closes: true),
            RawRow("a longer version", "GET /a.txt HTTP/1.10" + host, 400, closes: true),
            RawRow("half a version", "GET /a.txt HTTP/1" + host, 400, closes: true),
            RawRow("version 0.9", "GET /a.txt HTTP/0.9" + host, 505, closes: true),
            RawRow("version 2", "GET /a.txt HTTP/2.0" + host, 505, closes: true),
            RawRow("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, closes: true),
            RawRow("a method that is none", "G@T /a.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("no method", "/a.txt HTTP/1.1" + host, 400, closes: true),
            RawRow("the start of TLS", [0x16, 0x03, 0x01, 0x02, 0x00, 0x01], 400, closes: true),
            RawRow("an escape that is none", "GET /%zz HTTP/1.1" + host, 400, closes: false),
            RawRow("an escape cut short", "GET /%6 HTTP/1.1" + host, 400, closes: false),
            RawRow("an escaped NUL", "GET /a.txt%00 HTTP/1.1" + host, 400, closes: false),
        ])
    }

    @Test func `a request line that is none is refused before the head's end`() async throws {
        // Longer than a test may take.
        try await Self.check(
            [
                RawRow("HTTP/0.9", "GET /a.txt\r\n", 400, closes: true),
                RawRow("CR for every line end", "GET /a.txt HTTP/1.1\rHost: h\r\r", 400, closes: true),
                RawRow("another version", "GET /a.txt HTTP/3.0\r\n", 505, closes: true),
                RawRow("something else", "EHLO example.org\r\n", 400, closes: true),
            ], server: "header_timeout = 10m")
    }

    @Test func `the log says what was refused`() async throws {
        try await withServer(files: Self.files) { server in
            for (request, logged, line) in [
                (
                    "GET /a.txt\r\n", "GET /a.txt",
                    "one blank and the version; the request begins with \"GET /a.txt\""
                ),
                (
                    "GET /b HTTP/1.1\r\n\r\n", "GET /b HTTP/1.1",
                    "without Host; the request begins with \"GET /b HTTP/1.1\""
                ),
                (
                    "GET /\u{1B}[2J HTTP/1.1\r\n", #"GET /\x1B[2J HTTP/1.1"#,
                    "the request begins with \"GET /\\x1B[2J HTTP/1.1\""
                ),
                (
                    "\u{16}\u{3}\u{1}", #"\x16\x03\x01"#,
                    "refused: the client speaks TLS (https), and this address does not"
                ),
                ("\r\nno \"head\"\n", #"no \"head\""#, "one blank and the version"),
            ] {
                try #expect(server.answer(to: request).response.status == 400)
                _ = try server.waitForError(containing: line)
                _ = try server.waitForLog(containing: "] \"\(logged)\" 400 ")
            }
            // Behind another one on its connection; what nobody would read is cut.
            let client = try server.connect()
            let long = String(repeating: "x", count: 2000)
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n\(long)\r\n\r\n")
            try #expect(client.readResponse().status == 200)
            try #expect(client.readResponse().status == 400)
            _ = try server.waitForLog(containing: "] \"\(long.prefix(1024))\" 400 ")
        }
        try await withServer(site: "log_format = json", files: Self.files) { server in
            try #expect(server.answer(to: "GET /a.txt\r\n").response.status == 400)
            _ = try server.waitForLog(containing: #","request":"GET /a.txt"}"#)
            try #expect(server.get("/a.txt").status == 200)
            #expect(try !server.waitForLog(containing: #""status":200"#).contains(#""request""#))
        }
    }

    @Test func `a field line that is none is refused`() async throws {
        let host = "Host: h\r\n"
        try await Self.check([
            RawRow("a blank before the colon", Self.get("Host : h\r\n"), 400, closes: true),
            RawRow("a blank in the name", Self.get("\(host)X A: b\r\n"), 400, closes: true),
            RawRow("a blank before the first name", Self.get(" Host: h\r\n"), 400, closes: true),
            RawRow("a folded line", Self.get("\(host)X-A: b\r\n c\r\n"), 400, closes: true),
            RawRow("folded by a tab", Self.get("\(host)X-A: b\r\n\tc\r\n"), 400, closes: true),
            RawRow("no colon", Self.get("\(host)X-A\r\n"), 400, closes: true),
            RawRow("no name", Self.get("\(host): b\r\n"), 400, closes: true),
            RawRow("a bracket in the name", Self.get("\(host)X(A): b\r\n"), 400, closes: true),
            RawRow("NUL in the name", Self.get("\(host)X\u{0}A: b\r\n"), 400, closes: true),
            RawRow("NUL in the value", Self.get("\(host)X-A: \u{0}\r\n"), 400, closes: true),
            RawRow("ESC in the value", Self.get("\(host)X-A: \u{1B}[1m\r\n"), 400, closes: true),
            RawRow("DEL in the value", Self.get("\(host)X-A: \u{7F}\r\n"), 400, closes: true),
            RawRow("a bare CR in the value", Self.get("\(host)X-A: b\rX-B: c\r\n"), 400, closes: true),
            RawRow("CR CR LF", Self.get("\(host)X-A: b\r\r\n"), 400, closes: true),
            RawRow("another expectation", Self.get("\(host)Expect: miracles\r\n"), 417, closes: true),
            RawRow(
                "an expectation in 1.0", "GET /a.txt HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", 200,
                closes: true),
            RawRow("201 fields", Self.get(host + "A: b\r\n".times(200)), 431, closes: true),
        ])
    }

    /// Behind each there is a second request that must not be answered.
    @Test func `a length that could be read in two ways is refused`() async throws {
        let smuggled = "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"
        func row(_ name: String, _ fields: String, _ status: Int = 400, version: String = "1.1") -> RawRow {
            RawRow(
                name, "POST /a.txt HTTP/\(version)\r\nHost: h\r\n\(fields)\r\n0\r\n\r\n\(smuggled)", status,
                closes: true)
        }
        let chunked = "Transfer-Encoding: chunked\r\n"
        try await Self.check([
            row("length and coding", "Content-Length: 5\r\n\(chunked)"),
            row("coding and length", "\(chunked)Content-Length: 5\r\n"),
            row("two codings", chunked + chunked),
            row("two codings, one unknown", "\(chunked)Transfer-Encoding: x\r\n"),
            row("a coding in 1.0", chunked, version: "1.0"),
            row("a blank before the colon", "Transfer-Encoding : chunked\r\n"),
            row("a vertical tab", "Transfer-Encoding: \u{B}chunked\r\n"),
            row("a folded coding", "Transfer-Encoding:\r\n chunked\r\n"),
            row("chunked not last", "Transfer-Encoding: chunked, identity\r\n"),
            row("identity", "Transfer-Encoding: identity\r\n"),
            row("quoted", "Transfer-Encoding: \"chunked\"\r\n"),
            row("an empty coding", "Transfer-Encoding:\r\n"),
            row("a coding before it", "Transfer-Encoding: gzip, chunked\r\n", 501),
            row("chunked twice", "Transfer-Encoding: chunked, chunked\r\n"),
            row("a comma in front", "Transfer-Encoding: , chunked\r\n"),
            row("almost chunked", "Transfer-Encoding: xchunked\r\n", 400),
            row("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
            row("two equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n"),
            row("a list of lengths", "Content-Length: 5, 5\r\n"),
            row("a negative length", "Content-Length: -5\r\n"),
            row("a sign", "Content-Length: +5\r\n"),
            row("hexadecimal", "Content-Length: 0x5\r\n"),
            row("a fraction", "Content-Length: 5.0\r\n"),
            row("a blank in it", "Content-Length: 5 5\r\n"),
            row("an empty length", "Content-Length:\r\n"),
            row("a huge length", "Content-Length: 99999999999999999999\r\n"),
            row("other digits", "Content-Length: ٥\r\n"),
        ])
    }

    /// The file does not need the content, but who sent it broken is told so.
    @Test func `content that is broken is refused`() async throws {
        let smuggled = "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"
        func row(_ name: String, _ content: String, closes: Bool = true) -> RawRow {
            let fields = "Host: h\r\nTransfer-Encoding: chunked\r\n"
            return RawRow(
                name, Self.get(fields, body: content + (closes ? smuggled : "")), closes ? 400 : 200,
                closes: closes)
        }
        try await Self.check([
            row("good", "5\r\nhello\r\n0\r\n\r\n", closes: false),
            row("a large chunk size in capitals", "0000A\r\nhello5hell\r\n0\r\n\r\n", closes: false),
            row("extensions", "5;a=\"b\"\r\nhello\r\n0;x\r\n\r\n", closes: false),
            row("trailers", "0\r\nX-A: b\r\nHost: other\r\n\r\n", closes: false),
            row("zeros in front", "\("0".times(40))5\r\nhello\r\n0\r\n\r\n", closes: false),
            row("something behind a size", "5 x\r\nhello\r\n0\r\n\r\n"),
            row("a trailer without colon", "0\r\nX-A\r\n\r\n"),
            row("a blank before a trailer's colon", "0\r\nX-A : b\r\n\r\n"),
            row("LF alone", "5\nhello\n0\n\n"),
            row("LF alone behind the data", "5\r\nhello\n0\r\n\r\n"),
            row("no size", "\r\nhello\r\n0\r\n\r\n"),
            row("0x", "0x5\r\nhello\r\n0\r\n\r\n"),
            row("a sign", "+5\r\nhello\r\n0\r\n\r\n"),
            row("a negative size", "-1\r\nhello\r\n0\r\n\r\n"),
            row("a blank in front", " 5\r\nhello\r\n0\r\n\r\n"),
            row("too large a size", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
            row("longer than its size", "4\r\nhello\r\n0\r\n\r\n"),
            row("NUL in an extension", "5;\u{0}\r\nhello\r\n0\r\n\r\n"),
            row("a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
            row("a long extension", "5;\("a".times(9000))\r\nhello\r\n0\r\n\r\n"),
            row("long trailers", "0\r\n\("X-A: b\r\n".times(2000))\r\n"),
        ])
    }

    @Test func `expectations`() async throws {
        let host = "Host: h\r\n"
        let expect = "\(host)Expect: 100-continue\r\n"
        try await Self.check([
            RawRow(
                "of content that is there", Self.get("\(expect)Content-Length: 2\r\n", body: "hi"), 200,
                closes: false),
            RawRow("of content that is not", Self.get("\(expect)Content-Length: 2\r\n"), 200, closes: true),
            RawRow("without content", Self.get(expect), 200, closes: false),
            RawRow(
                "with no bytes of content", Self.get("\(expect)Content-Length: 0\r\n"), 200, closes: false),
            RawRow("none", Self.get("\(host)Expect:\r\n"), 200, closes: false),
            RawRow("one of two", Self.get("\(host)Expect: 100-continue, x\r\n"), 417, closes: true),
            // Nobody waits for 10 GB only to keep a connection.
            RawRow(
                "much content", "POST /a.txt HTTP/1.1\r\n\(host)Content-Length: 10000000000\r\n\r\n", 405,
                closes: true),
        ])
    }

    @Test func `too long a head is refused`() async throws {
        let limit = 2048
        func line(_ length: Int) -> String {
            let rest = "GET / HTTP/1.1\r\n".utf8.count
            return "GET /\("a".times(length - rest)) HTTP/1.1\r\n"
        }
        let host = "Host: h\r\n"
        try await Self.check(
            [
                RawRow("a line just short enough", line(limit - 11) + host + "\r\n", 404, closes: false),
                RawRow("a head just too long", line(limit - 10) + host + "\r\n", 431, closes: true),
                RawRow("a line too long", line(limit + 3) + host + "\r\n", 414, closes: true),
                RawRow("a line that never ends", "GET /\("a".times(limit))", 414, closes: true),
                RawRow("a line much too long", line(200_000) + host + "\r\n", 414, closes: true),
                RawRow("a field too long", Self.get("\(host)X: \("a".times(limit))\r\n"), 431, closes: true),
                RawRow(
                    "a field that never ends", Self.get("\(host)X: \("a".times(limit))"), 431, closes: true),
                RawRow("fields too many", Self.get(host + "X-Abc: defgh\r\n".times(180)), 431, closes: true),
                RawRow("empty lines without end", "\r\n".times(limit), 414, closes: true),
            ], server: "max_header_size = 2K")
    }

    @Test func `methods`() async throws {
        try await withServer(files: Self.files) { server in
            func ask(_ method: String, _ target: String = "/a.txt") throws -> RawResponse {
                let (response, isClosed) = try server.answer(
                    to: "\(method) \(target) HTTP/1.1\r\nHost: h\r\n\r\n", method: method)
                #expect(!isClosed, "\(method)")
                return response
            }
            for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE"] {
                let response = try ask(method)
                #expect(response.status == 405, "\(method)")
                #expect(response["Allow"]?.contains("GET, HEAD") == true, "\(method)")
                #expect(!response.body.isEmpty, "\(method)")
            }
            for method in ["get", "BREW", "PROPFIND", "GETT", "M-SEARCH"] {
                let response = try ask(method)
                #expect(response.status == 501, "\(method)")
                #expect(response["Allow"]?.contains("GET, HEAD") == true, "\(method)")
            }
            // What is not there cannot be of another method either; PUT would make it.
            #expect(try ask("POST", "/missing").status == 404)
            #expect(try ask("PUT", "/missing").status == 405)
            let connect = try server.answer(to: "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n")
            #expect(connect.response.status == 405)
            #expect(connect.response["Allow"] != nil)
            let options = try ask("OPTIONS")
            #expect(options.status == 204)
            #expect(options["Allow"] == "GET, HEAD, OPTIONS")
            #expect(options["Content-Length"] == nil)
            let all = try ask("OPTIONS", "*")
            #expect(all.status == 204)
            #expect(all["Allow"] == "GET, HEAD, POST, OPTIONS")
        }
    }
}
