import Base
import CLinux

/// Gives memory back to the system when a loop has had no request for a while: what many requests left free, and
/// the parts of the program's file that are mapped and not needed again soon. What is needed after all, the kernel
/// maps again, some hundred microseconds' worth for the next request.
struct RestingMemory {
    /// Requests of the loop, when it was looked at last.
    private var requests: UInt64 = 0
    private var due = Instant.never
    private var notBefore = Instant(nanoseconds: .min)

    /// Without a request for so long, a loop is at rest.
    private static let quiet = TimeSpan.milliseconds(500)
    /// At most so often, as requests that come once in a while pay for it.
    private static let interval = TimeSpan.seconds(30)

    /// Does what is due at `now`, when the loop has had so many requests. Returns when to call again at the latest.
    mutating func tidy(_ now: Instant, requests: UInt64) -> Instant {
        if requests != self.requests {
            self.requests = requests
            due = max(now + RestingMemory.quiet, notBefore)
        } else if now >= due {
            due = .never
            notBefore = now + RestingMemory.interval
            gh_give_back_memory()
        }
        return due
    }
}
