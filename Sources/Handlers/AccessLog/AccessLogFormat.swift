import Base
import Config
import Net
import Wire

/// Writes a request as a line of an access log.
///
/// Belongs to the loop's thread, like the time it remembers.
final class AccessLogFormat {
    /// An item without anything that would have to be counted for each line: texts and names stand in
    /// one run of bytes.
    private struct Step {
        enum Kind { case byte, text, field, otherField, item }
        var kind: Kind
        var byte: UInt8 = 0
        var field = FieldName.other
        var item = LogFormat.Item.Plain.address
        /// Where the text, or the name, stands.
        var place = ByteRange.empty
    }

    private let steps: [Step]
    private let texts: [UInt8]
    private var timeSecond = Int.min
    private var timeText = ByteBuffer()

    init(_ format: LogFormat) {
        var texts: [UInt8] = []
        var steps: [Step] = []
        for item in format.items + [.text([ASCII.lf])] {
            switch item {
            case .text(let text):
                var start = texts.count
                texts += text
                if let last = steps.last, last.kind == .text {
                    start = last.place.range.lowerBound
                    steps.removeLast()
                }
                steps.append(Step(kind: .text, place: ByteRange(start, texts.count)))
            case .field(let name):
                let known = FieldName(name.span)
                if known != .other {
                    steps.append(Step(kind: .field, field: known))
                } else {
                    texts += name
                    steps.append(
                        Step(kind: .otherField, place: ByteRange(texts.count - name.count, texts.count)))
                }
            case .plain(let plain): steps.append(Step(kind: .item, item: plain))
            }
        }
        self.texts = texts
        self.steps = steps.map { step in
            guard step.kind == .text, step.place.count == 1 else { return step }
            return Step(kind: .byte, byte: texts[step.place.range.lowerBound])
        }
    }

    func append(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let (steps, texts) = (steps, texts)
        for index in steps.indices {
            let step = steps[index]
            switch step.kind {
            case .byte: line.append(step.byte)
            case .text: line.append(texts.span.extracting(step.place.range))
            case .field: AccessLogFormat.append(exchange.first(step.field), exchange, to: &line)
            case .otherField:
                AccessLogFormat.appendField(texts.span.extracting(step.place.range), exchange, to: &line)
            case .item: append(step.item, exchange, to: &line)
            }
        }
    }

    private func append(_ item: LogFormat.Item.Plain, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        switch item {
        case .address: AccessLogFormat.appendAddress(exchange.clientAddress, to: &line)
        case .peerAddress: AccessLogFormat.appendAddress(exchange.connection.peer.ip, to: &line)
        case .user:
            guard let user = exchange.user else { return line.append(ASCII.dash) }
            AccessLogFormat.appendUser(user.span, to: &line)
        case .requestLine: AccessLogFormat.appendRequestLine(exchange, to: &line)
        case .status: line.append(decimal: exchange.status)
        case .colouredRequestLine:
            AccessLogFormat.appendRequestLine(exchange, methodIn: TerminalColour.method, to: &line)
        case .colouredStatus:
            line.append(TerminalColour.status(exchange.status))
            line.append(decimal: exchange.status)
            line.append(TerminalColour.end)
        case .bytes: line.append(decimal: exchange.contentSent)
        case .bytesOrDash:
            if exchange.contentSent == 0 {
                line.append(ASCII.dash)
            } else {
                line.append(decimal: exchange.contentSent)
            }
        case .time(let pattern): appendTime(pattern, exchange, to: &line)
        case .method: exchange.withHeadBytes { line.append($0.extracting(exchange.head.methodName.range)) }
        case .path:
            exchange.withHeadBytes {
                AccessLogFormat.appendQuoted($0.extracting(exchange.head.path.range), to: &line)
            }
        case .query:
            guard let query = exchange.head.query else { return }
            line.append(ASCII.question)
            exchange.withHeadBytes { AccessLogFormat.appendQuoted($0.extracting(query.range), to: &line) }
        case .protocolVersion: line.append(exchange.head.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1")
        case .siteName: line.append(exchange.site?.name ?? "-")
        case .host:
            guard let authority = exchange.head.authority else { return line.append(ASCII.dash) }
            exchange.withHeadBytes {
                AccessLogFormat.appendQuoted(SiteTable.host(of: $0.extracting(authority.range)), to: &line)
            }
        case .localPort: line.append(decimal: Int(exchange.connection.local.port ?? 0))
        case .localAddress: AccessLogFormat.appendAddress(exchange.connection.local.ip, to: &line)
        case .remotePort: line.append(decimal: exchange.clientPort)
        case .microseconds: line.append(decimal: exchange.duration.microseconds)
        case .milliseconds: line.append(decimal: exchange.duration.milliseconds)
        case .seconds: line.append(decimal: Int(exchange.duration.seconds))
        case .requestID: line.append(exchange.id.description)
        case .script: AccessLogFormat.appendQuoted((exchange.script?.name ?? "-").utf8.span, to: &line)
        case .connectionStatus: line.append(exchange.isAborted ? "X" : exchange.keepsAlive ? "+" : "-")
        case .scriptReport: AccessLogFormat.appendReport(exchange, to: &line)
        case .json: AccessLogJSON.append(exchange, to: &line)
        }
    }

    /// Between blanks: one in the name is escaped, so that the columns stay in order.
    private static func appendUser(_ user: Span<UInt8>, to line: inout ByteBuffer) {
        var rest = user
        while let blank = rest.firstIndex(of: ASCII.space) {
            appendQuoted(rest.extracting(0..<blank), to: &line)
            line.append("\\x20")
            rest = rest.extracting((blank + 1)...)
        }
        appendQuoted(rest, to: &line)
    }

    /// `exit=0 first=1834us total=2011us cpu=1200us peak=9216K`, a dash for what is not known.
    private static func appendReport(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let exit = exchange.script?.exit
        line.append("exit=")
        switch exit?.reason {
        case .exited(let code)?: line.append(decimal: code)
        case .signal(let number, _)?: line.append(Signal.name(number))
        case nil: line.append(ASCII.dash)
        }
        append(" first=", exchange.script?.firstByte?.microseconds, "us", to: &line)
        append(" total=", exchange.duration.microseconds, "us", to: &line)
        append(" cpu=", exit?.cpu.microseconds, "us", to: &line)
        append(" peak=", exit.map { $0.peakMemory / 1024 }, "K", to: &line)
    }

    private static func append(
        _ name: StaticString, _ value: Int?, _ unit: StaticString, to line: inout ByteBuffer
    ) {
        line.append(name)
        guard let value else { return line.append(ASCII.dash) }
        line.append(decimal: value)
        line.append(unit)
    }

    static func appendAddress(_ address: IPAddress?, to line: inout ByteBuffer) {
        if let ip = address { ip.append(to: &line) } else { line.append("unix:") }
    }

    static func appendRequestLine(
        _ exchange: HTTP1Exchange, methodIn colour: StaticString? = nil, to line: inout ByteBuffer
    ) {
        if exchange.head.methodName.isEmpty {
            // A request that could not be read has no line.
            line.append(ASCII.dash)
            return
        }
        exchange.withHeadBytes { bytes in
            if let colour { line.append(colour) }
            // A token has nothing to quote.
            line.append(bytes.extracting(exchange.head.methodName.range))
            if colour != nil { line.append(TerminalColour.end) }
            line.append(ASCII.space)
            appendQuoted(bytes.extracting(exchange.head.target.range), to: &line)
        }
        line.append(exchange.head.minorVersion == 0 ? " HTTP/1.0" : " HTTP/1.1")
    }

    private static func append(_ value: ByteRange?, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        guard let value else { return line.append(ASCII.dash) }
        exchange.withHeadBytes { appendQuoted($0.extracting(value.range), to: &line) }
    }

    private static func appendField(_ name: Span<UInt8>, _ exchange: HTTP1Exchange, to line: inout ByteBuffer)
    {
        var value: ByteRange?
        exchange.withHeadBytes { bytes in
            for field in exchange.head.fields where equals(bytes.extracting(field.name.range), name) {
                value = field.value
                return
            }
        }
        append(value, exchange, to: &line)
    }

    private static func equals(_ name: Span<UInt8>, _ lower: Span<UInt8>) -> Bool {
        guard name.count == lower.count else { return false }
        for index in name.indices where ASCII.lower(name[index]) != lower[index] { return false }
        return true
    }

    /// Quotes, backslashes and all that is not ASCII's own text escaped, as Apache does, so that a line stays
    /// a line and a terminal only shows it.
    static func appendQuoted(_ text: Span<UInt8>, to line: inout ByteBuffer) {
        var plain = 0
        var index = 0
        while index < text.count {
            if let eight = text.eightBytes(at: index), !eight.hasBelow(ASCII.space), !eight.has(ASCII.quote),
                !eight.has(ASCII.backslash), !eight.hasDeleteOrBeyond
            {
                index += 8
                continue
            }
            let byte = text[index]
            index += 1
            if byte >= ASCII.space, byte != ASCII.quote, byte != ASCII.backslash, byte < ASCII.delete {
                continue
            }
            line.append(text.extracting(plain..<index - 1))
            plain = index
            line.append(ASCII.backslash)
            if byte == ASCII.quote || byte == ASCII.backslash {
                line.append(byte)
            } else {
                line.append(UInt8(ascii: "x"))
                line.append(ASCII.hexDigit(byte >> 4))
                line.append(ASCII.hexDigit(byte & 15))
            }
        }
        line.append(text.extracting(plain...))
    }

    /// `[21/Nov/2026:14:03:07 +0100]`, made once a second.
    private func appendTime(
        _ pattern: LogFormat.TimePattern, _ exchange: HTTP1Exchange, to line: inout ByteBuffer
    ) {
        switch pattern {
        case .seconds: return line.append(decimal: exchange.context.wallSeconds)
        case .milliseconds, .microseconds:
            let now = WallClock.now
            let micro = now.seconds * 1_000_000 + now.nanoseconds / 1000
            return line.append(decimal: pattern == .microseconds ? micro : micro / 1000)
        case .common: break
        }
        let second = exchange.context.wallSeconds
        if second != timeSecond {
            timeSecond = second
            timeText.removeAll()
            AccessLogFormat.appendCommonTime(second, to: &timeText)
        }
        timeText.withUnsafeBytes { line.append($0) }
    }

    private static func appendCommonTime(_ second: Int, to text: inout ByteBuffer) {
        let (time, offset) = WallClock.local(second)
        text.append(UInt8(ascii: "["))
        text.append(decimal: time.day, width: 2)
        text.append(ASCII.slash)
        text.append(CalendarTime.months[max(0, min(11, time.month - 1))])
        text.append(ASCII.slash)
        text.append(decimal: time.year, width: 4)
        text.append(ASCII.colon)
        text.append(secondOf: time)
        text.append(offset < 0 ? " -" : " +")
        text.append(decimal: abs(offset) / 60, width: 2)
        text.append(decimal: abs(offset) % 60, width: 2)
        text.append(UInt8(ascii: "]"))
    }
}

/// Colours that every terminal has (ECMA-48, SGR).
private enum TerminalColour {
    static let method: StaticString = "\u{1B}[1m"
    static let end: StaticString = "\u{1B}[0m"

    /// Green, cyan, yellow, red: fine, elsewhere, the client's mistake, the server's.
    static func status(_ code: Int) -> StaticString {
        switch code {
        case ..<300: "\u{1B}[32m"
        case ..<400: "\u{1B}[36m"
        case ..<500: "\u{1B}[33m"
        default: "\u{1B}[31m"
        }
    }
}
