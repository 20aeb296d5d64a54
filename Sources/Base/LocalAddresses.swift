import Glibc

extension IPAddress {
    /// The addresses of this machine's interfaces that are up, its own (loopback) first, then IPv4 before
    /// IPv6. Link-local addresses are left out: they mean nothing without the name of an interface.
    package static func ofThisMachine() -> [IPAddress] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [.loopback] }
        defer { freeifaddrs(first) }
        var found: [IPAddress] = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard entry.ifa_flags & UInt32(IFF_UP) != 0, let address = entry.ifa_addr else { continue }
            let ip: IPAddress
            switch CInt(address.pointee.sa_family) {
            case AF_INET:
                // Of an IPv4 entry there is as much as its family says.
                let v4 = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
                ip = IPAddress(v4: UInt32(bigEndian: v4.sin_addr.s_addr))
            case AF_INET6:
                let v6 = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
                ip = IPAddress(v6.sin6_addr)
            default: continue
            }
            if ip.isLinkLocal || found.contains(ip) { continue }
            found.append(ip)
        }
        func rank(_ ip: IPAddress) -> Int { (ip.isLoopback ? 0 : 2) + (ip.isIPv4 ? 0 : 1) }
        return found.enumerated().sorted { (rank($0.element), $0.offset) < (rank($1.element), $1.offset) }
            .map(\.element)
    }

    private var isLoopback: Bool { isIPv4 ? low >> 24 == 127 : high == 0 && low == 1 }
    private var isLinkLocal: Bool { isIPv4 ? low >> 16 == 0xA9FE : high >> 54 == 0x3FA }
}
