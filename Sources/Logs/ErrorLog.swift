import Base
package import Config

/// What a line of the error log is about; whatever is known of it.
package struct LogContext: Sendable {
    package var site: String?
    package var script: String?
    package var pid: Int32?
    package var requestID: String?
    package var client: String?

    package init(
        site: String? = nil, script: String? = nil, pid: Int32? = nil, requestID: String? = nil,
        client: String? = nil
    ) {
        (self.site, self.script, self.pid, self.requestID, self.client) = (
            site, script, pid, requestID, client
        )
    }
}

/// The error log of the server or of a site: one line an event, with time and level first.
package final class ErrorLog: Sendable {
    private let sink: LogSink?
    private let writer: LogWriter
    private let level: LogLevel

    /// Without a sink nothing is written.
    package init(sink: LogSink?, writer: LogWriter, level: LogLevel) {
        (self.sink, self.writer, self.level) = (sink, writer, level)
    }

    package func isLogged(_ level: LogLevel) -> Bool { sink != nil && level <= self.level }

    /// Writes one line. Control characters in `message` are shown escaped, so that no text from
    /// outside can forge a line or steer a terminal.
    package func write(_ level: LogLevel, _ message: String, _ context: LogContext = LogContext()) {
        guard isLogged(level) else { return }
        var message = message
        message.withUTF8 { text in write(level, text.span, context) }
    }

    /// As above, for bytes that may not be UTF-8.
    package func write(_ level: LogLevel, _ message: Span<UInt8>, _ context: LogContext) {
        guard isLogged(level), let sink else { return }
        var line = ByteBuffer(capacity: 256)
        if !sink.hasOwnTime {
            ErrorLog.appendTime(to: &line)
            let word: StaticString =
                switch level {
                case .error: " error "
                case .warning: " warning "
                case .info: " info "
                case .debug: " debug "
                }
            line.append(word)
        }
        if let site = context.site { ErrorLog.append("site", site, to: &line) }
        if let script = context.script { ErrorLog.append("script", script, to: &line) }
        if let pid = context.pid {
            line.append("pid=")
            line.append(decimal: Int(pid))
            line.append(ASCII.space)
        }
        if let client = context.client { ErrorLog.append("client", client, to: &line) }
        if let id = context.requestID { ErrorLog.append("id", id, to: &line) }
        ErrorLog.appendEscaped(message, to: &line)
        line.append(ASCII.lf)
        writer.submit(line.bytes.array, to: sink, level)
    }

    private static func append(_ name: StaticString, _ value: String, to line: inout ByteBuffer) {
        line.append(name)
        line.append(ASCII.equals)
        var value = value
        value.withUTF8 { appendEscaped($0.span, to: &line) }
        line.append(ASCII.space)
    }

    static func appendEscaped(_ text: Span<UInt8>, to line: inout ByteBuffer) {
        var escaped = 0
        for index in text.indices {
            let byte = text[index]
            // The controls U+0080 to U+009F steer a terminal as the others do.
            if byte == 0xC2, index + 1 < text.count, 0x80..<0xA0 ~= text[index + 1] { escaped = 2 }
            if ASCII.isControl(byte) { escaped = 1 }
            if escaped == 0 {
                line.append(byte)
            } else {
                escaped -= 1
                line.append("\\x")
                line.append(ASCII.hexDigit(byte >> 4))
                line.append(ASCII.hexDigit(byte & 15))
            }
        }
    }

    /// `2026-11-21T14:03:07.123+01:00`, local time.
    private static func appendTime(to line: inout ByteBuffer) {
        let now = WallClock.now
        let (time, offset) = WallClock.local(now.seconds)
        line.append(date: time)
        line.append(UInt8(ascii: "T"))
        line.append(secondOf: time)
        line.append(ASCII.dot)
        line.append(decimal: now.nanoseconds / 1_000_000, width: 3)
        line.append(offset < 0 ? ASCII.dash : ASCII.plus)
        line.append(decimal: abs(offset) / 60, width: 2)
        line.append(ASCII.colon)
        line.append(decimal: abs(offset) % 60, width: 2)
    }
}
