import Base
import Net
import Synchronization

/// Lets few passwords be checked at once, so that guessing takes neither all processors nor the threads
/// that start scripts. Shared by all loops.
final class PasswordGate: Sendable {
    private let limit: Int
    private let state = Mutex(State())

    /// Checks that may wait, in all and of one client.
    private static let bound = 512
    private static let clientBound = 32

    private struct State {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
        /// Those that run and those that wait.
        var byClient: [IPAddress: Int] = [:]
    }

    private enum Admission { case now, later, never }

    /// `limit` checks at once.
    init(limit: Int) { self.limit = max(1, limit) }

    /// Runs `work` on one of the pool's threads when there is a place; nil where too many wait.
    func run<Result: Sendable>(
        on pool: WorkerPool, for client: IPAddress?, _ work: @escaping @Sendable () -> Result
    ) async -> Result? {
        // Clients of a Unix socket count as one.
        let client = (client ?? .loopback).clientNetwork
        return await withUnsafeContinuation { (continuation: UnsafeContinuation<Result?, Never>) in
            let job: @Sendable () -> Void = {
                pool.submit {
                    let result = work()
                    // The place is free before the one who asked goes on, and may ask again.
                    self.leave(client)
                    continuation.resume(returning: result)
                }
            }
            let admission = state.withLock { state -> Admission in
                let own = state.byClient[client] ?? 0
                if state.running >= limit,
                    state.waiting.count >= PasswordGate.bound || own >= PasswordGate.clientBound
                {
                    return .never
                }
                state.byClient[client] = own + 1
                if state.running < limit {
                    state.running += 1
                    return .now
                }
                state.waiting.append(job)
                return .later
            }
            switch admission {
            case .now: job()
            case .later: break
            case .never: continuation.resume(returning: nil)
            }
        }
    }

    private func leave(_ client: IPAddress) {
        let next = state.withLock { state -> (@Sendable () -> Void)? in
            let own = (state.byClient[client] ?? 1) - 1
            state.byClient[client] = own > 0 ? own : nil
            if state.waiting.isEmpty {
                state.running -= 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?()
    }
}
