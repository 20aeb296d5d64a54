import Base
import Config
import Glibc
import Logs
import Net
import Synchronization

/// The loops at work, and the main thread that waits for signals meanwhile.
final class Crew {
    private let workers: [Worker]
    private let signals: SignalWaiter

    init(_ workers: [Worker], _ signals: SignalWaiter) {
        self.workers = workers
        self.signals = signals
    }

    /// What ending a script takes beside the time it is given.
    private static let margin = TimeSpan.seconds(5)

    /// Serves until TERM or INT and all that follows from it has been done. `killGrace` is the longest
    /// time that a script gets between TERM and KILL. `stopping` is called when it has been told to stop.
    func serve(
        shutdownTimeout: TimeSpan, killGrace: TimeSpan, logs: OpenLogs, stopping: () -> Void
    ) {
        let board = Board(count: workers.count)
        for worker in workers {
            let signals = signals
            worker.drained = { if board.workerIsDrained(worker.loop.index) { signals.wake() } }
        }
        var threads: [JoinableThread] = []
        for worker in workers {
            threads.append(JoinableThread(name: "loop-\(worker.loop.index)") { worker.loop.run() })
        }
        waitForStop(logs)
        stopping()
        for worker in workers { worker.loop.submit { worker.drain() } }
        if !waitUntilIdle(board, Instant.now + shutdownTimeout, logs) {
            logs.errorLog.write(.warning, "requests still under way are ended now")
            for worker in workers { worker.loop.submit { worker.cancel() } }
            // Scripts get cgi_kill_grace before they are killed; none is left behind.
            let end = Instant.now + killGrace + Crew.margin
            _ = waitUntilIdle(board, end, logs, ignoresSignals: true)
        }
        for worker in workers { worker.stop() }
        for thread in threads { thread.join() }
    }

    private func waitForStop(_ logs: OpenLogs) {
        while true {
            switch signals.wait() {
            case .stop: return
            case .reopen: logs.reopen()
            case .reload:
                logs.errorLog.write(
                    .warning,
                    "HUP: this version cannot reload; stop and start it to read the configuration again")
            case .upgrade:
                logs.errorLog.write(.warning, "USR2: this version cannot replace itself; stop and start it")
            case .wake, .timeout: break
            }
        }
    }

    /// Whether all loops were done before `deadline` or a second request to stop.
    private func waitUntilIdle(
        _ board: Board, _ deadline: Instant, _ logs: OpenLogs, ignoresSignals: Bool = false
    ) -> Bool {
        while !board.isIdle {
            let left = deadline - .now
            if left <= .zero { return false }
            switch signals.wait(left) {
            case .stop: if !ignoresSignals { return board.isIdle }
            case .reopen: logs.reopen()
            case .reload, .upgrade, .wake, .timeout: break
            }
        }
        return true
    }

    /// Which loops are done.
    private final class Board: Sendable {
        private let waiting: Mutex<Set<Int>>
        init(count: Int) { waiting = Mutex(Set(0..<count)) }
        /// Whether that was the last one.
        func workerIsDrained(_ index: Int) -> Bool {
            waiting.withLock { waiting in
                waiting.remove(index)
                return waiting.isEmpty
            }
        }
        var isIdle: Bool { waiting.withLock { $0.isEmpty } }
    }

    /// A thread in an array: the owner cannot be stored there itself.
    private final class JoinableThread {
        private var thread: Thread?
        init(name: String, _ body: @escaping @Sendable () -> Void) { thread = Thread(name: name, body) }
        func join() { thread.take()?.join() }
    }
}
