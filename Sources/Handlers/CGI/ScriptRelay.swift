import Base
import Config
import Net
import Wire

/// Passes a running script's output on to the client and watches over both.
///
/// Everything it waits for wakes the same waiter: output, stderr, the script's end, the client. Each
/// round does what can be done now and then sleeps until the nearest deadline.
final class ScriptRelay {
    enum Ending {
        case complete
        case redirected([UInt8])
        /// A file is to be sent in the place of content.
        case file(ScriptHead)
        case failed(ScriptFailure)
        case notStarted(SpawnError)
        /// It ended without a header; the reason for the log.
        case silent(String)
        /// The request's content, which was passed on as it came, did not come whole.
        case contentFailed(RequestContent.Failure)
        case clientGone
        case cancelled

        /// Why the script gave no answer.
        var failure: String? {
            switch self {
            case .failed(let failure): failure.reason
            case .silent(let reason): reason
            case .complete, .redirected, .file, .notStarted, .contentFailed, .clientGone, .cancelled: nil
            }
        }
    }

    private let exchange: Exchange
    private let part: Part
    private let site: Site

    private let script: RunningScript
    private let answer: ScriptAnswer
    private var client: ScriptClient
    /// What the script was given to read, for as long as it may have to be started again.
    private let content: RequestContent
    /// Passes the request's content on, where that is streamed.
    private let feed: ContentFeed?

    private var errorOutput = ErrorOutput()
    private var isErrorDone = false
    private var deadlines: ScriptDeadlines
    /// What was wrong with the output.
    private var failure: ScriptFailure?
    /// The script and all it started are to be ended.
    private var mustEnd = false
    /// Bytes of output that came when the answer was whole.
    private var unasked = 0
    /// Some of it came when the client had ended its side, too.
    private var printsToNobody = false
    /// Pieces that are read before others have their turn.
    private static let roundPieces = 4
    /// Who has closed stdout, and is not ending by then, works on.
    private static let exitTime = TimeSpan.milliseconds(20)
    /// A script that goes on printing what nobody is to have is blocked by nothing.
    private static let unaskedLimit = 256 << 20

    /// `capture` gets a copy of the answer, for the cache. The script then goes on without its client.
    init(
        _ exchange: Exchange, _ part: Part, _ site: Site, _ script: RunningScript, content: RequestContent,
        feed: ContentFeed?, capture: AnswerCapture?
    ) {
        self.exchange = exchange
        self.part = part
        self.site = site
        self.script = script
        self.content = content
        self.feed = feed
        answer = ScriptAnswer(exchange, capture: capture)
        client = ScriptClient(exchange, answer, started: script.started)
        let settings = part.settings
        deadlines = ScriptDeadlines(
            ScriptDeadlines.Limits(
                firstByte: settings.cgiTimeout, idle: settings.cgiIdleTimeout, total: settings.cgiMaxTime,
                linger: site.config.cgiLinger, exit: ScriptRelay.exitTime,
                write: exchange.context.writeTimeout,
                halfClosed: ScriptClient.halfClosedGrace, content: exchange.context.bodyTimeout),
            started: script.started)
    }

    /// How the script ended, and what it has cost, once it has.
    var exit: ExitStatus? { script.exit }
    var cost: ScriptCost? { script.cost }

    /// Neither the client nor the cache is there any more.
    var isForNobody: Bool { answer.isAlone && !answer.isWanted }

    private var now: Instant { exchange.context.loop.now }
    private var isOutputDone: Bool { deadlines.outputEnded != nil }

    /// Runs until the answer is whole or cannot become so.
    func run() async -> Ending {
        exchange.watchClient()
        exchange.context.scriptLoad.begin(now: now, request: exchange.context.requestCount)
        // Who waits for its turn, or for its content to move on, is to be heard of at once.
        script.expectOutput(swept: feed == nil && !script.turn.isHeld)
        defer {
            exchange.context.loop.notSoon(exchange.waiter)
            exchange.context.scriptLoad.end(cost: exit?.cpu, now: now)
        }
        while true {
            let wasOpen = !isOutputDone
            var mayGoOn = readPieces()
            if let feed, passOnContent(feed) { mayGoOn = true }
            // The end of the output comes just before that of the script.
            let hasEndedNow = wasOpen && isOutputDone
            if watchScript(hasEndedNow) { mayGoOn = true }
            if failure == nil, sendToClient() { mayGoOn = true }
            if let ending = ending() {
                drainErrors()
                return ending
            }
            if exchange.waiter.isCancelled {
                mustEnd = true
                return .cancelled
            }
            script.endTurnIfOver()
            if mayGoOn {
                // A script that always has more leaves the loop to others between two pieces.
                await Task.yield()
                continue
            }
            let deadline = min(
                deadlines.next, script.watchedFrom, script.turn.deadline, script.outputDue)
            switch await exchange.waiter.wait(until: deadline) {
            case .woken, .timedOut: break
            case .cancelled:
                // The server leaves nothing behind.
                mustEnd = true
                return .cancelled
            }
        }
    }

    /// Whether the script may be started once more, because nobody has come to do it. This relay is then
    /// closed, but for the request's content.
    func mayStartAgain(after ending: Ending) -> Bool {
        guard case .notStarted(let error) = ending, error.step == .spawner else { return false }
        script.forget()
        return true
    }

    /// Ends what still runs where that has to be. `then` is called when the script has left the system.
    func close(then: @escaping @Sendable () -> Void) {
        defer {
            script.closeStreams()
            feed?.close()
        }
        // What it left behind after a regular end may go on; nobody waits for it.
        if exit != nil {
            followErrors()
            return then()
        }
        let grace = site.config.cgiKillGrace
        if mustEnd {
            if exchange.errorStatus == nil, let (cpu, peak) = script.usage() {
                exchange.script?.takeUsage(cpu: cpu, peakMemory: peak)
            }
            return script.end(grace: grace, holding: feed.map { [$0.input] } ?? [], then: then)
        }
        // It works on behind a closed stdout, if it does, and keeps its place meanwhile.
        let limit = deadlines.workLimit(from: now)
        let log = exchange.laterLog(pid: pid)
        followErrors()
        script.leave(
            until: limit.deadline, grace: grace, late: { log(.warning, limit.reason) },
            ended: { if let how = ScriptWords.endBehindAnswer($0) { log(.warning, how) } }, then: then)
    }

    /// Whoever still has the script's stderr may go on to write there.
    private func followErrors() {
        guard !isErrorDone, let stream = script.errors.take() else { return }
        let log = exchange.laterLog(pid: pid)
        let isFollowed = LateErrors.follow(stream, exchange.context) {
            log(.error, ScriptWords.errorOutput($0))
        }
        if !isFollowed { exchange.logOnce(.warning, LateErrors.excess, about: "", pid: pid) }
    }

    /// Waits for the end of a script that works on behind a closed stdout, for who wants to know about that. To be
    /// called between `run` and `close`.
    func waitForEnd() async {
        guard exit == nil, script.failure == nil, isOutputDone, !mustEnd else { return }
        // As `close` does it, so that the script finds the same.
        script.output.close()
        let limit = deadlines.workLimit(from: now)
        while true {
            _ = watchScript(false)
            let hasErrors = readErrors()
            if let exit {
                drainErrors()
                if let how = ScriptWords.endBehindAnswer(exit) { exchange.log(.warning, how, pid: pid) }
                return
            }
            if now >= limit.deadline {
                exchange.log(.warning, limit.reason, pid: pid)
                mustEnd = true
                return
            }
            if hasErrors, !exchange.waiter.isCancelled {
                await Task.yield()
                continue
            }
            let look = min(limit.deadline, script.watchedFrom)
            if case .cancelled = await exchange.waiter.wait(until: look) {
                mustEnd = true
                return
            }
        }
    }

    // MARK: One round

    private var pid: Int32? { script.pid }

    /// For what is said of a script that has begun. One that failed before has no number to be known by.
    private func learnPID() {
        guard script.hasNewPID() else { return }
        content.letGo()
        answer.pid = pid
        if exchange.errorStatus == nil { exchange.script?.pid = pid }
    }

    /// Reads what is there, some pieces at most. Whether there may be more.
    private func readPieces() -> Bool {
        for _ in 0..<ScriptRelay.roundPieces {
            let hasErrors = readErrors() && script.errors.isReadable && !isErrorDone
            let isLate = script.lookAtOutput(isDue: isErrorDone)
            let hasRead = readOutput()
            if isLate, hasRead { script.outputWaited = true }
            let hasOutput = hasRead && script.output.isReadable && !isOutputDone
            if !hasErrors, !hasOutput { return false }
        }
        return true
    }

    private func readErrors() -> Bool {
        if isErrorDone { return false }
        do throws(Errno) {
            guard let count = try exchange.context.readPiece(script.errors) else { return false }
            if count == 0 { isErrorDone = true }
        } catch {
            isErrorDone = true
        }
        if isErrorDone { return true }
        learnPID()
        exchange.context.scriptPiece.withSpan {
            errorOutput.take($0) { exchange.logErrorOutput($0, pid: pid) }
            exchange.witness?.took(errors: $0)
        }
        return true
    }

    /// What is there when the answer has ended; a line may have come with the script's last breath.
    private func drainErrors() {
        // What a pipe holds, and no more: a script may never stop complaining.
        for _ in 0..<4 {
            script.errors.lookAgain()
            if !readErrors() { break }
        }
        errorOutput.end { exchange.logErrorOutput($0, pid: pid) }
    }

    private func readOutput() -> Bool {
        if isOutputDone || failure != nil { return false }
        if client.isBehind { return false }
        let count: Int
        do throws(Errno) {
            guard let read = try exchange.context.readPiece(script.output) else { return false }
            count = read
        } catch {
            count = 0
        }
        if count == 0 {
            deadlines.outputEnded = now
            answer.endOutput()
            return true
        }
        script.printed += count
        if deadlines.lastOutput == nil, exchange.errorStatus == nil {
            exchange.script?.firstByte = .now - deadlines.started
        }
        if answer.isSettled {
            unasked += count
            if exchange.hasBegun, exchange.isClientDone { printsToNobody = true }
        } else {
            deadlines.lastOutput = now
        }
        learnPID()
        let context = exchange.context
        if let witness = exchange.witness { context.scriptPiece.withSpan { witness.took(output: $0) } }
        do throws(ScriptFailure) {
            try context.scriptPiece.withSpan { (bytes) throws(ScriptFailure) in try answer.take(bytes) }
        } catch {
            mustEnd = true
            failure = error
        }
        return true
    }

    /// Whether some of the request's content has moved.
    private func passOnContent(_ feed: ContentFeed) -> Bool {
        // Until then it would not be seen that the script reads no more.
        if content.input != nil, script.hasStarted() { content.letGo() }
        // Its answer waits for a client that may first want to send all it has.
        let hasProgress = feed.step(readsAhead: deadlines.isWaitingForClient && exchange.heldUntil == nil)
        deadlines.lastInput = feed.lastTaken
        deadlines.awaitsContentSince = feed.isWaitingForClient ? feed.lastArrival : nil
        // Who sends is there, and may read later.
        deadlines.lastTaken = max(deadlines.lastTaken, feed.lastArrival)
        return hasProgress
    }

    /// Looks whether the script has ended. Whether it is to be looked at again, since its output has `just` ended.
    private func watchScript(_ just: Bool) -> Bool {
        if exit != nil { return false }
        let mustLookAgain = script.look(isOutputDone: isOutputDone, again: just)
        guard let exit else { return mustLookAgain }
        learnPID()
        deadlines.exited = now
        feed?.close()
        if let witness = exchange.witness, witness.exit == nil {
            witness.exit = exit
            witness.duration = .now - deadlines.started
        }
        return false
    }

    /// Whether the script may be read again, because the client has taken much.
    private func sendToClient() -> Bool {
        let isAll = isOutputDone && exit != nil
        return client.mayWait(isAll: isAll, deadlines) ? false : client.send(&deadlines)
    }

    // MARK: Ends

    /// How it ended, nil while it goes on.
    private func ending() -> Ending? {
        if let failure { return .failed(failure) }
        if let error = script.failure { return .notStarted(error) }
        if let ending = clientEnding() { return ending }
        if printsToNobody {
            return endSettled(.info, "the client has its answer and has gone, and the script prints on")
        }
        if unasked > ScriptRelay.unaskedLimit {
            return endSettled(
                .warning,
                "the script has printed \(ByteCount.spelled(unasked)) more than the client is to have")
        }
        deadlines.heldUntil = deadlines.isWaitingForClient ? exchange.heldUntil : nil
        deadlines.isHeldBack = client.isBehind
        if let expiry = deadlines.expired(now), let ending = ending(expiry) { return ending }
        if !isOutputDone || exit == nil { return nil }
        return conclusion()
    }

    private func clientEnding() -> Ending? {
        if let failure = feed?.failure {
            if case .content(.stream) = failure { return leave() }
            mustEnd = true
            learnPID()
            return .contentFailed(failure)
        }
        if answer.isAlone {
            // It went on for the cache alone, which may have lost its interest.
            return answer.isWanted || part.settings.cgiOnDisconnect == .finish ? nil : leave()
        }
        // Who has all may leave. The script does what it has still to do, as long as it does not print.
        if answer.isSettled, exchange.hasBegun, exchange.pendingBytes == 0 { return nil }
        if client.isGone { return leave() }
        client.probe(isAwaited: feed?.isAwaited == true, &deadlines)
        return nil
    }

    private func ending(_ expiry: ScriptDeadlines.Expiry) -> Ending? {
        let settings = part.settings
        switch expiry {
        case .halfClosed: return leave()
        case .write:
            return leave("the client took nothing for write_timeout = \(exchange.context.writeTimeout)")
        case .content:
            mustEnd = true
            learnPID()
            return .contentFailed(.content(.stream(.timedOut)))
        case .total:
            return timeOut(
                "the script ran longer than cgi_max_time = \(settings.cgiMaxTime ?? .zero)")
        case .firstByte:
            return timeOut(
                "the script printed nothing within cgi_timeout = \(settings.cgiTimeout)")
        case .idle:
            let silence =
                answer.isSettled ? "went on after its answer was whole, for" : "printed nothing for"
            return timeOut("the script \(silence) cgi_idle_timeout = \(settings.cgiIdleTimeout)")
        case .linger:
            if isOutputDone, exit == nil, !deadlines.isExiting, script.mayBeExiting() {
                deadlines.isExiting = true
                return nil
            }
            if !isOutputDone {
                exchange.log(
                    .info,
                    "the script has ended, but something it started keeps its stdout open; the answer ends here (cgi_linger)",
                    pid: pid)
            }
            return conclusion()
        }
    }

    /// The answer is whole, and the script is ended all the same.
    private func endSettled(_ level: LogLevel, _ reason: String) -> Ending {
        mustEnd = true
        learnPID()
        exchange.log(level, "\(reason); it and all it started are ended", pid: pid)
        return conclusion()
    }

    private func timeOut(_ reason: String) -> Ending {
        if answer.isSettled { return endSettled(.warning, reason) }
        mustEnd = true
        learnPID()
        return .failed(ScriptFailure(.gatewayTimeout, "\(reason) and was ended\(exchange.cut)"))
    }

    /// The client has gone, or is given up.
    private func leave(_ how: String = "the client has gone") -> Ending? {
        // Without all of its content it would make something of a part.
        let lacksContent = feed?.isAwaited == true || feed?.failure != nil
        if !lacksContent, answer.isWanted || part.settings.cgiOnDisconnect == .finish {
            answer.isAlone = true
            deadlines.clientDone = nil
            deadlines.isWaitingForClient = false
            deadlines.heldUntil = nil
            return nil
        }
        mustEnd = true
        learnPID()
        if exit == nil {
            exchange.log(.info, "\(how); the script and all it started are ended", pid: pid)
        }
        return .clientGone
    }

    /// All output is here, and the exit status too unless the script works on behind a closed stdout.
    private func conclusion() -> Ending {
        learnPID()
        drainErrors()
        let ending = ScriptVerdict(
            exchange: exchange, part: part, site: site, answer: answer, exit: exit, pid: pid,
            lastWords: errorOutput.lastLine
        ).ending()
        if case .complete = ending { answer.begin() }
        return ending
    }
}
