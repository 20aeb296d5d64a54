import Base
import Testing

@testable import Handlers

/// How long the end of a script may go unnoticed.
@Suite struct ScriptLoadTests {
    private static let cases: [(processors: Int, running: Int, cost: Int, interval: Int?)] = [
        // Nobody knows yet what they cost.
        (1, 100, 0, nil),
        // Two for each processor: one that has ended would leave it idle.
        (1, 2, 5000, nil),
        (2, 4, 5000, nil),
        // Half of what they take together, in microseconds.
        (1, 3, 400, 600),
        (1, 8, 500, 2000),
        (2, 8, 500, 1000),
        (4, 9, 800, 900),
        // Not worth it.
        (1, 3, 190, nil),
        (4, 9, 200, nil),
        // Nor for longer than others may well wait.
        (1, 8, 1600, 4000),
        (1, 1_000_000, 5_000_000, 4000),
    ]

    @Test(arguments: cases.indices) func `by how many there are, and what they cost`(_ index: Int) {
        let row = Self.cases[index]
        var load = ScriptLoad(processors: row.processors)
        // Until all that counts is this cost.
        for _ in 0..<200 {
            load.begin()
            load.end(cost: TimeSpan(nanoseconds: Int64(row.cost) * 1000))
        }
        #expect(load.interval == nil)
        for _ in 0..<row.running { load.begin() }
        // The mean is rounded down.
        let interval = load.interval.map { ($0.nanoseconds + 500) / 1000 }
        #expect(interval == row.interval.map(Int64.init))
        for _ in 0..<row.running { load.end(cost: nil) }
        #expect(load.interval == nil)
    }
}
