import Base
import Config
import Glibc
import Handlers
import Net

/// What holds the scripts of each part of the sites: whom they run as (`cgi_user`), where they may write
/// (`cgi_write`), what setuid programs give them.
///
/// Made while the server has all its rights and no threads yet.
struct Isolation {
    /// Whether to start where the server may not become a `cgi_user`.
    enum Strictness {
        case server
        /// The script then runs as this process does, and the report says so.
        case doctor
    }

    /// Has the right to become each `cgi_user`; nil where there is none but the server's own user.
    let keeper: Keeper?
    /// Whether some scripts run as the server's own user.
    let runsOwnScripts: Bool
    /// What does not hold as it is written, for the log.
    private(set) var warnings: [String] = []
    private var identities: [ScriptUser: Identity] = [:]
    private var rules: [[String]: WriteRules] = [:]

    init(_ config: ServerConfig, _ privileges: Privileges, _ strictness: Strictness) throws(StartError) {
        let parts = config.sites.filter(\.runsScripts).flatMap(\.parts)
        for part in parts {
            if let write = part.cgiWrite, rules[write.paths] == nil {
                rules[write.paths] = try Isolation.rules(write)
            }
            guard let user = part.cgiUser, identities[user] == nil else { continue }
            let identity = try Isolation.identity(user)
            if identity.isSame(as: privileges.identity) { continue }
            if geteuid() == 0 {
                identities[user] = identity
            } else if strictness == .server {
                throw StartError(
                    "\(user.position): cgi_user = \(user) needs a server that is started as root; this one is \(privileges.identity.name)"
                )
            } else {
                warnings.append(
                    "cgi_user = \(user), but only root can become \(user.name): the script runs as \(privileges.identity.name)"
                )
            }
        }
        if !rules.isEmpty, let gap = WriteRules.gap { warnings.append("cgi_write: \(gap)") }
        let identities = identities
        runsOwnScripts = parts.contains { $0.cgiUser.map { identities[$0] == nil } ?? true }
        if strictness == .server, runsOwnScripts, config.leavesScriptsToRoot {
            warnings.append(
                config.file.isEmpty
                    ? "scripts run as root, with all its rights; start the server as another user"
                    : ScriptSurvey.rootWarning)
        }
        keeper = try Isolation.keeper(parts, Set(identities.values), privileges)
    }

    private static func identity(_ user: ScriptUser) throws(StartError) -> Identity {
        do throws(Identity.Unknown) {
            return try Identity(user: user.name, group: user.group)
        } catch {
            throw StartError("\(user.position): cgi_user: there is no \(user) any more")
        }
    }

    private static func keeper(
        _ parts: [PartSettings], _ identities: Set<Identity>, _ privileges: Privileges
    ) throws(StartError) -> Keeper? {
        if identities.isEmpty { return nil }
        do throws(Errno) {
            return try Keeper(
                identities: Array(identities), own: geteuid() == 0 ? privileges.identity : nil,
                keepsBounds: parts.contains { !$0.cgiNoNewPrivileges })
        } catch {
            throw StartError(
                "cgi_user: cannot keep the right to become other users (CAP_SETUID, CAP_SETGID): \(error)")
        }
    }

    private static func rules(_ write: WriteFolders) throws(StartError) -> WriteRules {
        do throws(WriteRules.Failure) {
            return try WriteRules(folders: write.paths)
        } catch {
            switch error {
            case .unavailable(let reason):
                throw StartError("\(write.position): \(WriteFolders.unavailable(reason))")
            case .folder(let path, let reason):
                throw StartError("\(write.position): cgi_write: cannot open \(path): \(reason)")
            }
        }
    }

    /// What holds the scripts of a part.
    func confinement(of part: PartSettings) -> Confinement {
        Confinement(
            user: part.cgiUser.flatMap { identities[$0] }.flatMap { keeper?.user($0) },
            writeRules: part.cgiWrite.flatMap { rules[$0.paths] },
            noNewPrivileges: part.cgiNoNewPrivileges)
    }
}
