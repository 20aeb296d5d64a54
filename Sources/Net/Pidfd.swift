import Base
import Glibc

/// What a pidfd tells of its process.
enum Pidfd {
    /// Whether the process has ended, all its threads included; waits for that, `limit` at most. One that waits
    /// only for its parent to take note of it has.
    static func hasEnded(_ pidfd: CInt, within limit: TimeSpan = .zero) -> Bool {
        var event = pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)
        return poll(&event, 1, CInt(clamping: limit.milliseconds)) > 0
    }
}
