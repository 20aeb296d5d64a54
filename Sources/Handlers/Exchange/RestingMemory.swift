import Base
import CLinux
import Synchronization

/// Gives memory back to the system while a server is at rest: what requests have left free, and the parts of the
/// program's file that are mapped. What is needed again, the kernel maps again.
///
/// One for each loop. A loop is at rest when it has had nothing to do for a while, a server when all its loops are.
struct RestingMemory {
    /// What the loops of a server have in common.
    final class Shared: Sendable {
        private let activeLoops = Atomic<Int>(0)
        private let notBefore = Atomic<Int64>(.min)
        private let giveBack: @Sendable () -> Void

        init(giveBack: @escaping @Sendable () -> Void = { gh_give_back_memory() }) {
            self.giveBack = giveBack
        }

        /// A loop that was at rest has something to do.
        fileprivate func begin() { activeLoops.add(1, ordering: .sequentiallyConsistent) }

        /// A loop has come to rest.
        fileprivate func end() { activeLoops.subtract(1, ordering: .sequentiallyConsistent) }

        /// Does it if it is time. Returns when to ask again at the latest.
        fileprivate func giveBackIfDue(_ now: Instant) -> Instant {
            // The last loop that comes to rest does it.
            if activeLoops.load(ordering: .sequentiallyConsistent) > 0 { return .never }
            let time = notBefore.load(ordering: .relaxed)
            if now.nanoseconds < time { return Instant(nanoseconds: time) }
            let next = (now + RestingMemory.interval).nanoseconds
            if notBefore.compareExchange(expected: time, desired: next, ordering: .relaxed).exchanged {
                giveBack()
            }
            return .never
        }
    }

    private let shared: Shared
    /// What the loop had done when it was looked at last.
    private var activity: UInt64 = 0
    private var isActive = false
    private var due = Instant.never

    /// Longer than files stay at hand.
    static let quiet = TimeSpan.seconds(2)
    /// At most so often, as requests that come once in a while pay for it.
    static let interval = TimeSpan.seconds(30)

    init(_ shared: Shared) { self.shared = shared }

    /// Does what is due at `now`. `activity` grows with all that the loop does, and while it `isBusy` it does not
    /// rest. Returns when to call again at the latest.
    mutating func tidy(_ now: Instant, activity: UInt64, isBusy: Bool) -> Instant {
        if isBusy || activity != self.activity {
            self.activity = activity
            if !isActive {
                isActive = true
                shared.begin()
            }
            due = isBusy ? .never : now + RestingMemory.quiet
        } else if now >= due {
            if isActive {
                isActive = false
                shared.end()
            }
            due = shared.giveBackIfDue(now)
        }
        return due
    }
}
