import Net
import Synchronization

/// How many connections are open on all loops together (`max_connections`).
final class ConnectionLimit: Sendable {
    private let maximum: Int
    private let open = Atomic<Int>(0)
    /// Listeners that wait for a connection to end, on whichever loop.
    private let waiting = Mutex<[Waiter]>([])
    private let isAnyWaiting = Atomic<Bool>(false)

    init(_ maximum: Int) { self.maximum = maximum }

    /// Takes a place; false where there is none.
    func take() -> Bool {
        if open.add(1, ordering: .acquiringAndReleasing).newValue <= maximum { return true }
        open.subtract(1, ordering: .acquiringAndReleasing)
        return false
    }

    /// Gives a place back.
    func give() {
        // In one order with the two of `wakeWhenFree`: either this sees that somebody waits, or that
        // sees the free place. With less both could miss each other.
        open.subtract(1, ordering: .sequentiallyConsistent)
        guard isAnyWaiting.load(ordering: .sequentiallyConsistent) else { return }
        let waiters = waiting.withLock { waiters in
            isAnyWaiting.store(false, ordering: .releasing)
            defer { waiters = [] }
            return waiters
        }
        for waiter in waiters { waiter.loop.submit { waiter.wake() } }
    }

    /// Wakes `waiter` when a place may be free.
    func wakeWhenFree(_ waiter: Waiter) {
        waiting.withLock { waiters in
            waiters.append(waiter)
            isAnyWaiting.store(true, ordering: .sequentiallyConsistent)
        }
        // One may have been given back just before.
        if open.load(ordering: .sequentiallyConsistent) < maximum { waiter.loop.submit { waiter.wake() } }
    }
}
