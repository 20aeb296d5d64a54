import Base
package import Config
import Glibc
import Wire

/// Looks for the files of `error_page` before any error does.
package enum ErrorPageSurvey {
    /// A warning for each page that is not there.
    package static func inspect(_ config: ServerConfig) -> [ConfigProblem] {
        var warnings: [ConfigProblem] = []
        for site in config.sites {
            for (status, page) in site.errorPages.sorted(by: { $0.key < $1.key }) {
                guard let fault = fault(page.path, of: site) else { continue }
                let warning = ConfigProblem(
                    page.position ?? site.position, "error_page: \(status) \(page.path): \(fault)")
                // Several sites may have it from [defaults].
                if !warnings.contains(warning) { warnings.append(warning) }
            }
        }
        return warnings
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
}
