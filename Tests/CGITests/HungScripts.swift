import TestSupport

/// What scripts that hang are made of, and the request for one.
enum HungScript {
    /// For `cgi-bin/x`.
    static let request = "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n"
    /// Ignored by the shell and all that it starts.
    static let deafToTerm = "trap '' TERM"
    /// Notes itself and three more that live on in its group: one quiet, one that does not heed TERM,
    /// one that has lost its parent.
    static let family = """
        echo $$ >>pids
        sleep 1000 & echo $! >>pids
        (trap '' TERM; exec sleep 1000) & echo $! >>pids
        (sleep 1000 & echo $! >>pids)
        """
    /// Starts `left` without a parent and without an environment, out of the group.
    static let leaving = "setsid -f env -i ./left >/dev/null 2>&1 </dev/null"
}

/// How a client goes.
enum Leaving: String, CaseIterable { case close, reset }

extension RawClient {
    func leave(by way: Leaving) {
        switch way {
        case .close: close()
        case .reset: reset()
        }
    }
}
