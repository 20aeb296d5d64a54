import Glibc
import Synchronization

/// A few threads for calls that may block: starting a script, inspecting one, listing a folder.
///
/// Work is done in the order of its arrival. Who asks is suspended meanwhile, so the queue is
/// bounded by the number of connections.
package final class WorkerPool: Sendable {
    private let state: State

    /// `@unchecked Sendable`: `waiting` is a semaphore of the system's, made for sharing, at an
    /// address that stays; the queue is a mutex.
    private final class State: @unchecked Sendable {
        let queue = Mutex(Queue())
        let waiting: UnsafeMutablePointer<sem_t>
        let threads: Int

        init(threads: Int) {
            self.threads = threads
            waiting = .allocate(capacity: 1)
            sem_init(waiting, 0, 0)
        }

        deinit {
            sem_destroy(waiting)
            waiting.deallocate()
        }
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
        for _ in 0..<state.threads { sem_post(state.waiting) }
    }

    private static func serve(_ state: State) {
        while true {
            while sem_wait(state.waiting) != 0 {}
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
        sem_post(state.waiting)
    }
}
