import Base
import Glibc

/// Paths, log targets, URL prefixes and what is behind them, users.
extension Values {
    /// `[server] home`, the one path that starts at the folder of the file.
    static let home = ValueType<String>("path") { (value) throws(ValueProblem) in
        let path = try Paths.absolute(value.text(), from: value.context.fileFolder)
        try Paths.requireFolder(path)
        return path
    }

    /// A glob pattern.
    static let pattern = ValueType<String>("glob pattern") { (value) throws(ValueProblem) in
        try value.path(value.text())
    }

    /// A file of the server's own making, nil for `none`.
    static let optionalNewFile = ValueType<String?>("path") { (value) throws(ValueProblem) in
        let text = try value.text()
        if text.lowercased() == "none" { return nil }
        return try newFile(text, value)
    }

    private static func newFile(_ text: String, _ value: SettingValue) throws(ValueProblem) -> String {
        if text.utf8.last == ASCII.slash { throw ValueProblem("\(text.quoted) is a folder; takes a file") }
        let path = try value.path(text)
        if value.context.checksPaths { try Paths.requireParent(path) }
        return path
    }

    /// A folder that exists, nil for `none`.
    static let optionalFolder = ValueType<String?>("path") { (value) throws(ValueProblem) in
        let text = try value.text()
        if text.lowercased() == "none" { return nil }
        let path = try value.path(text)
        if value.context.checksPaths { try Paths.requireFolder(path) }
        return path
    }

    /// A folder that exists.
    static let folder = ValueType<String>("path") { (value) throws(ValueProblem) in
        let path = try value.path(value.text())
        if value.context.checksPaths { try Paths.requireFolder(path) }
        return path
    }

    /// A file that exists, but for the default, which a machine may lack.
    static let mediaTypesFile = ValueType<String>("path") { (value) throws(ValueProblem) in
        let path = try value.path(value.text())
        if value.context.checksPaths, !value.isDefault { try Paths.requireFile(path) }
        return path
    }

    static let accessLog = logTarget(
        "path or word",
        ["stdout": .standardOutput, "stderr": .standardError, "syslog": .syslog, "off": .off])
    static let errorLog = logTarget(
        "path or word", ["stderr": .standardError, "syslog": .syslog])

    private static func logTarget(_ name: String, _ words: [String: LogTarget]) -> ValueType<LogTarget> {
        ValueType(name) { (value) throws(ValueProblem) in
            let text = try value.text()
            let word = text.lowercased()
            if let target = words[word] { return target }
            // A file of that name would not be what was meant.
            if ["stdout", "stderr", "off", "none"].contains(word) {
                let names = words.keys.sorted().map { "`\($0)`" }.joined(separator: ", ")
                throw ValueProblem("\(text.quoted) is not supported here; takes a path, \(names)")
            }
            if text.hasPrefix("syslog:") {
                return try .syslog(socketPath(String(text.dropFirst(7)), behind: "syslog:", value))
            }
            return try .file(newFile(text, value))
        }
    }

    /// The path of a Unix socket that stands behind `word`.
    static func socketPath(
        _ text: String, behind word: String, _ value: SettingValue
    ) throws(ValueProblem) -> String {
        let path = try value.path(text)
        if text.isEmpty { throw ValueProblem("no path behind `\(word)`") }
        // What fits into a sockaddr_un with the zero.
        if path.utf8.count > 107 {
            throw ValueProblem("path of a socket with \(path.utf8.count) bytes; maximum 107")
        }
        return path
    }

    // MARK: URL prefixes

    /// `/prefix path` with a folder.
    static let alias = ValueType<PrefixMapping>("prefix and path") { (value) throws(ValueProblem) in
        let mapping = try prefixMapping(value)
        if value.context.checksPaths { try Paths.requireFolder(mapping.path) }
        return mapping
    }

    /// `/prefix path` with a folder or a file.
    static let scripts = ValueType<PrefixMapping>("prefix and path") { (value) throws(ValueProblem) in
        let mapping = try prefixMapping(value)
        if value.context.checksPaths { try Paths.requireSomething(mapping.path) }
        return mapping
    }

    private static func prefixMapping(_ value: SettingValue) throws(ValueProblem) -> PrefixMapping {
        let (first, second) = try value.pair(
            takes: "a URL prefix and a path, one with blanks in double quotes")
        let prefix = try urlPrefix(first)
        let path = try value.path(second)
        return PrefixMapping(
            prefix: prefix, path: path, position: value.position ?? SourcePosition(file: "", line: 0))
    }

    /// A prefix of decoded URL paths: begins with `/`, and does not end with one unless it is `/`.
    static func urlPrefix(_ text: some StringProtocol) throws(ValueProblem) -> String {
        guard text.utf8.first == ASCII.slash else {
            throw ValueProblem("URL prefix \(text.quoted) does not begin with `/`")
        }
        for byte in text.utf8 {
            switch byte {
            case ASCII.percent:
                throw ValueProblem(
                    "`%` in the URL prefix \(text.quoted); takes the decoded form, `ä` for `%C3%A4`")
            case ASCII.question, UInt8(ascii: "#"):
                throw ValueProblem("URL prefix \(text.quoted) is more than a path")
            default: break
            }
        }
        var segments = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        if segments.last?.isEmpty == true { segments.removeLast() }
        for segment in segments where segment.isEmpty || segment == "." || segment == ".." {
            throw ValueProblem(
                "segment \(segment.quoted) in the URL prefix \(text.quoted); no request has it")
        }
        return "/" + segments.joined(separator: "/")
    }

    // MARK: Users

    /// A name that the machine knows: with it go the user's groups, which a number alone may not have.
    static let user = ValueType<String?>("name") { (value) throws(ValueProblem) in
        let text = try value.text()
        if !knows({ getpwnam_r(text, $0, $1, $2, $3) }, as: passwd()) {
            throw ValueProblem("no user \(text.quoted) on this machine")
        }
        return text
    }

    /// A name that the machine knows, or a number.
    static let group = ValueType<String?>("name or number") { (value) throws(ValueProblem) in
        let text = try value.text()
        if !isNumber(text), !knows({ getgrnam_r(text, $0, $1, $2, $3) }, as: Glibc.group()) {
            throw ValueProblem("no group \(text.quoted) on this machine")
        }
        return text
    }

    private static func isNumber(_ text: String) -> Bool {
        // 2^32-1 means "no change" to setuid and its kin.
        text.utf8.allSatisfy(ASCII.isDigit) && UInt32(text).map { $0 < .max } == true
    }

    /// Whether a look-up of the passwd kind finds something.
    private static func knows<Record>(
        _ lookUp: (
            UnsafeMutablePointer<Record>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<Record>?>
        ) -> CInt, as record: Record
    ) -> Bool {
        var record = record
        var found: UnsafeMutablePointer<Record>?
        var room = 4096
        while room <= 1 << 20 {
            let error = withUnsafeTemporaryAllocation(of: CChar.self, capacity: room) { buffer in
                buffer.baseAddress.map { lookUp(&record, $0, buffer.count, &found) } ?? EINVAL
            }
            if error != ERANGE { break }
            room *= 4
        }
        return found != nil
    }
}
