import Base
import Config
import Handlers
import Wire

/// How a request becomes a line: the named formats, or Apache's `%` directives.
final class AccessLogFormat {
    private enum Item {
        case text([UInt8])
        case address, user, time(pattern: TimePattern), requestLine, status, bytesOrDash, bytes
        case field(name: [UInt8])
        case variable(Variable)
        case json
    }

    private enum TimePattern { case common, seconds, milliseconds, microseconds }

    private enum Variable {
        case method, path, query, protocolVersion, siteName, host, localPort, localAddress, remotePort,
            microseconds
        case seconds, milliseconds, requestID, script, connectionStatus, percent
    }

    private let items: [Item]
    private var timeSecond = Int.min
    private var timeText = ByteBuffer()

    static let common = "%h %l %u %t \"%r\" %>s %b"
    static let combined = common + " \"%{Referer}i\" \"%{User-Agent}i\""

    struct Problem: Error { let message: String }

    /// Throws for a directive that is not known.
    init(_ setting: LogFormatSetting) throws(Problem) {
        switch setting {
        case .named(.common): items = try AccessLogFormat.parse(AccessLogFormat.common)
        case .named(.combined): items = try AccessLogFormat.parse(AccessLogFormat.combined)
        case .named(.vhostCombined): items = try AccessLogFormat.parse("%v:%p " + AccessLogFormat.combined)
        case .named(.json): items = [.json]
        case .directives(let text): items = try AccessLogFormat.parse(text)
        }
    }

    // MARK: Reading a format

    private static func parse(_ format: String) throws(Problem) -> [Item] {
        var items: [Item] = []
        var text: [UInt8] = []
        var rest = Array(format.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == ASCII.percent else {
                text.append(byte)
                continue
            }
            // "final" and "original" status and the like are the same here.
            while rest.first == UInt8(ascii: ">") || rest.first == UInt8(ascii: "<") { rest.removeFirst() }
            var argument: [UInt8]?
            if rest.first == UInt8(ascii: "{") {
                guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else {
                    throw Problem(message: "`%{` without `}`")
                }
                argument = Array(rest[(rest.startIndex + 1)..<close])
                rest = rest[(close + 1)...]
            }
            guard let letter = rest.popFirst() else { throw Problem(message: "`%` at the end of the format") }
            if letter == ASCII.percent {
                text.append(letter)
                continue
            }
            if !text.isEmpty { items.append(.text(text)) }
            text = []
            items.append(try item(letter, argument))
        }
        if !text.isEmpty { items.append(.text(text)) }
        return items
    }

    private static func item(_ letter: UInt8, _ argument: [UInt8]?) throws(Problem) -> Item {
        let name = argument.map { String(decoding: $0, as: UTF8.self) }
        switch (letter, name) {
        case (UInt8(ascii: "h"), nil), (UInt8(ascii: "a"), _): return .address
        case (UInt8(ascii: "l"), nil): return .text([ASCII.dash])
        case (UInt8(ascii: "u"), nil): return .user
        case (UInt8(ascii: "t"), nil): return .time(pattern: .common)
        case (UInt8(ascii: "t"), "sec"): return .time(pattern: .seconds)
        case (UInt8(ascii: "t"), "msec"): return .time(pattern: .milliseconds)
        case (UInt8(ascii: "t"), "usec"): return .time(pattern: .microseconds)
        case (UInt8(ascii: "r"), nil): return .requestLine
        case (UInt8(ascii: "s"), nil): return .status
        case (UInt8(ascii: "b"), nil): return .bytesOrDash
        case (UInt8(ascii: "B"), nil): return .bytes
        case (UInt8(ascii: "i"), _?): return .field(name: (argument ?? []).map(ASCII.lower))
        case (UInt8(ascii: "m"), nil): return .variable(.method)
        case (UInt8(ascii: "U"), nil): return .variable(.path)
        case (UInt8(ascii: "q"), nil): return .variable(.query)
        case (UInt8(ascii: "H"), nil): return .variable(.protocolVersion)
        case (UInt8(ascii: "v"), nil): return .variable(.siteName)
        case (UInt8(ascii: "V"), nil): return .variable(.host)
        case (UInt8(ascii: "A"), nil): return .variable(.localAddress)
        case (UInt8(ascii: "p"), nil), (UInt8(ascii: "p"), "local"), (UInt8(ascii: "p"), "canonical"):
            return .variable(.localPort)
        case (UInt8(ascii: "p"), "remote"): return .variable(.remotePort)
        case (UInt8(ascii: "D"), nil), (UInt8(ascii: "T"), "us"): return .variable(.microseconds)
        case (UInt8(ascii: "T"), nil), (UInt8(ascii: "T"), "s"): return .variable(.seconds)
        case (UInt8(ascii: "T"), "ms"): return .variable(.milliseconds)
        case (UInt8(ascii: "L"), nil): return .variable(.requestID)
        case (UInt8(ascii: "f"), nil): return .variable(.script)
        case (UInt8(ascii: "X"), nil): return .variable(.connectionStatus)
        default:
            let shown = name.map { "{\($0)}" } ?? ""
            throw Problem(
                message: "`%\(shown)\(String(UnicodeScalar(letter)))` is no directive of a log format")
        }
    }

    // MARK: Writing lines

    func append(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        for item in items { append(item, exchange, to: &line) }
        line.append(ASCII.lf)
    }

    private func append(_ item: Item, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        switch item {
        case .text(let text): line.append(text)
        case .address: AccessLogFormat.appendAddress(exchange.connection.peer, to: &line)
        case .user: line.append(ASCII.dash)
        case .time(let pattern): appendTime(pattern, exchange, to: &line)
        case .requestLine: AccessLogFormat.appendRequestLine(exchange, to: &line)
        case .status: line.append(decimal: exchange.status)
        case .bytes: line.append(decimal: exchange.contentSent)
        case .bytesOrDash:
            if exchange.contentSent == 0 {
                line.append(ASCII.dash)
            } else {
                line.append(decimal: exchange.contentSent)
            }
        case .field(let name): AccessLogFormat.appendField(name, exchange, to: &line)
        case .variable(let variable): append(variable, exchange, to: &line)
        case .json: AccessLogJSON.append(exchange, to: &line)
        }
    }

    static func appendAddress(_ peer: SocketAddress, to line: inout ByteBuffer) {
        if let ip = peer.ip { ip.append(to: &line) } else { line.append("unix:") }
    }

    static func appendRequestLine(_ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        if exchange.head.methodName.isEmpty {
            // A request that could not be read has no line.
            line.append(ASCII.dash)
            return
        }
        exchange.withHeadBytes { bytes in
            appendQuoted(bytes.extracting(exchange.head.methodName.range), to: &line)
            line.append(ASCII.space)
            appendQuoted(bytes.extracting(exchange.head.target.range), to: &line)
        }
        line.append(exchange.head.minorVersion == 0 ? " HTTP/1.0" : " HTTP/1.1")
    }

    private static func appendField(_ name: [UInt8], _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let found = exchange.withHeadBytes { bytes in
            for field in exchange.head.fields where equals(bytes.extracting(field.name.range), name) {
                appendQuoted(bytes.extracting(field.value.range), to: &line)
                return true
            }
            return false
        }
        if !found { line.append(ASCII.dash) }
    }

    private static func equals(_ name: Span<UInt8>, _ lower: [UInt8]) -> Bool {
        guard name.count == lower.count else { return false }
        for index in name.indices where ASCII.lower(name[index]) != lower[index] { return false }
        return true
    }

    /// Quotes, backslashes and controls escaped, as Apache does, so that a line stays a line.
    static func appendQuoted(_ text: Span<UInt8>, to line: inout ByteBuffer) {
        for index in text.indices {
            let byte = text[index]
            switch byte {
            case ASCII.quote, ASCII.backslash:
                line.append(ASCII.backslash)
                line.append(byte)
            case ..<ASCII.space, ASCII.delete:
                line.append("\\x")
                line.append(ASCII.hexDigit(byte >> 4))
                line.append(ASCII.hexDigit(byte & 15))
            default: line.append(byte)
            }
        }
    }

    private func append(_ variable: Variable, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
        let duration = { Instant.now - exchange.started }
        switch variable {
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
        case .localAddress: AccessLogFormat.appendAddress(exchange.connection.local, to: &line)
        case .remotePort: line.append(decimal: Int(exchange.connection.peer.port ?? 0))
        case .microseconds: line.append(decimal: duration().microseconds)
        case .milliseconds: line.append(decimal: duration().milliseconds)
        case .seconds: line.append(decimal: Int(duration().seconds))
        case .requestID: line.append(exchange.id.description)
        case .script: line.append(exchange.script?.name ?? "-")
        case .connectionStatus: line.append(exchange.isAborted ? "X" : exchange.keepsAlive ? "+" : "-")
        case .percent: line.append(ASCII.percent)
        }
    }

    /// `[21/Nov/2026:14:03:07 +0100]`, made once a second.
    private func appendTime(_ pattern: TimePattern, _ exchange: HTTP1Exchange, to line: inout ByteBuffer) {
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
        text.append(decimal: time.hour, width: 2)
        text.append(ASCII.colon)
        text.append(decimal: time.minute, width: 2)
        text.append(ASCII.colon)
        text.append(decimal: time.second, width: 2)
        text.append(offset < 0 ? " -" : " +")
        text.append(decimal: abs(offset) / 60, width: 2)
        text.append(decimal: abs(offset) % 60, width: 2)
        text.append(UInt8(ascii: "]"))
    }
}
