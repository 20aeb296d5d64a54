import Base
import Config
import Glibc
import Net

/// An address that the server listens on, bound, with a socket for each loop.
///
/// Binding is apart from serving, so that the process that may bind need not be the one that serves.
struct BoundAddress {
    let setting: ListenAddress
    /// With the port that the kernel chose where 0 was asked for.
    let address: SocketAddress
    /// One a loop. Each is taken over by its listener.
    let sockets: [CInt]
    /// The file of a Unix socket that this server has made.
    let file: SocketFile?

    /// As it is announced: `http://127.0.0.1:8080`.
    var url: String { "http://\(address)" }

    /// As somebody opens it in a browser: where all addresses are listened on, one for each that the
    /// machine has.
    var reachableURLs: [String] {
        guard case .ip(let wildcard, let port) = address, wildcard == .anyIPv4 || wildcard == .anyIPv6 else {
            return [url]
        }
        let all = IPAddress.ofThisMachine().filter { $0.isIPv4 == wildcard.isIPv4 }
        return all.map { "http://\(SocketAddress.ip($0, port: port))" }
    }

    /// Binds every address that the server listens on, or takes its socket from those `inherited`.
    static func bindAll(
        _ config: ServerConfig, loops: Int, inherited: inout InheritedSockets
    ) throws(StartError) -> [BoundAddress] {
        var result: [BoundAddress] = []
        // An address and all addresses may have the same port.
        var ports: Set<UInt16> = []
        func add(_ setting: ListenAddress, _ wanted: SocketAddress) throws(StartError) {
            let joins = wanted.port.map { $0 > 0 && ports.contains($0) } ?? false
            let bound =
                if let socket = inherited.take(wanted) {
                    try share(socket, setting, wanted, loops)
                } else {
                    try bind(setting, wanted, loops, joining: joins)
                }
            if let port = bound.address.port { ports.insert(port) }
            result.append(bound)
        }
        for setting in config.server.listen {
            switch setting.host {
            case .address(let address): try add(setting, address)
            case .any(let port):
                // A service manager's socket for all of IPv6 mostly takes IPv4, too.
                let all = SocketAddress.ip(.anyIPv6, port: port)
                if inherited.hasBothFamilies(all) {
                    try add(setting, all)
                    continue
                }
                try add(setting, .ip(.anyIPv4, port: port))
                // The same port for both families, also where the kernel chose it.
                let v6 = SocketAddress.ip(.anyIPv6, port: result.last?.address.port ?? port)
                do throws(StartError) { try add(setting, v6) } catch {
                    // A machine without IPv6 still has all its addresses served.
                    guard access("/proc/net/if_inet6", F_OK) != 0 else { throw error }
                }
            }
        }
        return result
    }

    private static func bind(
        _ setting: ListenAddress, _ wanted: SocketAddress, _ loops: Int, joining: Bool
    ) throws(StartError) -> BoundAddress {
        do throws(Errno) {
            let first = try ListeningSocket.bind(wanted, joining: joining)
            let address = try ListeningSocket.address(of: first)
            // Not shared by port; its loops accept from one.
            if case .unix(let path) = address {
                return BoundAddress(
                    setting: setting, address: address, sockets: try copies(first, loops),
                    file: SocketFile(path))
            }
            var sockets: [CInt] = []
            for _ in 1..<max(loops, 1) {
                sockets.append(try ListeningSocket.bind(address, joining: true).release())
            }
            sockets.append(first.release())
            return BoundAddress(setting: setting, address: address, sockets: sockets, file: nil)
        } catch {
            var hint = ""
            switch error.code {
            case EADDRINUSE: hint = "; another program listens there (`ss -ltnp` shows which)"
            case EACCES: hint = "; ports below 1024 need root or the capability cap_net_bind_service"
            case EADDRNOTAVAIL: hint = "; this machine does not have that address"
            default: break
            }
            throw StartError(
                "cannot listen on \(wanted): \(error)\(hint)", at: setting.position,
                isAddressTaken: error.code == EADDRINUSE)
        }
    }

    /// A socket that was there already: all loops accept from it.
    private static func share(
        _ socket: CInt, _ setting: ListenAddress, _ address: SocketAddress, _ loops: Int
    ) throws(StartError) -> BoundAddress {
        let socket = FileDescriptor(owning: socket)
        do throws(Errno) {
            return BoundAddress(
                setting: setting, address: address, sockets: try copies(socket, loops), file: nil)
        } catch {
            throw StartError("cannot share the socket of \(address) among the threads: \(error)")
        }
    }

    private static func copies(
        _ socket: borrowing FileDescriptor, _ count: Int
    ) throws(Errno) -> [CInt] {
        var copies: [CInt] = []
        for _ in 0..<max(count, 1) { copies.append(try socket.duplicate().release()) }
        return copies
    }
}

/// The file that a Unix socket has been bound to.
struct SocketFile {
    private let path: String
    private let device: dev_t
    private let inode: ino_t

    /// The file as it is now, right after binding.
    fileprivate init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        (self.path, device, inode) = (path, status.st_dev, status.st_ino)
    }

    /// Removes it, unless another server has put its own there meanwhile.
    func remove() {
        var status = stat()
        guard lstat(path, &status) == 0, status.st_dev == device, status.st_ino == inode else { return }
        unlink(path)
    }
}
