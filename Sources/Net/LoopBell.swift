import Base
import Glibc
import Synchronization

/// What wakes a loop from another thread, and what a thread that may never hold a lock reads of the loop.
final class LoopBell: Sendable {
    /// The loop's epoll instance watches it.
    let counter: FileDescriptor
    private let look = Atomic<Int64>(Instant.never.nanoseconds)
    private let isHurried = Atomic<Bool>(false)

    init(_ counter: consuming FileDescriptor) { self.counter = counter }

    func ring() {
        var one: UInt64 = 1
        // Fails only when the counter is full, and then the loop is woken anyway.
        _ = write(counter.raw, &one, 8)
    }

    /// When the loop last looked at what it sweeps; `.never` while nobody is to hurry it.
    var lastLook: Instant { Instant(nanoseconds: look.load(ordering: .relaxed)) }

    func note(look: Instant) { self.look.store(look.nanoseconds, ordering: .relaxed) }

    /// Has the loop look at what it sweeps now.
    func hurry() {
        isHurried.store(true, ordering: .relaxed)
        ring()
    }

    /// Whether it has been hurried since this was last asked.
    func takeHurry() -> Bool {
        isHurried.load(ordering: .relaxed) && isHurried.exchange(false, ordering: .relaxed)
    }
}
