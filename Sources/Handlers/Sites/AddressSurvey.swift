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
            for warning in errorPages(site) + uselessCaches(site) + hiddenScripts(site)
            where !warnings.contains(warning) { warnings.append(warning) }
        }
        return warnings
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
    // MARK: Scripts

    /// Each `cgi_cache` of addresses that no script answers.
    private static func uselessCaches(_ site: SiteConfig) -> [ConfigProblem] {
        // Scripts among pages may be anywhere.
        if site.parts.contains(where: { !$0.cgiExtensions.isEmpty || !$0.cgiInterpreters.isEmpty }) {
            return []
        }
        let scripts = site.cgi.map { Site.trimmed($0.prefix) }
        let prefixes = Set(site.parts.flatMap(\.cgiCache).map(\.prefix)).sorted()
        return prefixes.compactMap { prefix in
            let cached = Site.trimmed(prefix)
            if scripts.contains(where: { Site.isPrefix($0, of: cached) || Site.isPrefix(cached, of: $0) }) {
                return nil
            }
            return ConfigProblem(
                site.position,
                "[site \(site.name)] cgi_cache = \(prefix): no script answers there, and only scripts' answers are kept"
            )
        }
    }

    /// Each `cgi` whose requests a redirect answers.
    private static func hiddenScripts(_ site: SiteConfig) -> [ConfigProblem] {
        site.cgi.compactMap { mapping in
            let place = Site.trimmed(mapping.prefix)
            for rule in site.redirects {
                guard case .prefix(let prefix) = rule.source, Site.isPrefix(Site.trimmed(prefix), of: place)
                else { continue }
                return ConfigProblem(
                    mapping.position,
                    "cgi = \(mapping.prefix): no request comes here, for redirect = \(prefix) answers them first"
                )
            }
            return nil
        }
    }
}
