package import Glibc

/// An IPv4 or IPv6 address, without a port.
///
/// Public, so that other targets inline how two are compared.
public struct IPAddress: Hashable, Sendable {
    /// The 128 bits of the address; an IPv4 address stands in the last 32.
    @usableFromInline package let high: UInt64
    @usableFromInline package let low: UInt64
    @usableFromInline package let isIPv4: Bool
    /// Interface of a link-local IPv6 address, 0 elsewhere.
    @usableFromInline package var scope: UInt32 = 0

    @inlinable public static func == (a: IPAddress, b: IPAddress) -> Bool {
        a.low == b.low && a.high == b.high && a.isIPv4 == b.isIPv4 && a.scope == b.scope
    }

    fileprivate init(high: UInt64, low: UInt64, isIPv4: Bool, scope: UInt32) {
        (self.high, self.low, self.isIPv4, self.scope) = (high, low, isIPv4, scope)
    }

    package init(v4: UInt32) {
        self.init(high: 0, low: UInt64(v4), isIPv4: true, scope: 0)
    }

    /// An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) becomes the IPv4 address.
    package init(high: UInt64, low: UInt64, scope: UInt32 = 0) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(v4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(high: high, low: low, isIPv4: false, scope: scope)
        }
    }

    /// What counts as one client: the address itself, or the /64 that an IPv6 address is in, of which a
    /// client commonly has all.
    package var clientNetwork: IPAddress { isIPv4 ? self : IPAddress(high: high, low: 0) }

    package static let loopback = IPAddress(v4: 0x7F00_0001)
    package static let anyIPv4 = IPAddress(v4: 0)
    package static let anyIPv6 = IPAddress(high: 0, low: 0)

    /// Reads `192.0.2.1` or `2001:db8::1`, nil for anything else.
    package init?(_ text: some StringProtocol) {
        let text = String(text)
        // inet_pton reads no further than a zero.
        if text.utf8.contains(0) { return nil }
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(v4: UInt32(bigEndian: v4.s_addr))
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(v6)
        } else {
            return nil
        }
    }

    init(_ address: in6_addr, scope: UInt32 = 0) {
        let words = withUnsafeBytes(of: address) {
            (
                $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        self.init(high: UInt64(bigEndian: words.0), low: UInt64(bigEndian: words.1), scope: scope)
    }

    var in6: in6_addr {
        var address = in6_addr()
        withUnsafeMutableBytes(of: &address) {
            $0.storeBytes(of: high.bigEndian, toByteOffset: 0, as: UInt64.self)
            $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return address
    }
}

extension IPAddress: CustomStringConvertible {
    public var description: String {
        if isIPv4 {
            var buffer = ByteBuffer(capacity: 16)
            append(to: &buffer)
            return buffer.bytes.string
        }
        var address = in6
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { buffer in
            guard let base = buffer.baseAddress,
                inet_ntop(AF_INET6, &address, base, socklen_t(buffer.count)) != nil
            else { return "::" }
            return String(cString: base)
        }
    }

    /// Appends the address as text, without allocating for IPv4.
    package func append(to buffer: inout ByteBuffer) {
        guard isIPv4 else { return buffer.append(description) }
        buffer.append(dotted: UInt32(truncatingIfNeeded: low))
    }
}

/// A network of addresses in prefix notation, `192.0.2.0/24`, `2001:db8::/32`, or one address.
package struct IPNetwork: Hashable, Sendable {
    package private(set) var address: IPAddress
    /// Leading bits that count.
    package let length: Int

    /// Nil where the text is no network: no address, a length beyond the family's, bits set behind it.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { return nil }
        let bits = address.isIPv4 ? 32 : 128
        if parts.count == 2 {
            // In an IPv4 network that is written as IPv6 (`::ffff:10.0.0.0/104`) 96 more bits are counted.
            let ahead = address.isIPv4 && first.utf8.contains(ASCII.colon) ? 96 : 0
            guard parts[1].utf8.allSatisfy(ASCII.isDigit), let length = Int(parts[1]),
                (ahead...ahead + bits) ~= length
            else { return nil }
            self.length = length - ahead
        } else {
            length = bits
        }
        self.address = address
        guard masked(address) == (address.high, address.low) else { return nil }
    }

    /// The network of that many leading bits which an address is in; nil for more bits than it has.
    package init?(of address: IPAddress, length: Int) {
        guard length >= 0, length <= (address.isIPv4 ? 32 : 128) else { return nil }
        self.length = length
        self.address = address
        let (high, low) = masked(address)
        self.address = IPAddress(high: high, low: low, isIPv4: address.isIPv4, scope: 0)
    }

    package func contains(_ other: IPAddress) -> Bool {
        other.isIPv4 == address.isIPv4 && masked(other) == (address.high, address.low)
    }

    private func masked(_ other: IPAddress) -> (UInt64, UInt64) {
        let kept = address.isIPv4 ? length + 96 : length
        let high = kept >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(kept))
        let low = kept >= 128 ? UInt64.max : kept <= 64 ? 0 : ~(UInt64.max >> UInt64(kept - 64))
        return (other.high & high, other.low & low)
    }
}

/// Where a socket is bound or connected.
package enum SocketAddress: Hashable, Sendable {
    case ip(IPAddress, port: UInt16)
    /// The path; empty for a peer that has none.
    case unix(String)

    package var ip: IPAddress? {
        if case .ip(let address, _) = self { return address }
        return nil
    }

    package var port: UInt16? {
        if case .ip(_, let port) = self { return port }
        return nil
    }

    package init?(_ storage: sockaddr_storage, length: socklen_t) {
        switch CInt(storage.ss_family) {
        case AF_INET:
            self = withUnsafeBytes(of: storage) {
                let address = $0.loadUnaligned(as: sockaddr_in.self)
                return .ip(
                    IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)),
                    port: UInt16(bigEndian: address.sin_port))
            }
        case AF_INET6:
            self = withUnsafeBytes(of: storage) {
                let address = $0.loadUnaligned(as: sockaddr_in6.self)
                return .ip(
                    IPAddress(address.sin6_addr, scope: address.sin6_scope_id),
                    port: UInt16(bigEndian: address.sin6_port))
            }
        case AF_UNIX:
            let path = withUnsafeBytes(of: storage) { bytes in
                bytes.prefix(Int(length)).dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }
            }
            self = .unix(String(decoding: path, as: UTF8.self))
        default: return nil
        }
    }

    /// Calls `body` with the form the kernel takes. Throws `nameTooLong` for a path of over 107 bytes.
    package func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) throws(Errno) -> R {
        var storage = sockaddr_storage()
        let length: socklen_t
        switch self {
        case .ip(let address, let port) where address.isIPv4:
            var v4 = sockaddr_in()
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.low).bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v4, as: sockaddr_in.self) }
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
        case .ip(let address, let port):
            var v6 = sockaddr_in6()
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            v6.sin6_addr = address.in6
            v6.sin6_scope_id = address.scope
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v6, as: sockaddr_in6.self) }
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        case .unix(let path):
            let bytes = Array(path.utf8)
            guard bytes.count < 108 else { throw .nameTooLong }
            storage.ss_family = sa_family_t(AF_UNIX)
            let offset = MemoryLayout<sa_family_t>.size
            withUnsafeMutableBytes(of: &storage) {
                UnsafeMutableRawBufferPointer(rebasing: $0[offset...]).copyBytes(from: bytes)
            }
            // An abstract name, which begins with a zero, has no end but its length.
            length = socklen_t(offset + bytes.count + (bytes.first == 0 ? 0 : 1))
        }
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// As it stands in a URL or a setting: `127.0.0.1:80`, `[::1]:80`, `unix:/run/x`.
    package var description: String {
        switch self {
        case .ip(let address, let port): address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
