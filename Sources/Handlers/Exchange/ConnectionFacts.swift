package import Base
package import Config

/// Who is at the other end of a connection, and where it came in.
package final class ConnectionFacts: Sendable {
    /// Who made the connection; where it was passed on with the PROXY protocol, whom that names.
    package let peer: SocketAddress
    /// The peer's address; nil at a Unix socket.
    package let peerIP: IPAddress?
    package let local: SocketAddress
    package let isSecure: Bool
    /// The peer is one of `trusted_proxies`, and its requests say who the client is.
    package let isFromTrustedProxy: Bool

    package init(
        peer: SocketAddress, local: SocketAddress, isSecure: Bool = false, trustedProxies: TrustedPeers
    ) {
        (self.peer, self.local, self.isSecure) = (peer, local, isSecure)
        peerIP = peer.ip
        isFromTrustedProxy = trustedProxies.contains(peer)
    }
}
