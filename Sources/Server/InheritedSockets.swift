import Base
import Glibc
import Net

/// Listening sockets that a service manager has opened for this process (systemd's socket activation,
/// sd_listen_fds(3)): descriptors from 3 on, their number in LISTEN_FDS.
struct InheritedSockets {
    private struct Entry {
        let address: SocketAddress
        let descriptor: CInt
        let takesIPv4: Bool
    }

    private var entries: [Entry] = []
    /// Addresses that were taken, to tell a second socket of one from one that nobody asked for.
    private var taken: Set<SocketAddress> = []
    private static let first: CInt = 3

    /// None.
    init() {}

    /// Takes over what the environment names, and removes the variables from it: scripts and other
    /// programs must not see them. To be called once, while the process has one thread.
    static func fromEnvironment() throws(StartError) -> InheritedSockets {
        let process = Environment.take("LISTEN_PID")
        let number = Environment.take("LISTEN_FDS")
        _ = Environment.take("LISTEN_FDNAMES")
        var result = InheritedSockets()
        // What is meant for another process is none of ours.
        guard let process, let number, process == "\(getpid())" else { return result }
        guard let count = CInt(number), (0...10000) ~= count else {
            throw StartError("LISTEN_FDS is \(number), which is no number of sockets")
        }
        for descriptor in first..<first + count { result.entries.append(try entry(descriptor)) }
        return result
    }

    private static func entry(_ descriptor: CInt) throws(StartError) -> Entry {
        let flags = fcntl(descriptor, F_GETFD)
        guard flags >= 0, fcntl(descriptor, F_SETFD, flags | FD_CLOEXEC) >= 0 else {
            throw StartError("descriptor \(descriptor), which LISTEN_FDS counts, is not open")
        }
        guard ListeningSocket.option(descriptor, SOL_SOCKET, SO_ACCEPTCONN) == 1,
            ListeningSocket.option(descriptor, SOL_SOCKET, SO_TYPE) == CInt(SOCK_STREAM.rawValue),
            let address = ListeningSocket.localAddress(descriptor)
        else {
            throw StartError(
                "descriptor \(descriptor), which LISTEN_FDS counts, is no listening stream socket; the .socket unit needs ListenStream= and Accept=no"
            )
        }
        guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) >= 0 else {
            throw StartError("cannot use descriptor \(descriptor) of LISTEN_FDS: \(Errno.current)")
        }
        if address.ip != nil {
            // As sockets of the server's own have it. A socket without it is only slower.
            _ = ListeningSocket.enable(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY)
        }
        let takesIPv4 =
            address.ip == .anyIPv6
            && ListeningSocket.option(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY) == 0
        return Entry(address: address, descriptor: descriptor, takesIPv4: takesIPv4)
    }

    /// The socket of an address, which the caller owns from here on; nil where there is none.
    mutating func take(_ address: SocketAddress) -> CInt? {
        guard let index = entries.firstIndex(where: { $0.address == address }) else { return nil }
        taken.insert(address)
        return entries.remove(at: index).descriptor
    }

    /// Whether there is a socket of this address that takes IPv4, too.
    func hasBothFamilies(_ address: SocketAddress) -> Bool {
        entries.contains { $0.address == address && $0.takesIPv4 }
    }

    /// Closes what nobody took. Throws where a socket is for an address that the configuration does not
    /// have: its connections would wait for ever. Returns what to warn of.
    consuming func end() throws(StartError) -> [String] {
        var warnings: [String] = []
        for entry in entries {
            guard taken.contains(entry.address) else {
                throw StartError(
                    "the service manager has opened \(entry.address), which is no `listen` of [server]")
            }
            close(entry.descriptor)
            warnings.append(
                "the service manager has opened \(entry.address) more than once; the first socket is used")
        }
        return warnings
    }
}

/// The process's environment.
enum Environment {
    /// A variable's value, which is removed with it. Only while the process has one thread.
    static func take(_ name: String) -> String? {
        guard let value = getenv(name) else { return nil }
        let text = String(cString: value)
        unsetenv(name)
        return text
    }
}
