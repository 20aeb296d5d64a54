import Synchronization

/// A few threads for calls that may block: starting a script, inspecting one, listing a folder.
///
/// Work is done in the order of its arrival. Who asks is suspended meanwhile, so the queue is
/// bounded by the number of connections.
package final class WorkerPool: Sendable {
    private let state: State

    private final class State: Sendable {
        let queue = Mutex(Queue())
        /// Jobs that no thread has come for.
        let waiting = Semaphore()
        let threads: Int

        init(threads: Int) { self.threads = threads }
    }

    private struct Queue {
        /// Those that were taken have left nil behind, so that nothing of theirs is held.
        var jobs: [(@Sendable () -> Void)?] = []
        var first = 0
        var isClosed = false

        mutating func next() -> (@Sendable () -> Void)? {
            guard first < jobs.count else { return nil }
            defer {
                first += 1
                // Under a load that never lets the queue run empty the array would only grow.
                if first == jobs.count || first >= 1024 {
                    jobs.removeFirst(first)
                    first = 0
                }
            }
            return jobs[first].take()
        }
    }

    package var threadCount: Int { state.threads }

    package init(name: String, threads: Int) {
        let state = State(threads: max(threads, 1))
        self.state = state
        for index in 0..<state.threads {
            Thread(name: "\(name)-\(index)") { WorkerPool.serve(state) }.detach()
        }
    }

    deinit {
        state.queue.withLock { $0.isClosed = true }
        for _ in 0..<state.threads { state.waiting.post() }
    }

    private static func serve(_ state: State) {
        while true {
            state.waiting.wait()
            let (job, isClosed) = state.queue.withLock { ($0.next(), $0.isClosed) }
            if let job { job() } else if isClosed { return }
        }
    }

    /// Runs `work` on one of the threads and returns what it returns.
    package func run<Result: Sendable>(_ work: @escaping @Sendable () -> Result) async -> Result {
        await withUnsafeContinuation { continuation in
            submit { continuation.resume(returning: work()) }
        }
    }

    /// Runs `work` on one of the threads; nobody waits for it.
    package func submit(_ work: @escaping @Sendable () -> Void) {
        state.queue.withLock { $0.jobs.append(work) }
        state.waiting.post()
    }
}
