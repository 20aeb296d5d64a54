import Base
package import Config

extension SiteConfig {
    /// The settings for a decoded path: those of the longest location that fits, or the site's.
    package func settings(for path: [UInt8]) -> PartSettings {
        locations
            .filter { Site.isPrefix(Site.trimmed($0.prefix), of: path) }
            .max { $0.prefix.utf8.count < $1.prefix.utf8.count }?.part ?? part
    }

    /// The path of the URL that runs `file`, a path on disk without links; nil where none does.
    /// `resolve` takes the links out of a path.
    package func scriptPath(of file: String, resolve: (String) -> String) -> String? {
        for mapping in cgi {
            let folder = resolve(mapping.path)
            if file == folder { return mapping.prefix }
            if let rest = SiteConfig.rest(of: file, below: folder) {
                return String(decoding: Site.trimmed(mapping.prefix), as: UTF8.self) + rest
            }
        }
        let folders = aliases.map { ($0.prefix, $0.path) } + (root.map { [("/", $0)] } ?? [])
        for (prefix, path) in folders {
            guard let rest = SiteConfig.rest(of: file, below: resolve(path)) else { continue }
            let path = String(decoding: Site.trimmed(prefix), as: UTF8.self) + rest
            let bytes = Array(path.utf8)
            if ScriptRules(settings(for: bytes)).isScript(bytes) { return path }
        }
        return nil
    }

    /// What follows `folder` in `file`, with the slash; nil where it is not below it.
    private static func rest(of file: String, below folder: String) -> String? {
        let prefix = folder == "/" ? "" : folder
        return file.hasPrefix(prefix + "/") ? String(file.dropFirst(prefix.count)) : nil
    }
}
