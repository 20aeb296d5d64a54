import Base
import Testing
import Wire

/// Which codings a request takes, the best first (RFC 9110, section 12.5.3).
@Suite struct CodingNegotiationTests {
    @Test(arguments: [
        ("", ""), ("Accept-Encoding:", ""), ("Accept-Encoding: gzip", "gzip"),
        ("Accept-Encoding: gzip, deflate, br, zstd", "br zstd gzip"), ("Accept-Encoding: GZIP", "gzip"),
        ("Accept-Encoding: x-gzip", "gzip"), ("Accept-Encoding: deflate, compress", ""),
        ("Accept-Encoding: *", "br zstd gzip"), ("Accept-Encoding: *;q=0", ""),
        ("Accept-Encoding: gzip;q=0", ""), ("Accept-Encoding: gzip;q=0.000, br;q=0.001", "br"),
        ("Accept-Encoding: gzip;q=1.0, br;q=0.5", "gzip br"),
        ("Accept-Encoding: gzip ; Q=0.5 , br;q=0.4", "gzip br"),
        ("Accept-Encoding: br;q=0.8, *;q=0.9", "zstd gzip br"),
        ("Accept-Encoding: *, br;q=0", "zstd gzip"),
        // Better as it is.
        ("Accept-Encoding: gzip;q=0.5, identity", ""), ("Accept-Encoding: identity;q=0.5, gzip", "gzip"),
        // No weights at all: they count as none given.
        ("Accept-Encoding: gzip;q=2", "gzip"), ("Accept-Encoding: gzip;q=", "gzip"),
        ("Accept-Encoding: gzip;q=0.1234", "gzip"), ("Accept-Encoding: gzip;q=-1", "gzip"),
        ("Accept-Encoding: gzip;level=1;q=0", ""), ("Accept-Encoding: ;q=1", ""),
        ("Accept-Encoding: gzip\r\nAccept-Encoding: br", "br gzip"),
    ])
    func `what a request takes`(_ fields: String, _ expected: String) {
        let lines = fields.isEmpty ? "" : fields + "\r\n"
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\n\(lines)\r\n")
        let found = ContentCoding.acceptable([.brotli, .zstandard, .gzip], head, bytes.span)
        #expect(found.map { "\($0.name)" }.joined(separator: " ") == expected)
    }

    @Test func `only what is offered`() {
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br\r\n\r\n")
        #expect(ContentCoding.acceptable([.gzip], head, bytes.span) == [.gzip])
        #expect(ContentCoding.acceptable([.gzip, .brotli], head, bytes.span) == [.gzip, .brotli])
        #expect(ContentCoding.acceptable([], head, bytes.span) == [])
    }
}
