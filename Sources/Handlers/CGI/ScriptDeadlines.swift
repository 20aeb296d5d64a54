import Base
import Config

/// Until when a script and its client may go on: what has happened so far, and what follows from it.
struct ScriptDeadlines {
    struct Limits {
        /// `cgi_timeout`, `cgi_idle_timeout`, `cgi_max_time`.
        var firstByte: TimeSpan
        var idle: TimeSpan
        var total: TimeSpan?
        /// `cgi_linger`: from the script's end to that of its output, which a child may hold open.
        var linger: TimeSpan
        /// From the output's end to that of the script, which may work on.
        var exit: TimeSpan
        /// `write_timeout`.
        var write: TimeSpan
        /// For a client that has ended its side.
        var halfClosed: TimeSpan
        /// `body_timeout`, for content that is streamed.
        var content: TimeSpan
    }

    /// What may have taken too long. Where several have, the first of these counts.
    enum Expiry: CaseIterable {
        case halfClosed, content, write, total, firstByte, idle, linger
    }

    let limits: Limits
    let started: Instant
    var lastOutput: Instant?
    var outputEnded: Instant?
    var exited: Instant?
    /// The kernel is about to end the script, which may take as long as it lingers.
    var isExiting = false
    /// The client has ended its side.
    var clientDone: Instant?
    /// When the client took something last, or began to take nothing.
    var lastTaken: Instant
    /// Something waits for the client.
    var isWaitingForClient = false
    /// What waits is held back by `limit_rate` until then, and not by the client.
    var heldUntil: Instant?
    /// So much waits for the client that the script is not read, and may not be blamed for silence.
    var isHeldBack = false
    /// When a piece of the request's content came last; nil where none is waited for.
    var awaitsContentSince: Instant?
    /// When the script took some of the request's content last. Who reads has the same time to print again.
    var lastInput: Instant?

    init(_ limits: Limits, started: Instant) {
        self.limits = limits
        self.started = started
        lastTaken = started
    }

    /// When to look again, if nothing happens before.
    var next: Instant {
        var result = heldUntil ?? .never
        for expiry in Expiry.allCases { if let at = deadline(expiry) { result = min(result, at) } }
        return result
    }

    /// What has taken too long by now.
    func expired(_ now: Instant) -> Expiry? {
        Expiry.allCases.first { expiry in deadline(expiry).map { now >= $0 } ?? false }
    }

    /// Nil for what is not waited for.
    private func deadline(_ expiry: Expiry) -> Instant? {
        switch expiry {
        case .halfClosed: clientDone.map { $0 + limits.halfClosed }
        case .write: isWaitingForClient && heldUntil == nil ? lastTaken + limits.write : nil
        case .total: exited == nil ? limits.total.map { started + $0 } : nil
        case .content: awaitsContentSince.map { $0 + limits.content }
        case .firstByte: isPrinting && lastOutput == nil ? lastRead(started) + limits.firstByte : nil
        case .idle: isPrinting && !isHeldBack ? lastOutput.map { lastRead($0) + limits.idle } : nil
        case .linger:
            // A script may close its output and work on, or leave it to a child and end.
            switch (outputEnded, exited) {
            case (let ended?, nil):
                awaitsContentSince == nil ? lastRead(ended) + (isExiting ? limits.linger : limits.exit) : nil
            case (nil, let ended?): ended + limits.linger
            case (nil, nil), (_?, _?): nil
            }
        }
    }

    /// Until when a script may work on behind a stdout that it has closed, and what is said of one that works on
    /// for longer.
    func workLimit(from now: Instant) -> (deadline: Instant, reason: String) {
        let end = limits.total.map { started + $0 } ?? .never
        let setting =
            end < now + limits.idle
            ? "cgi_max_time = \(limits.total ?? .zero)" : "cgi_idle_timeout = \(limits.idle)"
        return (
            min(end, now + limits.idle),
            "the script closed its stdout and worked on for longer than \(setting); it and all it started are ended"
        )
    }

    private var isPrinting: Bool { exited == nil && outputEnded == nil && awaitsContentSince == nil }

    /// `time`, or when the script read last.
    private func lastRead(_ time: Instant) -> Instant { max(time, lastInput ?? time) }
}
