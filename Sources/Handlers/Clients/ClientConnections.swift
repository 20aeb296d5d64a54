import Base
import Logs
import Synchronization

/// How many connections each client has open on all loops together (`max_connections_per_ip`).
///
/// Asked when a connection begins and told when it ends, and only where the setting is on.
final class ClientConnections: Sendable {
    private let maximum: Int
    private let open = Mutex<[IPAddress: Int]>([:])
    private let throttle = LogThrottle()

    init(_ maximum: Int) { self.maximum = maximum }

    /// Takes a place for a connection of `client`; false where it has none left.
    func take(_ client: IPAddress) -> Bool {
        open.withLock { open in
            let count = open[client.clientNetwork, default: 0]
            if count >= maximum { return false }
            open[client.clientNetwork] = count + 1
            return true
        }
    }

    /// Gives a place back.
    func give(_ client: IPAddress) {
        open.withLock { open in
            let count = open[client.clientNetwork, default: 1] - 1
            open[client.clientNetwork] = count > 0 ? count : nil
        }
    }

    /// Says in the log that one was closed.
    func tell(_ client: IPAddress, _ context: LoopContext) {
        throttle.write(
            "more than max_connections_per_ip = \(maximum) connections; a new one was closed", client, context
        )
    }
}
