import Base
import Wire

/// Who the client is does not depend on what stands left of the first address that is not trusted.
enum ForwardingCheck {
    static func check(_ input: [UInt8]) {
        guard !input.contains(where: { ASCII.isControl($0) }) else { return }
        let peer = IPAddress("10.0.0.1")
        for name in ["X-Forwarded-For", "Forwarded"] {
            let told = name == "Forwarded" ? "for=192.0.2.1" : "192.0.2.1"
            // The proxy adds a line of its own.
            let text = Array("GET / HTTP/1.1\r\nHost: h\r\n\(name): ".utf8) + input + Array("\r\n".utf8)
            let end = Array("\r\n".utf8)
            _ = client(text + end, peer)
            let line = Array("\(name): \(told)\r\n".utf8)
            guard let found = client(text + line + end, peer) else { continue }
            precondition(found.address == IPAddress("192.0.2.1"), "what the proxy says counts")
        }
    }

    private static func client(_ bytes: [UInt8], _ peer: IPAddress?) -> ForwardedClient? {
        var parser = RequestParser(limit: 1 << 20)
        var head = RequestHead()
        guard (try? parser.parse(bytes.span, from: 0, into: &head)) == true else { return nil }
        return Forwarding.client(head, bytes.span, peer: peer) { $0 == peer }
    }
}

/// A header that is read is part of the input, and does not depend on what follows it.
enum ProxyHeaderCheck {
    static func check(_ input: [UInt8]) {
        guard let header = try? ProxyHeader.parse(input.span) else { return }
        precondition(header.length > 0 && header.length <= input.count, "a header is part of the input")
        let whole = Array(input[..<header.length])
        precondition((try? ProxyHeader.parse(whole.span)) == header, "what follows does not count")
        let less = Array(whole.dropLast())
        guard let early = try? ProxyHeader.parse(less.span) else { return }
        preconditionFailure("a part of the header was read as a whole one: \(early)")
    }
}
