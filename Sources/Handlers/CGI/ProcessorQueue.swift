package import Base
import Synchronization

/// The processors, for scripts that have them by turns: one script each, as far as the server can tell, for
/// the kernel moves them as it likes. Who comes when all are taken waits in the order of a `PlaceQueue`.
/// Shared by all loops.
package final class ProcessorQueue: Sendable {
    private let places: PlaceQueue
    /// Numbers of those that nobody has, the one last used at the end.
    private let free: Mutex<[Int32]>

    enum Admission {
        /// One was free; which one suits best is the kernel's business.
        case granted(Int32)
        /// One has become free just now, and the kernel may need milliseconds to notice.
        case handedOver(Int32)
        /// None has become free for so long, or too many wait.
        case timedOut
        /// The client has gone, or the server is ending.
        case abandoned
    }

    /// `processors`: the kernel's numbers. No turn is waited for longer than `patience`.
    package init(_ processors: [Int32], patience: TimeSpan) {
        places = PlaceQueue(limit: processors.count, timeout: patience)
        free = Mutex(processors)
    }

    /// Takes a processor, which may be waited for. Who has got one gives it back by `leave`.
    func enter(_ exchange: Exchange) async -> Admission {
        if places.enterNow() { return .granted(take()) }
        switch await places.enter(exchange) {
        case .granted: return .handedOver(take())
        case .full, .timedOut: return .timedOut
        case .abandoned: return .abandoned
        }
    }

    func leave(_ processor: Int32) {
        free.withLock { $0.append(processor) }
        places.leave()
    }

    /// There are as many as places, but for a machine whose processors are not known.
    private func take() -> Int32 { free.withLock { $0.popLast() } ?? 0 }
}
