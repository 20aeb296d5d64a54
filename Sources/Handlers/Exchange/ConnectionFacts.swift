package import Base

/// Who is at the other end of a connection, and where it came in.
package final class ConnectionFacts: Sendable {
    package let peer: SocketAddress
    package let local: SocketAddress
    package let isSecure = false

    package init(peer: SocketAddress, local: SocketAddress) { (self.peer, self.local) = (peer, local) }
}
