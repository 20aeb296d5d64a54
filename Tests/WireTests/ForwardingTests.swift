import Base
import Testing
import Wire

/// Who the client is behind proxies.
@Suite struct ForwardingTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let fields: String
        let expected: String
        var testDescription: String { fields }

        init(_ fields: String, _ expected: String) { (self.fields, self.expected) = (fields, expected) }
    }

    private static let trusted = ["10.0.0.0/8", "fd00::/8"].compactMap { IPNetwork($0) }

    /// `ADDRESS PORT SCHEME` for a request from 10.0.0.1.
    private static func client(_ fields: String) -> String {
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
        let client = Forwarding.client(head, bytes.span, peer: IPAddress("10.0.0.1")) { address in
            trusted.contains { $0.contains(address) }
        }
        let scheme = client.isSecure.map { $0 ? "https" : "http" } ?? "-"
        return "\(client.address?.description ?? "-") \(client.port) \(scheme)"
    }

    @Test(arguments: [
        Case("", "10.0.0.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.1:4711\r\n", "192.0.2.1 4711 -"),
        Case("X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1 0 -"),
        Case("X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1 0 -"),
        Case("X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1 80 -"),
        Case("X-Forwarded-For: \"[2001:db8::1]:80\"\r\n", "2001:db8::1 80 -"),
        Case("X-Forwarded-For: ::ffff:192.0.2.1\r\n", "192.0.2.1 0 -"),
        // Only what trusted ones wrote counts: the last that is none of them.
        Case("X-Forwarded-For: 198.51.100.9, 192.0.2.1\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-For: 198.51.100.9, 192.0.2.1, 10.1.2.3\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.1,10.1.2.3,fd00::7\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-For: 198.51.100.9\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 10.2.2.2\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-For: 10.9.9.9, 10.8.8.8\r\n", "10.9.9.9 0 -"),
        Case("X-Forwarded-For: , 192.0.2.1, ,\r\n", "192.0.2.1 0 -"),
        // Where the list ends at something else, the one before it is the last that is known.
        Case("X-Forwarded-For: unknown\r\n", "10.0.0.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.1, unknown, 10.1.2.3\r\n", "10.1.2.3 0 -"),
        Case("X-Forwarded-For: 192.0.2.1, <script>\r\n", "10.0.0.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.256\r\n", "10.0.0.1 0 -"),
        Case("X-Forwarded-For:\r\n", "10.0.0.1 0 -"),
        Case("X-Forwarded-For: 192.0.2.1:99999\r\n", "192.0.2.1 0 -"),
        Case("X-Forwarded-Proto: https\r\n", "10.0.0.1 0 https"),
        Case("X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: HTTPS\r\n", "192.0.2.1 0 https"),
        Case("X-Forwarded-Proto: https, http\r\n", "10.0.0.1 0 http"),
        Case("X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https\r\n", "10.0.0.1 0 https"),
        Case("X-Forwarded-Proto: gopher\r\n", "10.0.0.1 0 -"),
        Case("Forwarded: for=192.0.2.43\r\n", "192.0.2.43 0 -"),
        Case("Forwarded: For=\"[2001:db8:cafe::17]:4711\"\r\n", "2001:db8:cafe::17 4711 -"),
        Case("Forwarded: for=192.0.2.43;proto=https;by=203.0.113.43\r\n", "192.0.2.43 0 https"),
        Case("Forwarded: for=192.0.2.43:8080 ; proto=http\r\n", "192.0.2.43 8080 http"),
        Case("Forwarded: for=198.51.100.9, for=192.0.2.43;proto=https\r\n", "192.0.2.43 0 https"),
        Case("Forwarded: for=192.0.2.43;proto=https, for=10.3.3.3;proto=http\r\n", "192.0.2.43 0 https"),
        Case("Forwarded: for=192.0.2.43, for=unknown\r\n", "10.0.0.1 0 -"),
        Case("Forwarded: for=_hidden;proto=https\r\n", "10.0.0.1 0 https"),
        Case("Forwarded: for=\"_hidden:_port\", for=10.1.1.1\r\n", "10.1.1.1 0 -"),
        Case("Forwarded: for=\"192.0.2.43:_port\"\r\n", "192.0.2.43 0 -"),
        Case("Forwarded: proto=https\r\n", "10.0.0.1 0 https"),
        Case("Forwarded: for=192.0.2.43;\r\n", "192.0.2.43 0 -"),
        Case("Forwarded: for=\"192.0.2.\\4\\3\"\r\n", "192.0.2.43 0 -"),
        Case("Forwarded: by=\"a,b\";for=192.0.2.43\r\n", "192.0.2.43 0 -"),
        // A quote left open must not swallow what the proxy wrote behind it.
        Case("Forwarded: for=\"198.51.100.9, for=192.0.2.43\r\n", "10.0.0.1 0 -"),
        Case("Forwarded: for=198.51.100.9;by=\", for=\"[2001:db8::1]\"\r\n", "10.0.0.1 0 -"),
        Case("Forwarded: for=192.0.2.43;for=198.51.100.9\r\n", "10.0.0.1 0 -"),
        Case("Forwarded: for=198.51.100.9\r\nForwarded: for=192.0.2.43\r\n", "192.0.2.43 0 -"),
        Case("Forwarded: \"\r\nForwarded: for=192.0.2.43\r\n", "192.0.2.43 0 -"),
        // Where both are there.
        Case("Forwarded: for=198.51.100.9;proto=https\r\nX-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1 0 -"),
        Case("Forwarded: for=192.0.2.43\r\nX-Forwarded-Proto: https\r\n", "192.0.2.43 0 https"),
    ])
    func `the client`(_ it: Case) {
        #expect(Self.client(it.fields) == it.expected)
    }

    @Test(arguments: [
        ("X-Forwarded-For: 192.0.2.1\r\n", false),
        ("Forwarded: for=192.0.2.1\r\n", false),
        ("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.1;proto=https\r\n", false),
        ("X-Forwarded-For: 198.51.100.9, 192.0.2.1\r\nForwarded: for=\"192.0.2.1:80\"\r\n", false),
        ("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=198.51.100.9\r\n", true),
        ("X-Forwarded-For: 192.0.2.1\r\nForwarded: for=198.51.100.9, for=10.1.1.1\r\n", true),
        // It names nobody.
        ("X-Forwarded-For: 192.0.2.1\r\nForwarded: proto=https\r\n", false),
        ("X-Forwarded-For: 192.0.2.1\r\nForwarded: \"\r\n", false),
    ]) func `two fields that differ`(_ fields: String, _ isDisputed: Bool) {
        let (head, bytes) = parsed("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
        let client = Forwarding.client(head, bytes.span, peer: IPAddress("10.0.0.1")) { address in
            Self.trusted.contains { $0.contains(address) }
        }
        #expect(client.address == IPAddress("192.0.2.1"))
        #expect(client.isDisputed == isDisputed)
    }

    @Test(
        arguments: [
            ("h", nil), ("h:8443", 8443), ("[::1]", nil), ("[::1]:8443", 8443), ("", nil), ("h:", nil),
            ("h:99999", nil), ("h:1234567890123456789012345", nil), ("8080", nil),
        ] as [(String, Int?)])
    func `the port of an authority`(_ authority: String, _ expected: Int?) {
        let bytes = Array(authority.utf8)
        #expect(Forwarding.port(of: bytes.span) == expected)
    }
}
