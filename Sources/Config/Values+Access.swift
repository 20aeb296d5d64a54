import Base
import Passwords
import Patterns

/// Clients, users, redirects, rewriting, Cache-Control.
extension Values {
    // MARK: Clients and users

    static let clients = ValueType<ClientNetworks>("networks, all, none") {
        (value) throws(ValueProblem) in
        var clients = ClientNetworks()
        let words = try value.words()
        if words.count == 1, words[0].lowercased() == "none" { return clients }
        for word in words {
            if word.lowercased() == "all" {
                clients.isAll = true
            } else if let network = IPNetwork(word) {
                clients.networks.append(network)
            } else {
                throw ValueProblem(
                    "\(word.quoted) is no network; takes addresses and networks such as 192.0.2.0/24 or ::1, `all` or `none`"
                )
            }
        }
        return clients
    }

    /// Nil for `off`.
    static let auth = ValueType<AuthSetting?>("realm and path, off") { (value) throws(ValueProblem) in
        let words = try value.words()
        if words.count == 1, words[0].lowercased() == "off" { return nil }
        guard words.count == 2 else {
            throw ValueProblem(
                "\(value.raw.quoted): takes a name for the client and a password file, as in `\"Members\" etc/htpasswd`, or `off`"
            )
        }
        let path = try value.path(words[1])
        if value.context.checksPaths { try checkPasswords(path) }
        return AuthSetting(realm: words[0], file: path)
    }

    private static func checkPasswords(_ path: String) throws(ValueProblem) {
        let text: [UInt8]
        do throws(ValueProblem) { text = try Paths.read(path, limit: PasswordFile.sizeLimit) } catch {
            throw ValueProblem("\(path.quoted) \(error.message)")
        }
        let problems = PasswordFile(text.span).problems
        if problems.isEmpty { return }
        var problem = ValueProblem("\(path.quoted) has lines that cannot be read")
        // A file that is something else entirely is not repeated line by line.
        problem.details = problems.prefix(20).map {
            ConfigProblem(SourcePosition(file: path, line: $0.line), $0.message)
        }
        throw problem
    }

    // MARK: Redirects

    private static let redirectStatuses = [301, 302, 303, 307, 308, 410]

    static let redirect = ValueType<RedirectRule>("path, target, status") { (value) throws(ValueProblem) in
        var words = try value.words()
        var status = 302
        if words.count > 1, let last = words.last, last.utf8.count == 3, last.utf8.allSatisfy(ASCII.isDigit) {
            guard let number = Int(last), redirectStatuses.contains(number) else {
                throw ValueProblem(
                    "\(last.quoted) is no status of a redirect; takes 301, 302, 303, 307, 308 or 410")
            }
            status = number
            words.removeLast()
        }
        if words.count == 1, status == 410 {
            return RedirectRule(source: try redirectSource(words[0]), target: nil, status: status)
        }
        guard words.count == 2, status != 410 else {
            throw ValueProblem(
                "\(value.raw.quoted): takes a path, where it is now and a status, as in `/old /new 301`, or `/old 410`"
            )
        }
        let source = try redirectSource(words[0])
        let target = try redirectTarget(words[1])
        try check(source, target)
        return RedirectRule(source: source, target: target, status: status)
    }

    private static func redirectSource(_ text: String) throws(ValueProblem) -> RedirectRule.Source {
        switch text.utf8.first {
        case ASCII.slash: return .prefix(try urlPrefix(text))
        case ASCII.equals:
            let path = String(text.dropFirst())
            // Unlike a prefix, it may end with a slash, which then counts.
            let prefix = try urlPrefix(path)
            return .path(path.utf8.last == ASCII.slash && prefix != "/" ? prefix + "/" : prefix)
        case UInt8(ascii: "~"): return .pattern(try pattern(String(text.dropFirst())))
        default:
            throw ValueProblem(
                "\(text.quoted) is neither a URL prefix such as /old, a path such as =/old.html, nor a pattern such as ~^/old/(.*)$"
            )
        }
    }

    private static func redirectTarget(_ text: String) throws(ValueProblem) -> RedirectTarget {
        let path: Substring
        if text.utf8.first == ASCII.slash {
            if text.hasPrefix("//") {
                throw ValueProblem(
                    "\(text.quoted) would name a host; takes a path with one `/`, or a whole URL")
            }
            path = text[...]
        } else {
            guard let end = hostStart(text) else {
                throw ValueProblem(
                    "\(text.quoted) is neither a path nor a URL such as https://www.example.org/")
            }
            let rest = text[end...]
            let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            if host.isEmpty { throw ValueProblem("no host in \(text.quoted)") }
            if Substitution(host.utf8).highestGroup != nil {
                throw ValueProblem(
                    "a `$` in the host of \(text.quoted); a visitor could choose where it leads")
            }
            path = rest[host.endIndex...]
            // Otherwise what a group captured would go on the host's name.
            if path.isEmpty { return RedirectTarget(text: escaped(text), isWhole: false) }
        }
        let isWhole = path.utf8.contains { $0 == ASCII.question || $0 == UInt8(ascii: "#") }
        return RedirectTarget(text: escaped(text), isWhole: isWhole)
    }

    /// Where the host begins in `scheme://host`.
    private static func hostStart(_ text: String) -> String.Index? {
        let scheme = text.prefix { $0 != ":" }
        guard !scheme.isEmpty, scheme.utf8.allSatisfy({ ASCII.isAlphanumeric($0) || $0 == ASCII.plus }) else {
            return nil
        }
        let rest = text[scheme.endIndex...]
        return rest.hasPrefix("://") ? rest.index(rest.startIndex, offsetBy: 3) : nil
    }

    /// What no URL may hold, escaped.
    private static func escaped(_ text: String) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            if byte > ASCII.space, byte < ASCII.delete, !#""<>\^`{|}"#.utf8.contains(byte) {
                result.append(byte)
            } else {
                result += [ASCII.percent, ASCII.hexDigit(byte >> 4), ASCII.hexDigit(byte & 15)]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A target with groups that its pattern lacks, or one that would be redirected again and again.
    private static func check(_ source: RedirectRule.Source, _ target: RedirectTarget) throws(ValueProblem) {
        let place = target.text.prefix { $0 != "?" && $0 != "#" }
        switch source {
        case .pattern(let pattern): try check(target.substitution, pattern)
        case .path(let path) where path == place:
            throw ValueProblem("\(path.quoted) is redirected to itself")
        case .prefix(let prefix) where place.hasPrefix(prefix):
            let rest = place.dropFirst(prefix.count)
            if rest.isEmpty || rest.hasPrefix("/") || prefix == "/" {
                throw ValueProblem(
                    "\(target.text.quoted) is below \(prefix.quoted) and would be redirected again and again; `=\(prefix)` is that path alone"
                )
            }
        default: break
        }
    }

    // MARK: Patterns

    private static func pattern(_ text: String) throws(ValueProblem) -> Pattern {
        do throws(Pattern.Failure) { return try Pattern(text) } catch {
            throw ValueProblem(
                "the pattern \(text.quoted) is wrong at byte \(error.offset + 1): \(error.message)")
        }
    }

    private static func check(_ substitution: Substitution, _ pattern: Pattern) throws(ValueProblem) {
        if let group = substitution.highestGroup, group > pattern.captureCount {
            let groups = pattern.captureCount == 1 ? "1 group" : "\(pattern.captureCount) groups"
            throw ValueProblem("`$\(group)`, but the pattern \(pattern.text.quoted) has \(groups)")
        }
    }

    static let rewrite = ValueType<RewriteRule>("pattern and path") { (value) throws(ValueProblem) in
        var words = try value.words()
        let onlyMissing = words.count == 3 && words[0].lowercased() == "missing"
        if onlyMissing { words.removeFirst() }
        guard words.count == 2 else {
            throw ValueProblem(
                "\(value.raw.quoted): takes a pattern and a path, as in `^/wiki/(.*)$ /wiki.cgi/$1`, and `missing` before them for where no file is"
            )
        }
        let pattern = try pattern(words[0])
        guard words[1].utf8.first == ASCII.slash else {
            throw ValueProblem(
                "\(words[1].quoted) is no path of this site; for another address there is `redirect`")
        }
        let path = words[1].utf8.prefix { $0 != ASCII.question }
        if path.contains(ASCII.percent) {
            throw ValueProblem(
                "`%` in the path of \(words[1].quoted); takes the decoded form, `ä` for `%C3%A4`")
        }
        var query: Substitution?
        if let mark = words[1].utf8.firstIndex(of: ASCII.question) {
            query = Substitution(escaped(String(words[1][mark...].dropFirst())).utf8)
        }
        let rule = RewriteRule(
            onlyMissing: onlyMissing, pattern: pattern, path: Substitution(path), query: query)
        try check(rule.path, pattern)
        if let query { try check(query, pattern) }
        return rule
    }

    // MARK: Cache-Control

    static let cacheControl = ValueType<CacheControlRules.Rule>("files and text") {
        (value) throws(ValueProblem) in
        let text = try value.text()
        let first = text.prefix { $0 != " " && $0 != "\t" }
        var rest = String(INIText.trimmed(text[first.endIndex...]))
        let files: CacheControlRules.Files
        if first.utf8.first == ASCII.dot, !first.utf8.contains(ASCII.slash) {
            try requireExtension(String(first))
            files = .suffix(String(first))
        } else if first.utf8.contains(ASCII.slash), !first.utf8.contains(ASCII.equals) {
            guard let pattern = MediaTypePattern(String(first)) else {
                throw ValueProblem("\(first.quoted) is no media type; takes one such as text/css or image/*")
            }
            files = .type(pattern)
        } else {
            (files, rest) = (.all, text)
        }
        if rest.isEmpty {
            throw ValueProblem("no value behind \(first.quoted); takes one such as max-age=3600")
        }
        return CacheControlRules.Rule(files, rest.lowercased() == "none" ? nil : rest)
    }
}
