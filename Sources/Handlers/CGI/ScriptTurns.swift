import Base
import Net

/// Lets scripts that compute run by turns: as many as there are processors, for all loops together.
///
/// Sixteen scripts that all want one of two processors take it from each other every few milliseconds, and
/// find their memory gone from its caches when it is theirs again; whatever else the server has to do waits
/// between them. Started one after another, each is done sooner, and all of them are too. Each begins where
/// another has ended: the kernel, which balances its processors every few milliseconds only, would as soon
/// leave that one idle and have two share the next.
///
/// A script takes part that was seen to compute for longer than the kernel gives a processor at once, but
/// not for long, and to sleep little. It has its turn for `cgi_turns` at most: beside one that goes on for
/// longer, or waits for one that waits here, the next one starts. Who sleeps that long takes no more turns.
///
/// Belongs to the loop's thread; what it shares with the other loops' is `ProcessorQueue`.
final class ScriptTurns {
    /// What runs of a script cost, newer ones more than older ones.
    private struct Habit {
        var computing: Int64
        /// Nil while no run was looked at for that.
        var sleeping: Int64?
        /// Runs since one was looked at for that.
        var runs = 0
        /// The most bytes that a run printed, newer ones counting more.
        var printed: Int
        /// Runs whose output does not wait, because that of one did and should not have.
        var hastyRuns = 0

        /// A run counts for such a part of what is known then.
        private static let weight: Int64 = 4

        mutating func take(_ cost: ScriptCost) {
            computing += (cost.computing.nanoseconds - computing) / Habit.weight
            printed = max(cost.printed, printed - printed / Int(Habit.weight))
            hastyRuns = cost.outputWaited ? Habit.hastyRunsLimit : max(0, hastyRuns - 1)
            guard let slept = cost.sleeping?.nanoseconds else {
                runs &+= 1
                return
            }
            runs = 0
            sleeping = sleeping.map { $0 + (slept - $0) / Habit.weight } ?? slept
        }

        /// Its processor would be idle for too much of the turn. Until it begins, it seems to sleep, too.
        var sleepsMuch: Bool { (sleeping ?? .max) > max(computing / 8, Habit.start) }

        private static let start: Int64 = 1_500_000

        var outputCanWait: Bool { printed <= Habit.little && hastyRuns == 0 }

        /// A pipe takes several times as much.
        private static let little = 16 * 1024
        private static let hastyRunsLimit = 100
    }

    private let processors: ProcessorQueue
    /// Nil: there are no turns.
    private let length: TimeSpan?
    /// Of scripts that compute for some time, by their files.
    private var habits: [FilePath: Habit] = [:]

    /// From about what the kernel gives a processor for at once to what others may well wait for.
    private static let computing = Int64(4_000_000)...50_000_000
    private static let habitLimit = 1024
    /// Whether a script sleeps is looked at in one of so many of its turns.
    private static let lookInterval = 4
    /// No turn is waited for longer than so many take.
    private static let patience = 20

    /// The queue for `processors`, which have the kernel's numbers.
    static func queue(for processors: [Int32], length: TimeSpan?) -> ProcessorQueue {
        let nanoseconds = (length ?? .zero).nanoseconds.multipliedReportingOverflow(by: Int64(patience))
        return ProcessorQueue(
            processors,
            patience: TimeSpan(nanoseconds: nanoseconds.overflow ? .max : nanoseconds.partialValue))
    }

    /// Turns on `processors`, each for `length`; nil: nobody waits for one.
    init(_ processors: ProcessorQueue, length: TimeSpan?) {
        self.length = length
        self.processors = processors
    }

    /// The turn of the script at `file`, which may be waited for; nil if the client leaves meanwhile, unless
    /// the script `goesOn` without it, or if the server ends.
    func take(_ file: FilePath, _ exchange: Exchange, goesOn: Bool) async -> ScriptTurn? {
        let need = need(of: file)
        guard case .turn(let length, let look) = need else {
            return ScriptTurn(self, file, watchesSleep: need == .look)
        }
        switch await processors.enter(exchange) {
        case .granted(let processor, let isHandedOver):
            let turn = ScriptTurn(
                self, file, watchesSleep: look, startProcessor: isHandedOver ? processor : nil)
            turn.begin(on: processor, of: processors, until: exchange.context.loop.now + length)
            turn.outputCanWait = outputCanWait(file)
            return turn
        case .timedOut: return ScriptTurn(self, file, watchesSleep: true)
        case .abandoned:
            return goesOn && !exchange.waiter.isCancelled ? ScriptTurn(self, file, watchesSleep: true) : nil
        }
    }

    enum Need: Equatable {
        case nothing
        /// It computes for as long as those that take turns; whether it sleeps is to be looked at.
        case look
        /// It is known to sleep little, too, which may be looked at again.
        case turn(TimeSpan, look: Bool)
    }

    /// What the next run of the script at `file` needs.
    func need(of file: FilePath) -> Need {
        guard let length, let habit = habits[file], ScriptTurns.computing.contains(habit.computing) else {
            return .nothing
        }
        if habit.sleepsMuch { return .look }
        return .turn(length, look: habit.runs % ScriptTurns.lookInterval == ScriptTurns.lookInterval - 1)
    }

    /// Whether runs of the script at `file` print so little that it never waits for a reader, and end with their
    /// output; false while that is not known.
    func outputCanWait(_ file: FilePath) -> Bool { habits[file]?.outputCanWait == true }

    /// Takes note of what a run of the script at `file` has cost.
    func learn(_ file: FilePath, _ cost: ScriptCost) {
        if length == nil || habits[file]?.take(cost) != nil { return }
        guard cost.computing.nanoseconds >= ScriptTurns.computing.lowerBound else { return }
        if habits.count >= ScriptTurns.habitLimit { habits.removeAll(keepingCapacity: true) }
        habits[file] = Habit(
            computing: cost.computing.nanoseconds, sleeping: cost.sleeping?.nanoseconds,
            printed: cost.printed)
    }
}

/// A script's turn, or that it needs none. Who has it ends it, or gives it to who does.
///
/// Belongs to the loop's thread.
final class ScriptTurn {
    private let turns: ScriptTurns
    private let file: FilePath
    /// Whether it matters if the script sleeps, which the kernel has to be asked for.
    private(set) var watchesSleep: Bool
    /// Where the script should begin; nil: anywhere.
    let startProcessor: Int32?
    /// Nobody has to read what the script prints before it ends, as far as is known; false where the turn never
    /// was held.
    fileprivate(set) var outputCanWait = false
    /// When the next one has its turn, whatever this one does; never, where this is none.
    private(set) var deadline = Instant.never
    private var held: (processor: Int32, queue: ProcessorQueue)?
    /// Somebody else may wait for it.
    var isHeld: Bool { held != nil }

    fileprivate init(
        _ turns: ScriptTurns, _ file: FilePath, watchesSleep: Bool, startProcessor: Int32? = nil
    ) {
        (self.turns, self.file) = (turns, file)
        (self.watchesSleep, self.startProcessor) = (watchesSleep, startProcessor)
    }

    deinit { end() }

    fileprivate func begin(on processor: Int32, of queue: ProcessorQueue, until deadline: Instant) {
        held = (processor, queue)
        self.deadline = deadline
    }

    func end() {
        deadline = .never
        guard let (processor, queue) = held else { return }
        held = nil
        queue.leave(processor)
    }

    /// Ends it if its time is over, and returns whether it was: the script sleeps, or computes for longer
    /// than it used to.
    func end(after now: Instant) -> Bool {
        if now < deadline { return false }
        end()
        watchesSleep = true
        return true
    }

    /// Takes note of what the script has cost.
    func learn(_ cost: ScriptCost) { turns.learn(file, cost) }
}

/// What a run of a script has cost.
struct ScriptCost {
    /// Processor time, with that of the children it waited for.
    var computing: TimeSpan
    /// For how long it neither ran nor was ready to, nor a child of its ran; nil where that was not looked at.
    /// That a child was ready to run and had no processor is not known, and counts as sleep.
    var sleeping: TimeSpan?
    /// Bytes.
    var printed: Int
    /// Some of that, or its end, was there for a while before anybody looked, and the script not at its end.
    var outputWaited: Bool

    init(computing: TimeSpan, sleeping: TimeSpan?, printed: Int, outputWaited: Bool = false) {
        (self.computing, self.sleeping) = (computing, sleeping)
        (self.printed, self.outputWaited) = (printed, outputWaited)
    }

    /// Of `duration` what is neither computing nor, where that was looked at, waiting for a processor is sleep.
    /// That of a script whose output waited may be the server's own delay.
    init(
        computing: TimeSpan, waiting: TimeSpan?, of duration: TimeSpan, printed: Int, outputWaited: Bool
    ) {
        let others = duration.nanoseconds - computing.nanoseconds
        let sleeping = waiting.map { TimeSpan(nanoseconds: max(0, others - $0.nanoseconds)) }
        self.init(
            computing: computing, sleeping: outputWaited ? nil : sleeping, printed: printed,
            outputWaited: outputWaited)
    }
}
