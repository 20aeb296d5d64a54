import Base

/// What an access log's line is made of: a named format, or Apache's `%` directives.
package struct LogFormat: Hashable, Sendable {
    package enum Item: Hashable, Sendable {
        package typealias Plain = LogFormat.Plain

        case text([UInt8])
        /// A request field by its name in lower case.
        case field([UInt8])
        case plain(Plain)
    }

    /// Items that need no more than their name.
    package enum Plain: Hashable, Sendable {
        case address, peerAddress, user, requestLine, status, bytesOrDash, bytes
        case time(TimePattern)
        case method, path, query, protocolVersion, siteName, host, localPort, localAddress, remotePort
        case microseconds, milliseconds, seconds
        case requestID, script, connectionStatus
        /// What became of the script, in words that other readers of the combined format pass over.
        case scriptReport
        /// For terminals: with the method and the status in colour.
        case colouredRequestLine, colouredStatus
        /// One JSON object, the whole line.
        case json
    }

    package enum TimePattern: Hashable, Sendable { case common, seconds, milliseconds, microseconds }

    package let items: [Item]

    /// The named formats as directives; `json` is none of those.
    private static let named: [(name: String, directives: String)] = [
        ("common", common), ("combined", combinedDirectives),
        ("vhost_combined", "%v:%p " + combinedDirectives),
        ("combined_cgi", combinedDirectives + " id=%L %{script}x"), ("json", "%{json}x"),
    ]
    private static let common = #"%h %l %u %t "%r" %>s %b"#
    private static let combinedDirectives = common + #" "%{Referer}i" "%{User-Agent}i""#

    static var names: [String] { named.map(\.name) }

    package static let combined: LogFormat = {
        // The table above has it, and its directives are good: a test reads them all.
        guard let format = try? LogFormat("combined") else { preconditionFailure("no combined log format") }
        return format
    }()

    /// The combined format for a terminal.
    package static let colouredCombined = LogFormat(
        items: combined.items.map { item in
            switch item {
            case .plain(.requestLine): .plain(.colouredRequestLine)
            case .plain(.status): .plain(.colouredStatus)
            default: item
            }
        })

    private init(items: [Item]) { self.items = items }

    /// Reads a name or directives. Throws for a directive that is none.
    init(_ text: String) throws(ValueProblem) {
        let directives = LogFormat.named.first { $0.name == text.lowercased() }?.directives ?? text
        guard directives.utf8.contains(ASCII.percent) else {
            throw ValueProblem(
                "\(text.quoted) is unknown; takes \(Values.list(LogFormat.names)), or directives such as %h"
                    + NearestName.hint(text, among: LogFormat.names))
        }
        var items: [Item] = []
        var plain: [UInt8] = []
        var rest = directives.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == ASCII.percent else {
                plain.append(byte)
                continue
            }
            let directive = try LogFormat.directive(&rest, directives)
            if let directive {
                if !plain.isEmpty { items.append(.text(plain)) }
                plain = []
                items.append(directive)
            } else {
                plain.append(ASCII.percent)
            }
        }
        if !plain.isEmpty { items.append(.text(plain)) }
        self.items = items
    }

    /// Reads what follows a `%`; nil for a second one.
    private static func directive(
        _ rest: inout Substring.UTF8View, _ format: String
    ) throws(ValueProblem) -> Item? {
        let start = rest.startIndex
        // The status of the request first asked for and that of the last are the same here.
        rest = rest.drop { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") }
        var argument: String?
        if rest.first == UInt8(ascii: "{") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else {
                throw ValueProblem("no `}` behind \("%\(format[start...])".quoted)")
            }
            argument = String(Substring(rest[..<close].dropFirst()))
            rest = rest[close...].dropFirst()
        }
        guard let letter = rest.popFirst() else { throw ValueProblem("`%` is no directive of a log format") }
        if letter == ASCII.percent, argument == nil { return nil }
        guard let item = item(letter, argument) else {
            let shown = "%" + String(decoding: format.utf8[start..<rest.startIndex], as: UTF8.self)
            throw ValueProblem("\(shown.quoted) is no directive of a log format")
        }
        return item
    }

    private static func item(_ letter: UInt8, _ argument: String?) -> Item? {
        switch (UnicodeScalar(letter), argument) {
        case ("a", "c"): .plain(.peerAddress)
        case ("h", nil), ("a", _): .plain(.address)
        case ("l", nil): .text([ASCII.dash])
        case ("u", nil): .plain(.user)
        case ("t", nil): .plain(.time(.common))
        case ("t", "sec"): .plain(.time(.seconds))
        case ("t", "msec"): .plain(.time(.milliseconds))
        case ("t", "usec"): .plain(.time(.microseconds))
        case ("r", nil): .plain(.requestLine)
        case ("s", nil): .plain(.status)
        case ("b", nil): .plain(.bytesOrDash)
        case ("B", nil): .plain(.bytes)
        case ("i", let name?): .field(name.utf8.map(ASCII.lower))
        case ("m", nil): .plain(.method)
        case ("U", nil): .plain(.path)
        case ("q", nil): .plain(.query)
        case ("H", nil): .plain(.protocolVersion)
        case ("v", nil): .plain(.siteName)
        case ("V", nil): .plain(.host)
        case ("A", nil): .plain(.localAddress)
        case ("p", nil), ("p", "local"), ("p", "canonical"): .plain(.localPort)
        case ("p", "remote"): .plain(.remotePort)
        case ("D", nil), ("T", "us"): .plain(.microseconds)
        case ("T", nil), ("T", "s"): .plain(.seconds)
        case ("T", "ms"): .plain(.milliseconds)
        case ("L", nil): .plain(.requestID)
        case ("f", nil): .plain(.script)
        case ("X", nil): .plain(.connectionStatus)
        case ("x", "script"): .plain(.scriptReport)
        case ("x", "json"): .plain(.json)
        default: nil
        }
    }
}
