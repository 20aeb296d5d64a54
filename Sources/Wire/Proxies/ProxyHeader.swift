package import Base

/// The header of the PROXY protocol, by which a balancer says at the beginning of a connection whose it
/// is (haproxy.org, proxy-protocol.txt): version 1 is a line, version 2 is binary.
package struct ProxyHeader: Hashable, Sendable {
    package struct Endpoints: Hashable, Sendable {
        package var peer: SocketAddress
        package var local: SocketAddress

        package init(peer: SocketAddress, local: SocketAddress) { (self.peer, self.local) = (peer, local) }
    }

    /// Nil where the balancer speaks for itself or does not know: the socket's own addresses hold.
    package var endpoints: Endpoints?
    /// The client came to the balancer by TLS (version 2 with the TLV PP2_TYPE_SSL).
    package var isSecure = false
    /// Bytes of the header; the client's follow.
    package var length: Int

    package init(endpoints: Endpoints? = nil, isSecure: Bool = false, length: Int) {
        (self.endpoints, self.isSecure, self.length) = (endpoints, isSecure, length)
    }

    /// Why the bytes are no header. The text completes "the connection begins ...".
    package struct Failure: Error, Hashable {
        package let reason: StaticString
        package static func == (a: Failure, b: Failure) -> Bool {
            a.reason.description == b.reason.description
        }
        package func hash(into hasher: inout Hasher) { hasher.combine(reason.description) }
        init(_ reason: StaticString) { self.reason = reason }
    }

    /// Reads the header at the beginning of `bytes`; nil where more of it is to come.
    package static func parse(_ bytes: Span<UInt8>) throws(Failure) -> ProxyHeader? {
        if isBeginning(of: signature, bytes) {
            return bytes.count < signature.utf8CodeUnitCount + 4 ? nil : try parseBinary(bytes)
        }
        if isBeginning(of: "PROXY ", bytes) { return try parseLine(bytes) }
        throw Failure("without a header of the PROXY protocol")
    }

    /// Whether `bytes` are the beginning of `text` or begin with it.
    private static func isBeginning(of text: StaticString, _ bytes: Span<UInt8>) -> Bool {
        let pointer = text.utf8Start
        for index in 0..<min(bytes.count, text.utf8CodeUnitCount) where bytes[index] != pointer[index] {
            return false
        }
        return true
    }

    // MARK: Version 1

    /// With CR LF.
    private static let longestLine = 107

    private static func parseLine(_ bytes: Span<UInt8>) throws(Failure) -> ProxyHeader? {
        let window = bytes.extracting(first: longestLine)
        guard let lf = window.firstIndex(of: ASCII.lf) else {
            if bytes.count >= longestLine { throw Failure("with a PROXY line of more than 107 bytes") }
            return nil
        }
        guard lf > 0, window[lf - 1] == ASCII.cr else {
            throw Failure("with a PROXY line that does not end with CR LF")
        }
        var words: [String] = []
        var start = 0
        for index in 0..<lf where window[index] == ASCII.space || index == lf - 1 {
            words.append(window.extracting(start..<index).string)
            start = index + 1
        }
        // What stands behind UNKNOWN is to be passed over.
        if words.count > 1, words[1] == "UNKNOWN" { return ProxyHeader(length: lf + 1) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6" else {
            throw Failure("with a PROXY line of another form than `PROXY TCP4 ADDRESS ADDRESS PORT PORT`")
        }
        let isIPv4 = words[1] == "TCP4"
        guard let peer = address(words[2], port: words[4], isIPv4: isIPv4),
            let local = address(words[3], port: words[5], isIPv4: isIPv4)
        else { throw Failure("with a PROXY line whose addresses or ports are none") }
        return ProxyHeader(endpoints: Endpoints(peer: peer, local: local), length: lf + 1)
    }

    private static func address(_ text: String, port: String, isIPv4: Bool) -> SocketAddress? {
        guard let address = IPAddress(text), text.utf8.contains(ASCII.colon) != isIPv4,
            port == "0" || port.utf8.first != ASCII.zero,
            let port = Forwarding.portNumber(port.utf8.span)
        else { return nil }
        return .ip(address, port: port)
    }

    // MARK: Version 2

    private static let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"

    private static func parseBinary(_ bytes: Span<UInt8>) throws(Failure) -> ProxyHeader? {
        let start = signature.utf8CodeUnitCount + 4
        let command = bytes[start - 4]
        let family = bytes[start - 3]
        let length = start + number(bytes, start - 2)
        guard command >> 4 == 2 else { throw Failure("with a PROXY header of an unknown version") }
        guard command & 15 <= 1 else { throw Failure("with a PROXY header of an unknown command") }
        guard bytes.count >= length else { return nil }
        // LOCAL: the balancer's own connection, to see whether this server is well.
        if command & 15 == 0 { return ProxyHeader(length: length) }
        let size: Int
        switch family {
        case 0x11: size = 12
        case 0x21: size = 36
        case 0x31: size = 216
        // Unspecified, or no stream: nothing that could be used.
        default: return ProxyHeader(length: length)
        }
        guard length >= start + size else {
            throw Failure("with a PROXY header that is too short for its addresses")
        }
        let endpoints = endpoints(bytes.extracting(start..<start + size))
        let isSecure = isSecure(bytes.extracting((start + size)..<length))
        return ProxyHeader(endpoints: endpoints, isSecure: isSecure, length: length)
    }

    private static func endpoints(_ bytes: Span<UInt8>) -> Endpoints {
        switch bytes.count {
        case 12:
            Endpoints(
                peer: .ip(v4(bytes, 0), port: UInt16(truncatingIfNeeded: number(bytes, 8))),
                local: .ip(v4(bytes, 4), port: UInt16(truncatingIfNeeded: number(bytes, 10))))
        case 36:
            Endpoints(
                peer: .ip(v6(bytes, 0), port: UInt16(truncatingIfNeeded: number(bytes, 32))),
                local: .ip(v6(bytes, 16), port: UInt16(truncatingIfNeeded: number(bytes, 34))))
        default:
            Endpoints(
                peer: .unix(path(bytes.extracting(0..<108))), local: .unix(path(bytes.extracting(108...))))
        }
    }

    /// Whether the TLVs behind the addresses tell of TLS. Others are passed over, and so is a broken rest.
    private static func isSecure(_ values: Span<UInt8>) -> Bool {
        var index = 0
        while values.count - index >= 3 {
            let length = number(values, index + 1)
            guard values.count - index - 3 >= length else { return false }
            if values[index] == 0x20, length >= 1 { return values[index + 3] & 1 == 1 }
            index += 3 + length
        }
        return false
    }

    /// Two bytes in network order.
    private static func number(_ bytes: Span<UInt8>, _ index: Int) -> Int {
        Int(bytes[index]) << 8 | Int(bytes[index + 1])
    }

    private static func word(_ bytes: Span<UInt8>, _ start: Int, _ count: Int) -> UInt64 {
        var result: UInt64 = 0
        for index in start..<start + count { result = result << 8 | UInt64(bytes[index]) }
        return result
    }

    private static func v4(_ bytes: Span<UInt8>, _ start: Int) -> IPAddress {
        IPAddress(v4: UInt32(truncatingIfNeeded: word(bytes, start, 4)))
    }

    private static func v6(_ bytes: Span<UInt8>, _ start: Int) -> IPAddress {
        IPAddress(high: word(bytes, start, 8), low: word(bytes, start + 8, 8))
    }

    private static func path(_ bytes: Span<UInt8>) -> String {
        bytes.extracting(0..<(bytes.firstIndex(of: 0) ?? bytes.count)).string
    }
}
