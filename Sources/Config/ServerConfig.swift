package import Base

// What server.ini says, as plain values. ConfigLoader fills it; nothing here reads or checks.

/// A whole configuration. Every path in it is absolute.
package struct ServerConfig: Sendable {
    /// The file it was read from; empty for `gatehouse serve`.
    package var file = ""
    package var server = ServerSettings()
    /// In the order of the file: the first answers requests for names that no site has.
    package var sites: [SiteConfig] = []
    /// Where each log was named first.
    package var logPlaces: [LogTarget: SourcePosition] = [:]
    /// What is doubtful and keeps the server from nothing.
    package var warnings: [ConfigProblem] = []

    package init() {}
}

/// Where a setting stands, for messages.
package struct SourcePosition: Hashable, Sendable {
    package var file: String
    package var line: Int

    package init(file: String, line: Int) { (self.file, self.line) = (file, line) }
}

/// `[server]`.
package struct ServerSettings: Sendable {
    package var home = ""
    package var listen: [ListenAddress] = []
    /// Event-loop threads, 0 for one per core.
    package var threads = 0
    package var user: String?
    package var group: String?
    package var pidFile: String?
    package var errorLog = LogTarget.standardError
    package var logLevel = LogLevel.info
    package var maxConnections = 10000
    /// Of one client at once; nil for no limit.
    package var maxConnectionsPerIP: Int?
    package var trustedProxies = TrustedPeers()
    package var shutdownTimeout = TimeSpan.seconds(30)
    package var headerTimeout = TimeSpan.seconds(15)
    package var keepaliveTimeout = TimeSpan.seconds(60)
    package var bodyTimeout = TimeSpan.seconds(30)
    package var writeTimeout = TimeSpan.seconds(60)
    /// Bytes of a whole request head.
    package var maxHeaderSize = 32 * 1024
    package var serverHeader = ServerHeader.full
    /// How long a script that computes keeps others that do waiting; nil: none waits.
    package var cgiTurns: TimeSpan? = .milliseconds(100)
    /// Where its settings stand, the last of each name.
    package var places: [String: SourcePosition] = [:]

    package init() {}
}

/// Peers whose word counts for who a client is.
package struct TrustedPeers: Hashable, Sendable {
    package var networks: [IPNetwork] = []
    /// Whoever connects to a Unix socket.
    package var trustsUnix = false

    package init() {}

    package var isEmpty: Bool { networks.isEmpty && !trustsUnix }

    package func contains(_ peer: SocketAddress) -> Bool {
        guard let address = peer.ip else { return trustsUnix }
        return contains(address)
    }

    package func contains(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }
}

/// `IP:PORT`, `[IPv6]:PORT`, `*:PORT` (which is two sockets) or `unix:PATH`. Its options and its place
/// make no other address of it.
package struct ListenAddress: Hashable, Sendable {
    package enum Host: Hashable, Sendable {
        case address(SocketAddress)
        /// Every address of both families.
        case any(port: UInt16)
    }
    package var host: Host

    /// Each connection begins with a header of the PROXY protocol.
    package var takesProxyHeader = false

    /// Where it stands; nil for a default.
    package var position: SourcePosition?

    package init(_ host: Host) { self.host = host }

    package static func == (a: ListenAddress, b: ListenAddress) -> Bool { a.host == b.host }
    package func hash(into hasher: inout Hasher) { hasher.combine(host) }
}

package enum LogTarget: Hashable, Sendable {
    case off
    case standardOutput
    case standardError
    /// The log daemon that has its socket at this path.
    case syslog(String)
    case file(String)

    /// Where the log daemon is on every machine.
    package static let syslog = LogTarget.syslog("/dev/log")
}

extension LogTarget: CustomStringConvertible {
    /// As it stands in a setting.
    package var description: String {
        switch self {
        case .off: "off"
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        case .syslog(let path): self == .syslog ? "syslog" : "syslog:\(path)"
        case .file(let path): path
        }
    }
}

package enum LogLevel: Int, Comparable, Sendable, CaseIterable {
    case error, warning, info, debug
    package static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

package enum ServerHeader: Sendable { case full, name, off }

/// `[site NAME]` with what it inherits from `[defaults]`, and its `[location]` sections.
package struct SiteConfig: Sendable {
    package var name: String
    package var position: SourcePosition
    /// Lower-case names without port; `*.example.org` for a wildcard.
    package var hosts: [String] = []
    /// The addresses it answers on, empty for all of the server's.
    package var listen: [ListenAddress] = []
    package var root: String?
    package var rootPosition: SourcePosition?
    package var aliases: [PrefixMapping] = []
    package var cgi: [PrefixMapping] = []
    package var mimeTypesFile = "/etc/mime.types"
    /// Extension without the dot, in lower case, and media type.
    package var mime: [String: String] = [:]
    package var logFormat = LogFormat.combined
    package var errorLog = LogTarget.standardError
    /// Seconds that a script gets between TERM and KILL.
    package var cgiKillGrace = TimeSpan.seconds(3)
    package var cgiLinger = TimeSpan.seconds(1)
    package var cgiQueueTimeout = TimeSpan.seconds(30)
    package var scriptLimits = ScriptLimits()
    /// Clients that see on the error page why a script failed.
    package var cgiErrorsTo = ["127.0.0.0/8", "::1"].compactMap { IPNetwork($0) }
    /// Folders that scripts may have files sent from (X-Sendfile, X-Accel-Redirect, X-LIGHTTPD-send-file).
    package var cgiSendfile: [String] = []
    /// Bytes that kept answers of scripts may have in all.
    package var cgiCacheSize = 32 << 20
    /// URL paths of this site that answer in the place of an error, by status.
    package var errorPages: [Int: ErrorPageSetting] = [:]
    /// What holds for the whole site where no location says otherwise.
    package var part = PartSettings()
    /// The first that fits answers, before anything else is asked of the path.
    package var redirects: [RedirectRule] = []
    /// The first that fits puts another path in the place of the one that was asked for.
    package var rewrites: [RewriteRule] = []
    package var locations: [LocationConfig] = []

    package init(name: String, position: SourcePosition) { (self.name, self.position) = (name, position) }
}

/// `[location SITE /prefix]`: the site's settings with its own laid over them.
package struct LocationConfig: Sendable {
    package var prefix: String
    package var position: SourcePosition
    package var part: PartSettings

    package init(prefix: String, position: SourcePosition, part: PartSettings) {
        (self.prefix, self.position, self.part) = (prefix, position, part)
    }
}

/// The settings that a site and each of its locations have.
package struct PartSettings: Sendable {
    package var index = ["index.html", "index.htm"]
    package var listing = false
    /// With the dot: `.cgi`.
    package var cgiExtensions: [String] = []
    package var cgiInterpreters: [Interpreter] = []
    package var cgiEnvironment: [EnvironmentSetting] = []
    /// Endings, in lower case, of files that are not sent as they are where nothing runs them.
    package var scriptSources = [".cgi", ".fcgi", ".php", ".pl"]
    package var cgiTimeout = TimeSpan.seconds(60)
    package var cgiIdleTimeout = TimeSpan.seconds(60)
    /// In all; nil for no limit.
    package var cgiMaxTime: TimeSpan?
    package var cgiOnDisconnect = OnDisconnect.kill
    package var cgiExitStatus = ExitStatusRule.cut
    package var cgiMaxProcesses = 64
    package var cgiPassAuthorization = PassAuthorization.auto
    /// Queries without `=` come as arguments (RFC 3875, section 4.4).
    package var cgiIsindex = true
    /// A script's output without a header is sent as a page.
    package var cgiLenient = false
    /// The server itself answers with the path that a script names in Location (RFC 3875, section 6.2.2).
    package var cgiLocalRedirects = true
    /// A script starts before the request's content is whole, and gets it as it arrives.
    package var cgiStreamUpload = false
    /// Fields with underscores in their names become variables of scripts.
    package var passesUnderscores = false
    package var cgiCache: [CacheRule] = []
    /// Where what is known of scripts that failed is kept; nil for nowhere.
    package var cgiCapture: CaptureSetting?
    /// Whom scripts run as; nil for the server's user.
    package var cgiUser: ScriptUser?
    /// Where alone scripts may write; nil for everywhere.
    package var cgiWrite: WriteFolders?
    package var cgiNoNewPrivileges = true
    package var maxBody = 1 << 30
    package var requestLimit: RequestLimit?
    /// Bytes a second for each connection; nil for no limit.
    package var limitRate: Int?
    package var charset = CharsetSetting.auto
    package var symlinks = SymlinkPolicy.inside
    package var serveDotfiles = false
    package var headers: [FieldSetting] = []
    package var compression = CompressionSettings()
    package var cacheControl = CacheControlRules()
    package var allow = ClientNetworks.all
    package var deny = ClientNetworks.none
    /// Who may see it by password; nil for everyone.
    package var auth: AuthSetting?
    package var accessLog = LogTarget.standardOutput

    package init() {}
}

/// What is sent in a content coding, and in which (RFC 9110, section 8.4).
package struct CompressionSettings: Sendable {
    /// The one liked best first; empty for none.
    package var codings: [ContentCoding] = []
    package var types = CompressionSettings.usualTypes
    /// Bytes that content must have to be worth it.
    package var minimum = 1024

    package init() {}

    private static let usualTypes = [
        "text/*", "application/javascript", "application/json", "application/xml", "application/*+json",
        "application/*+xml", "application/wasm", "image/svg+xml", "image/bmp", "image/x-icon",
        "image/vnd.microsoft.icon", "font/ttf", "font/otf", "application/vnd.ms-fontobject",
    ].compactMap { MediaTypePattern($0) }
}

/// A URL prefix that begins with `/`, and the folder or file behind it.
package struct PrefixMapping: Hashable, Sendable {
    package var prefix: String
    package var path: String
    package var position: SourcePosition

    package init(prefix: String, path: String, position: SourcePosition) {
        (self.prefix, self.path, self.position) = (prefix, path, position)
    }
}

/// Files that end in `suffix` are run by `program`.
package struct Interpreter: Hashable, Sendable {
    package var suffix: String
    package var program: String

    package init(suffix: String, program: String) { (self.suffix, self.program) = (suffix, program) }
}

/// `NAME=value`; a bare `NAME` has been looked up in the server's own environment.
package struct EnvironmentSetting: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) { (self.name, self.value) = (name, value) }
}

/// The URL path that answers in the place of an error, and where that is said.
package struct ErrorPageSetting: Hashable, Sendable {
    package var path: String
    package var position: SourcePosition?

    package init(path: String, position: SourcePosition? = nil) {
        (self.path, self.position) = (path, position)
    }
}

/// How many requests each client may make: `count` in each `time`, `burst` of them at once.
package struct RequestLimit: Hashable, Sendable {
    package var count: Int
    package var time: TimeSpan
    package var burst: Int

    package init(count: Int, time: TimeSpan, burst: Int) {
        (self.count, self.time, self.burst) = (count, time, burst)
    }
}

/// A field that is added to each answer.
package struct FieldSetting: Hashable, Sendable {
    package var name: String
    /// Nil: no answer has the field.
    package var value: String?

    package init(name: String, value: String?) { (self.name, self.value) = (name, value) }
}

/// A user by name, with another group than its own if there is one.
package struct ScriptUser: Hashable, Sendable {
    package var name: String
    /// By name or number.
    package var group: String?
    package var position: SourcePosition

    package init(name: String, group: String?, position: SourcePosition) {
        (self.name, self.group, self.position) = (name, group, position)
    }
}

extension ScriptUser: CustomStringConvertible {
    /// As it stands in a setting.
    package var description: String { name + (group.map { ":\($0)" } ?? "") }
}

/// Folders that may be written to, maybe none.
package struct WriteFolders: Hashable, Sendable {
    package var paths: [String]
    package var position: SourcePosition

    package init(paths: [String], position: SourcePosition) {
        (self.paths, self.position) = (paths, position)
    }
}

/// What a script may use. Nil and 0 leave it as the server has it.
package struct ScriptLimits: Hashable, Sendable {
    package var cpu: TimeSpan?
    package var memory: Int?
    package var openFiles: Int?
    package var fileSize: Int?
    /// Of the user that the script runs as, all others of that user counted.
    package var processes: Int?
    /// Added to the server's own: 1 to 19.
    package var nice = 0

    package init() {}
}

/// Records of the last scripts that failed: where, how many, and how many bytes of each stream.
package struct CaptureSetting: Hashable, Sendable {
    package var folder: String
    package var count = 100
    package var size = 64 << 10

    package init(folder: String) { self.folder = folder }
}

/// GET answers of the scripts below a URL prefix serve the next requests for a while.
package struct CacheRule: Hashable, Sendable {
    package var prefix: String
    package var time: TimeSpan
    package var position: SourcePosition?

    package init(prefix: String, time: TimeSpan, position: SourcePosition? = nil) {
        (self.prefix, self.time, self.position) = (prefix, time, position)
    }
}

package enum OnDisconnect: Sendable { case kill, finish }
/// When a script's exit status other than 0 makes its answer one that has broken off.
package enum ExitStatusRule: Sendable { case cut, stderr, ignore }
package enum PassAuthorization: Sendable { case yes, no, auto }
package enum SymlinkPolicy: Sendable { case inside, follow, deny }

extension ServerConfig {
    /// Whether any site has scripts.
    package var runsScripts: Bool { sites.contains(where: \.runsScripts) }
}

extension SiteConfig {
    /// The site's settings as a whole, and those of its locations.
    package var parts: [PartSettings] { [part] + locations.map(\.part) }

    package var runsScripts: Bool { !cgi.isEmpty || hasScriptsAmongPages }

    /// Whether files that `cgi` does not name may be scripts.
    package var hasScriptsAmongPages: Bool {
        parts.contains {
            !$0.cgiExtensions.isEmpty || !$0.cgiInterpreters.isEmpty
                || $0.index.contains { $0.hasSuffix(".cgi") }
        }
    }
}

package enum CharsetSetting: Hashable, Sendable {
    case off
    /// What each file is written in is found out.
    case auto
    case named(String)
}
