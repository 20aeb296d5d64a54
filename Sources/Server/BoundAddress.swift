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

    /// Binds every address that the server or a site listens on.
    static func bindAll(_ config: ServerConfig, loops: Int) throws(StartError) -> [BoundAddress] {
        var settings: [ListenAddress] = []
        for setting in config.server.listen + config.sites.flatMap(\.listen) where !settings.contains(setting)
        {
            settings.append(setting)
        }
        var result: [BoundAddress] = []
        for setting in settings {
            switch setting.host {
            case .address(let address): result.append(try bind(setting, address, loops, beside: result))
            case .any(let port):
                let v4 = try bind(setting, .ip(.anyIPv4, port: port), loops, beside: result)
                result.append(v4)
                // The same port for both families, also where the kernel chose it.
                let v6 = SocketAddress.ip(.anyIPv6, port: v4.address.port ?? port)
                do throws(StartError) { result.append(try bind(setting, v6, loops, beside: result)) } catch {
                    // A machine without IPv6 still has all its addresses served.
                    guard access("/proc/net/if_inet6", F_OK) != 0 else { throw error }
                }
            }
        }
        return result
    }

    /// `others` are those bound before: an address and all addresses may have the same port.
    private static func bind(
        _ setting: ListenAddress, _ wanted: SocketAddress, _ loops: Int, beside others: [BoundAddress]
    ) throws(StartError) -> BoundAddress {
        do throws(Errno) {
            let isPortOurs = wanted.port.map { $0 > 0 && others.map(\.address.port).contains($0) } ?? false
            let first = try ListeningSocket.bind(wanted, joining: isPortOurs)
            let address = try ListeningSocket.address(of: first)
            var sockets: [CInt] = []
            for _ in 1..<max(loops, 1) {
                // A Unix socket cannot be shared by port; its loops accept from one.
                if case .unix = address {
                    sockets.append(try first.duplicate().release())
                } else {
                    sockets.append(try ListeningSocket.bind(address, joining: true).release())
                }
            }
            sockets.append(first.release())
            return BoundAddress(setting: setting, address: address, sockets: sockets)
        } catch {
            var hint = ""
            switch error.code {
            case EADDRINUSE: hint = "; another program listens there (`ss -ltnp` shows which)"
            case EACCES: hint = "; ports below 1024 need root or the capability cap_net_bind_service"
            case EADDRNOTAVAIL: hint = "; this machine does not have that address"
            default: break
            }
            throw StartError(
                "cannot listen on \(wanted): \(error)\(hint)", isAddressTaken: error.code == EADDRINUSE)
        }
    }
}
