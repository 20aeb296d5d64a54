import Testing
import Wire

/// Where a request ends, and the ways in which two servers could be made to disagree on that
/// (RFC 9112, sections 6.1 to 6.3 and 11.2).
@Suite struct FramingTests {
    private static func post(_ fields: String, version: String = "1.1") -> String {
        "POST / HTTP/\(version)\r\nHost: h\r\n\(fields)\r\n"
    }

    private static func refusal(
        _ name: String, _ fields: String, _ status: Int = 400, version: String = "1.1"
    )
        -> RefusalCase
    {
        RefusalCase(name, post(fields, version: version), status)
    }

    private static func framing(
        _ name: String, _ fields: String, _ expected: BodyFraming, version: String = "1.1"
    )
        -> FramingCase
    {
        FramingCase(name: name, wire: post(fields, version: version), expected: expected)
    }

    struct FramingCase: CustomTestStringConvertible {
        let name: String
        let wire: String
        let expected: BodyFraming
        var testDescription: String { name }
    }

    static let accepted = [
        framing("neither", "", .none),
        framing("Content-Length", "Content-Length: 5\r\n", .length(5)),
        framing("of nothing", "Content-Length: 0\r\n", .none),
        framing("in small letters, without a blank", "content-length:5\r\n", .length(5)),
        framing("with blanks round it", "Content-Length: \t 5 \t\r\n", .length(5)),
        framing("with zeros in front", "Content-Length: 0005\r\n", .length(5)),
        framing("the largest there is", "Content-Length: 9223372036854775807\r\n", .length(.max)),
        framing("in HTTP/1.0", "Content-Length: 5\r\n", .length(5), version: "1.0"),
        framing("chunked", "Transfer-Encoding: chunked\r\n", .chunked),
        framing("chunked in capitals", "TRANSFER-ENCODING: CHUNKED\r\n", .chunked),
        framing("chunked with blanks round it", "Transfer-Encoding: \t chunked \t\r\n", .chunked),
        // Other names, whatever a script makes of them.
        framing(
            "a name with an underscore", "Transfer_Encoding: chunked\r\nContent-Length: 5\r\n", .length(5)),
        framing("a longer name", "X-Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", .length(5)),
        framing("a name that ends in a dot", "Content-Length.: 7\r\nContent-Length: 5\r\n", .length(5)),
    ]

    @Test(arguments: accepted) func `accepts`(_ test: FramingCase) {
        #expect(parsed(test.wire).head.framing == test.expected)
    }

    static let refused: [RefusalCase] = [
        refusal("length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
        refusal("chunked and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        refusal("chunked and a length of 0", "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"),
        refusal("two lengths", "Content-Length: 5\r\nContent-Length: 6\r\n"),
        refusal("the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n"),
        refusal("a list of lengths", "Content-Length: 5, 6\r\n"),
        refusal("a list of the same lengths", "Content-Length: 5, 5\r\n"),
        refusal("a length and a comma", "Content-Length: 5,\r\n"),
        refusal("an empty length", "Content-Length:\r\n"),
        refusal("a plus", "Content-Length: +5\r\n"),
        refusal("a minus", "Content-Length: -5\r\n"),
        refusal("minus nothing", "Content-Length: -0\r\n"),
        refusal("a blank within", "Content-Length: 5 0\r\n"),
        refusal("hexadecimal", "Content-Length: 0x5\r\n"),
        refusal("a letter behind", "Content-Length: 5a\r\n"),
        refusal("a fraction", "Content-Length: 5.0\r\n"),
        refusal("an exponent", "Content-Length: 5e1\r\n"),
        refusal("in quotes", "Content-Length: \"5\"\r\n"),
        refusal("digits beyond ASCII", "Content-Length: \u{B5}\u{D9}\r\n"),
        refusal("one more than the largest", "Content-Length: 9223372036854775808\r\n"),
        refusal("one that wraps to 5", "Content-Length: 18446744073709551621\r\n"),
        refusal("far beyond", "Content-Length: \(String(repeating: "9", count: 400))\r\n"),
        refusal("vertical tab", "Content-Length: \u{0B}5\r\n"),
        refusal("NUL behind", "Content-Length: 5\0\r\n"),

        refusal("two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
        refusal("identity and chunked", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
        refusal("chunked and identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
        refusal("identity", "Transfer-Encoding: identity\r\n"),
        refusal("an empty coding", "Transfer-Encoding:\r\n"),
        refusal("gzip", "Transfer-Encoding: gzip\r\n"),
        // Unknown, but the end is known (RFC 9112, 6.1).
        refusal("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n", 501),
        refusal("gzip,chunked", "Transfer-Encoding: gzip,Chunked\r\n", 501),
        refusal("identity, chunked", "Transfer-Encoding: identity, chunked\r\n", 501),
        refusal("chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n"),
        refusal("gzip, and chunked twice", "Transfer-Encoding: gzip, chunked, chunked\r\n"),
        refusal("a comma before chunked", "Transfer-Encoding: , chunked\r\n"),
        refusal("a comma behind chunked", "Transfer-Encoding: chunked,\r\n"),
        // No end is known where chunked is not last (RFC 9112, 6.3).
        refusal("chunked, gzip", "Transfer-Encoding: chunked, gzip\r\n"),
        refusal("xchunked", "Transfer-Encoding: xchunked\r\n"),
        refusal("x-chunked", "Transfer-Encoding: x-chunked\r\n"),
        refusal("a blank for a comma", "Transfer-Encoding: gzip chunked\r\n"),
        refusal("chunkedx", "Transfer-Encoding: chunkedx\r\n"),
        refusal("chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n"),
        refusal("chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n"),
        refusal("chunked within quotes", "Transfer-Encoding: \"x,chunked\"\r\n"),
        refusal("a control in front", "Transfer-Encoding: \u{0B}chunked\r\n"),
        refusal(
            "a control in front, and a length", "Transfer-Encoding: \u{0C}chunked\r\nContent-Length: 5\r\n"),
        refusal("NUL behind chunked", "Transfer-Encoding: chunked\0\r\n"),
        refusal("a blank before its colon", "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n"),
        refusal("a line that begins with a blank", " Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        refusal("folded", "Transfer-Encoding:\r\n chunked\r\n"),
        refusal("folded, as a later part of another", "A: b\r\n\tTransfer-Encoding: chunked\r\n"),
        refusal("behind a bare CR", "A: b\rTransfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
        refusal("a length behind a bare CR", "A: b\rContent-Length: 5\r\n"),
        refusal("NUL in its name", "Transfer-Encoding\0: chunked\r\n"),
        refusal("chunked in HTTP/1.0", "Transfer-Encoding: chunked\r\n", version: "1.0"),
        refusal(
            "chunked and a length in HTTP/1.0", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            version: "1.0"),
        refusal("a second request line", "GET /admin HTTP/1.1\r\n"),
    ]

    @Test(arguments: refused) func `refuses`(_ test: RefusalCase) {
        let reading = readHead(test.wire)
        #expect(reading.status == test.status, "\(reading)")
    }

    @Test(arguments: ["GET", "HEAD", "DELETE", "OPTIONS", "PROPFIND"])
    func `content is no matter of the method`(_ method: String) {
        #expect(
            parsed("\(method) / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n").head.framing == .length(5))
    }
}
