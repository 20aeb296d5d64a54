import Base
import Net

/// A script that has been started: its process, the streams that it prints to, and what it has cost.
///
/// Everything that happens to it wakes the exchange's waiter. Belongs to the task of its request.
final class RunningScript {
    let output: Source
    let errors: Source
    /// Nil until the script has begun.
    private(set) var pid: Int32?
    private(set) var exit: ExitStatus?
    let started: Instant
    let turn: ScriptTurn

    private let loop: EventLoop
    /// Nil once it has been given away.
    private var child: ChildProcess?
    private var exited = Instant.never
    /// Until then its end is not asked for before that of its output. Most scripts are that fast, and need
    /// nothing that tells of their end. Never: something does.
    private(set) var watchedFrom: Instant
    /// How long it was ready to run and had no processor.
    private var waited: TimeSpan?
    /// Bytes that have been read of its output.
    var printed = 0
    /// Some of it was left alone for too long.
    var outputWaited = false
    /// When its output is looked at though nothing has told of any; never, where something does.
    private(set) var outputDue = Instant.never

    /// Most scripts end with their output, where their exit is asked for. One that is still there after this
    /// is watched, for its end may come without that of its output (`cgi_linger`).
    private static let watchDelay = EventLoop.sweepYouth
    /// For so long, and a tick of the timers, output that can wait is left alone.
    private static let outputDelay = TimeSpan.milliseconds(20)

    init(
        _ child: consuming ChildProcess, output: consuming FileDescriptor, errors: consuming FileDescriptor,
        turn: ScriptTurn, waiter: Waiter
    ) {
        self.child = consume child
        self.output = Source(output, waiter: waiter)
        self.errors = Source(errors, waiter: waiter)
        self.turn = turn
        loop = waiter.loop
        started = loop.now
        watchedFrom = started + RunningScript.watchDelay
    }

    /// Begins to watch what it prints; where that is `swept`, it may be told later.
    ///
    /// Where output can wait, the end of stderr tells for both: to hear of each piece at once would only take the
    /// processor from the script.
    func expectOutput(swept: Bool) {
        errors.expect(swept: swept)
        guard turn.outputCanWait else { return output.expect(swept: swept) }
        output.putOff()
        outputDue = started + RunningScript.outputDelay
    }

    /// Has output that was left alone looked at, where it is time or `isDue` for another reason. Whether only the
    /// time was the reason.
    func lookAtOutput(isDue: Bool) -> Bool {
        if outputDue == .never || (!isDue && loop.now < outputDue) { return false }
        outputDue = .never
        output.lookAgain()
        return !isDue
    }

    // MARK: What is known of it

    /// Why it could not be started, where that is known.
    var failure: SpawnError? { child?.failure }

    /// Whether it has come to its exec.
    func hasStarted() -> Bool { child?.hasStarted() == true }

    /// Whether it has just become known which process it is. One that could not be started has no number.
    func hasNewPID() -> Bool {
        guard pid == nil, let number = child?.pid, number > 0 else { return false }
        pid = number
        return true
    }

    /// Whether the kernel is ending it, as far as is known.
    func mayBeExiting() -> Bool { child?.isExiting() != false }

    /// Looks whether it has ended. With `again` it is about to: then there is another look before anything is
    /// made that tells of it, and this returns true.
    func look(isOutputDone: Bool, again: Bool) -> Bool {
        if exit != nil { return false }
        if !isOutputDone, watchedFrom != .never, loop.now < watchedFrom { return false }
        if turn.watchesSleep, isOutputDone { waited = child?.timeUsed()?.waiting }
        guard let status = child?.poll(watching: !again) else {
            // Without a descriptor to watch it by, it has to be looked at.
            watchedFrom = child?.isWatched == false ? loop.now + RunningScript.watchDelay : .never
            return again
        }
        watchedFrom = .never
        (exit, exited) = (status, loop.now)
        return false
    }

    // MARK: What it costs

    /// Once it has ended.
    var cost: ScriptCost? {
        exit.map { cost(computing: $0.cpu, waiting: waited, until: exited) }
    }

    private func cost(computing: TimeSpan, waiting: TimeSpan?, until end: Instant) -> ScriptCost {
        ScriptCost(
            computing: computing, waiting: waiting, of: end - started, printed: printed,
            outputWaited: outputWaited)
    }

    /// Until now, while it has not ended: processor time and, where it is known, the largest resident set in bytes.
    func usage() -> (cpu: TimeSpan, peakMemory: Int?)? { child?.usage() }

    /// Ends a turn that has taken too long, and takes note of what it was used for.
    func endTurnIfOver() {
        guard turn.end(after: loop.now), let used = child?.timeUsed() else { return }
        turn.learn(cost(computing: used.computing, waiting: used.waiting, until: loop.now))
    }

    // MARK: Its end

    func closeStreams() {
        output.close()
        errors.close()
    }

    /// Forgets one that was never started.
    func forget() {
        closeStreams()
        child.take()?.leave()
    }

    /// Ends it and all that it started: TERM, and KILL after `grace`. `then` is called when it has left the
    /// system; until then its streams stay open, and the `others`: whoever tidies up at TERM may print
    /// something, and shall not end of that, nor take a part of the request's content for all of it.
    func end(grace: TimeSpan, holding others: [Source], then: @escaping @Sendable () -> Void) {
        guard let child = child.take() else { return then() }
        child.end(grace: grace, holding: [output, errors] + others, then: then)
    }

    /// Lets it work on behind a closed stdout. `ended` is told how it ended; after `deadline`, `late` is called
    /// and it is ended.
    func leave(
        until deadline: Instant, grace: TimeSpan, late: @escaping @Sendable () -> Void,
        ended: @escaping @Sendable (ExitStatus) -> Void, then: @escaping @Sendable () -> Void
    ) {
        guard let child = child.take() else { return then() }
        child.leave(until: deadline, grace: grace, late: late, ended: ended, then: then)
    }
}
