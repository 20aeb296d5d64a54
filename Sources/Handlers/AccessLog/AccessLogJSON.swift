import Base
import Net
import Wire

/// The `json` format: one object a line.
enum AccessLogJSON {
    static func append(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        line.append("{\"time\":\"")
        appendTime(to: &line)
        line.append("\",\"id\":\"")
        line.append(exchange.id.description)
        line.append("\",\"site\":")
        append(string: Array((exchange.site?.name ?? "").utf8).span, to: &line)
        line.append(",\"client\":\"")
        AccessLogFormat.appendAddress(exchange.clientAddress, to: &line)
        line.append("\"")
        exchange.withHeadBytes { bytes in
            let head = exchange.head
            append("method", bytes.extracting(head.methodName.range), to: &line)
            append("target", bytes.extracting(head.target.range), to: &line)
            append("host", bytes.extracting((head.authority ?? .empty).range), to: &line)
            append("referer", bytes.extracting((head.first(.referer) ?? .empty).range), to: &line)
            append("user_agent", bytes.extracting((head.first(.userAgent) ?? .empty).range), to: &line)
        }
        line.append(",\"version\":\"1.")
        line.append(decimal: exchange.head.minorVersion)
        line.append("\",\"status\":")
        line.append(decimal: exchange.status)
        line.append(",\"bytes\":")
        line.append(decimal: exchange.contentSent)
        line.append(",\"duration_us\":")
        line.append(decimal: exchange.duration.microseconds)
        if exchange.isAborted { line.append(",\"cut\":true") }
        if exchange.head.isRefused {
            exchange.withHeadBytes { append("request", $0.extracting(exchange.head.line.range), to: &line) }
        }
        if let user = exchange.user { append("user", user.span, to: &line) }
        if let script = exchange.script { append(script, to: &line) }
        line.append("}")
    }

    private static func append(_ script: ScriptReport, to line: inout ByteBuffer) {
        append("script", Array(script.name.utf8).span, to: &line)
        if let pid = script.pid {
            line.append(",\"pid\":")
            line.append(decimal: Int(pid))
        }
        if let first = script.firstByte {
            line.append(",\"first_byte_us\":")
            line.append(decimal: first.microseconds)
        }
        switch script.exit?.reason {
        case .exited(let code)?:
            line.append(",\"exit\":")
            line.append(decimal: code)
        case .signal(let number, _)?:
            line.append(",\"signal\":\"")
            line.append(Signal.name(number))
            line.append("\"")
        case nil: break
        }
        if let cpu = script.cpu {
            line.append(",\"cpu_us\":")
            line.append(decimal: cpu.microseconds)
        }
        if let peak = script.peakMemory {
            line.append(",\"peak_kb\":")
            line.append(decimal: peak / 1024)
        }
    }

    private static func append(_ name: StaticString, _ value: Span<UInt8>, to line: inout ByteBuffer) {
        line.append(",\"")
        line.append(name)
        line.append("\":")
        append(string: value, to: &line)
    }

    /// A JSON string; bytes that are no UTF-8 become U+FFFD.
    static func append(string value: Span<UInt8>, to line: inout ByteBuffer) {
        line.append(ASCII.quote)
        JSON.escape(value.string.utf8, into: &line)
        line.append(ASCII.quote)
    }

    /// UTC with milliseconds, `2026-11-21T13:03:07.123Z`.
    private static func appendTime(to line: inout ByteBuffer) {
        let now = WallClock.now
        let time = CalendarTime(secondsSince1970: now.seconds)
        line.append(date: time)
        line.append(UInt8(ascii: "T"))
        line.append(secondOf: time)
        line.append(ASCII.dot)
        line.append(decimal: now.nanoseconds / 1_000_000, width: 3)
        line.append(UInt8(ascii: "Z"))
    }
}
