import Base

/// How busy the scripts of a loop keep its processors, and how soon it has to be told of each for that.
///
/// While there are scripts enough, the end of one leaves no processor idle, so the loop looks at them all from
/// time to time: at the latest after half of the time that they take together. An answer waits for that no longer
/// than its script did for a processor, and more of them is left for scripts.
struct ScriptLoad {
    /// How many there are for the loop's scripts.
    private let processors: Int
    private var running = 0
    /// Processor time of a script, newer ones counting more than older ones.
    private var cost = TimeSpan.zero

    /// A script counts for such a part of what is known then.
    private static let weight: Int64 = 8
    /// No script counts for more: a long one says little of the others.
    private static let costLimit = TimeSpan.milliseconds(10)
    /// Waking for less is no gain.
    private static let shortest = TimeSpan(nanoseconds: 300_000)
    private static let longest = TimeSpan.milliseconds(4)

    init(processors: Int) { self.processors = max(1, processors) }

    /// Takes note of a script that begins.
    mutating func begin() { running += 1 }

    /// Takes note of its end, and of its processor time where that is known.
    mutating func end(cost: TimeSpan?) {
        running -= 1
        guard let cost else { return }
        let counted = min(cost, ScriptLoad.costLimit)
        self.cost = TimeSpan(
            nanoseconds: self.cost.nanoseconds
                + (counted.nanoseconds - self.cost.nanoseconds) / ScriptLoad.weight)
    }

    /// Between two looks at the scripts; nil where each is to be heard of at once.
    var interval: TimeSpan? {
        // With one that runs and one that is next for each processor, an end may leave it idle.
        if running <= 2 * processors { return nil }
        let work = cost.nanoseconds * Int64(running)
        let half = TimeSpan(nanoseconds: work / Int64(2 * processors))
        return half < ScriptLoad.shortest ? nil : min(half, ScriptLoad.longest)
    }
}
