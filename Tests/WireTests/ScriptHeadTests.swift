import Base
import Testing
import Wire

/// What is made of a script's header, in lines: status, where its content begins, then each field.
private func read(_ output: [UInt8]) -> [String] {
    do throws(ScriptHead.Failure) {
        guard let (head, bodyStart) = try ScriptHead.parse(output.span) else { return ["incomplete"] }
        var lines = [
            head.isEmptyLine ? "empty" : head.status.map { "\($0.code)" } ?? "-",
            "content: \(shown(Array(output[bodyStart...])))",
        ]
        let fields = shown(head.lines)
        precondition(fields.isEmpty || fields.unicodeScalars.suffix(2).elementsEqual("\r\n".unicodeScalars))
        lines += fields.split(separator: "\r\n").map(String.init)
        return lines
    } catch {
        switch error {
        case .notAField(let line): return ["not a field: \(shown(line))"]
        case .tooLong: return ["too long"]
        case .badStatus(let value): return ["bad status: \(shown(value))"]
        }
    }
}

private func head(_ text: String) throws -> ScriptHead {
    try #require(try ScriptHead.parse(raw(text).span)).head
}

@Suite struct ScriptHeadTests {
    struct Case: CustomTestStringConvertible {
        let name: String
        let output: String
        let expected: [String]

        init(_ name: String, _ output: String, _ expected: [String]) {
            (self.name, self.output, self.expected) = (name, output, expected)
        }

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case("LF", "Content-Type: text/plain\n\nbody", ["-", "content: body", "Content-Type: text/plain"]),
        Case(
            "CR LF", "Content-Type: text/plain\r\n\r\nbody",
            ["-", "content: body", "Content-Type: text/plain"]),
        Case("CR LF, then LF", "A: b\r\nC: d\n\nbody", ["-", "content: body", "A: b", "C: d"]),
        Case("LF, then CR LF", "A: b\n\r\nbody", ["-", "content: body", "A: b"]),
        Case("no content", "A: b\n\n", ["-", "content: ", "A: b"]),
        Case("content that begins with an empty line", "A: b\n\n\n\r\nx", ["-", "content: \n\r\nx", "A: b"]),
        Case("content of any bytes", "A: b\n\n\0\u{FF}", ["-", "content: \0\u{FF}", "A: b"]),
        Case("empty lines first", "\n\r\n\nA: b\n\nbody", ["-", "content: body", "A: b"]),
        Case(
            "blanks round a value", "A: \t b c \t\nD:e\nF:\n\n", ["-", "content: ", "A: b c", "D: e", "F: "]),
        Case(
            "a value with colons", "Link: <http://h/>; rel=x\n\n",
            ["-", "content: ", "Link: <http://h/>; rel=x"]),
        Case("a value beyond ASCII", "X: \u{C3}\u{BC}\n\n", ["-", "content: ", "X: \u{C3}\u{BC}"]),
        Case("a tab within a value", "X: a\tb\n\n", ["-", "content: ", "X: a\tb"]),
        Case(
            "fields of one name", "Set-Cookie: a=1\nset-cookie: b=2\nSet-Cookie: a=1\n\n",
            ["-", "content: ", "Set-Cookie: a=1", "set-cookie: b=2", "Set-Cookie: a=1"]),

        // Those of CGI stand once (RFC 3875, 6.3).
        Case(
            "two types", "Content-Type: text/a\nA: b\ncontent-type: text/b\n\n",
            ["-", "content: ", "A: b", "content-type: text/b"]),
        Case(
            "two locations", "Location: http://a/\nLocation: http://b/\n\n",
            ["-", "content: ", "Location: http://b/"]),
        Case("two tags", "ETag: \"a\"\nETag: \"b\"\n\n", ["-", "content: ", "ETag: \"b\""]),
        Case("two dates", "Last-Modified: a\nLast-Modified: b\n\n", ["-", "content: ", "Last-Modified: b"]),
        Case(
            "a date as strftime has it", "Last-Modified: Sun, 06 Nov 1994 10:19:37 +0130\n\n",
            ["-", "content: ", "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"]),
        Case("two statuses", "Status: 404\nStatus: 410\n\n", ["410", "content: "]),
        Case("the same length twice", "Content-Length: 1\nContent-Length: 1\n\nx", ["-", "content: x"]),
        Case("an empty location", "Location:\nA: b\n\nx", ["-", "content: x", "A: b"]),

        // Status (RFC 3875, 6.3.3).
        Case("Status", "Status: 404 Not Found\nA: b\n\n", ["404", "content: ", "A: b"]),
        Case("Status without a phrase", "Status: 204\n\n", ["204", "content: "]),
        Case("Status without a blank", "Status:200\n\n", ["200", "content: "]),
        Case("Status in capitals", "STATUS: 503 Busy\n\n", ["503", "content: "]),
        Case("Status last", "A: b\nstatus: 302 Found\n\n", ["302", "content: ", "A: b"]),
        Case("Status of an unknown code", "Status: 299 Odd\n\n", ["299", "content: "]),
        Case("Status that is no number", "Status: OK\n\n", ["bad status: OK"]),
        Case("Status of nothing", "Status:\n\n", ["bad status: "]),
        Case("Status of two digits", "Status: 20\n\n", ["bad status: 20"]),
        Case("Status of four digits", "Status: 2000\n\n", ["bad status: 2000"]),
        Case("Status below all", "Status: 099\n\n", ["bad status: 099"]),
        Case("Status above all", "Status: 600 x\n\n", ["bad status: 600 x"]),
        Case("Status with a sign", "Status: +20\n\n", ["bad status: +20"]),
        Case("Status with a version", "Status: HTTP/1.1 200 OK\n\n", ["bad status: HTTP/1.1 200 OK"]),

        // A script that writes a whole answer (RFC 3875, 5).
        Case("status line", "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nx", ["404", "content: x", "A: b"]),
        Case("status line of 1.0, without a phrase", "HTTP/1.0 200\nA: b\n\n", ["200", "content: ", "A: b"]),
        Case("status line behind an empty line", "\nHTTP/1.1 200 OK\n\n", ["200", "content: "]),
        Case("status line without a status", "HTTP/1.1\n\n", ["bad status: HTTP/1.1"]),
        Case("status line with a bad one", "HTTP/1.1 OK\n\n", ["bad status: OK"]),
        Case(
            "status line in second place", "A: b\nHTTP/1.1 200 OK\n\n", ["not a field: HTTP/1.1 200 OK"]),

        // What is the server's to say.
        Case(
            "fields of the connection",
            "Transfer-Encoding: chunked\nConnection: close\nKeep-Alive: 5\nUpgrade: x\nTrailer: y\n"
                + "Proxy-Connection: z\nA: b\n\n",
            ["-", "content: ", "A: b"]),
        Case(
            "Content-Length is taken out", "Content-Length: 5\nA: b\n\nhello",
            ["-", "content: hello", "A: b"]),
        // Where Python's cgitb begins its page in the middle of a header.
        Case(
            "cgitb", "A: b\n<!--: spam\nContent-Type: text/html\n\n<p>",
            ["-", "content: <p>", "A: b", "Content-Type: text/html"]),

        // A file in the place of content.
        Case("X-Sendfile", "X-SENDFILE: /srv/file\nA: b\n\n", ["-", "content: ", "A: b"]),
        Case("X-Accel-Redirect", "X-Accel-Redirect: /file\nA: b\n\n", ["-", "content: ", "A: b"]),

        Case("X-LIGHTTPD-send-file", "X-LIGHTTPD-send-file: /f\nA: b\n\n", ["-", "content: ", "A: b"]),

        // An empty line that is the whole header, since nothing behind it can be one.
        Case("an empty line, then a page", "\n<html>\nx", ["empty", "content: <html>\nx"]),
        Case("CR LF, then a page", "\r\n<html>\r\nx", ["empty", "content: <html>\r\nx"]),
        Case("CR CR LF, then words", "\r\r\nHello world\n", ["empty", "content: Hello world\n"]),
        Case("two empty lines, then a page", "\n\n<p>x\n", ["empty", "content: \n<p>x\n"]),
        Case("a page that is not at its end", "\n<p", ["empty", "content: <p"]),
        Case("a page that begins with blanks", "\n  A: b\n", ["empty", "content:   A: b\n"]),
        Case("one word", "\nhello\nA: b\n\n", ["empty", "content: hello\nA: b\n\n"]),
        Case("a colon in front", "\n: x\n", ["empty", "content: : x\n"]),
        Case("a name of two words", "\na b: c\n", ["empty", "content: a b: c\n"]),
        Case(
            "a name beyond ASCII, behind an empty line", "\n\u{E4}: c\n", ["empty", "content: \u{E4}: c\n"]),
        Case("NUL behind an empty line", "\n\0", ["empty", "content: \0"]),
        Case("a comment", "\n<!-- x -->", ["empty", "content: <!-- x -->"]),
        Case(
            "a name that is too long", "\n" + String(repeating: "x", count: 201) + ": y\n\n",
            ["empty", "content: " + String(repeating: "x", count: 201) + ": y\n\n"]),
        Case("what may be a field is one", "\nA: b\nhello world\n", ["not a field: hello world"]),
        Case("cgitb behind an empty line", "\n<!--: spam\nA: b\n\n<p>", ["-", "content: <p>", "A: b"]),
        Case("a bad status line behind an empty line", "\nHTTP/1.1 fine\n\n", ["bad status: fine"]),

        // Lines as they ought not to be.
        Case(
            "CR CR LF", "A: b\r\r\nC: d\r\r\r\n\r\r\nbody\r\r\n",
            ["-", "content: body\r\r\n", "A: b", "C: d"]),
        Case("a blank before the colon", "A : b\nC \t: d\n\n", ["-", "content: ", "A: b", "C: d"]),
        Case("a blank before the colon of Status", "Status : 404\n\n", ["404", "content: "]),
        Case(
            "a folded line", "A: b\n c\n\td  \r\n  e\nF: g\n\nx", ["-", "content: x", "A: b c d e", "F: g"]),
        Case("a folded line of blanks", "A: b\n \n\nx", ["-", "content: x", "A: b"]),
        Case("a value in the next line", "A:\r\n b\r\n\r\nx", ["-", "content: x", "A: b"]),
        Case("a folded Status", "Status:\n 404\n\n", ["404", "content: "]),
        Case("a folded status line", "HTTP/1.1 404\n Gone\n\n", ["404", "content: "]),
        Case("a folded line that a control is in", "A: b\n c\0\n\n", ["not a field: A: b c\0"]),

        // What is no header.
        Case("a page", "<html>\n<p>hello</p>\n\n", ["not a field: <html>"]),
        Case("a page with a colon", "<a href=\"http://h\">\n\n", ["not a field: <a href=\"http://h\">"]),
        Case("words", "Hello world\n\n", ["not a field: Hello world"]),
        Case("a blank in a name", "A b : c\n\n", ["not a field: A b : c"]),
        Case("no name", ": b\n\n", ["not a field: : b"]),
        Case("no name but a blank", " : b\n\n", ["not a field:  : b"]),
        Case("a blank in front of the first line", " A: b\n\n", ["not a field:  A: b"]),
        Case("a bare CR", "A: b\rC: d\n\n", ["not a field: A: b\rC: d"]),
        Case("NUL", "A: b\0c\n\n", ["not a field: A: b\0c"]),
        Case("escape", "A: \u{1B}[2J\n\n", ["not a field: A: \u{1B}[2J"]),
        Case("a name beyond ASCII", "\u{C4}: b\n\n", ["not a field: \u{C4}: b"]),
        Case("a byte order mark", "\u{EF}\u{BB}\u{BF}A: b\n\n", ["not a field: \u{EF}\u{BB}\u{BF}A: b"]),
        Case(
            "the first 80 bytes are told", String(repeating: "y ", count: 100) + "\n\n",
            ["not a field: " + String(repeating: "y ", count: 40)]),
        Case(
            "a second line that is none", "A: b\nTraceback (most recent call last)\n\n",
            ["not a field: Traceback (most recent call last)"]),
    ]

    @Test(arguments: cases) func `reads`(_ test: Case) {
        #expect(read(raw(test.output)) == test.expected)
    }

    /// A part of the output is either too little to know, or says what the whole does.
    @Test(arguments: cases) func `reads the same at every split`(_ test: Case) {
        let output = raw(test.output)
        let fails = test.expected.count == 1
        for stop in 0..<output.count {
            let part = read(Array(output[..<stop]))
            if part == ["incomplete"] { continue }
            if fails {
                #expect(part == test.expected, "cut at \(stop)")
            } else {
                // Once there, the header is there as it will stay; only the content grows.
                #expect(part.first == test.expected.first, "cut at \(stop)")
                #expect(
                    test.expected[1].unicodeScalars.starts(with: part[1].unicodeScalars), "cut at \(stop)")
                #expect(part.dropFirst(2) == test.expected.dropFirst(2), "cut at \(stop)")
            }
        }
    }

    @Test(arguments: [
        "", "\n", "\r\n", "\r", "A", "A: b", "A: b\n", "A: b\r\n", "A: b\n\r", "HTTP/1.1 200 OK\n",
        "Status: 404\n", "A: b\r\r", "\nA", "\n\r", "\r\n\r\n", "\nA ", "\nA \r", "\nHTTP/1.1 x", "\n<!--",
        "\n<!--: spam <p>", "A: b\n ", "A: b\n c", "A: b\n c\n",
    ])
    func `waits for more`(_ text: String) {
        #expect(read(raw(text)) == ["incomplete"])
    }

    @Test(
        arguments: [
            ("5", 5, nil), ("0", 0, nil), ("x", nil, "x"), ("", nil, ""), ("+5", nil, "+5"),
            ("-5", nil, "-5"),
            ("9223372036854775808", nil, "9223372036854775808"), ("1, 1", nil, "1, 1"),
            ("1\nContent-Length: 1", 1, nil), ("1\nContent-Length: 2", nil, "2"),
            ("x\nContent-Length: 2", nil, "x"), ("1\nContent-Length: 2\nContent-Length: 1", nil, "2"),
            (String(repeating: "1", count: 50), nil, String(repeating: "1", count: 40)),
        ] as [(String, Int?, String?)])
    func `Content-Length`(_ value: String, _ length: Int?, _ wrong: String?) throws {
        let head = try head("Content-Length: \(value)\nA: b\n\n")
        #expect(head.contentLength == length)
        #expect(head.wrongLength.map(shown) == wrong)
        #expect(shown(head.lines) == "A: b\r\n")
    }

    @Test func `an empty Location or Content-Type`() throws {
        let empty = try head("Location: \nA: b\nCONTENT-TYPE:\n\n")
        #expect(empty.empty == ["Location", "CONTENT-TYPE"])
        #expect(empty.location == nil && !empty.hasContentType)
        #expect(shown(empty.lines) == "A: b\r\n")
        #expect(try head("Location: /a\nContent-Type: b/c\nA:\n\n").empty.isEmpty)
    }

    @Test(
        arguments: [
            ("\nhello", "hello"), ("\r\n\nhello", "\nhello"), ("\nHTTP", "HTTP"), ("\nA: b", nil),
            ("\nA: b\n", nil),
            ("\n", nil), ("\n\n", nil), ("", nil), ("hello", nil), ("A: b\n\nhello", nil),
            ("\nHTTP/1.1", nil),
        ] as [(String, String?)])
    func `an empty line and no more to come`(_ output: String, _ content: String?) {
        let output = raw(output)
        let found = ScriptHead.emptyLine(in: output.span)
        #expect(found.map { shown(Array(output[$0.bodyStart...])) } == content)
    }

    @Test func `a long line that cannot become a field is not waited for`() {
        #expect(
            read(raw("<html><p>" + String(repeating: "x", count: 300)))[0].hasPrefix("not a field: <html>"))
        // One that may yet, is.
        #expect(read(raw("X: " + String(repeating: "x y", count: 300))) == ["incomplete"])
        #expect(read(raw(String(repeating: "x", count: 300))) == ["incomplete"])
        #expect(read(raw("<!--: " + String(repeating: "x", count: 300))) == ["incomplete"])
        #expect(read(raw("x" + String(repeating: " ", count: 300))) == ["incomplete"])
        #expect(read(raw("x: y\n" + String(repeating: " ", count: 300))) == ["incomplete"])
    }

    @Test func `a header longer than the limit`() {
        let line = "A: " + String(repeating: "x", count: 996) + "\n"
        let most = String(repeating: line, count: 65)
        let rest = ScriptHead.limit - raw(most).count
        let full = most + "B: " + String(repeating: "y", count: rest - 5) + "\n\n"
        #expect(raw(full).count == ScriptHead.limit)
        #expect(read(raw(full)).count == 68)
        // Content does not count.
        #expect(read(raw(full + String(repeating: "z", count: 100_000))).count == 68)
        #expect(read(raw("C: d\n" + full)) == ["too long"])
        #expect(read(raw(String(repeating: line, count: 66))) == ["too long"])
        #expect(read(raw("A: " + String(repeating: "x", count: ScriptHead.limit))) == ["too long"])
        #expect(read(raw("A: b\n " + String(repeating: "x", count: ScriptHead.limit))) == ["too long"])
        #expect(read(raw("A: b\n" + String(repeating: " x\n", count: ScriptHead.limit / 3))) == ["too long"])
        #expect(read(raw(String(repeating: "\n", count: ScriptHead.limit + 1))) == ["too long"])
        #expect(read(raw(String(repeating: "\n", count: ScriptHead.limit - 10))) == ["incomplete"])
    }

    @Test func `what the server needs to know`() throws {
        let head = try head(
            "Content-Type: text/html; charset=x\nContent-Length: 12\nLocation: /there?x\nETag: W/\"a\"\n"
                + "Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT\nDate: Sun, 06 Nov 1994 08:49:38 GMT\n\n")
        #expect(head.hasContentType)
        #expect(shown(head.contentType) == "text/html; charset=x")
        #expect(head.contentLength == 12)
        #expect(head.location.map(shown) == "/there?x")
        #expect(shown(head.entityTag) == "W/\"a\"")
        #expect(head.lastModified == 784_111_777)
        #expect(!shown(head.lines).contains("Date"))
        #expect(head.status == nil)
        #expect(!head.isNonParsed)
        #expect(head.stripped == ["Date"])
        #expect(head.fieldCount == 6)
    }

    @Test func `what the server does not need to know`() throws {
        let head = try head("A: b\n\n")
        #expect(!head.hasContentType)
        #expect(head.contentLength == nil)
        #expect(head.location == nil)
        #expect(head.entityTag.isEmpty)
        #expect(head.lastModified == nil)
        #expect(!head.isChunked)
        #expect(head.fieldCount == 1)
    }

    @Test func `a date that is none is none`() throws {
        #expect(try head("Last-Modified: yesterday\n\n").lastModified == nil)
    }

    @Test func `all fields are counted, and those left out are named`() throws {
        let head = try head(
            "Status: 200 OK\nConnection: close\nTRANSFER-ENCODING: x\nContent-Length: 0\nA: b\n\n")
        #expect(head.fieldCount == 5)
        #expect(head.stripped == ["Connection", "TRANSFER-ENCODING"])
    }

    @Test func `a status line is told, and is no field`() throws {
        let head = try head("HTTP/1.1 200 OK\nServer: s\n\n")
        #expect(head.isNonParsed)
        #expect(head.fieldCount == 1)
    }

    @Test func `a file in the place of content`() throws {
        #expect(try head("X-Sendfile: /srv/a b\n\n").sendfile.map(shown) == "/srv/a b")
        #expect(try head("X-LIGHTTPD-send-file: /a\n\n").sendfile.map(shown) == "/a")
        #expect(try head("x-accel-redirect: /a\n\n").sendfile.map(shown) == "/a")
        #expect(try head("A: b\n\n").sendfile == nil)
    }

    @Test(arguments: [
        ("Status: 404 Gone Fishing", "Gone Fishing"), ("Status: 404", ""), ("Status: 404  x ", "x"),
        ("Status: 404 a\tb", ""), ("HTTP/1.1 404 Not Here", "Not Here"), ("A: b", ""),
    ]) func `the script's own phrase`(_ line: String, _ phrase: String) throws {
        #expect(shown(try head("\(line)\n\n").reason) == phrase)
    }

    @Test(arguments: [
        ("<p>x\n", true), ("hello\nA: b\n\n", true), ("a b: c\n", true), (": b\n", true),
        ("a : b\n", false), (" a: b\n", true), ("\r\r\na b\r\r\n", true),
        ("\r\n\nhello\n", true),
        ("hello", false), (String(repeating: "a", count: 201), true),
        (String(repeating: "a", count: 200), false),
        ("A: b\nhello\n", false), ("A: b\n\nhello\n", false), ("HTTP/1.1 fine\n", false),
        ("<!--: spam\n", false),
        ("", false), ("\n\n", false),
    ]) func `output that has no header`(_ output: String, _ isMissing: Bool) {
        #expect(ScriptHead.isMissing(in: raw(output).span, isWhole: false) == isMissing)
    }

    @Test(arguments: [
        ("hello", true), ("a b: c", true), ("\nhello", true), ("A: b", false), ("HTTP/1.1", false),
        ("", false),
        ("\n", false), ("<!--: spam", false), ("\u{1}", true),
    ]) func `output that has no header and no more to come`(_ output: String, _ isMissing: Bool) {
        #expect(ScriptHead.isMissing(in: raw(output).span, isWhole: true) == isMissing)
    }

    @Test(arguments: [
        ("<p>x", "text/html"), ("\r\n\t <!DOCTYPE html>", "text/html"), ("<!-- -->", "text/html"),
        ("hello <b>", "text/plain"), ("<", "text/plain"), ("< p>", "text/plain"), ("", "text/plain"),
        ("<?php", "text/plain"),
    ]) func `a header for a page that has none`(_ output: String, _ type: String) {
        let plain = ScriptHead(forPage: raw(output).span) { _ in nil }
        #expect(shown(plain.lines) == "Content-Type: \(type)\r\n")
        let named = ScriptHead(forPage: raw(output).span) { $0 == type ? "x" : nil }
        #expect(shown(named.contentType) == "\(type); charset=x")
        #expect(named.hasContentType)
        #expect(named.status == nil && named.contentLength == nil && named.location == nil)
    }

    @Test func `an answer without content has no fields about it`() throws {
        let head = try head(
            "ETag: \"a\"\nContent-Type: text/plain\ncontent-encoding: gzip\nContent-Location: /a\nContents: b\n\n"
        )
        #expect(
            shown(FieldLines.withoutContentFields(head.lines))
                == "ETag: \"a\"\r\nContent-Location: /a\r\nContents: b\r\n")
    }
}
