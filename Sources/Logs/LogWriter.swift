package import Base
package import Config
import Net
import Synchronization

/// The thread that writes the logs, so that no loop waits for a disk, a terminal or a slow `tail`.
///
/// What is handed over for a log is written in its order, whole. A log that takes nothing for now, such
/// as a pipe that nobody reads, keeps no other waiting. What waits is bounded for each log: beyond that
/// lines are lost, and their number is told once the log flows again.
package final class LogWriter: Sendable {
    private let state = Mutex(State())
    private let bell: Bell
    /// Counts each time that all has been written while somebody waited for it.
    private let idle = Semaphore()
    private let bound: Int

    private struct State {
        /// Of the logs that have something to be written or told. Few, so they are looked through.
        var backlogs: [Backlog] = []
        var isFlushing = false

        var bytes: Int { backlogs.reduce(0) { $0 + $1.bytes } }

        func index(of sink: LogSink) -> Int? { backlogs.firstIndex { $0.sink === sink } }
    }

    /// What a log has not taken yet.
    private struct Backlog {
        let sink: LogSink
        /// What the thread has not taken yet.
        var pieces: [LogPiece] = []
        /// Of those and of what the thread has in hand.
        var bytes = 0
        var lostLines = 0
    }

    /// `bound`: bytes that may wait for one log.
    package init(bound: Int = 32 << 20) throws(Errno) {
        bell = try Bell()
        self.bound = bound
    }

    /// Starts the thread, which runs until the process ends. `reportLoss` gets the number of lines that a
    /// log has lost, on that thread.
    package func start(reportLoss: @escaping @Sendable (LogTarget, Int) -> Void) {
        Thread(name: "log") { [self] in
            var hands: [LogHand] = []
            while true {
                bell.wait(orRoomIn: hands.compactMap { $0.sink.descriptor })
                take(into: &hands)
                for index in hands.indices {
                    let settled = hands[index].write()
                    if let lines = settle(settled, hands[index].sink) {
                        reportLoss(hands[index].sink.target, lines)
                    }
                }
                hands.removeAll { $0.isEmpty }
            }
        }.detach()
    }

    /// Has `bytes`, which are whole lines, written to `sink` soon. `level` is for logs that tell levels apart.
    package func submit(_ bytes: [UInt8], to sink: LogSink, _ level: LogLevel = .info) {
        let mustRing = state.withLock { state in
            let index = state.index(of: sink) ?? state.backlogs.endIndex
            if index == state.backlogs.endIndex { state.backlogs.append(Backlog(sink: sink)) }
            guard state.backlogs[index].bytes + bytes.count <= bound else {
                state.backlogs[index].lostLines += LogPiece.lineCount(bytes[...])
                return false
            }
            state.backlogs[index].bytes += bytes.count
            state.backlogs[index].pieces.append(LogPiece(bytes: bytes, level: level))
            return state.backlogs[index].pieces.count == 1
        }
        if mustRing { bell.ring() }
    }

    /// Has the thread try logs again that took nothing; some have been opened anew and are other files now.
    package func lookAgain() { bell.ring() }

    /// Gives the thread what came since.
    private func take(into hands: inout [LogHand]) {
        state.withLock { state in
            for index in state.backlogs.indices where !state.backlogs[index].pieces.isEmpty {
                let backlog = state.backlogs[index]
                state.backlogs[index].pieces = []
                if let hand = hands.firstIndex(where: { $0.sink === backlog.sink }) {
                    hands[hand].append(backlog.pieces)
                } else {
                    hands.append(LogHand(backlog.sink, backlog.pieces))
                }
            }
        }
    }

    /// Takes note of what has become of a log's bytes. Returns how many lines it has lost, if that is to be
    /// told now: not each time that a log which is always behind takes a piece.
    private func settle(_ settled: LogHand.Settled, _ sink: LogSink) -> Int? {
        state.withLock { state in
            guard let index = state.index(of: sink) else { return nil }
            state.backlogs[index].bytes -= settled.written + settled.lost
            state.backlogs[index].lostLines += settled.lostLines
            var told: Int?
            let lostLines = state.backlogs[index].lostLines
            if lostLines > 0, settled.written > 0, state.backlogs[index].bytes <= bound / 2 {
                told = lostLines
                state.backlogs[index].lostLines = 0
            }
            if state.backlogs[index].bytes == 0, state.backlogs[index].lostLines == 0 {
                state.backlogs.remove(at: index)
            }
            if state.isFlushing, told == nil, state.bytes == 0 { idle.post() }
            return told
        }
    }

    /// Waits until the thread has written what was handed over; for the end of the process. Logs that
    /// have taken nothing for a second, or are not done in five, are given up with what is left.
    package func flush() {
        var left = Int.max
        for _ in 0..<5 {
            let bytes = state.withLock { state in
                state.isFlushing = true
                return state.bytes
            }
            if bytes == 0 { return }
            if bytes >= left { break }
            left = bytes
            if idle.wait(.seconds(1)) { return }
        }
        let (bytes, names) = state.withLock { state in
            (state.bytes, state.backlogs.filter { $0.bytes > 0 }.map(\.sink.target.description))
        }
        if bytes == 0 { return }
        let verb = names.count == 1 ? "takes" : "take"
        LastResort.write(
            "the last \(bytes) bytes for the logs are given up: \(names.joined(separator: ", ")) \(verb) no more"
        )
    }
}
