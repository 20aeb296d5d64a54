package import Base

/// The client of a request that came by way of trusted proxies.
package struct ForwardedClient: Hashable, Sendable {
    /// Nil where no proxy told one, and the nearest is at a Unix socket.
    package var address: IPAddress?
    /// 0 where it is not known.
    package var port: UInt16
    /// Whether the client came by TLS; nil where no proxy told.
    package var isSecure: Bool?
    /// The field that does not count names another address: one of the two is made up.
    package var isDisputed = false

    package init(address: IPAddress?, port: UInt16 = 0, isSecure: Bool? = nil) {
        (self.address, self.port, self.isSecure) = (address, port, isSecure)
    }
}

/// One end of a hop, as a proxy writes it (RFC 7239, section 6).
enum ForwardedNode: Hashable, Sendable {
    case address(IPAddress, port: UInt16)
    /// `unknown`, a made-up name such as `_a`, or nothing that the format knows.
    case hidden

    /// Reads `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`. A port that is
    /// none, such as `_b`, is passed over.
    init(_ text: Span<UInt8>) {
        var host = text
        var port = text.extracting(0..<0)
        if text.count > 0, text[0] == UInt8(ascii: "[") {
            guard let close = text.firstIndex(of: UInt8(ascii: "]")) else {
                self = .hidden
                return
            }
            host = text.extracting(1..<close)
            let rest = text.extracting((close + 1)...)
            guard rest.isEmpty || rest[0] == ASCII.colon, host.firstIndex(of: ASCII.colon) != nil else {
                self = .hidden
                return
            }
            if rest.count > 1 { port = rest.extracting(1...) }
        } else if let colon = text.firstIndex(of: ASCII.colon),
            text.extracting((colon + 1)...).firstIndex(of: ASCII.colon) == nil
        {
            // More than one colon is an IPv6 address without brackets, as X-Forwarded-For has it.
            host = text.extracting(0..<colon)
            port = text.extracting((colon + 1)...)
        }
        // The longest address there is, an IPv4 one that is written as IPv6.
        guard host.count <= 45, let address = IPAddress(host.string) else {
            self = .hidden
            return
        }
        self = .address(address, port: Forwarding.portNumber(port) ?? 0)
    }
}
