import Base
package import Config

/// The folders of scripts and the single programs behind the `cgi` settings of all sites. Nothing in them is
/// sent as a file, whatever address leads there.
///
/// Belongs to the loop's thread.
package final class ScriptPlaces {
    /// What one or more `cgi` settings name.
    final class Place {
        let path: FilePath
        /// The first setting's.
        let prefix: String
        let position: SourcePosition
        /// Endings of files in it that need no execute bit to be run.
        fileprivate(set) var endings: Set<String> = []
        private var resolved: (path: FilePath, at: Instant)?

        fileprivate init(_ mapping: PrefixMapping) {
            path = FilePath(mapping.path)
            (prefix, position) = (mapping.prefix, mapping.position)
        }

        /// Its path without links, looked for anew once a second, as that of served folders is: one of a
        /// site's releases may have taken the place of another.
        func real(_ now: Instant) -> FilePath {
            if let resolved, (now - resolved.at).nanoseconds < 1_000_000_000 { return resolved.path }
            let real = path.resolved ?? resolved?.path ?? path
            resolved = (real, now)
            return real
        }
    }

    /// A file of a place.
    struct Find {
        let file: FilePath
        let place: Place
    }

    let all: [Place]

    /// Nil where no site has any.
    package init?(_ sites: [SiteConfig]) {
        var places: [String: Place] = [:]
        var all: [Place] = []
        for site in sites {
            let endings = site.parts.flatMap { $0.cgiInterpreters.map(\.suffix) }
            for mapping in site.cgi {
                let known = places[mapping.path]
                let place = known ?? Place(mapping)
                place.endings.formUnion(endings)
                if known != nil { continue }
                places[mapping.path] = place
                all.append(place)
            }
        }
        if all.isEmpty { return nil }
        self.all = all
    }

    /// Those that lie in a folder whose path has no links, and those that it lies in.
    func overlapping(_ folder: FilePath, _ now: Instant) -> [Place] {
        all.filter { place in
            let real = place.real(now)
            return real.rest(below: folder) != nil || folder.rest(below: real) != nil
        }
    }
}

extension ScriptPlaces.Find {
    /// Why the file is not sent, and what to do about it, where `folder` is what it was to be sent from.
    func reason(below folder: FilePath) -> String {
        let setting = "cgi = \(place.prefix) \(place.path)"
        let position = place.position.line > 0 ? "\(place.position)" : place.position.file
        return
            "\(file) is not sent as a file: `\(setting)` (\(position)) makes it a script or a neighbour of scripts; keep those outside of \(folder), and what is to be sent outside of \(place.path)"
    }
}
