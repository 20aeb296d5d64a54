package import Base
package import Config
package import Logs
import Net

/// A web site as one loop serves it: what its section says, made ready.
///
/// Belongs to the loop's thread.
package final class Site {
    package let config: SiteConfig
    package let name: String
    package let errorLog: ErrorLog
    package let mediaTypes: MediaTypes
    package let documentRoot: [UInt8]
    /// The site's settings as a whole.
    package let part: Part
    package let answerCache: AnswerCache
    /// Whether some of its files may be sent in a content coding.
    let usesCodings: Bool
    /// Folders that scripts may have files sent from, the longest path first.
    package let sendfileFolders: [Folder]
    private let root: Folder?
    /// Prefixes, the longest first.
    private let mappings: [Mapping]
    private let parts: [(prefix: [UInt8], part: Part)]

    package struct Mapping {
        package enum Kind { case files(Folder), scripts(Folder), script(path: FilePath) }
        /// Without a slash at its end; empty for the root.
        package let prefix: [UInt8]
        package let kind: Kind
    }

    /// `makePart` gives a part's settings their log and their queue; `prefix` is nil for the site as a whole.
    /// `scripts` are those of all sites.
    package init(
        _ config: SiteConfig, errorLog: ErrorLog, mediaTypes: MediaTypes, answerCache: AnswerCache,
        scripts: ScriptPlaces? = nil,
        makePart: (_ settings: PartSettings, _ prefix: String?) -> Part
    ) {
        self.config = config
        name = config.name
        self.errorLog = errorLog
        self.mediaTypes = mediaTypes
        self.answerCache = answerCache
        usesCodings = ([config.part] + config.locations.map(\.part)).contains {
            !$0.compression.codings.isEmpty
        }
        documentRoot = Array((config.root ?? "").utf8)
        part = makePart(config.part, nil)
        root = config.root.map { Folder(FilePath($0), scripts: scripts) }
        sendfileFolders = config.cgiSendfile.sorted { $0.utf8.count > $1.utf8.count }
            .map { Folder(FilePath($0), scripts: scripts, showsScripts: true) }
        parts = config.locations
            .map { (Site.trimmed($0.prefix), makePart($0.part, $0.prefix)) }
            .sorted { $0.0.count > $1.0.count }
        var mappings = config.aliases.map {
            Mapping(
                prefix: Site.trimmed($0.prefix), kind: .files(Folder(FilePath($0.path), scripts: scripts)))
        }
        for entry in config.cgi {
            let isFolder = (try? FileDescriptor.openPath(entry.path)) != nil
            mappings.append(
                Mapping(
                    prefix: Site.trimmed(entry.prefix),
                    kind: isFolder
                        ? .scripts(Folder(FilePath(entry.path))) : .script(path: FilePath(entry.path))))
        }
        self.mappings = mappings.sorted { $0.prefix.count > $1.prefix.count }
    }

    static func trimmed(_ prefix: String) -> [UInt8] {
        var bytes = Array(prefix.utf8)
        while bytes.last == ASCII.slash { bytes.removeLast() }
        return bytes
    }

    /// What stands behind a decoded path; nil where the site has no root and no mapping fits.
    /// The path then begins with the mapping's prefix as it is written there.
    package func mapping(for path: inout [UInt8]) -> Mapping? {
        for mapping in mappings {
            guard let reach = Site.reach(of: mapping.prefix, in: path) else { continue }
            if reach > mapping.prefix.count { path.replaceSubrange(..<reach, with: mapping.prefix) }
            return mapping
        }
        return root.map { Mapping(prefix: [], kind: .files($0)) }
    }

    /// Whether neither a file nor a folder stands at a decoded path. Below a `cgi` prefix nothing is
    /// missing, nor behind a file, where the path may be a script's PATH_INFO.
    func isMissing(_ path: [UInt8], now: Instant) -> Bool {
        let symlinks = part(for: path).settings.symlinks
        var path = path
        guard let mapping = mapping(for: &path) else { return true }
        guard case .files(let folder) = mapping.kind else { return false }
        do throws(Errno) {
            _ = try folder.open(
                path[mapping.prefix.count...], flags: Folder.pathOnly, symlinks: symlinks, now: now)
            return false
        } catch {
            return error == .noSuchFile || error == .nameTooLong
        }
    }

    /// The settings for a decoded path: those of the longest location that fits, or the site's.
    package func part(for path: [UInt8]) -> Part {
        for (prefix, part) in parts where Site.isPrefix(prefix, of: path) { return part }
        return part
    }

    /// Names in the folder of that decoded path whose locations would refuse the client.
    func namesRefused(in folder: [UInt8], to exchange: Exchange) -> Set<[UInt8]> {
        if parts.isEmpty { return [] }
        let own = part(for: folder)
        let folder = Script.merged(folder[...])
        var names: Set<[UInt8]> = []
        for (prefix, part) in parts where prefix.count > folder.count && prefix.starts(with: folder) {
            let name = prefix[folder.count...]
            if !name.contains(ASCII.slash), !part.access.wouldAdmit(exchange, admittedBy: own.access) {
                names.insert(Array(name))
            }
        }
        return names
    }

    /// Whether `prefix` ends at a segment's border of `path`.
    static func isPrefix(_ prefix: [UInt8], of path: [UInt8]) -> Bool { reach(of: prefix, in: path) != nil }

    /// How much of `path` stands for `prefix`; nil where it does not fit, or not at a segment's border.
    ///
    /// Slashes that stand together count as one, as they do in a file's name: `//cgi-bin/x` must not
    /// get round the prefix `/cgi-bin` to the same file.
    static func reach(of prefix: [UInt8], in path: [UInt8]) -> Int? {
        var index = 0
        for byte in prefix {
            guard index < path.count, path[index] == byte else { return nil }
            index += 1
            while byte == ASCII.slash, index < path.count, path[index] == byte { index += 1 }
        }
        return index == path.count || path[index] == ASCII.slash ? index : nil
    }
}
