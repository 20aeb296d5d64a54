import Base
import Net

/// Lets those of a loop's scripts that compute run by turns, a few at a time.
///
/// Sixteen scripts that all want one of two processors take it from each other every few milliseconds, and
/// find their memory gone from its caches when it is theirs again; whatever else the server has to do waits
/// between them. Started one after another, each is done sooner, and all of them are too.
///
/// A script takes part that was seen to compute for longer than the kernel gives a processor at once, but
/// not for long, and to sleep less than it computes. It has its turn for `cgi_turns` at most: beside one
/// that goes on for longer, or waits for one that waits here, the next one starts.
///
/// Belongs to the loop's thread.
final class ScriptTurns {
    /// What runs of a script cost, newer ones more than older ones.
    private struct Habit {
        var computing: Int64
        /// Nil while no run was looked at for that.
        var sleeping: Int64?

        /// A run counts for such a part of what is known then.
        private static let weight: Int64 = 4

        mutating func take(_ cost: ScriptCost) {
            computing += (cost.computing.nanoseconds - computing) / Habit.weight
            guard let slept = cost.sleeping?.nanoseconds else { return }
            sleeping = sleeping.map { $0 + (slept - $0) / Habit.weight } ?? slept
        }
    }

    private let queue: PlaceQueue
    /// Nil: there are no turns.
    private let length: TimeSpan?
    /// Of scripts that compute for some time, by their files.
    private var habits: [String: Habit] = [:]

    /// From about what the kernel gives a processor for at once to what others may well wait for.
    private static let computing = Int64(4_000_000)...50_000_000
    private static let habitLimit = 1024
    /// No turn is waited for so long, unless nearly all have just begun.
    private static let patience = TimeSpan.seconds(2)

    /// `count` at once, each for `length`; nil: nobody waits for one.
    init(count: Int, length: TimeSpan?) {
        self.length = length
        queue = PlaceQueue(limit: count, timeout: ScriptTurns.patience)
    }

    /// How many a loop should have, so that no processor waits while one script's end becomes the start
    /// of another.
    static func count(loops: Int, processors: Int) -> Int {
        let loops = max(1, loops)
        return (processors + loops - 1) / loops + 1
    }

    /// The turn of the script at `file`, which may be waited for; nil if the client leaves meanwhile, unless
    /// the script `goesOn` without it, or if the server ends.
    func take(_ file: String, _ exchange: Exchange, goesOn: Bool) async -> ScriptTurn? {
        let need = need(of: file)
        guard case .turn(let length) = need else { return ScriptTurn(isOfNote: need == .look) }
        switch await queue.enter(exchange) {
        case .granted: return ScriptTurn(of: queue, until: exchange.context.loop.now + length)
        case .full, .timedOut: return ScriptTurn(isOfNote: true)
        case .abandoned: return goesOn && !exchange.waiter.isCancelled ? ScriptTurn(isOfNote: true) : nil
        }
    }

    enum Need: Equatable {
        case nothing
        /// It computes for as long as those that take turns; whether it sleeps is to be looked at.
        case look
        /// It is known not to sleep for longer than it computes, too.
        case turn(TimeSpan)
    }

    /// What the next run of the script at `file` needs.
    func need(of file: String) -> Need {
        guard let length, let habit = habits[file], ScriptTurns.computing.contains(habit.computing) else {
            return .nothing
        }
        guard let sleeping = habit.sleeping, sleeping < habit.computing else { return .look }
        return .turn(length)
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
    let isOfNote: Bool
    /// When the next one has its turn, whatever this one does; never, where this is none.
    private(set) var deadline = Instant.never
    private var queue: PlaceQueue?

    init(isOfNote: Bool) { self.isOfNote = isOfNote }

    init(of queue: PlaceQueue, until deadline: Instant) {
        isOfNote = true
        (self.queue, self.deadline) = (queue, deadline)
    }

    deinit { queue?.leave() }

    /// Whether it is one, and has not ended.
    var isTaken: Bool { queue != nil }

    func end() {
        deadline = .never
        queue.take()?.leave()
    }

    /// Ends it if its time is over.
    func end(after now: Instant) {
        if now >= deadline { end() }
    }
}

/// What a run of a script has cost.
struct ScriptCost {
    /// Processor time, with that of the children it waited for.
    var computing: TimeSpan
    /// For how long it neither ran nor was ready to; nil where that was not looked at.
    var sleeping: TimeSpan?
}
