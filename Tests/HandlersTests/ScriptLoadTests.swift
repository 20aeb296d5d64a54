import Base
import Testing

@testable import Handlers

/// How long the end of a script may go unnoticed.
@Suite struct ScriptLoadTests {
    struct Case {
        var processors = 1
        var loops = 1
        var running: Int
        /// Of each, in microseconds.
        var cost: Int
        /// What those that have ended took of each processor, in percent.
        var used = 90
        /// On other loops.
        var others = 0
        /// In microseconds.
        var interval: Int?
    }

    private static let cases = [
        // Nobody knows yet what they cost.
        Case(running: 100, cost: 0),
        // Two for each processor: one that has ended would leave it idle.
        Case(running: 2, cost: 5000),
        Case(processors: 2, running: 4, cost: 5000),
        Case(processors: 4, loops: 4, running: 8, cost: 5000),
        // Half of what they take together.
        Case(running: 3, cost: 400, interval: 600),
        Case(running: 8, cost: 500, interval: 2000),
        Case(processors: 2, running: 8, cost: 500, interval: 1000),
        Case(processors: 4, running: 9, cost: 800, interval: 900),
        // With those of the other loops there are enough.
        Case(processors: 4, loops: 4, running: 3, cost: 400, others: 6, interval: 600),
        Case(processors: 4, loops: 4, running: 3, cost: 400, others: 5),
        // Most of them sleep.
        Case(running: 8, cost: 500, used: 40),
        Case(running: 8, cost: 500, used: 60, interval: 2000),
        // Not worth it.
        Case(running: 3, cost: 190),
        Case(processors: 4, running: 9, cost: 200),
        // Nor for longer than others may well wait.
        Case(running: 8, cost: 1400, interval: 5600),
        Case(running: 8, cost: 1600, interval: 6000),
        Case(running: 1_000_000, cost: 5_000_000, interval: 6000),
    ]

    @Test(arguments: cases.indices) func `by how many there are, and what they take`(_ index: Int) {
        let row = Self.cases[index]
        let census = ScriptCensus(processors: row.processors, loops: row.loops)
        let start = Instant(nanoseconds: 0)
        var load = ScriptLoad(census, now: start)
        // Until all that counts is this cost.
        let cost = TimeSpan(nanoseconds: Int64(row.cost) * 1000)
        for _ in 0..<200 {
            load.begin(now: start, request: 0)
            load.end(cost: cost, now: start)
        }
        #expect(load.interval == nil)
        for _ in 0..<row.others { census.begin() }
        for _ in 1..<row.running { load.begin(now: start, request: 0) }
        // From here on it is looked at what they spend.
        load.begin(now: start + .milliseconds(50), request: 0)
        census.begin()
        census.end(TimeSpan(nanoseconds: Int64(row.used * row.processors) * 500_000))
        load.end(cost: nil, now: start + .milliseconds(100))
        load.begin(now: start + .milliseconds(100), request: 0)
        // The mean is rounded down.
        let interval = load.interval.map { ($0.nanoseconds + 500) / 1000 }
        #expect(interval == row.interval.map(Int64.init), "\(row)")
        // Nothing has ended in a while.
        load.begin(now: start + .seconds(1), request: 0)
        #expect(load.interval == nil)
        for _ in 0...row.running { load.end(cost: nil, now: start + .seconds(1)) }
        #expect(census.running == row.others)
    }

    /// Of a loop's requests in 50 ms, so many run scripts.
    @Test(arguments: [(30, 30, true), (30, 59, true), (30, 60, false), (30, 1000, false)])
    func `all that there is to do`(_ scripts: Int, _ requests: UInt64, _ isAll: Bool) {
        let (start, later) = (Instant(nanoseconds: 0), Instant(nanoseconds: 50_000_000))
        let census = ScriptCensus(processors: 1, loops: 2)
        var loads = [ScriptLoad(census, now: start), ScriptLoad(census, now: start)]
        // The other loop has scripts alone.
        for number in 1...UInt64(scripts) {
            loads[0].begin(now: start, request: requests * number / UInt64(scripts))
            loads[1].begin(now: start, request: number)
        }
        for loop in loads.indices {
            for _ in 1..<(scripts - 4) { loads[loop].end(cost: .milliseconds(1), now: start) }
            loads[loop].end(cost: .milliseconds(1), now: later)
            #expect(loads[loop].interval != nil)
        }
        #expect(loads.map(\.isAll) == [isAll, isAll])
    }
}
