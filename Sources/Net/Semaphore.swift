package import Base
import Glibc

/// A count that threads wait for, made with `sem_init(3)`.
///
/// `@unchecked Sendable`: the system's semaphore is made for sharing, and its address stays.
package final class Semaphore: @unchecked Sendable {
    private let raw: UnsafeMutablePointer<sem_t> = .allocate(capacity: 1)

    package init() { sem_init(raw, 0, 0) }

    deinit {
        sem_destroy(raw)
        raw.deallocate()
    }

    /// Adds one, and wakes one that waits.
    package func post() { sem_post(raw) }

    /// Waits for one, and takes it away.
    package func wait() { while sem_wait(raw) != 0 {} }

    /// As above; false where `time` passed first.
    package func wait(_ time: TimeSpan) -> Bool {
        let now = WallClock.now
        let end = now.nanoseconds + Int(time.nanoseconds)
        var deadline = timespec(tv_sec: now.seconds + end / 1_000_000_000, tv_nsec: end % 1_000_000_000)
        while sem_timedwait(raw, &deadline) != 0 {
            if Errno.current != .interrupted { return false }
        }
        return true
    }
}
