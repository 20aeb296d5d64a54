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

    /// Folders that exist; none for `none`, and nil for `everywhere`.
    static let writeFolders = ValueType<WriteFolders?>("list of paths") { (value) throws(ValueProblem) in
        let words = try value.words()
        let word = words.first { ["everywhere", "none"].contains($0.lowercased()) }
        if let word, words.count > 1 { throw ValueProblem("\(word.quoted) stands alone, or folders do") }
        guard word?.lowercased() != "everywhere", let position = value.position else { return nil }
        var folders: [String] = []
        for word in word == nil ? words : [] {
            let path = try value.path(word)
            if value.context.checksPaths { try Paths.requireFolder(path) }
            folders.append(path)
        }
        return WriteFolders(paths: folders, position: position)
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
        _ = try identity(text, group: nil)
        return text
    }

    /// A name that the machine knows, or a number.
    static let group = ValueType<String?>("name or number") { (value) throws(ValueProblem) in
        let text = try value.text()
        do throws(Identity.Unknown) { try requireGroup(text) } catch { throw unknownGroup(text) }
        return text
    }

    /// `NAME` or `NAME:GROUP`, and not root; nil for `none`.
    static let scriptUser = ValueType<ScriptUser?>("name") { (value) throws(ValueProblem) in
        let text = try value.text()
        guard text.lowercased() != "none", let position = value.position else { return nil }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let group = parts.count > 1 ? parts[1] : nil
        if parts.contains("") { throw ValueProblem("\(text.quoted) lacks a name; takes NAME or NAME:GROUP") }
        let identity = try identity(parts[0], group: group)
        if identity.user == 0 { throw ValueProblem("\(text.quoted) is root, whom scripts do not run as") }
        if identity.group == 0 {
            throw ValueProblem(
                "\(text.quoted) has root's group, which scripts do not run with; takes NAME:GROUP")
        }
        return ScriptUser(name: parts[0], group: group, position: position)
    }

    private static func identity(_ name: String, group: String?) throws(ValueProblem) -> Identity {
        do throws(Identity.Unknown) {
            if let group { try requireGroup(group) }
            return try Identity(user: name, group: group)
        } catch {
            switch error {
            case .user: throw ValueProblem("no user \(name.quoted) on this machine")
            case .group: throw unknownGroup(group ?? "")
            }
        }
    }

    private static func unknownGroup(_ text: String) -> ValueProblem {
        ValueProblem("no group \(text.quoted) on this machine")
    }

    private static func requireGroup(_ text: String) throws(Identity.Unknown) {
        // 2^32-1 means "no change" to setgid and its kin.
        if try Identity.group(text) == gid_t.max { throw .group }
    }
}
