import Base
import Config
import Net
import Wire

/// Writes a request as a line of an access log.
///
/// Belongs to the loop's thread, like what it remembers.
final class AccessLogFormat {
    /// An item and up to eight bytes of text behind it, without anything that would have to be counted for
    /// each line. A longer text takes several.
    private struct Step {
        enum Kind { case none, field, otherField, item }
        var kind = Kind.none
        var field = FieldName.other
        var item = LogFormat.Item.Plain.address
        /// Where in `names` the name stands.
        var name = ByteRange.empty
        var text = EightBytes(padding: [])
        var textCount = 0
    }

    private let steps: [Step]
    private let names: [UInt8]
    private var timeSecond = Int.min
    private var timeText = ByteBuffer()

    /// Those steps that write the same for one client within a second, and what they wrote last.
    private let steady: Range<Int>
    private var steadyClient: IPAddress?
    private var steadySecond = Int.min
    private var steadyText = ByteBuffer()

    init(_ format: LogFormat) {
        var names: [UInt8] = []
        var steps: [Step] = []
        var text: [UInt8] = []
        // What stands before `step` goes with the step before it.
        func add(_ step: Step?) {
            while !text.isEmpty {
                if steps.last?.textCount != 0 { steps.append(Step()) }
                let piece = text.prefix(8)
                steps[steps.count - 1].text = EightBytes(padding: piece)
                steps[steps.count - 1].textCount = piece.count
                text.removeFirst(piece.count)
            }
            if let step { steps.append(step) }
        }
        for item in format.items {
            switch item {
            case .text(let piece): text += piece
            case .field(let name):
                let known = FieldName(name.span)
                if known != .other {
                    add(Step(kind: .field, field: known))
                } else {
                    names += name
                    add(Step(kind: .otherField, name: ByteRange(names.count - name.count, names.count)))
                }
            case .plain(let plain): add(Step(kind: .item, item: plain))
            }
        }
        text.append(ASCII.lf)
        add(nil)
        (self.steps, self.names) = (steps, names)
        let first = steps.firstIndex { $0.kind != .none && AccessLogFormat.isSteady($0) } ?? steps.endIndex
        steady = first..<(steps[first...].firstIndex { !AccessLogFormat.isSteady($0) } ?? steps.endIndex)
    }

    private static func isSteady(_ step: Step) -> Bool {
        switch step.kind {
        case .none: true
        case .field, .otherField: false
        case .item:
            switch step.item {
            case .address, .user, .time(.common), .time(.seconds): true
            default: false
            }
        }
    }

    func append(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        if steady.lowerBound > 0 { append(0..<steady.lowerBound, exchange, to: &line) }
        if exchange.user == nil {
            refreshSteadyText(exchange)
            steadyText.withUnsafeBytes { line.append($0) }
        } else {
            append(steady, exchange, to: &line)
        }
        append(steady.upperBound..<steps.count, exchange, to: &line)
    }

    /// For a client without a name.
    private func refreshSteadyText(_ exchange: HTTP1Exchange) {
        let (client, second) = (exchange.clientAddress, exchange.context.wallSeconds)
        if second == steadySecond, client == steadyClient { return }
        (steadyClient, steadySecond) = (client, second)
        steadyText.removeAll()
        append(steady, exchange, to: &steadyText)
    }

    private func append(_ range: Range<Int>, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let (steps, names) = (steps, names)
        for index in range {
            let step = steps[index]
            switch step.kind {
            case .none: break
            case .field: AccessLogFormat.append(exchange.first(step.field), exchange, to: &line)
            case .otherField:
                AccessLogFormat.appendField(names.span.extracting(step.name.range), exchange, to: &line)
            case .item: append(step.item, exchange, to: &line)
            }
            line.append(step.text, count: step.textCount)
        }
    }

    @inline(__always)
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
            AccessLogFormat.appendColouredRequestLine(exchange, to: &line)
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
                LogText.appendQuoted($0.extracting(exchange.head.path.range), to: &line)
            }
        case .query:
            guard let query = exchange.head.query else { return }
            line.append(ASCII.question)
            exchange.withHeadBytes { LogText.appendQuoted($0.extracting(query.range), to: &line) }
        case .protocolVersion: AccessLogFormat.appendVersion(exchange, to: &line)
        case .siteName: line.append(exchange.site?.name ?? "-")
        case .host:
            guard let authority = exchange.head.authority else { return line.append(ASCII.dash) }
            exchange.withHeadBytes {
                LogText.appendQuoted(SiteTable.host(of: $0.extracting(authority.range)), to: &line)
            }
        case .localPort:
            AccessLogFormat.appendPort(Int(exchange.connection.local.port ?? 0), to: &line)
        case .localAddress: AccessLogFormat.appendAddress(exchange.connection.local.ip, to: &line)
        case .remotePort: AccessLogFormat.appendPort(exchange.clientPort, to: &line)
        case .microseconds: line.append(decimal: exchange.duration.microseconds)
        case .milliseconds: line.append(decimal: exchange.duration.milliseconds)
        case .seconds: line.append(decimal: Int(exchange.duration.seconds))
        case .requestID: line.append(hex16: exchange.id.value)
        case .script: LogText.appendQuoted((exchange.script?.name ?? "-").utf8.span, to: &line)
        case .connectionStatus: line.append(exchange.isAborted ? "X" : exchange.keepsAlive ? "+" : "-")
        case .scriptReport: AccessLogFormat.appendReport(exchange, to: &line)
        case .json: AccessLogJSON.append(exchange, to: &line)
        }
    }

    /// Between blanks: one in the name is escaped, so that the columns stay in order.
    private static func appendUser(_ user: Span<UInt8>, to line: inout ByteBuffer) {
        var rest = user
        while let blank = rest.firstIndex(of: ASCII.space) {
            LogText.appendQuoted(rest.extracting(0..<blank), to: &line)
            line.append("\\x20")
            rest = rest.extracting((blank + 1)...)
        }
        LogText.appendQuoted(rest, to: &line)
    }

    /// `exit=0 first=1834us total=2011us cpu=1200us peak=9216K`, a dash for what is not known.
    private static func appendReport(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let script = exchange.script
        line.append("exit=")
        switch script?.exit?.reason {
        case .exited(let code)?: line.append(decimal: code)
        case .signal(let number, _)?: line.append(Signal.name(number))
        case nil: line.append(ASCII.dash)
        }
        append(" first=", script?.firstByte?.microseconds, "us", to: &line)
        append(" total=", exchange.duration.microseconds, "us", to: &line)
        append(" cpu=", script?.cpu?.microseconds, "us", to: &line)
        append(" peak=", script?.peakMemory.map { $0 / 1024 }, "K", to: &line)
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

    /// A Unix socket has none, and not every proxy tells the client's.
    private static func appendPort(_ port: Int, to line: inout ByteBuffer) {
        if port > 0 { line.append(decimal: port) } else { line.append(ASCII.dash) }
    }

    /// As it was sent.
    private static func appendRequestLine(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        // One that was given up before anything of it was there has none.
        append(exchange.head.line.isEmpty ? nil : exchange.head.line, exchange, to: &line)
    }

    private static func appendColouredRequestLine(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let (whole, method) = (exchange.head.line, exchange.head.methodName)
        if whole.isEmpty { return line.append(ASCII.dash) }
        exchange.withHeadBytes { bytes in
            line.append(TerminalColour.method)
            // A token has nothing to quote.
            line.append(bytes.extracting(method.range))
            line.append(TerminalColour.end)
            let rest = method.range.upperBound..<whole.range.upperBound
            LogText.appendQuoted(bytes.extracting(rest), to: &line)
        }
    }

    private static func appendVersion(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        line.append("HTTP/1.")
        line.append(decimal: exchange.head.minorVersion)
    }

    @inline(__always)
    private static func append(_ value: ByteRange?, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        guard let value else { return line.append(ASCII.dash) }
        exchange.withHeadBytes { LogText.appendQuoted($0.extracting(value.range), to: &line) }
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
