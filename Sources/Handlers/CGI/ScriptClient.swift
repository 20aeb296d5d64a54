import Base
import Net

/// The client of a running script: what it has taken of the answer, and whether it is still there.
///
/// Belongs to the relay between the two, whose deadlines it keeps.
struct ScriptClient {
    private let exchange: Exchange
    private let answer: ScriptAnswer
    private let started: Instant

    /// It has ended its side and is taken to read on, until a reset tells otherwise.
    private var isHalfClosed = false
    /// Nothing can be sent any more.
    private var isLost = false
    /// Until then output waits for more, the end above all, which goes with it in one call.
    private var heldUntil: Instant?

    /// Output that is sent without waiting for more.
    private static let enough = 32 * 1024
    /// Output that may wait for it before the script is no longer read.
    private static let pendingLimit = 64 * 1024
    /// For one that has ended its side in the midst of an answer, where nothing can be sent to find out
    /// whether it still reads.
    static let halfClosedGrace = TimeSpan.milliseconds(500)
    /// Who ends its side on purpose does so right behind its request; later, it has most likely gone.
    private static let halfClosedStart = TimeSpan.seconds(2)

    init(_ exchange: Exchange, _ answer: ScriptAnswer, started: Instant) {
        (self.exchange, self.answer, self.started) = (exchange, answer, started)
    }

    /// It will read no more.
    var isGone: Bool { isLost || exchange.isClientGone }

    /// It has so much to take that the script is not read.
    var isBehind: Bool {
        !answer.isAlone && exchange.hasBegun && exchange.pendingBytes >= ScriptClient.pendingLimit
    }

    /// Whether what there is for it may wait for what comes next: for a moment, and while it is little.
    ///
    /// - Parameter isAll: nothing comes any more. Whoever ends the answer sends it.
    mutating func mayWait(isAll: Bool, _ deadlines: ScriptDeadlines) -> Bool {
        let count = exchange.pendingBytes
        if count >= ScriptClient.enough || answer.isAlone { return false }
        if count == 0, !answer.holdsHead { return false }
        if isAll { return true }
        if deadlines.isWaitingForClient { return false }
        let loop = exchange.context.loop
        let until = heldUntil ?? loop.now + EventLoop.soon
        heldUntil = until
        if loop.now >= until { return false }
        loop.wakeSoon(exchange.waiter)
        return true
    }

    /// Sends what it takes. Whether the script may be read again for that.
    mutating func send(_ deadlines: inout ScriptDeadlines) -> Bool {
        if answer.isAlone { return false }
        answer.begin()
        guard exchange.hasBegun else { return false }
        let before = exchange.pendingBytes
        if before == 0 { return false }
        heldUntil = nil
        do throws(StreamError) { try exchange.flushNow() } catch {
            isLost = true
            return false
        }
        let (after, now) = (exchange.pendingBytes, exchange.context.loop.now)
        // The time that it may take begins when it takes no more.
        if after < before || !deadlines.isWaitingForClient { deadlines.lastTaken = now }
        deadlines.isWaitingForClient = after > 0
        if after == before { return false }
        if exchange.isClientDone {
            isHalfClosed = true
            deadlines.clientDone = nil
        }
        // While it was behind, the script could not print.
        if before >= ScriptClient.pendingLimit { deadlines.lastOutput = now }
        return before >= ScriptClient.pendingLimit && after < ScriptClient.pendingLimit
    }

    /// Finds out whether one that has ended its side still reads.
    ///
    /// - Parameter isAwaited: some of the request's content has not come.
    mutating func probe(isAwaited: Bool, _ deadlines: inout ScriptDeadlines) {
        guard exchange.isClientDone else { return }
        if isAwaited {
            // What it has sent shows whether that was all; where the script does not read it, this does.
            _ = exchange.probeClient()
        } else if !isHalfClosed, deadlines.clientDone == nil {
            // Bytes that are sent now find out: one that has gone answers with a reset.
            let now = exchange.context.loop.now
            isHalfClosed = exchange.probeClient() || now < started + ScriptClient.halfClosedStart
            if !isHalfClosed { deadlines.clientDone = now }
        }
    }
}
