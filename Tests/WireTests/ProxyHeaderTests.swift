import Base
import Testing
import Wire

/// The PROXY protocol.
@Suite struct ProxyHeaderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: [UInt8]
        let expected: String
        let testDescription: String

        init(_ text: String, _ expected: String) {
            (bytes, self.expected, testDescription) = (Array(text.utf8), expected, text.debugDescription)
        }

        /// Version 2: command and family, then what follows the length.
        init(_ name: String, _ command: UInt8, _ family: UInt8, _ rest: [UInt8], _ expected: String) {
            bytes =
                signature + [command, family, UInt8(rest.count >> 8), UInt8(rest.count & 255)] + rest
            (self.expected, testDescription) = (expected, name)
        }
    }

    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0x12, 0x34, 0, 80]
    private static let v6: [UInt8] =
        [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2] + [0x12, 0x34, 1, 0xBB]
    private static let unix: [UInt8] =
        Array("/a".utf8) + [UInt8](repeating: 0, count: 106) + Array("/b".utf8)
        + [UInt8](repeating: 0, count: 106)

    private static func outcome(_ bytes: [UInt8]) -> String {
        do throws(ProxyHeader.Failure) {
            guard let header = try ProxyHeader.parse(bytes.span) else { return "more" }
            let ends = header.endpoints.map { "\($0.peer) \($0.local)" } ?? "own"
            return "\(ends)\(header.isSecure ? " tls" : "") +\(bytes.count - header.length)"
        } catch {
            return "bad"
        }
    }

    @Test(arguments: [
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n", "192.0.2.1:4660 198.51.100.2:80 +0"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\nGET /", "192.0.2.1:4660 198.51.100.2:80 +5"),
        Case("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n", "[2001:db8::1]:65535 [2001:db8::2]:0 +0"),
        Case("PROXY UNKNOWN\r\nG", "own +1"),
        Case("PROXY UNKNOWN ffff:f::1 what ever 1 2 3\r\n", "own +0"),
        Case("", "more"), Case("P", "more"), Case("PROXY TCP4 192.0.2.1", "more"), Case("\r\n\r\n", "more"),
        Case("GET / HTTP/1.1\r\n", "bad"), Case("PROXYTCP4", "bad"), Case("\r\n\r\nX", "bad"),
        Case("proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", "bad"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", "bad"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", "bad"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 1 2 3\r\n", "bad"),
        Case("PROXY TCP4  192.0.2.1 198.51.100.2 1 2\r\n", "bad"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", "bad"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 1 02\r\n", "bad"),
        Case("PROXY TCP4 192.0.2.1 198.51.100.2 1 -2\r\n", "bad"),
        Case("PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", "bad"),
        Case("PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "bad"),
        Case("PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "bad"),
        Case("PROXY \r\n", "bad"),
        Case("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n", "own +0"),
        Case("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", "bad"),
        Case("TCP4", 0x21, 0x11, v4, "192.0.2.1:4660 198.51.100.2:80 +0"),
        Case("TCP6", 0x21, 0x21, v6, "[2001:db8::1]:4660 [2001:db8::2]:443 +0"),
        Case("Unix", 0x21, 0x31, unix, "unix:/a unix:/b +0"),
        Case("UNSPEC", 0x21, 0x00, [], "own +0"),
        Case("UNSPEC with something", 0x21, 0x00, [1, 2, 3], "own +0"),
        Case("UDP", 0x21, 0x12, v4, "own +0"),
        Case("LOCAL", 0x20, 0x00, [], "own +0"),
        Case("LOCAL with addresses", 0x20, 0x11, v4, "own +0"),
        Case("a TLV passed over", 0x21, 0x11, v4 + [4, 0, 2, 9, 9], "192.0.2.1:4660 198.51.100.2:80 +0"),
        Case(
            "TLS told", 0x21, 0x11, v4 + [3, 0, 4, 1, 2, 3, 4, 0x20, 0, 5, 1, 0, 0, 0, 0],
            "192.0.2.1:4660 198.51.100.2:80 tls +0"),
        Case(
            "no TLS told", 0x21, 0x11, v4 + [0x20, 0, 5, 0, 0, 0, 0, 0], "192.0.2.1:4660 198.51.100.2:80 +0"),
        Case("a TLV too long", 0x21, 0x11, v4 + [0x20, 0, 9, 1], "192.0.2.1:4660 198.51.100.2:80 +0"),
        Case("too short for its addresses", 0x21, 0x11, [1, 2, 3], "bad"),
        Case("too short for IPv6", 0x21, 0x21, v4, "bad"),
        Case("another version", 0x11, 0x11, v4, "bad"),
        Case("another command", 0x22, 0x11, v4, "bad"),
    ])
    func `headers`(_ it: Case) {
        #expect(Self.outcome(it.bytes) == it.expected)
    }

    /// However the bytes come, nothing is said too early, and what is whole is read alike.
    @Test func `headers in pieces`() {
        for whole in [
            Array("PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n".utf8),
            Self.signature + [0x21, 0x11, 0, 12] + Self.v4,
        ] {
            for count in whole.indices { #expect(Self.outcome(Array(whole[..<count])) == "more") }
            #expect(Self.outcome(whole + [1, 2]) == "192.0.2.1:4660 198.51.100.2:80 +2")
        }
    }
}
