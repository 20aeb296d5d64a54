import Base
import Glibc
import Testing

/// What comes back from the form the kernel takes.
private func throughSockaddr(_ address: SocketAddress) throws -> SocketAddress? {
    try address.withSockaddr { pointer, length in
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
        }
        return SocketAddress(storage, length: length)
    }
}

@Suite struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"),
        ("192.0.2.1", "192.0.2.1"), ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("fe80::1:2:3:4", "fe80::1:2:3:4"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:0201", "192.0.2.1"),
        ("::fffe:192.0.2.1", "::fffe:c000:201"),
        ("64:ff9b::192.0.2.1", "64:ff9b::c000:201"),
    ]) func `read and printed`(_ text: String, _ printed: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == printed)
        #expect(IPAddress(printed) == address)
        var buffer = ByteBuffer()
        address.append(to: &buffer)
        #expect(buffer.bytes.string == printed)
    }

    @Test(arguments: [
        "", " ", "localhost", "1", "1.2.3", "1.2.3.4.5", "256.0.0.1", "1.2.3.-4", "01.2.3.4", "1.2.3.4 ",
        " 1.2.3.4",
        "0x7f.0.0.1", "127.1", ":", ":::", "1::2::3", "12345::", "::1%lo", "[::1]", "::g", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "1.2.3.4/8", "1.2.3.4:80", "127.0.0.1\0", "127.0.0.1\0.example.org", "::1\0",
        "１.2.3.4",
    ]) func `no address`(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `constants`() {
        #expect(IPAddress.loopback == IPAddress("127.0.0.1"))
        #expect(IPAddress.anyIPv4 == IPAddress("0.0.0.0"))
        #expect(IPAddress.anyIPv6 == IPAddress("::"))
        #expect(IPAddress.anyIPv4 != IPAddress.anyIPv6)
    }

    @Test func `families`() {
        #expect(IPAddress("10.0.0.1")?.isIPv4 == true)
        #expect(IPAddress("::ffff:10.0.0.1")?.isIPv4 == true)
        #expect(IPAddress("::10.0.0.1")?.isIPv4 == false)
        #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
        #expect(IPAddress(high: 0, low: 0xFFFF_0A00_0001) == IPAddress(v4: 0x0A00_0001))
    }

    @Test func `a part of a text`() {
        let text = "allow 10.1.2.3 ::1"
        let parts = text.split(separator: " ")
        #expect(IPAddress(parts[1])?.description == "10.1.2.3")
        #expect(IPAddress(parts[2])?.description == "::1")
    }
}

@Suite struct IPNetworkTests {
    struct Case: CustomTestStringConvertible {
        let network: String
        let inside: [String]
        let outside: [String]
        var testDescription: String { network }
    }

    @Test(arguments: [
        Case(
            network: "0.0.0.0/0", inside: ["0.0.0.0", "255.255.255.255", "::ffff:1.2.3.4"],
            outside: ["::", "::1"]),
        Case(
            network: "127.0.0.0/8", inside: ["127.0.0.1", "127.255.255.255"],
            outside: ["126.255.255.255", "128.0.0.0"]),
        Case(network: "10.0.0.0/9", inside: ["10.127.255.255"], outside: ["10.128.0.0"]),
        Case(
            network: "192.0.2.128/31", inside: ["192.0.2.128", "192.0.2.129"],
            outside: ["192.0.2.127", "192.0.2.130"]),
        Case(network: "192.0.2.1/32", inside: ["192.0.2.1"], outside: ["192.0.2.0", "192.0.2.2"]),
        Case(
            network: "192.0.2.1", inside: ["192.0.2.1", "::ffff:192.0.2.1"],
            outside: ["192.0.2.2", "::192.0.2.1"]),
        Case(network: "::/0", inside: ["::", "ffff::"], outside: ["0.0.0.0", "127.0.0.1"]),
        Case(network: "::1", inside: ["::1"], outside: ["::", "::2", "1::1", "0.0.0.1"]),
        Case(
            network: "2001:db8::/32", inside: ["2001:db8::", "2001:db8:ffff::1"],
            outside: ["2001:db9::", "2001:db7::"]),
        Case(network: "2001:db8:0:8000::/49", inside: ["2001:db8:0:ffff::"], outside: ["2001:db8:0:7fff::"]),
        Case(network: "2001:db8::/63", inside: ["2001:db8:0:1::"], outside: ["2001:db8:0:2::"]),
        Case(network: "2001:db8::/64", inside: ["2001:db8::ffff:0:0:1"], outside: ["2001:db8:0:1::"]),
        Case(network: "2001:db8::/65", inside: ["2001:db8::7fff:0:0:1"], outside: ["2001:db8::8000:0:0:1"]),
        Case(network: "2001:db8::4/127", inside: ["2001:db8::5"], outside: ["2001:db8::6", "2001:db8::3"]),
        Case(network: "::ffff:10.0.0.0/104", inside: ["10.255.0.1"], outside: ["11.0.0.0", "::"]),
        Case(network: "::ffff:0:0/96", inside: ["0.0.0.0", "203.0.113.9"], outside: ["::1"]),
    ]) func `what is inside`(_ row: Case) throws {
        let network = try #require(IPNetwork(row.network))
        for text in row.inside { #expect(network.contains(try #require(IPAddress(text))), "\(text)") }
        for text in row.outside { #expect(!network.contains(try #require(IPAddress(text))), "\(text)") }
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8",
        "10.0.0.0/ 8",
        "10.0.0.0/255.0.0.0", "10.0.0.0/99999999999999999999", "10.0.0.1/8", "10.128.0.0/8", "::/129",
        "::1/127",
        "2001:db8::1/64", "2001:db8:0:1::/63", "example.org", "10.0.0.0/８", "::ffff:10.0.0.0/24",
        "::ffff:10.0.0.1/104",
        "::ffff:10.0.0.0/129",
    ]) func `no network`(_ text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test func `every IPv4 length, against counting`() throws {
        for length in 0...32 {
            let size = UInt64(1) << UInt64(32 - length)
            let base = 0xC0A8_8000 / size * size
            let network = try #require(IPNetwork("\(IPAddress(v4: UInt32(base)))/\(length)"))
            #expect(network.length == length)
            #expect(network.contains(IPAddress(v4: UInt32(base))))
            #expect(network.contains(IPAddress(v4: UInt32(base + size - 1))))
            if base > 0 { #expect(!network.contains(IPAddress(v4: UInt32(base - 1)))) }
            if base + size <= UInt32.max { #expect(!network.contains(IPAddress(v4: UInt32(base + size)))) }
        }
    }
}

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", 80, "127.0.0.1:80"), ("0.0.0.0", 0, "0.0.0.0:0"),
        ("255.255.255.255", 65535, "255.255.255.255:65535"),
        ("::1", 8080, "[::1]:8080"), ("2001:db8::1", 443, "[2001:db8::1]:443"),
        ("::ffff:192.0.2.1", 1, "192.0.2.1:1"),
    ]) func `IP addresses go through sockaddr and print`(_ text: String, _ port: UInt16, _ printed: String)
        throws
    {
        let address = SocketAddress.ip(try #require(IPAddress(text)), port: port)
        #expect(try throughSockaddr(address) == address)
        #expect(address.description == printed)
        #expect(address.port == port)
        #expect(address.ip == IPAddress(text))
    }

    @Test func `sockaddr has network byte order and the family's size`() throws {
        try SocketAddress.ip(.loopback, port: 0x1234).withSockaddr { pointer, length in
            let bytes = Array(UnsafeRawBufferPointer(start: pointer, count: Int(length)))
            #expect(bytes.count == MemoryLayout<sockaddr_in>.size)
            #expect(Array(bytes[2..<8]) == [0x12, 0x34, 127, 0, 0, 1])
        }
        try SocketAddress.ip(IPAddress("2001:db8::1")!, port: 0x1234).withSockaddr { pointer, length in
            let bytes = Array(UnsafeRawBufferPointer(start: pointer, count: Int(length)))
            #expect(bytes.count == MemoryLayout<sockaddr_in6>.size)
            #expect(Array(bytes[2..<4]) == [0x12, 0x34])
            #expect(Array(bytes[8..<12]) == [0x20, 0x01, 0x0D, 0xB8])
            #expect(bytes[23] == 1)
        }
    }

    @Test func `the scope of a link-local address is kept`() throws {
        var ip = try #require(IPAddress("fe80::1"))
        ip.scope = 7
        let back = try throughSockaddr(.ip(ip, port: 80))
        #expect(back?.ip?.scope == 7)
        #expect(back == .ip(ip, port: 80))
    }

    @Test func `an IPv4 client of an IPv6 socket is an IPv4 client`() throws {
        var v6 = sockaddr_in6()
        v6.sin6_family = sa_family_t(AF_INET6)
        v6.sin6_port = UInt16(8080).bigEndian
        withUnsafeMutableBytes(of: &v6.sin6_addr) {
            $0.copyBytes(from: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 1])
        }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: v6, as: sockaddr_in6.self) }
        let address = SocketAddress(storage, length: socklen_t(MemoryLayout<sockaddr_in6>.size))
        #expect(address == .ip(IPAddress(v4: 0xC000_0201), port: 8080))
    }

    @Test(arguments: ["/run/gatehouse.sock", "relative.sock", "", String(repeating: "x", count: 107)])
    func `paths go through sockaddr`(_ path: String) throws {
        let address = SocketAddress.unix(path)
        #expect(try throughSockaddr(address) == address)
        #expect(address.description == "unix:\(path)")
        #expect(address.port == nil)
        #expect(address.ip == nil)
    }

    @Test func `a path too long is an error`() {
        #expect(throws: Errno.nameTooLong) {
            try SocketAddress.unix(String(repeating: "x", count: 108)).withSockaddr { _, _ in }
        }
        // Bytes count, not characters.
        #expect(throws: Errno.nameTooLong) {
            try SocketAddress.unix(String(repeating: "ä", count: 54)).withSockaddr { _, _ in }
        }
    }

    @Test func `the kernel may give a path of 108 bytes without an end`() {
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { for index in 2..<110 { $0[index] = 0x78 } }
        storage.ss_family = sa_family_t(AF_UNIX)
        #expect(SocketAddress(storage, length: 110) == .unix(String(repeating: "x", count: 108)))
        #expect(SocketAddress(storage, length: 2) == .unix(""))
    }

    @Test func `another family is no address`() {
        var storage = sockaddr_storage()
        storage.ss_family = sa_family_t(AF_NETLINK)
        #expect(SocketAddress(storage, length: 12) == nil)
    }

    @Test func `a real socket agrees`() throws {
        let listener = FileDescriptor(owning: socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0))
        #expect(try SocketAddress.ip(.loopback, port: 0).withSockaddr { bind(listener.raw, $0, $1) } == 0)
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(listener.raw, $0, &length)
            }
        }
        #expect(result == 0)
        let bound = try #require(SocketAddress(storage, length: length))
        #expect(bound.ip == .loopback)
        #expect(try #require(bound.port) > 0)
    }
}
