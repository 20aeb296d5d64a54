import Base
import Synchronization

/// The scripts of all loops.
final class ScriptCensus: Sendable {
    let processors: Int
    /// How many of them there are for the scripts of each loop.
    let share: Int
    private let counted = Atomic<Int>(0)
    private let added = Atomic<Int64>(0)
    private let others = Atomic<Int>(0)

    init(processors: Int, loops: Int) {
        self.processors = max(1, processors)
        share = max(1, (processors + loops - 1) / max(1, loops))
    }

    /// How many run.
    var running: Int { counted.load(ordering: .relaxed) }
    /// How many loops had more other requests than scripts when they looked last.
    var loopsWithOthers: Int { others.load(ordering: .relaxed) }
    /// Processor time of those that have ended, in nanoseconds, and some that overflowed.
    var spent: Int64 { added.load(ordering: .relaxed) }

    /// Takes note of a loop that has become one of those, or is none any more.
    func countLoop(withOthers: Bool) { others.add(withOthers ? 1 : -1, ordering: .relaxed) }

    func begin() { counted.add(1, ordering: .relaxed) }

    func end(_ cost: TimeSpan) {
        counted.subtract(1, ordering: .relaxed)
        added.wrappingAdd(cost.nanoseconds, ordering: .relaxed)
    }
}

/// How busy scripts keep the processors, and how soon a loop has to be told of each of its own for that.
///
/// While scripts enough want the processors, the end of one leaves none idle, so the loop looks at all of its
/// own from time to time: at the latest after half of the time that they take together. An answer waits for
/// that no longer than its script did for a processor, and more of them is left for scripts.
struct ScriptLoad {
    private let all: ScriptCensus
    private var running = 0
    /// Processor time of a script, newer ones counting more than older ones.
    private var cost = TimeSpan.zero
    /// When it was last looked at what all scripts have spent, and what that was.
    private var looked: (at: Instant, spent: Int64)
    /// Scripts take most of the processors' time. Many of them may as well be asleep.
    private var isBusy = false
    /// How many have begun since it was looked, and with which of the loop's requests that was.
    private var (begun, first): (UInt64, UInt64) = (0, 0)
    /// The loop's last request that ran a script.
    private var last: UInt64 = 0
    /// Most of the loop's requests run none.
    private var hasOthers = false {
        didSet { if hasOthers != oldValue { all.countLoop(withOthers: hasOthers) } }
    }

    /// A script counts for such a part of what is known then.
    private static let weight: Int64 = 8
    /// No script counts for more: a long one says little of the others.
    private static let costLimit = TimeSpan.milliseconds(10)
    private static let lookInterval = TimeSpan.milliseconds(50)
    /// Waking for less is no gain.
    private static let shortest = TimeSpan(nanoseconds: 300_000)
    private static let longest = TimeSpan.milliseconds(6)

    init(_ all: ScriptCensus, now: Instant) {
        self.all = all
        looked = (now, all.spent)
    }

    /// Takes note of a script that begins; `request` counts all of the loop's.
    mutating func begin(now: Instant, request: UInt64) {
        running += 1
        begun += 1
        last = request
        all.begin()
        look(now)
    }

    /// Takes note of its end, and of its processor time where that is known.
    mutating func end(cost: TimeSpan?, now: Instant) {
        running -= 1
        let counted = min(cost ?? .zero, ScriptLoad.costLimit)
        all.end(counted)
        look(now)
        if cost == nil { return }
        self.cost = TimeSpan(
            nanoseconds: self.cost.nanoseconds
                + (counted.nanoseconds - self.cost.nanoseconds) / ScriptLoad.weight)
    }

    private mutating func look(_ now: Instant) {
        let elapsed = now - looked.at
        if elapsed < ScriptLoad.lookInterval { return }
        let spent = all.spent
        let used = Double(spent &- looked.spent) / Double(elapsed.nanoseconds)
        isBusy = used > Double(all.processors) / 2
        looked = (now, spent)
        hasOthers = begun <= (last &- first) / 2
        (begun, first) = (0, last)
    }

    /// They are what all loops have to do, and more than the processors can.
    var isAll: Bool { all.loopsWithOthers == 0 && interval != nil }

    /// Between two looks at the scripts; nil where each is to be heard of at once.
    var interval: TimeSpan? {
        // With one that runs and one that is next for each processor, an end may leave it idle.
        if !isBusy || all.running <= 2 * all.processors { return nil }
        let work = cost.nanoseconds * Int64(running)
        let half = TimeSpan(nanoseconds: work / Int64(2 * all.share))
        return half < ScriptLoad.shortest ? nil : min(half, ScriptLoad.longest)
    }
}
