import Base

/// What values are read against.
struct ValueContext: Sendable {
    /// The folder of the file, absolute.
    var fileFolder: String
    /// Where relative paths start, absolute.
    var home: String
    var environment: [String: String]
    /// Whether paths are looked at; not where they would all start at a wrong `home`.
    var checksPaths = true
}

/// A value as it stands in a file or in the table's column of defaults, and where.
struct SettingValue: Sendable {
    let raw: String
    /// Nil for a default.
    let position: SourcePosition?
    let context: ValueContext

    init(_ raw: String, at position: SourcePosition?, in context: ValueContext) {
        (self.raw, self.position, self.context) = (raw, position, context)
    }

    var isDefault: Bool { position == nil }

    /// The value as one text, never empty.
    func text() throws(ValueProblem) -> String { try checked(INIText.whole(raw[...], context.environment)) }

    /// A part of the value that is one text, which may be empty.
    func text(of part: Substring) throws(ValueProblem) -> String {
        try INIText.whole(INIText.trimmed(part), context.environment)
    }

    /// The value as a list, never empty.
    func words() throws(ValueProblem) -> [String] {
        let words = try INIText.words(raw, context.environment)
        if words.isEmpty { throw ValueProblem("no value") }
        for word in words { _ = try checked(word) }
        return words
    }

    /// The value as a list of exactly two, which `takes` describes.
    func pair(takes description: String) throws(ValueProblem) -> (String, String) {
        let words = try words()
        guard words.count == 2 else {
            let count = words.count == 1 ? "1 word" : "\(words.count) words"
            throw ValueProblem("\(count) in \(raw.quoted); takes \(description)")
        }
        return (words[0], words[1])
    }

    /// `path` made absolute.
    func path(_ path: String) throws(ValueProblem) -> String {
        // The kernel's PATH_MAX, with the zero.
        if path.utf8.count >= 4096 { throw ValueProblem("path of \(path.utf8.count) bytes; maximum 4095") }
        return Paths.absolute(path, from: context.home)
    }

    /// Files have none, but the environment may.
    private func checked(_ text: String) throws(ValueProblem) -> String {
        if text.isEmpty { throw ValueProblem("no value") }
        if text.utf8.contains(where: { ASCII.isControl($0) && $0 != ASCII.tab }) {
            throw ValueProblem("control byte in \(text.quoted)")
        }
        return text
    }
}

/// A kind of value: its name in the reference, and its parser.
struct ValueType<Value>: Sendable {
    let name: String
    let parse: @Sendable (SettingValue) throws(ValueProblem) -> Value

    init(_ name: String, _ parse: @escaping @Sendable (SettingValue) throws(ValueProblem) -> Value) {
        (self.name, self.parse) = (name, parse)
    }
}

/// The kinds of value there are.
enum Values {
    /// One of a few words, in any case.
    static func choice<Value: Sendable>(_ options: KeyValuePairs<String, Value>) -> ValueType<Value> {
        let names = options.map(\.key)
        // A dictionary literal with its order kept is not Sendable; its pairs are.
        let options = options.map { ($0.key, $0.value) }
        return ValueType(names.joined(separator: ", ")) { (value) throws(ValueProblem) in
            let text = try value.text()
            let lower = text.lowercased()
            for (name, result) in options where name == lower { return result }
            throw ValueProblem(
                "\(text.quoted) is unknown; takes \(list(names))\(NearestName.hint(text, among: names))")
        }
    }

    /// `a`, `b` or `c`.
    static func list(_ names: [String]) -> String {
        let quoted = names.map { "`\($0)`" }
        guard quoted.count > 1, let last = quoted.last else { return quoted.joined() }
        return quoted.dropLast().joined(separator: ", ") + " or " + last
    }

    static let flag = ValueType<Bool>("yes/no") { (value) throws(ValueProblem) in
        let text = try value.text()
        guard let result = flag(text) else {
            throw ValueProblem("\(text.quoted) is neither; takes yes or no")
        }
        return result
    }

    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "yes", "on", "true", "1": true
        case "no", "off", "false", "0": false
        default: nil
        }
    }

    static let serverHeader = choice(["full": ServerHeader.full, "name": .name, "off": .off])
    static let logLevel = choice([
        "error": LogLevel.error, "warning": .warning, "info": .info, "debug": .debug,
    ])
    static let exitStatusRule = choice(["cut": ExitStatusRule.cut, "stderr": .stderr, "ignore": .ignore])
    static let onDisconnect = choice(["kill": OnDisconnect.kill, "finish": .finish])
    static let symlinks = choice(["inside": SymlinkPolicy.inside, "follow": .follow, "deny": .deny])
    static let underscores = choice(["drop": false, "pass": true])
    static let dotfiles = choice(["deny": false, "allow": true])

    static let passAuthorization = ValueType<PassAuthorization>("yes/no, auto") {
        (value) throws(ValueProblem) in
        let text = try value.text()
        if text.lowercased() == "auto" { return .auto }
        guard let result = flag(text) else {
            throw ValueProblem("\(text.quoted) is unknown; takes `yes`, `no` or `auto`")
        }
        return result ? .yes : .no
    }
}
