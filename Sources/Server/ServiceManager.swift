import Base
import CLinux
import Glibc

/// The service manager that has started the server, told what the server does (sd_notify(3)).
struct ServiceManager {
    private let socket: SocketAddress?

    /// The one that NOTIFY_SOCKET names, which is removed from the environment. Nobody is told where there
    /// is none. Only while the process has one thread.
    static func fromEnvironment() -> ServiceManager {
        guard let name = Environment.take("NOTIFY_SOCKET"), name.hasPrefix("/") || name.hasPrefix("@") else {
            return ServiceManager(socket: nil)
        }
        // An abstract socket's name begins with a zero.
        return ServiceManager(socket: .unix(name.hasPrefix("@") ? "\0\(name.dropFirst())" : name))
    }

    /// All addresses are listened on.
    func tellReady() {
        // A manager outside of a container knows its process 1, and this one by another number.
        send(gh_has_init() ? "READY=1" : "READY=1\nMAINPID=\(getpid())")
    }
    /// The server has begun to end.
    func tellStopping() { send("STOPPING=1") }

    private func send(_ message: String) {
        guard let socket else { return }
        let raw = Glibc.socket(
            AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { return }
        let descriptor = FileDescriptor(owning: raw)
        // Who does not listen any more cannot be told.
        _ = try? socket.withSockaddr { address, length in
            let text = Array(message.utf8)
            return text.withUnsafeBytes {
                sendto(
                    descriptor.raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL), address, length)
            }
        }
    }
}
