import Base
import Testing

@testable import Handlers

/// A moment that the tests count from.
private let start = Instant(nanoseconds: 1_000_000_000_000)

private func at(_ seconds: Int64) -> Instant { start + .seconds(Int(seconds)) }

@Suite struct ScriptDeadlinesTests {
    struct Case: CustomTestStringConvertible {
        let testDescription: String
        /// Seconds from the start.
        let next: Int64?
        let expiry: ScriptDeadlines.Expiry?
        let happened: @Sendable (inout ScriptDeadlines) -> Void

        init(
            _ name: String, next: Int64?, _ expiry: ScriptDeadlines.Expiry?,
            _ happened: @escaping @Sendable (inout ScriptDeadlines) -> Void = { _ in }
        ) {
            (testDescription, self.next, self.expiry, self.happened) = (name, next, expiry, happened)
        }
    }

    static let cases = [
        Case("nothing yet", next: 10, .firstByte),
        Case("output", next: 23, .idle) { $0.lastOutput = at(3) },
        Case("output, and the client is behind", next: 60, .total) {
            $0.lastOutput = at(3)
            $0.isHeldBack = true
        },
        Case("something waits for the client", next: 7, .write) {
            $0.lastOutput = at(1)
            $0.lastTaken = at(2)
            $0.isWaitingForClient = true
        },
        Case("the client's next piece of content is waited for", next: 42, .content) {
            $0.awaitsContentSince = at(2)
        },
        Case("the script has read", next: 15, .firstByte) { $0.lastInput = at(5) },
        Case("the script has read since it printed", next: 29, .idle) {
            $0.lastOutput = at(3)
            $0.lastInput = at(9)
        },
        Case("the output has ended, and the script reads", next: 10, .linger) {
            $0.outputEnded = at(3)
            $0.lastInput = at(9)
        },
        Case("the client's side has ended", next: 3, .halfClosed) { $0.clientDone = at(2) },
        Case("the output has ended", next: 4, .linger) {
            $0.lastOutput = at(3)
            $0.outputEnded = at(3)
        },
        Case("the output has ended without a byte", next: 4, .linger) { $0.outputEnded = at(3) },
        Case("the output has ended, and the script is about to", next: 5, .linger) {
            $0.outputEnded = at(3)
            $0.isExiting = true
        },
        Case("the script has ended", next: 6, .linger) {
            $0.lastOutput = at(3)
            $0.exited = at(4)
        },
        Case("both have ended", next: nil, nil) {
            $0.outputEnded = at(3)
            $0.exited = at(4)
        },
        Case("both have ended, and something waits", next: 9, .write) {
            $0.outputEnded = at(3)
            $0.exited = at(4)
            $0.lastTaken = at(4)
            $0.isWaitingForClient = true
        },
    ]

    @Test(arguments: cases) func `what comes first, and when`(_ test: Case) {
        var deadlines = ScriptDeadlines(
            .init(
                firstByte: .seconds(10), idle: .seconds(20), total: .seconds(60), linger: .seconds(2),
                exit: .seconds(1), write: .seconds(5), halfClosed: .seconds(1), content: .seconds(40)),
            started: start)
        test.happened(&deadlines)
        let next = test.next.map { at($0) } ?? .never
        #expect(deadlines.next == next)
        if test.next != nil {
            #expect(deadlines.expired(next + TimeSpan(nanoseconds: -1)) == nil)
            #expect(deadlines.expired(next) == test.expiry)
        } else {
            #expect(deadlines.expired(at(1_000_000)) == nil)
        }
    }

    @Test func `the client's end counts before the script's`() {
        var deadlines = ScriptDeadlines(
            .init(
                firstByte: .seconds(1), idle: .seconds(1), total: nil, linger: .seconds(1),
                exit: .seconds(1), write: .seconds(1), halfClosed: .seconds(1), content: .seconds(1)),
            started: start)
        deadlines.clientDone = start
        deadlines.isWaitingForClient = true
        #expect(deadlines.expired(at(5)) == .halfClosed)
        deadlines.clientDone = nil
        #expect(deadlines.expired(at(5)) == .write)
        deadlines.isWaitingForClient = false
        #expect(deadlines.expired(at(5)) == .firstByte)
    }
}
