import Base
import Testing
import Wire

/// A head that is to be accepted, and what is to be made of it.
struct RequestCase: CustomTestStringConvertible, Sendable {
    let name: String
    let wire: String
    let expected: String

    init(_ name: String, _ wire: String, _ expected: String) {
        (self.name, self.wire, self.expected) = (name, wire, expected)
    }

    var testDescription: String { name }
}

/// A head that is to be refused, and the status of the answer.
struct RefusalCase: CustomTestStringConvertible, Sendable {
    let name: String
    let wire: String
    let status: Int

    init(_ name: String, _ wire: String, _ status: Int = 400) {
        (self.name, self.wire, self.status) = (name, wire, status)
    }

    var testDescription: String { name }
}

/// Which request heads are accepted, and which are refused.
@Suite struct RequestParserTests {
    static let accepted: [RequestCase] = [
        // Methods and versions.
        RequestCase("plain", "GET / HTTP/1.1\r\nHost: h\r\n\r\n", #"GET origin "/" 1.1 @h keep"#),
        RequestCase("HEAD", "HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n", #"HEAD origin "/x" 1.1 @h keep"#),
        RequestCase(
            "any token is a method", "M-SEARCH!#$%&'*+.^_`|~1 / HTTP/1.1\r\nHost: h\r\n\r\n",
            #"M-SEARCH!#$%&'*+.^_`|~1 origin "/" 1.1 @h keep"#),
        RequestCase("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", #"GET origin "/" 1.0 close"#),
        RequestCase(
            "a later HTTP/1 is 1.1 here (RFC 9110, 2.5)", "GET / HTTP/1.2\r\nHost: h\r\n\r\n",
            #"GET origin "/" 1.1 @h keep"#),
        RequestCase("HTTP/1.9", "GET / HTTP/1.9\r\nHost: h\r\n\r\n", #"GET origin "/" 1.1 @h keep"#),

        // Line ends.
        RequestCase("LF alone", "GET / HTTP/1.1\nHost: h\n\n", #"GET origin "/" 1.1 @h keep"#),
        RequestCase("LF and CR LF", "GET / HTTP/1.1\nHost: h\r\nA: b\n\r\n", #"GET origin "/" 1.1 @h keep"#),
        RequestCase("CR LF and LF", "GET / HTTP/1.1\r\nHost: h\n\n", #"GET origin "/" 1.1 @h keep"#),
        RequestCase(
            "an empty line before", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", #"GET origin "/" 1.1 @h keep"#),
        RequestCase(
            "empty lines before", "\r\n\n\r\n\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            #"GET origin "/" 1.1 @h keep"#),

        // Targets.
        RequestCase(
            "query", "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", #"GET origin "/a" ?"b=c" 1.1 @h keep"#),
        RequestCase(
            "empty query", "GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", #"GET origin "/a" ?"" 1.1 @h keep"#),
        RequestCase(
            "a second question mark", "GET /a?b?c HTTP/1.1\r\nHost: h\r\n\r\n",
            #"GET origin "/a" ?"b?c" 1.1 @h keep"#),
        RequestCase(
            "escapes are left alone", "GET /%2e%2e/%00?%zz HTTP/1.1\r\nHost: h\r\n\r\n",
            #"GET origin "/%2e%2e/%00" ?"%zz" 1.1 @h keep"#),
        RequestCase(
            "two slashes are a path", "GET //evil/x HTTP/1.1\r\nHost: h\r\n\r\n",
            #"GET origin "//evil/x" 1.1 @h keep"#),
        RequestCase(
            "bytes beyond ASCII", "GET /\u{C3}\u{BC} HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET origin \"/\u{C3}\u{BC}\" 1.1 @h keep"),
        RequestCase(
            "absolute", "GET http://a:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\n",
            #"GET absolute "/x" ?"y" 1.1 @a:80 keep"#),
        RequestCase(
            "absolute, in capitals", "GET HTTP://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
            #"GET absolute "/x" 1.1 @a keep"#),
        RequestCase(
            "absolute, https", "GET https://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
            #"GET absolute "/x" 1.1 @a keep"#),
        RequestCase(
            "absolute without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
            #"GET absolute "" 1.1 @a keep"#),
        RequestCase(
            "absolute with a query and no path", "GET http://a?b/c HTTP/1.1\r\nHost: a\r\n\r\n",
            #"GET absolute "" ?"b/c" 1.1 @a keep"#),
        RequestCase(
            "absolute to an IPv6 address", "GET http://[::1]:8080/ HTTP/1.1\r\nHost: x\r\n\r\n",
            #"GET absolute "/" 1.1 @[::1]:8080 keep"#),
        RequestCase(
            "the target's host beats the field's (RFC 9112, 3.2.2)",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", #"GET absolute "/" 1.1 @a keep"#),
        RequestCase(
            "authority", "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
            #"CONNECT authority "" 1.1 @a.example:443 keep"#),
        RequestCase(
            "authority of an IPv6 address", "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: x\r\n\r\n",
            #"CONNECT authority "" 1.1 @[2001:db8::1]:443 keep"#),
        RequestCase(
            "asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", #"OPTIONS asterisk "*" 1.1 @h keep"#),
        RequestCase(
            "OPTIONS of a path", "OPTIONS /* HTTP/1.1\r\nHost: h\r\n\r\n", #"OPTIONS origin "/*" 1.1 @h keep"#
        ),

        // Host.
        RequestCase(
            "host and port", "GET / HTTP/1.1\r\nHost: h:8080\r\n\r\n", #"GET origin "/" 1.1 @h:8080 keep"#),
        RequestCase("an empty port", "GET / HTTP/1.1\r\nHost: h:\r\n\r\n", #"GET origin "/" 1.1 @h: keep"#),
        RequestCase(
            "an empty host in 1.0", "GET / HTTP/1.0\r\nHost:\r\n\r\n", #"GET origin "/" 1.0 close"#),
        RequestCase(
            "an empty host beside a target that says it", "GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n",
            #"GET absolute "/" 1.1 @a keep"#),
        RequestCase(
            "an escape in a host", "GET / HTTP/1.1\r\nHost: a%C3%A4\r\n\r\n",
            #"GET origin "/" 1.1 @a%C3%A4 keep"#),
        RequestCase(
            "a dot at the end", "GET / HTTP/1.1\r\nHost: a.\r\n\r\n", #"GET origin "/" 1.1 @a. keep"#),
        RequestCase(
            "an IPv6 address", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
            #"GET origin "/" 1.1 @[::1]:80 keep"#),
        RequestCase(
            "an IPv4 address", "GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
            #"GET origin "/" 1.1 @192.0.2.1 keep"#),
        RequestCase(
            "HTTP/1.0 with Host", "GET / HTTP/1.0\r\nHost: h\r\n\r\n", #"GET origin "/" 1.0 @h close"#),

        // Persistence (RFC 9112, 9.3).
        RequestCase(
            "close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", #"GET origin "/" 1.1 @h close"#
        ),
        RequestCase(
            "close among others", "GET / HTTP/1.1\r\nHost: h\r\nConnection: te , CLOSE,,x\r\n\r\n",
            #"GET origin "/" 1.1 @h close"#),
        RequestCase(
            "close in a second field",
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\nConnection: close\r\n\r\n",
            #"GET origin "/" 1.1 @h close"#),
        RequestCase(
            "closet is not close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: closet\r\n\r\n",
            #"GET origin "/" 1.1 @h keep"#),
        RequestCase(
            "1.0 and keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
            #"GET origin "/" 1.0 keep"#),
        RequestCase(
            "1.0, keep-alive and close", "GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
            #"GET origin "/" 1.0 close"#),

        // Expect.
        RequestCase(
            "an empty Expect", "GET / HTTP/1.1\r\nHost: h\r\nExpect:\r\n\r\n", #"GET origin "/" 1.1 @h keep"#),
        RequestCase(
            "100-continue", "PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n",
            #"PUT origin "/" 1.1 @h length=3 keep continue"#),
        RequestCase(
            "100-continue from 1.0 is ignored (RFC 9110, 10.1.1)",
            "PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
            #"PUT origin "/" 1.0 length=3 close"#),
    ]

    @Test(arguments: accepted) func `accepts`(_ test: RequestCase) {
        let wire = raw(test.wire)
        let reading = readHead(wire)
        #expect(reading.outcome == test.expected)
        #expect(reading.end == wire.count)
    }

    static let refused: [RefusalCase] = [
        // The request line.
        RefusalCase("HTTP/0.9", "GET /\r\n\r\n"),
        RefusalCase("no target", "GET\r\n\r\n"),
        RefusalCase("no target and a blank", "GET \r\n\r\n"),
        RefusalCase("no target, a version", "GET HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("two blanks before the target", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("two blanks before the version", "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a tab for a blank", "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a tab before the version", "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a blank first", " GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a blank last", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
        RefusalCase("a blank in the target", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a method with a slash", "G/T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a method in brackets", "GET(1) / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("NUL in the method", "GE\0T / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("NUL in the target", "GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("escape in the target", "GET /\u{1B}[2J HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("delete in the target", "GET /\u{7F} HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CR in the target", "GET /\rHost:x HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a fragment in the query", "GET /a?b#c HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("bare CR at the end of the line", "GET / HTTP/1.1\rHost: h\r\n\r\n"),
        RefusalCase("two CR at the end of the line", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n"),
        RefusalCase("a bare CR before the request", "\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CR CR LF before the request", "\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("TLS", "\u{16}\u{03}\u{01}\u{02}\0\u{01}\0\u{01}\u{FC}\u{03}\u{03}"),

        // Versions.
        RefusalCase("HTTP/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505),
        RefusalCase("HTTP/0.9 said", "GET / HTTP/0.9\r\n\r\n", 505),
        RefusalCase("HTTP/3.0", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505),
        RefusalCase("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        RefusalCase("version in small letters", "GET / http/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("version of two digits", "GET / HTTP/1.10\r\nHost: h\r\n\r\n"),
        RefusalCase("version with a zero", "GET / HTTP/01.1\r\nHost: h\r\n\r\n"),
        RefusalCase("version without a minor", "GET / HTTP/1\r\nHost: h\r\n\r\n"),
        RefusalCase("version with a dot and no more", "GET / HTTP/1.\r\nHost: h\r\n\r\n"),
        RefusalCase("version with a comma", "GET / HTTP/1,1\r\nHost: h\r\n\r\n"),
        RefusalCase("another protocol", "GET / ICAP/1.0\r\nHost: h\r\n\r\n"),

        // Targets.
        RefusalCase("a relative path", "GET index.html HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a query alone", "GET ?a HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a scheme and no host", "GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("a scheme alone", "GET http:// HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase(
            "a user in the target (RFC 9110, 4.2.4)", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        RefusalCase("a port that is none", "GET http://a:x/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        RefusalCase("a port too large", "GET http://a:65536/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        RefusalCase("asterisk for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("asterisk and more", "OPTIONS *x HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CONNECT to a path", "CONNECT /x HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CONNECT to a URL", "CONNECT http://a:80/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CONNECT without a port (RFC 9110, 9.3.6)", "CONNECT a HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CONNECT with an empty port", "CONNECT a: HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CONNECT to port 0", "CONNECT a:0 HTTP/1.1\r\nHost: h\r\n\r\n"),
        RefusalCase("CONNECT without a host", "CONNECT :443 HTTP/1.1\r\nHost: h\r\n\r\n"),

        // Host (RFC 9112, 3.2).
        RefusalCase("1.1 without Host", "GET / HTTP/1.1\r\n\r\n"),
        RefusalCase("1.1 without Host, absolute", "GET http://a/ HTTP/1.1\r\n\r\n"),
        RefusalCase("two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        RefusalCase("the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
        RefusalCase("two Hosts in 1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        RefusalCase("an empty Host and another", "GET / HTTP/1.1\r\nHost:\r\nHost: b\r\n\r\n"),
        RefusalCase("an empty Host (RFC 9110, 4.2.1)", "GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        RefusalCase("two hosts in one", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
        RefusalCase("a host beyond ASCII", "GET / HTTP/1.1\r\nHost: \u{C3}\u{A4}\r\n\r\n"),
        RefusalCase("a broken escape in Host", "GET / HTTP/1.1\r\nHost: a%z1\r\n\r\n"),
        RefusalCase("an escape cut short in Host", "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n"),
        RefusalCase("a dot for a host", "GET / HTTP/1.1\r\nHost: .\r\n\r\n"),
        RefusalCase("two dots in a host", "GET / HTTP/1.1\r\nHost: a..b\r\n\r\n"),
        RefusalCase("a blank in Host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        RefusalCase("a slash in Host", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
        RefusalCase("a user in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"),
        RefusalCase("a URL in Host", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"),
        RefusalCase("a query in Host", "GET / HTTP/1.1\r\nHost: a?b\r\n\r\n"),
        RefusalCase("markup in Host", "GET / HTTP/1.1\r\nHost: <a>\r\n\r\n"),
        RefusalCase("a quote in Host", "GET / HTTP/1.1\r\nHost: \"a\"\r\n\r\n"),
        RefusalCase("a backslash in Host", "GET / HTTP/1.1\r\nHost: a\\b\r\n\r\n"),
        RefusalCase("two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"),
        RefusalCase("a port and a letter", "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n"),
        RefusalCase("a negative port", "GET / HTTP/1.1\r\nHost: a:-1\r\n\r\n"),
        RefusalCase("a port beyond all numbers", "GET / HTTP/1.1\r\nHost: a:99999999999999999999\r\n\r\n"),
        RefusalCase("a port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"),
        RefusalCase("an IPv6 address without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
        RefusalCase("an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
        RefusalCase("empty brackets", "GET / HTTP/1.1\r\nHost: []\r\n\r\n"),
        RefusalCase("something behind the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"),
        RefusalCase("a name in brackets", "GET / HTTP/1.1\r\nHost: [host]\r\n\r\n"),

        // Field lines.
        RefusalCase("a blank before the colon", "GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n"),
        RefusalCase("a tab before the colon", "GET / HTTP/1.1\r\nHost: h\r\nA\t: b\r\n\r\n"),
        RefusalCase("a folded line", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"),
        RefusalCase("a line folded by a tab", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n\r\n"),
        RefusalCase("a line folded behind LF", "GET / HTTP/1.1\r\nHost: h\r\nA: b\n c: d\r\n\r\n"),
        RefusalCase("a first line that is folded", "GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
        RefusalCase("a line of blanks", "GET / HTTP/1.1\r\nHost: h\r\n \r\n\r\n"),
        RefusalCase("no colon", "GET / HTTP/1.1\r\nHost: h\r\nnonsense\r\n\r\n"),
        RefusalCase("no name", "GET / HTTP/1.1\r\nHost: h\r\n: b\r\n\r\n"),
        RefusalCase("a name in quotes", "GET / HTTP/1.1\r\nHost: h\r\n\"A\": b\r\n\r\n"),
        RefusalCase("a name beyond ASCII", "GET / HTTP/1.1\r\nHost: h\r\n\u{C4}: b\r\n\r\n"),
        RefusalCase("NUL in a name", "GET / HTTP/1.1\r\nHost: h\r\nA\0: b\r\n\r\n"),
        RefusalCase("NUL in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
        RefusalCase("bare CR in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\rC: d\r\n\r\n"),
        RefusalCase("bare CR at a value's end", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\r\n\r\n"),
        RefusalCase("bare CR for an empty line", "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n"),
        RefusalCase("escape in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \u{1B}[2J\r\n\r\n"),
        RefusalCase("delete in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: \u{7F}\r\n\r\n"),
        RefusalCase("vertical tab in a value", "GET / HTTP/1.1\r\nHost: h\r\nA: b\u{0B}\r\n\r\n"),
        RefusalCase(
            "an expectation beside 100-continue",
            "GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, tea\r\n\r\n", 417),
        RefusalCase("an expectation nobody knows", "GET / HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", 417),
    ]

    @Test(arguments: refused) func `refuses`(_ test: RefusalCase) {
        let reading = readHead(test.wire)
        #expect(reading.status == test.status, "\(reading)")
    }

    @Test(arguments: [
        "", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: h\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\r", "GET / HTTP/1.1\nHost: h\n", "\r\n", "\r", "\n\r",
        "GET / HTTP/1.1\n\r", "GET /\r", "GET http://h/ HTTP/1.1\r\nHo",
    ]) func `waits for more`(_ text: String) {
        #expect(readHead(text).outcome == "incomplete")
    }

    /// Lines that can become no request, however much follows.
    @Test(arguments: [
        ("GET /\r\n", 400), ("GET /\n", 400), ("hello\r\n", 400), ("GET / HTTP/1.1\rHost: h\r\r", 400),
        ("GET / HTTP/2.0\r\nHost", 505), ("G@T / HTTP/1.1\r\nHost: h\r\n", 400),
    ]) func `refuses without waiting for more`(_ text: String, _ status: Int) {
        #expect(readHead(text).status == status)
    }

    @Test(arguments: accepted) func `accepts the same in two pieces, and byte by byte`(_ test: RequestCase) {
        let wire = raw(test.wire)
        for stop in 0...wire.count {
            let reading = readHead(wire, stops: [stop])
            #expect(reading.outcome == test.expected, "cut at \(stop)")
            #expect(reading.end == wire.count, "cut at \(stop)")
        }
        #expect(readHead(wire, stops: Array(0...wire.count)).outcome == test.expected)
    }

    @Test(arguments: refused + FramingTests.refused)
    func `refuses the same in two pieces, and byte by byte`(_ test: RefusalCase) {
        let wire = raw(test.wire)
        let whole = readHead(wire)
        for stop in 0...wire.count { #expect(readHead(wire, stops: [stop]) == whole, "cut at \(stop)") }
        #expect(readHead(wire, stops: Array(0...wire.count)) == whole)
    }
}
