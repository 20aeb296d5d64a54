import Base
import Config
import Logs
import Net
import Synchronization

/// Lets one line a second into the log, so that nobody can fill the disk by failing often.
final class LogThrottle: Sendable {
    private let state = Mutex((last: Instant(nanoseconds: .min), left: 0))

    /// Writes a warning about `client`, and how many were left out since the last one.
    func write(_ message: String, _ client: IPAddress?, _ context: LoopContext) {
        let now = context.loop.now
        let left: Int? = state.withLock { state in
            guard now - state.last >= .seconds(1) else {
                state.left += 1
                return nil
            }
            defer { state = (now, 0) }
            return state.left
        }
        guard let left else { return }
        context.errorLog.write(
            .warning, left == 0 ? message : "\(message) (\(left) more like this)",
            LogContext(client: client?.description))
    }
}
