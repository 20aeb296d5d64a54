import Base
import Net

/// Lets those of a loop's scripts that compute run by turns, one for each processor.
///
/// Sixteen scripts that all want one of two processors take it from each other every few milliseconds, and
/// find their memory gone from its caches when it is theirs again; whatever else the server has to do waits
/// between them. Started one after another, each is done sooner, and all of them are too. Each begins where
/// another has ended: the kernel, which balances its processors every few milliseconds only, would as soon
/// leave that one idle and have two share the next.
///
/// A script takes part that was seen to compute for longer than the kernel gives a processor at once, but
/// not for long, and to sleep little. It has its turn for `cgi_turns` at most: beside one that goes on for
/// longer, or waits for one that waits here, the next one starts.
///
/// Belongs to the loop's thread.
final class ScriptTurns {
    /// What runs of a script cost, newer ones more than older ones.
    private struct Habit {
        var computing: Int64
        /// Nil while no run was looked at for that.
        var sleeping: Int64?
        /// Runs since one was looked at for that.
        var runs = 0

        /// A run counts for such a part of what is known then.
        private static let weight: Int64 = 4

        mutating func take(_ cost: ScriptCost) {
            computing += (cost.computing.nanoseconds - computing) / Habit.weight
            guard let slept = cost.sleeping?.nanoseconds else {
                runs &+= 1
                return
            }
            runs = 0
            sleeping = sleeping.map { $0 + (slept - $0) / Habit.weight } ?? slept
        }

        /// The processor would be idle for more than a tenth of the turn.
        var sleepsMuch: Bool { (sleeping ?? .max) > computing / 8 }
    }

    private let processors: ProcessorQueue
    /// Nil: there are no turns.
    private let length: TimeSpan?
    /// Of scripts that compute for some time, by their files.
    private var habits: [String: Habit] = [:]

    /// From about what the kernel gives a processor for at once to what others may well wait for.
    private static let computing = Int64(4_000_000)...50_000_000
    private static let habitLimit = 1024
    /// Whether a script sleeps is looked at in one of so many of its turns.
    private static let lookInterval = 4
    /// No turn is waited for so long, unless nearly all have just begun.
    package static let patience = TimeSpan.seconds(2)

    /// Turns on `processors`, each for `length`; nil: nobody waits for one.
    init(_ processors: ProcessorQueue, length: TimeSpan?) {
        self.length = length
        self.processors = processors
    }

    /// The turn of the script at `file`, which may be waited for; nil if the client leaves meanwhile, unless
    /// the script `goesOn` without it, or if the server ends.
    func take(_ file: String, _ exchange: Exchange, goesOn: Bool) async -> ScriptTurn? {
        let need = need(of: file)
        guard case .turn(let length, let look) = need else { return ScriptTurn(isOfNote: need == .look) }
        let admission = await processors.enter(exchange)
        let end = exchange.context.loop.now + length
        switch admission {
        case .granted(let number):
            return ScriptTurn(on: number, of: processors, until: end, begin: nil, isOfNote: look)
        case .handedOver(let number):
            return ScriptTurn(on: number, of: processors, until: end, begin: number, isOfNote: look)
        case .timedOut: return ScriptTurn(isOfNote: true)
        case .abandoned: return goesOn && !exchange.waiter.isCancelled ? ScriptTurn(isOfNote: true) : nil
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
    func need(of file: String) -> Need {
        guard let length, let habit = habits[file], ScriptTurns.computing.contains(habit.computing) else {
            return .nothing
        }
        if habit.sleepsMuch { return .look }
        return .turn(length, look: habit.runs % ScriptTurns.lookInterval == ScriptTurns.lookInterval - 1)
    }

    /// Takes note of what a run of the script at `file` has cost.
    func learn(_ file: String, _ cost: ScriptCost) {
        if length == nil || habits[file]?.take(cost) != nil { return }
        guard cost.computing.nanoseconds >= ScriptTurns.computing.lowerBound else { return }
        if habits.count >= ScriptTurns.habitLimit { habits.removeAll(keepingCapacity: true) }
        habits[file] = Habit(computing: cost.computing.nanoseconds, sleeping: cost.sleeping?.nanoseconds)
    }
}

/// A script's turn, or that it needs none. Who has it ends it, or gives it to who does.
///
/// Belongs to the loop's thread.
final class ScriptTurn {
    /// Whether it matters if the script sleeps, which the kernel has to be asked for.
    private(set) var isOfNote: Bool
    /// The processor on which the script should begin; nil: any.
    let begin: Int32?
    /// When the next one has its turn, whatever this one does; never, where this is none.
    private(set) var deadline = Instant.never
    private var queue: ProcessorQueue?
    private var processor: Int32 = 0

    init(isOfNote: Bool) {
        self.isOfNote = isOfNote
        begin = nil
    }

    init(
        on processor: Int32, of queue: ProcessorQueue, until deadline: Instant, begin: Int32?, isOfNote: Bool
    ) {
        self.isOfNote = isOfNote
        self.begin = begin
        (self.queue, self.processor, self.deadline) = (queue, processor, deadline)
    }

    deinit { queue?.leave(processor) }

    func end() {
        deadline = .never
        queue.take()?.leave(processor)
    }

    /// Ends it if its time is over.
    func end(after now: Instant) {
        if now < deadline { return }
        end()
        // It has slept, or computes for longer than it used to.
        isOfNote = true
    }
}

/// What a run of a script has cost.
struct ScriptCost {
    /// Processor time, with that of the children it waited for.
    var computing: TimeSpan
    /// For how long it neither ran nor was ready to; nil where that was not looked at.
    var sleeping: TimeSpan?
}
