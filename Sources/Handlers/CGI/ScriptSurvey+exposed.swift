import Base
import Config

extension ScriptSurvey {
    /// Warns of scripts below folders that files are served from. They are not sent, but whoever put them
    /// there may expect it.
    static func exposedScripts(_ config: ServerConfig) -> [Finding] {
        var findings: [Finding] = []
        // Sites may have them of [defaults].
        var seen: Set<Finding> = []
        var known: [String: FilePath] = [:]
        func real(_ path: String) -> FilePath {
            let real = known[path] ?? FilePath(path).resolved ?? FilePath(path)
            known[path] = real
            return real
        }
        let scripts = config.sites.flatMap(\.cgi).map { ($0, real($0.path)) }
        for site in config.sites {
            for (setting, folder) in servedFolders(of: site) {
                let place = real(folder.path)
                for (mapping, script) in scripts {
                    guard let rest = script.rest(below: place),
                        !runs(mapping.path, at: Site.trimmed(folder.prefix) + rest, of: site)
                    else { continue }
                    let finding = Finding(
                        position: mapping.position,
                        message:
                            "\(mapping.path) lies below `\(setting)` (\(folder.position)), whose addresses lead there, too: they get 403, as no script is sent as a file; it is best kept elsewhere",
                        isWarning: true)
                    if seen.insert(finding).inserted { findings.append(finding) }
                }
            }
        }
        return findings
    }

    private static func servedFolders(of site: SiteConfig) -> [(setting: String, folder: PrefixMapping)] {
        var folders = site.aliases.map { ("alias = \($0.prefix) \($0.path)", $0) }
        if let root = site.root {
            let position = site.rootPosition ?? site.position
            folders.append(("root = \(root)", PrefixMapping(prefix: "/", path: root, position: position)))
        }
        return folders
    }

    /// Whether a decoded path of a URL has the scripts at `path` run, and leads to no file.
    private static func runs(_ path: String, at url: [UInt8], of site: SiteConfig) -> Bool {
        site.cgi.contains { $0.path == path && Site.isPrefix(Site.trimmed($0.prefix), of: url) }
    }
}
