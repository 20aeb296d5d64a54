import Base

/// What one proxy said of the hop before it: an element of a Forwarded field (RFC 7239, section 4), or a
/// member of X-Forwarded-For.
struct ForwardedHop: Hashable, Sendable {
    var node = ForwardedNode.hidden
    /// Whether the request came to the proxy by TLS; nil where it does not say.
    var isSecure: Bool?

    init(node: ForwardedNode = .hidden, isSecure: Bool? = nil) {
        (self.node, self.isSecure) = (node, isSecure)
    }

    /// The elements of a field's value, in their order. Nil where it breaks the grammar anywhere: a quote
    /// that a client left open could otherwise swallow what a proxy wrote behind it.
    static func list(_ value: Span<UInt8>) -> [ForwardedHop]? {
        var scanner = Scanner(value)
        var hops: [ForwardedHop] = []
        while true {
            scanner.skipBlanks()
            // Empty elements count for nothing (RFC 9110, section 5.6.1).
            if scanner.takes(ASCII.comma) { continue }
            if scanner.isAtEnd { return hops }
            guard let hop = element(&scanner) else { return nil }
            hops.append(hop)
            if scanner.isAtEnd { return hops }
            guard scanner.takes(ASCII.comma) else { return nil }
        }
    }

    /// Pairs with semicolons between them, up to a comma or the end.
    private static func element(_ scanner: inout Scanner) -> ForwardedHop? {
        var hop = ForwardedHop()
        var hasNode = false
        repeat {
            scanner.skipBlanks()
            // A pair may be missing anywhere.
            if scanner.isAtEnd || scanner.isAt(ASCII.semicolon) || scanner.isAt(ASCII.comma) { continue }
            guard let name = scanner.token(), scanner.takes(ASCII.equals), let text = scanner.value() else {
                return nil
            }
            if ASCII.equalsIgnoringCase(name.span, "for") {
                // No parameter may stand twice (section 4).
                if hasNode { return nil }
                hasNode = true
                hop.node = ForwardedNode(text.span)
            } else if ASCII.equalsIgnoringCase(name.span, "proto") {
                hop.isSecure = Forwarding.isSecure(text.span)
            }
            scanner.skipBlanks()
        } while scanner.takes(ASCII.semicolon)
        return hop
    }

    private struct Scanner: ~Escapable {
        private let bytes: Span<UInt8>
        private var index = 0

        @_lifetime(copy bytes)
        init(_ bytes: Span<UInt8>) { self.bytes = bytes }

        var isAtEnd: Bool { index == bytes.count }

        func isAt(_ byte: UInt8) -> Bool { index < bytes.count && bytes[index] == byte }

        mutating func takes(_ byte: UInt8) -> Bool {
            guard isAt(byte) else { return false }
            index += 1
            return true
        }

        mutating func skipBlanks() {
            while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
        }

        mutating func token() -> [UInt8]? { run { ASCII.isTokenCharacter($0) } }

        /// A token or a quoted string, unquoted. Colons and brackets without quotes are let pass, as some
        /// proxies write them.
        mutating func value() -> [UInt8]? {
            guard takes(ASCII.quote) else {
                return run {
                    ASCII.isTokenCharacter($0) || $0 == ASCII.colon || $0 == UInt8(ascii: "[")
                        || $0 == UInt8(ascii: "]")
                }
            }
            var text: [UInt8] = []
            while index < bytes.count {
                var byte = bytes[index]
                index += 1
                if byte == ASCII.quote { return text }
                if byte == ASCII.backslash {
                    guard index < bytes.count else { return nil }
                    byte = bytes[index]
                    index += 1
                }
                text.append(byte)
            }
            return nil
        }

        private mutating func run(_ belongs: (UInt8) -> Bool) -> [UInt8]? {
            let start = index
            while index < bytes.count, belongs(bytes[index]) { index += 1 }
            return index > start ? bytes.extracting(start..<index).array : nil
        }
    }
}
