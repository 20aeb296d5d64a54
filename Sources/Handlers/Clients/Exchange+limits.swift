import Base
import Config
import Net
import Wire

extension Exchange {
    /// Finds out who the client is, where a trusted proxy stands between.
    final func findClient() {
        if connection.isFromTrustedProxy { readForwarded() }
    }

    private func readForwarded() {
        let trusted = context.trustedProxies
        forwarded = withHeadBytes { bytes in
            Forwarding.client(head, bytes, peer: connection.peer.ip) { trusted.contains($0) }
        }
        if forwarded?.isDisputed == true {
            logOnce(
                .warning,
                "X-Forwarded-For and Forwarded name different clients, and X-Forwarded-For counts; have the proxy remove the one that it does not set itself",
                about: "trusted_proxies")
        }
    }

    /// Counts the request against the part's `limit_requests`, once however many of its paths are there;
    /// answers it where it is one too many. A request that was sent on inside the server has been counted.
    final func refuseIfTooMany(_ part: Part) async throws(StreamError) -> Bool {
        guard let limiter = part.requestLimiter, limiter !== countedBy, !isSentOn else { return false }
        countedBy = limiter
        // Clients of a Unix socket count as one.
        let verdict = limiter.count(clientAddress ?? .loopback, now: context.loop.now)
        guard case .refused(let after, let isNews) = verdict else { return false }
        if isNews { log(.warning, "more requests than limit_requests allows") }
        let seconds = max(1, Int(after.seconds.rounded(.up)))
        try await ErrorPage.send(.tooManyRequests, fields: [("Retry-After", String(seconds))], on: self)
        return true
    }
}
