package import Base
import Synchronization

/// The processors, for scripts that have them by turns: one script each, as far as the server can tell, for
/// the kernel moves them as it likes. Who comes when all are taken waits in the order of a `PlaceQueue`, but for a
/// few of the same loop: to wake another one for each script would take the processors from scripts.
/// Shared by all loops.
package final class ProcessorQueue: Sendable {
    private let places: PlaceQueue
    /// Numbers of those that nobody has, the one last used at the end.
    private let free: Mutex<[Int32]>

    enum Admission {
        /// One was free, and the kernel knows best which; or it was handed over just now, which the kernel may
        /// need milliseconds to notice.
        case granted(Int32, isHandedOver: Bool)
        /// None has become free for so long, or too many wait.
        case timedOut
        /// The client has gone, or the server is ending.
        case abandoned
    }

    /// Scripts of one loop that may begin before the next one, which is another's.
    private static let overtaking = 4

    /// `processors`: the kernel's numbers. No turn is waited for longer than `patience`.
    package init(_ processors: [Int32], patience: TimeSpan) {
        places = PlaceQueue(
            limit: processors.count, timeout: patience, overtaking: ProcessorQueue.overtaking)
        free = Mutex(processors)
    }

    /// Takes a processor, which may be waited for. Who has got one gives it back by `leave`.
    func enter(_ exchange: Exchange) async -> Admission {
        if places.enterNow() { return .granted(take(), isHandedOver: false) }
        switch await places.enter(exchange) {
        case .granted: return .granted(take(), isHandedOver: true)
        case .full, .timedOut: return .timedOut
        case .abandoned: return .abandoned
        }
    }

    func leave(_ processor: Int32) {
        free.withLock { $0.append(processor) }
        places.leave()
    }

    /// There are as many as places.
    private func take() -> Int32 { free.withLock { $0.popLast() } ?? 0 }
}
