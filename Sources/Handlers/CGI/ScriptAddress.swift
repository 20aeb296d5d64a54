package import Base
package import Config

extension SiteConfig {
    /// The settings for a decoded path: those of the longest location that fits, or the site's.
    package func settings(for path: [UInt8]) -> PartSettings {
        locations
            .filter { Site.isPrefix(Site.trimmed($0.prefix), of: path) }
            .max { $0.prefix.utf8.count < $1.prefix.utf8.count }?.part ?? part
    }

    /// The decoded path of the URL that runs `file`, a path on disk without links; nil where none does.
    package func scriptPath(of file: FilePath) -> [UInt8]? {
        for mapping in cgi {
            guard let rest = SiteConfig.rest(of: file, below: mapping.path) else { continue }
            return rest.isEmpty ? Array(mapping.prefix.utf8) : Site.trimmed(mapping.prefix) + rest
        }
        let folders = aliases.map { ($0.prefix, $0.path) } + (root.map { [("/", $0)] } ?? [])
        for (prefix, path) in folders {
            guard let rest = SiteConfig.rest(of: file, below: path) else { continue }
            let path = Site.trimmed(prefix) + rest
            if ScriptRules(settings(for: path)).isScript(path) { return path }
        }
        return nil
    }

    /// What of `file` follows a path that may have links; nil where it is not below it.
    private static func rest(of file: FilePath, below path: String) -> [UInt8].SubSequence? {
        let path = FilePath(path)
        return file.rest(below: path.resolved ?? path)
    }
}
