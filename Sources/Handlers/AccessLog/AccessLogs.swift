package import Base
package import Config
package import Logs
import Net

/// The access logs as one loop writes them: whole lines, gathered for a moment and handed over together.
///
/// Belongs to the loop's thread.
package final class AccessLogs {
    private let writer: LogWriter
    private var logs: [LogBox] = []
    private var oldest: Instant?

    /// Logs are few and live as long as the loop.
    private final class LogBox {
        let sink: LogSink
        let format: AccessLogFormat
        var lines = ByteBuffer()
        init(_ sink: LogSink, _ format: AccessLogFormat) { (self.sink, self.format) = (sink, format) }

        func append(_ exchange: HTTP1Exchange) { format.append(exchange, to: &lines) }
    }

    /// After this, lines go with the loop's next wake, whatever that is for.
    private static let delay = TimeSpan.milliseconds(50)
    /// A line waits no longer than this; the contract allows 100 ms with the writing included.
    private static let delayLimit = TimeSpan.milliseconds(70)
    private static let pieceSize = 64 * 1024

    package init(writer: LogWriter) {
        self.writer = writer
    }

    /// Adds a log and returns its number.
    package func add(_ sink: LogSink, _ format: LogFormat) -> Int {
        logs.append(LogBox(sink, AccessLogFormat(format)))
        return logs.count - 1
    }

    func write(_ exchange: HTTP1Exchange) {
        guard let number = exchange.accessLog, number < logs.count else { return }
        if oldest == nil { oldest = exchange.context.loop.now }
        // A log that was added stays.
        uncounted(.passUnretained(logs[number])) { log in
            log.append(exchange)
            if log.lines.count >= AccessLogs.pieceSize { flush(log) }
        }
    }

    /// Hands over what has waited long enough. Returns when to call again.
    package func flushIfDue(_ now: Instant) -> Instant {
        guard let oldest else { return .never }
        if now < oldest + AccessLogs.delay { return oldest + AccessLogs.delayLimit }
        flush()
        return .never
    }

    package func flush() {
        for log in logs where !log.lines.isEmpty { flush(log) }
        oldest = nil
    }

    private func flush(_ log: LogBox) {
        writer.submit(log.lines.withSpan { $0.array }, to: log.sink)
        log.lines.removeAll()
    }
}
