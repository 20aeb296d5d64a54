import Base
package import Config
import Glibc
import Net

/// Looks at every script of a configuration before any request does.
package enum ScriptSurvey {
    /// What is wrong with a script, and the setting that makes it one.
    package struct Finding: Hashable, Sendable {
        package var position: SourcePosition
        package var message: String
        /// Nothing keeps the script from running.
        package var isWarning = false
    }

    /// Of a server that is root and stays so without a word about it.
    package static let rootWarning =
        "scripts run as root, with all its rights, where root starts the server: user = www-data in [server], or cgi_user in a site, has them run as somebody else"

    /// Inspects all scripts behind the `cgi` settings.
    package static func inspect(_ config: ServerConfig) -> [Finding] {
        var findings: [Finding] = []
        // Many sites may have the same scripts.
        var places: Set<Place> = []
        var seen: Set<Place> = []
        var seenLinks: Set<FilePath> = []
        var users: [ScriptUser: FileAccess] = [:]
        let server = FileAccess(identity: serverIdentity(config))
        func access(_ settings: PartSettings) -> FileAccess {
            guard let user = settings.cgiUser else { return server }
            let known = users[user] ?? FileAccess(identity: try? Identity(user: user.name, group: user.group))
            users[user] = known
            return known
        }
        if config.leavesScriptsToRoot,
            let site = config.sites.first(where: { $0.runsScripts && $0.parts.contains { $0.cgiUser == nil } }
            )
        {
            findings.append(
                Finding(
                    position: site.cgi.first?.position ?? site.position, message: rootWarning, isWarning: true
                ))
        }
        for site in config.sites {
            if let write = site.parts.lazy.compactMap(\.cgiWrite).first,
                let reason = WriteRules.unavailability
            {
                findings.append(
                    Finding(position: write.position, message: WriteFolders.unavailable(reason)))
            }
            for folder in [site.root].compactMap({ $0 }) + site.aliases.map(\.path) {
                guard let fault = server.unreachable(FilePath(folder + "/x")) else { continue }
                findings.append(Finding(position: site.position, message: fault, isWarning: true))
            }
            if site.root == nil, site.aliases.isEmpty, site.cgi.isEmpty, site.redirects.isEmpty {
                findings.append(
                    Finding(
                        position: site.position,
                        message:
                            "[site \(site.name)] has neither root nor alias, cgi or redirect: every address of it is 404",
                        isWarning: true))
            }
            for mapping in site.cgi {
                let path = FilePath(mapping.path)
                let isFolder = (try? path.status().st_mode & S_IFMT).map { $0 == S_IFDIR }
                // One that cannot be looked at may be a folder.
                if isFolder != false, let error = path.refusal(of: X_OK) {
                    let fault = "the folder of scripts \(path) cannot be entered: \(error)"
                    findings.append(Finding(position: mapping.position, message: fault))
                }
                guard places.insert(Place(path, site.part)).inserted else { continue }
                let folder = isFolder == true ? ScriptFolder(path) : nil
                // A location may have settings of its own.
                func settings(_ file: FilePath) -> PartSettings {
                    site.settings(for: Site.trimmed(mapping.prefix) + (file.rest(below: path) ?? []))
                }
                for link in folder?.dangling ?? [] where seenLinks.insert(link).inserted {
                    findings.append(
                        Finding(
                            position: mapping.position, message: "the link \(link) leads nowhere",
                            isWarning: true))
                }
                let strays = folder?.strays ?? []
                for link in strays where settings(link.path).symlinks == .inside {
                    findings.append(refused(link, mapping))
                }
                let followed = strays.filter { !$0.isFolder && settings($0.path).symlinks == .follow }
                for file in (folder?.scripts ?? [path]) + followed.map(\.path) {
                    let settings = settings(file)
                    guard seen.insert(Place(file, settings)).inserted else { continue }
                    let user = access(settings)
                    let inspection = ScriptInspection(
                        file: file, interpreter: ScriptRules(settings).interpreter(for: Array(file.bytes)),
                        path: ScriptPlan.searchPath(settings), as: user,
                        mayGainRights: !settings.cgiNoNewPrivileges)
                    if let fault = inspection.fault {
                        findings.append(Finding(position: mapping.position, message: fault))
                    } else if let warning = inspection.warning {
                        findings.append(
                            Finding(position: mapping.position, message: warning, isWarning: true))
                    } else if let hand = user.foreignHand(file) {
                        findings.append(Finding(position: mapping.position, message: hand, isWarning: true))
                    }
                }
            }
        }
        return findings + exposedScripts(config)
    }

    private static func refused(_ link: ScriptFolder.Link, _ mapping: PrefixMapping) -> Finding {
        Finding(
            position: mapping.position,
            message:
                "the link \(link.path) leads to \(link.target), outside \(mapping.path), and is refused (symlinks = inside); symlinks = follow lets it, or name what it leads to: cgi = /prefix \(link.target)",
            isWarning: true)
    }

    /// Whom the server becomes, where root asks, who himself may do everything; nil for who asks.
    private static func serverIdentity(_ config: ServerConfig) -> Identity? {
        guard geteuid() == 0, let user = config.server.user else { return nil }
        return try? Identity(user: user, group: config.server.group)
    }

    /// A file or folder, and whom its scripts run as.
    private struct Place: Hashable {
        let path: FilePath
        let user: ScriptUser?

        init(_ path: FilePath, _ settings: PartSettings) { (self.path, user) = (path, settings.cgiUser) }
    }
}

extension ServerConfig {
    /// Whether this process is root and nothing says whom the server is to become. `user = root` says it.
    package var leavesScriptsToRoot: Bool { geteuid() == 0 && server.user == nil }
}
