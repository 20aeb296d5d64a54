import Base
package import Config
import Glibc
import Wire

/// Looks whether anything can be at the addresses that settings name, before any request does.
package enum AddressSurvey {
    /// A warning for each one at which nothing is.
    package static func inspect(_ config: ServerConfig) -> [ConfigProblem] {
        var warnings: [ConfigProblem] = []
        for site in config.sites {
            // Several sites may have them from [defaults].
            for warning in errorPages(site) where !warnings.contains(warning) { warnings.append(warning) }
        }
        return warnings + uselessCaches(config)
    }

    // MARK: error_page

    private static func errorPages(_ site: SiteConfig) -> [ConfigProblem] {
        site.errorPages.sorted { $0.key < $1.key }.compactMap { status, page in
            fault(page.path, of: site).map {
                ConfigProblem(page.position ?? site.position, "error_page: \(status) \(page.path): \($0)")
            }
        }
    }

    /// Why nothing can be at a URL path of the site; nil where something may be.
    private static func fault(_ target: String, of site: SiteConfig) -> String? {
        guard let path = TargetPath.decoded(of: target) else { return "the path cannot be decoded" }
        let mappings = (site.aliases + site.cgi).filter { Site.isPrefix(Site.trimmed($0.prefix), of: path) }
        let mapping = mappings.max { $0.prefix.utf8.count < $1.prefix.utf8.count }
        guard let folder = mapping?.path ?? site.root else { return "the site has nothing there" }
        let rest = path.dropFirst(mapping.map { Site.trimmed($0.prefix).count } ?? 0)
        var place = FilePath(folder)
        // What follows a file may be a script's PATH_INFO.
        for part in rest.split(separator: ASCII.slash) {
            place = FilePath([ASCII.slash] + part, below: place)
            do throws(Errno) {
                if try place.status().st_mode & S_IFMT != S_IFDIR { return nil }
            } catch {
                return error == .noSuchFile ? "there is no \(VisibleText.spelled(place.bytes.span))" : nil
            }
        }
        return nil
    }

    // MARK: cgi_cache

    /// Each one of addresses that no script of any site answers that has it; several may have it from [defaults].
    private static func uselessCaches(_ config: ServerConfig) -> [ConfigProblem] {
        var useless: [CacheRule] = []
        var useful: Set<CacheRule> = []
        for site in config.sites {
            for rule in site.parts.flatMap(\.cgiCache) {
                if mayRunScripts(site, at: Site.trimmed(rule.prefix)) {
                    useful.insert(rule)
                } else if !useless.contains(rule) {
                    useless.append(rule)
                }
            }
        }
        return useless.compactMap { rule in
            guard !useful.contains(rule), let position = rule.position else { return nil }
            return ConfigProblem(
                position,
                "cgi_cache: \(rule.prefix): no script answers there, and only scripts' answers are kept")
        }
    }

    private static func mayRunScripts(_ site: SiteConfig, at place: [UInt8]) -> Bool {
        // Scripts among pages may be anywhere.
        site.hasScriptsAmongPages
            || site.cgi.contains { mapping in
                let scripts = Site.trimmed(mapping.prefix)
                return Site.isPrefix(scripts, of: place) || Site.isPrefix(place, of: scripts)
            }
    }
}
