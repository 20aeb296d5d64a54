package import Base
import CLinux
import Glibc

/// Listening sockets: made by whoever has the right to bind, handed to the loops that accept.
package enum ListeningSocket {
    /// A socket bound to `address` and listening. Others may join it there, and the kernel spreads
    /// connections over them (SO_REUSEPORT).
    ///
    /// Only who is `joining` takes an address that is taken: the first socket must not slip in beside
    /// those of another server of the same user.
    package static func bind(_ address: SocketAddress, joining: Bool, backlog: CInt = 4096) throws(Errno)
        -> FileDescriptor
    {
        let family: CInt
        switch address {
        case .ip(let ip, _): family = ip.isIPv4 ? AF_INET : AF_INET6
        case .unix(let path):
            family = AF_UNIX
            try removeStaleSocket(path)
        }
        let raw = socket(
            family, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        if raw < 0 { throw .current }
        let socket = FileDescriptor(owning: raw)
        if family != AF_UNIX {
            try set(socket, SOL_SOCKET, SO_REUSEADDR)
            if joining { try set(socket, SOL_SOCKET, SO_REUSEPORT) }
            if family == AF_INET6 { try set(socket, CInt(IPPROTO_IPV6), IPV6_V6ONLY) }
            // Accepted sockets inherit it, which spares a call for each.
            try set(socket, CInt(IPPROTO_TCP), TCP_NODELAY)
        }
        let result = try address.withSockaddr { Glibc.bind(raw, $0, $1) }
        if result < 0 { throw .current }
        if family != AF_UNIX, !joining { try set(socket, SOL_SOCKET, SO_REUSEPORT) }
        if listen(raw, backlog) < 0 { throw .current }
        return socket
    }

    /// The address a socket is bound to, with the port that the kernel chose.
    package static func address(of socket: borrowing FileDescriptor) throws(Errno) -> SocketAddress {
        try name { getsockname(socket.raw, $0, $1) }
    }

    /// The address of one end of a connected socket.
    package static func localAddress(_ fd: CInt) -> SocketAddress? {
        try? name { getsockname(fd, $0, $1) }
    }

    private static func name(
        _ call: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> CInt
    ) throws(Errno) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, &length) }
        }
        if result < 0 { throw .current }
        guard let address = SocketAddress(storage, length: length) else { throw .invalid }
        return address
    }

    private static func set(_ socket: borrowing FileDescriptor, _ level: CInt, _ option: CInt) throws(Errno) {
        if !enable(socket.raw, level, option) { throw .current }
    }

    /// Switches a socket's option on; false where the kernel refuses.
    package static func enable(_ fd: CInt, _ level: CInt, _ option: CInt) -> Bool {
        var one: CInt = 1
        return setsockopt(fd, level, option, &one, socklen_t(MemoryLayout<CInt>.size)) == 0
    }

    /// The number that a socket's option has; nil where `fd` has no such option.
    package static func option(_ fd: CInt, _ level: CInt, _ option: CInt) -> CInt? {
        var value: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(fd, level, option, &value, &length) == 0 ? value : nil
    }

    /// A socket file that nobody listens on any more stands in the way of bind(2). Only a refused
    /// connection says so: a socket of another kind, such as a log daemon's, is not asked like that.
    private static func removeStaleSocket(_ path: String) throws(Errno) {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
        let probe = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if probe < 0 { throw .current }
        defer { close(probe) }
        let isRefused = try SocketAddress.unix(path).withSockaddr {
            connect(probe, $0, $1) < 0 && Errno.current == .connectionRefused
        }
        if isRefused { unlink(path) }
    }
}

/// One loop's end of a listening socket.
package final class Listener {
    private let source: Source

    /// `descriptor` is a listening socket of this loop alone.
    package init(_ descriptor: consuming FileDescriptor, waiter: Waiter) {
        source = Source(descriptor, waiter: waiter)
    }

    /// The next connection and who made it, nil when none waits.
    package func tryAccept() throws(Errno) -> (descriptor: CInt, peer: SocketAddress)? {
        var storage = sockaddr_storage()
        var length = UInt32(MemoryLayout<sockaddr_storage>.size)
        let fd = source.fd
        let accepted = try source.attemptRead(room: 0) {
            let raw = gh_accept(fd, &storage, &length)
            // Zero would mean the end; a descriptor of 0 is as good as any other.
            return raw < 0 ? -1 : Int(raw) + 1
        }
        guard let accepted else { return nil }
        let peer = SocketAddress(storage, length: socklen_t(length)) ?? .unix("")
        return (CInt(accepted - 1), peer)
    }

    package func close() { source.close() }
}
