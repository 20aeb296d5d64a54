import Base
import Testing

@testable import Handlers

/// Which scripts take turns, by what their runs have cost.
@Suite struct ScriptTurnsTests {
    /// Processor time and sleep of a run, in milliseconds; nil: not looked at.
    typealias Run = (computing: Int, sleeping: Int?)

    private func turns(_ runs: [Run], length: TimeSpan? = Self.length) -> ScriptTurns {
        let turns = ScriptTurns(ScriptTurns.queue(for: [0, 1], length: length), length: length)
        for run in runs {
            turns.learn(
                "/x",
                ScriptCost(
                    computing: .milliseconds(run.computing),
                    sleeping: run.sleeping.map(TimeSpan.milliseconds),
                    printed: 0))
        }
        return turns
    }

    private static let length = TimeSpan.milliseconds(100)

    private static let turn = ScriptTurns.Need.turn(length, look: false)
    private static let watchedTurn = ScriptTurns.Need.turn(length, look: true)

    private static let cases: [(runs: [Run], need: ScriptTurns.Need)] = [
        ([], .nothing),
        ([(3, 0)], .nothing),
        // Whether it sleeps is looked at from the second run on.
        ([(10, nil)], .look),
        ([(10, nil), (10, 1)], turn),
        ([(10, nil), (10, 2)], .look),
        ([(10, nil), (10, 30)], .look),
        ([(40, nil), (40, 5)], turn),
        // And again in each fourth turn.
        ([(10, nil), (10, 1)] + Array(repeating: (10, nil), count: 2), turn),
        ([(10, nil), (10, 1)] + Array(repeating: (10, nil), count: 3), watchedTurn),
        ([(10, nil), (10, 1)] + Array(repeating: (10, nil), count: 4), turn),
        ([(10, nil), (10, 1)] + Array(repeating: (10, nil), count: 3) + [(10, 1)], turn),
        // One run among others changes little; some do.
        ([(40, nil), (40, 1), (40, 20)], .look),
        ([(40, nil), (40, 1), (40, 12)], turn),
        ([(40, nil), (40, 1), (40, 12), (40, 12)], .look),
        ([(10, nil), (10, 30)] + Array(repeating: (10, 0), count: 14), turn),
        // What computes for long does not keep the others waiting.
        ([(51, nil), (51, 0)], .nothing),
        ([(10, nil), (10, 0)] + Array(repeating: (200, 0), count: 3), .nothing),
        ([(10, nil), (10, 0)] + Array(repeating: (1, 0), count: 8), .nothing),
    ]

    @Test(arguments: cases.indices) func `by what it has cost`(_ index: Int) {
        let row = Self.cases[index]
        let turns = turns(row.runs)
        #expect(turns.need(of: "/x") == row.need, "\(row.runs)")
        #expect(turns.need(of: "/y") == .nothing)
        #expect(self.turns(row.runs, length: nil).need(of: "/x") == .nothing)
    }

    @Test(
        arguments: [
            ([], false), ([0], true), ([16_384], true), ([16_385], false), ([100, 1 << 20, 100], false),
            ([20_000, 100], true), ([1 << 20] + Array(repeating: 100, count: 20), true),
        ] as [([Int], Bool)])
    func `by what it has printed`(_ printed: [Int], _ isLittle: Bool) {
        let turns = turns([])
        for count in printed {
            turns.learn("/x", ScriptCost(computing: .milliseconds(10), sleeping: .zero, printed: count))
        }
        #expect(turns.outputCanWait("/x") == isLittle)
    }

    @Test func `output that has waited in vain does not for a hundred runs`() {
        let turns = turns([])
        func run(outputWaited: Bool = false) {
            turns.learn(
                "/x",
                ScriptCost(
                    computing: .milliseconds(10), waiting: .zero, of: .milliseconds(50), printed: 1,
                    outputWaited: outputWaited))
        }
        run()
        #expect(turns.outputCanWait("/x"))
        run(outputWaited: true)
        for _ in 1...100 {
            #expect(!turns.outputCanWait("/x"))
            run()
        }
        #expect(turns.outputCanWait("/x"))
    }

    @Test func `the server's own delay is no sleep`() {
        func idleTime(_ outputWaited: Bool) -> TimeSpan? {
            ScriptCost(
                computing: .milliseconds(10), waiting: .milliseconds(5), of: .milliseconds(50), printed: 1,
                outputWaited: outputWaited
            ).sleeping
        }
        #expect(idleTime(false) == .milliseconds(35))
        #expect(idleTime(true) == nil)
    }

    @Test func `scripts are forgotten before there are too many`() {
        let turns = turns([(10, nil), (10, 0)])
        for number in 1...2000 {
            turns.learn(
                FilePath("/\(number)"), ScriptCost(computing: .milliseconds(10), sleeping: .zero, printed: 0))
        }
        #expect(turns.need(of: "/x") == .nothing)
        #expect(turns.need(of: "/2000") == Self.turn)
    }
}
