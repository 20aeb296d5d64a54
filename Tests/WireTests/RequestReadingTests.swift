import Base
import Testing
import Wire

/// What is read from a request head.
@Suite struct RequestReadingTests {
    /// Names are looked at eight bytes at a time, so what stands where matters.
    @Test func `hosts of any length, with any sign in any place`() {
        for length in 1...18 {
            for place in 0..<length {
                for sign in "Z9-._~!$&'()*+;=,:/@\\\"[".utf8 {
                    var host = [UInt8](repeating: 0x61, count: length)
                    host[place] = sign
                    let head = raw("GET / HTTP/1.1\r\nHost: ") + host + raw(".b:80\r\n\r\n")
                    let isGood =
                        switch sign {
                        // None may be empty before a dot, and another stands behind.
                        case ASCII.dot: place > 0 && place < length - 1
                        default: ASCII.isAlphanumeric(sign) || "-_~!$&'()*+;=".utf8.contains(sign)
                        }
                    #expect(
                        (readHead(head).status == nil) == isGood, "\(String(decoding: host, as: UTF8.self))")
                }
            }
        }
    }

    @Test(arguments: [
        ("GET /a?b HTTP/1.1", "GET"), ("GET * HTTP/1.1", nil), ("GETX / HTTP/1.0", "GETX"),
        ("GE / HTTP/1.1", "GE"),
        ("get / HTTP/1.1", "get"), ("HEAD http://h/ HTTP/1.9", "HEAD"), ("GET\t/ HTTP/1.1", nil),
    ]) func `the request line as it was sent`(_ line: String, _ method: String?) {
        let wire = raw("\r\n\(line)\r\nHost: h\r\n\r\n")
        var parser = RequestParser(limit: 8192)
        var head = RequestHead()
        let isWhole = try? parser.parse(wire.span, from: 0, into: &head)
        #expect(isWhole == (method == nil ? nil : true))
        if let method {
            #expect(String(decoding: wire[head.line.range], as: UTF8.self) == line)
            #expect(String(decoding: wire[head.methodName.range], as: UTF8.self) == method)
        }
    }

    /// A head read into one that held more fields has no more than its own.
    @Test func `fewer fields than before`() throws {
        var parser = RequestParser(limit: 8192)
        var head = RequestHead()
        for count in [30, 3, 0, 31] {
            let fields = (0..<count).map { "X-\($0): \($0)\r\n" }.joined()
            let wire = raw("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
            #expect(try parser.parse(wire.span, from: 0, into: &head))
            #expect(
                head.fields.map { String(decoding: wire[$0.value.range], as: UTF8.self) } == ["h"]
                    + (0..<count).map(String.init))
        }
    }

    @Test func `fields are kept in their order, with blanks at the ends taken off`() {
        let reading = readHead(
            "GET / HTTP/1.1\r\nHost: h\r\nA:b\r\nB: \t c \t d\t \r\nEmpty:\r\nBlank: \t \r\na: e:f\r\n"
                + "Latin: \u{E4}\u{FF}\r\nSet: \"x, y\"\r\n\r\n")
        #expect(
            reading.fields == [
                "Host=h", "A=b", "B=c \t d", "Empty=", "Blank=", "a=e:f", "Latin=\u{E4}\u{FF}",
                "Set=\"x, y\"",
            ])
    }

    @Test func `a second request is left alone`() {
        let first = raw("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n")
        let second = raw("GET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        let wire = first + raw("hello") + second
        let reading = readHead(wire)
        #expect(reading.outcome == #"POST origin "/1" 1.1 @h length=5 keep"#)
        #expect(reading.end == first.count)
        // The next one begins behind the content.
        let next = readHead(wire, from: first.count + 5)
        #expect(next.outcome == #"GET origin "/2" 1.1 @h keep"#)
        #expect(next.end == wire.count)
        for stop in (first.count + 5)...wire.count {
            #expect(readHead(wire, from: first.count + 5, stops: [stop]) == next)
        }
    }

    @Test func `nothing of one request is left in the next`() throws {
        var parser = RequestParser(limit: 8192)
        var head = RequestHead()
        let first = raw(
            "PUT http://a/x?y HTTP/1.0\r\nHost: b\r\nContent-Length: 3\r\nExpect: 100-continue\r\n"
                + "Connection: close\r\nCookie: c\r\n\r\n")
        let second = raw("GET / HTTP/1.1\r\nHost: d\r\n\r\n")
        let wire = first + second
        #expect(try parser.parse(wire.span, from: 0, into: &head))
        #expect(try parser.parse(wire.span, from: first.count, into: &head))
        #expect(head.method == .get)
        #expect(head.form == .origin)
        #expect(head.query == nil)
        #expect(head.authority.map { wire[$0.range] } == raw("d")[...])
        #expect(head.framing == .none)
        #expect(head.minorVersion == 1)
        #expect(head.wantsKeepAlive)
        #expect(!head.expectsContinue)
        #expect(head.fields.map(\.id) == [.host])
        #expect(head.has(.cookie) == false)
        #expect(head.end == wire.count)
    }
}
