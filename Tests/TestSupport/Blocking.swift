import Synchronization

/// Runs `body`, which may block, on a thread of its own, and awaits it.
///
/// It stays within the calling test's task, so that `#expect` in it counts for that test, and the
/// threads that all tests share are left alone.
@concurrent
package func blocking<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    let thread = OwnThread()
    defer { thread.end() }
    return try await withTaskExecutorPreference(thread) { try await onExecutor(body) }
}

/// Being concurrent, it is what moves to the preferred executor.
@concurrent
private func onExecutor<R: Sendable>(_ body: @Sendable () throws -> R) async throws -> R { try body() }

/// Runs `body` on `count` threads at once, with numbers from 0, and waits for all of them.
///
/// The first error is thrown. These threads belong to no test: return results, and `#expect` behind it.
package func onThreads<R: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) throws -> R) throws -> [R]
{
    let results = Monitor<[Int: Result<R, any Error>]>([:])
    for index in 0..<count {
        startThread {
            let result = Result { try body(index) }
            results.update { $0[index] = result }
        }
    }
    let all = results.wait { $0.count == count ? $0 : nil } ?? [:]
    return try (0..<count).compactMap { try all[$0]?.get() }
}

/// A task executor that is one thread.
private final class OwnThread: TaskExecutor {
    private struct Work: Sendable {
        var jobs: [UnownedJob] = []
        var ended = false
    }

    private let work = Monitor(Work())

    init() {
        // The thread holds the executor, so that it lives as long as jobs run on it.
        startThread { self.run() }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        work.update { $0.jobs.append(job) }
    }

    /// The thread ends when nothing is left to do.
    func end() { work.update { $0.ended = true } }

    private func run() {
        while let job = next() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    private func next() -> UnownedJob? {
        let next: UnownedJob?? = work.wait { work in
            if !work.jobs.isEmpty { return work.jobs.removeFirst() }
            return work.ended ? .some(nil) : nil
        }
        return next ?? nil
    }
}

/// Lets a number of tasks through at a time, so that a machine of two cores is not asked to start a
/// hundred servers at once.
package actor Turnstile {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    package init(_ count: Int) { free = count }

    package func enter() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    package func leave() {
        if waiting.isEmpty {
            free += 1
        } else {
            waiting.removeFirst().resume()
        }
    }
}
