import Base

/// Addresses, host names, fields, media types, log formats and what scripts get.
extension Values {
    // MARK: Listeners

    static let listenAddress = ValueType<ListenAddress>("address") { (value) throws(ValueProblem) in
        let words = try value.words()
        var address = try listenAddress(words[0], value)
        for option in words.dropFirst() {
            switch option.lowercased() {
            case "proxy_protocol" where address.takesProxyHeader:
                throw ValueProblem("`proxy_protocol` stands there twice")
            case "proxy_protocol": address.takesProxyHeader = true
            case "tls": throw ValueProblem("`tls`: this version cannot speak TLS; a proxy before it can")
            default:
                throw ValueProblem(
                    "unknown option \(option.quoted) behind the address; takes `proxy_protocol`")
            }
        }
        return address
    }

    /// For a site, which names an address of [server].
    static let plainListenAddress = ValueType<ListenAddress>("address") { (value) throws(ValueProblem) in
        let words = try value.words()
        if words.count > 1 {
            throw ValueProblem(
                "\(words[1].quoted) behind the address; options stand behind the `listen` of [server]")
        }
        return try listenAddress(words[0], value)
    }

    private static func listenAddress(
        _ text: String, _ value: SettingValue
    ) throws(ValueProblem) -> ListenAddress {
        if text.hasPrefix("unix:") {
            let path = try socketPath(String(text.dropFirst(5)), behind: "unix:", value)
            if value.context.checksPaths { try Paths.requireParent(path) }
            var address = ListenAddress(.address(.unix(path)))
            address.position = value.position
            return address
        }
        var address = try tcpAddress(text)
        address.position = value.position
        return address
    }

    private static func tcpAddress(_ text: String) throws(ValueProblem) -> ListenAddress {
        let takes = "takes `IP:PORT`, `[IPv6]:PORT`, `*:PORT` or `unix:PATH`"
        guard let colon = text.utf8.lastIndex(of: ASCII.colon), text.utf8.last != UInt8(ascii: "]") else {
            if !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) {
                throw ValueProblem(
                    "\(text.quoted) is a port without an address; `*:\(text)` is that port on every address, `127.0.0.1:\(text)` for this machine only"
                )
            }
            throw ValueProblem("no port in \(text.quoted); \(takes)")
        }
        let host = text[..<colon]
        let digits = text[text.utf8.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy(ASCII.isDigit), let port = UInt16(digits) else {
            throw ValueProblem("\(digits.quoted) in \(text.quoted) is no port; takes 0 to 65535")
        }
        if host == "*" { return ListenAddress(.any(port: port)) }
        let isBracketed = host.utf8.first == UInt8(ascii: "[") && host.utf8.last == UInt8(ascii: "]")
        if !isBracketed, host.utf8.contains(ASCII.colon) {
            throw ValueProblem("an IPv6 address stands in brackets, as `[::1]:8080`, not \(text.quoted)")
        }
        // Brackets are for IPv6 only, which always has a colon.
        guard let address = IPAddress(isBracketed ? host.dropFirst().dropLast() : host),
            isBracketed == host.utf8.contains(ASCII.colon)
        else { throw ValueProblem("\(host.quoted) is no IP address; \(takes)") }
        return ListenAddress(.address(.ip(address, port: port)))
    }

    // MARK: Names

    static let hosts = ValueType<[String]>("list of names") { (value) throws(ValueProblem) in
        var hosts: [String] = []
        for word in try value.words() {
            let host = try hostName(word)
            if hosts.contains(host) { throw ValueProblem("\(host.quoted) stands there twice") }
            hosts.append(host)
        }
        return hosts
    }

    /// A name as requests ask for it, in lower case; `*.` may stand before it.
    static func hostName(_ text: String) throws(ValueProblem) -> String {
        var host = text.lowercased()
        if host.hasPrefix("[") || IPAddress(host) != nil {
            guard
                let address = IPAddress(
                    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host)
            else { throw ValueProblem("\(text.quoted) is no IP address") }
            return address.isIPv4 ? "\(address)" : "[\(address)]"
        }
        if host.utf8.last == ASCII.dot { host.removeLast() }
        let labels = host.hasPrefix("*.") ? host.dropFirst(2) : host[...]
        if labels.utf8.contains(ASCII.colon) {
            throw ValueProblem("`:` in the host name \(text.quoted); takes a name without port")
        }
        if !labels.utf8.allSatisfy({ $0 < 0x80 }) {
            throw ValueProblem(
                "host name \(text.quoted) is not ASCII; takes the form that begins with `xn--`")
        }
        if labels.utf8.contains(ASCII.asterisk) {
            throw ValueProblem(
                "`*` in the host name \(text.quoted); takes it as a whole first label, `*.example.org`")
        }
        let isName = labels.utf8.allSatisfy {
            ASCII.isAlphanumeric($0) || $0 == ASCII.dash || $0 == ASCII.dot || $0 == ASCII.underscore
        }
        // 253 is the longest that DNS can carry.
        guard isName, !labels.isEmpty, labels.utf8.count <= 253, labels.utf8.first != ASCII.dot,
            !labels.contains("..")
        else { throw ValueProblem("\(text.quoted) is no host name") }
        return host
    }

    static let indexNames = ValueType<[String]>("list of names") { (value) throws(ValueProblem) in
        let words = try value.words()
        for word in words where word.utf8.contains(ASCII.slash) {
            throw ValueProblem("`/` in \(word.quoted); takes names of files in the folder asked for")
        }
        for word in words where word == "." || word == ".." {
            throw ValueProblem("\(word.quoted) is no file")
        }
        return words
    }

    /// With the dot. `none` makes an empty list.
    static let extensions = ValueType<[String]>("list of extensions") { (value) throws(ValueProblem) in
        let words = try value.words()
        if words.count == 1, words[0].lowercased() == "none" { return [] }
        for word in words { try requireExtension(word) }
        return words
    }

    /// Endings in lower case.
    static let sourceExtensions = ValueType<[String]>("list of extensions") { (value) throws(ValueProblem) in
        try extensions.parse(value).map { $0.lowercased() }
    }

    static func requireExtension(_ text: String) throws(ValueProblem) {
        guard text.utf8.first == ASCII.dot, text.utf8.count > 1, !text.utf8.contains(ASCII.slash) else {
            throw ValueProblem("\(text.quoted) is no extension; takes one such as .cgi")
        }
    }

    // MARK: Answers

    static let mediaType = ValueType<(suffix: String, type: String)>("extension and type") {
        (value) throws(ValueProblem) in
        let (suffix, type) = try value.pair(
            takes: "an extension and a media type, as in `.wasm application/wasm`")
        try requireExtension(suffix)
        let parts = type.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ isToken($0) }) else {
            throw ValueProblem("\(type.quoted) is no media type; takes one such as text/plain")
        }
        return (suffix.dropFirst().lowercased(), type)
    }

    /// `off` makes an empty list.
    static let codings = ValueType<[ContentCoding]>("list of br, zstd, gzip") {
        (value) throws(ValueProblem) in
        let words = try value.words()
        if words.count == 1, flag(words[0]) == false || words[0].lowercased() == "none" { return [] }
        var codings: [ContentCoding] = []
        for word in words {
            guard let coding = ContentCoding.allCases.first(where: { "\($0.name)" == word.lowercased() })
            else {
                throw ValueProblem("\(word.quoted) is no content coding; takes `br`, `zstd`, `gzip` or `off`")
            }
            if codings.contains(coding) { throw ValueProblem("\(word.quoted) stands there twice") }
            codings.append(coding)
        }
        return codings
    }

    static let mediaTypePatterns = ValueType<[MediaTypePattern]>("list of media types") {
        (value) throws(ValueProblem) in
        var patterns: [MediaTypePattern] = []
        for word in try value.words() {
            guard let pattern = MediaTypePattern(word) else {
                throw ValueProblem(
                    "\(word.quoted) is no media type; takes such as text/html, text/* or application/*+json")
            }
            patterns.append(pattern)
        }
        return patterns
    }

    static let charset = ValueType<CharsetSetting>("auto, name, off") { (value) throws(ValueProblem) in
        let text = try value.text()
        switch text.lowercased() {
        case "off": return .off
        case "auto": return .auto
        case "none":
            throw ValueProblem(
                "\(text.quoted) is not supported; takes `auto`, a name such as utf-8, or `off`")
        default: break
        }
        guard isToken(text) else {
            throw ValueProblem(
                "\(text.quoted) is no character set; takes `auto`, a name such as utf-8, or `off`")
        }
        return .named(text)
    }

    static let field = ValueType<FieldSetting>("Name: value") { (value) throws(ValueProblem) in
        let text = try value.text()
        let colon = text.utf8.firstIndex(of: ASCII.colon)
        // A field name may begin with a dash, but none does.
        let isRemoval = colon == nil && text.utf8.first == ASCII.dash
        guard colon != nil || isRemoval else {
            throw ValueProblem("no `:` in \(text.quoted); takes `Name: value`, or `-Name`")
        }
        let name = isRemoval ? String(text.dropFirst()) : String(text[..<(colon ?? text.endIndex)])
        guard isToken(name) else {
            throw ValueProblem("\(name.quoted) is no field name; takes `Name: value`, or `-Name`")
        }
        if isRemoval, name.lowercased() == "server" {
            throw ValueProblem("for the Server field there is `server_header = off`")
        }
        if ["content-length", "transfer-encoding", "connection", "date"].contains(name.lowercased()) {
            throw ValueProblem("the server itself sets \(name)")
        }
        // The value can hold no control bytes: no text can.
        let content = colon.map { String(INIText.trimmed(text[$0...].dropFirst())) }
        return FieldSetting(name: name, value: content)
    }

    static func isToken(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy(ASCII.isTokenCharacter)
    }

    /// `404 /missing.html`.
    static let errorPage = ValueType<(status: Int, page: ErrorPageSetting)>("status and path") {
        (value) throws(ValueProblem) in
        let (first, path) = try value.pair(takes: "a status and a path, as in `404 /missing.html`")
        guard let status = Int(first), (400...599).contains(status), first.utf8.count == 3 else {
            throw ValueProblem("\(first.quoted) is no status of an error; takes 400 to 599")
        }
        guard path.hasPrefix("/"), !path.hasPrefix("//") else {
            throw ValueProblem("\(path.quoted) is no path of this site; it begins with one `/`")
        }
        return (status, ErrorPageSetting(path: path, position: value.position))
    }

    static let networks = ValueType<[IPNetwork]>("list of networks") { (value) throws(ValueProblem) in
        let words = try value.words()
        if words.count == 1, words[0].lowercased() == "none" { return [] }
        var networks: [IPNetwork] = []
        for word in words {
            guard let network = IPNetwork(word) else {
                throw ValueProblem(
                    "\(word.quoted) is no network; takes addresses and networks such as 192.0.2.0/24 or ::1")
            }
            networks.append(network)
        }
        return networks
    }

    /// Networks, and `unix` for whoever connects to a Unix socket.
    static let trustedPeers = ValueType<TrustedPeers>("list of networks") { (value) throws(ValueProblem) in
        var peers = TrustedPeers()
        let words = try value.words()
        if words.count == 1, words[0].lowercased() == "none" { return peers }
        for word in words {
            if word.lowercased() == "unix" {
                peers.trustsUnix = true
                continue
            }
            guard let network = IPNetwork(word) else {
                throw ValueProblem(
                    "\(word.quoted) is no network; takes addresses and networks such as 10.0.0.0/8 or ::1, and `unix`"
                )
            }
            peers.networks.append(network)
        }
        return peers
    }

    // MARK: Logs

    static let logFormat = ValueType<LogFormat>("name or directives") { (value) throws(ValueProblem) in
        try LogFormat(value.text())
    }

    // MARK: Scripts

    static let cacheRule = ValueType<CacheRule>("prefix and time") { (value) throws(ValueProblem) in
        let (prefix, time) = try value.pair(takes: "a URL prefix and a time, as in `/cgi-bin/report.cgi 10s`")
        return CacheRule(
            prefix: try urlPrefix(prefix), time: try positiveTime(time), position: value.position)
    }

    /// `/var/log/gatehouse/failed count=100 size=64K`; nil for `off`.
    static let capture = ValueType<CaptureSetting?>("path and options") { (value) throws(ValueProblem) in
        let words = try value.words()
        if words.count == 1, flag(words[0]) == false || words[0].lowercased() == "none" { return nil }
        var capture = CaptureSetting(folder: try value.path(words[0]))
        var seen: Set<String> = []
        for word in words.dropFirst() {
            let (name, text) = (word.prefix { $0 != "=" }.lowercased(), word.drop { $0 != "=" }.dropFirst())
            switch name {
            case "count" where seen.insert(name).inserted:
                capture.count = try number(String(text), 1...100_000)
            case "size" where seen.insert(name).inserted:
                capture.size = try byteCount(String(text), 0...(1 << 20))
            default:
                throw ValueProblem(
                    "\(word.quoted) behind the folder; takes `count=100` and `size=64K`, each once")
            }
        }
        if value.context.checksPaths { try Paths.requireFolder(capture.folder) }
        return capture
    }

    static let interpreter = ValueType<Interpreter>("extension and path") { (value) throws(ValueProblem) in
        let (suffix, program) = try value.pair(
            takes: "an extension and a program, as in `.php /usr/bin/php-cgi`")
        try requireExtension(suffix)
        let path = try value.path(program)
        if value.context.checksPaths { try Paths.requireFile(path) }
        return Interpreter(suffix: suffix, program: path)
    }

    /// Nil for a bare name that the server's own environment lacks: scripts do not get it either.
    static let environmentSetting = ValueType<EnvironmentSetting?>("NAME=value") {
        (value) throws(ValueProblem) in
        // Quotes may stand around all of it or around what is behind the `=`.
        let text = INIText.isQuoted(value.raw[...]) ? try value.text() : value.raw
        guard let equals = text.utf8.firstIndex(of: ASCII.equals) else {
            let name = try variableName(value.text())
            return value.context.environment[name].map { EnvironmentSetting(name: name, value: $0) }
        }
        let name = try variableName(String(INIText.trimmed(text[..<equals])))
        let rest = text[equals...].dropFirst()
        let content = INIText.isQuoted(value.raw[...]) ? String(rest) : try value.text(of: rest)
        return EnvironmentSetting(name: name, value: content)
    }

    private static func variableName(_ name: String) throws(ValueProblem) -> String {
        let isName = name.utf8.allSatisfy { ASCII.isAlphanumeric($0) || $0 == ASCII.underscore }
        guard isName, let first = name.utf8.first, !ASCII.isDigit(first) else {
            throw ValueProblem("\(name.quoted) is no name of a variable; takes `NAME=value` or `NAME`")
        }
        if MetaVariable.isReserved(name) {
            throw ValueProblem("the server itself sets \(name)")
        }
        return name
    }
}
