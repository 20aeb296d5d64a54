import Base

/// A section whose header has been understood.
struct ConfigSection {
    var kind: SectionKinds
    /// The site's name in `[site]` and `[location]`, as written.
    var site = ""
    /// The location's prefix as `Values.urlPrefix` gives it.
    var prefix = ""
    /// A second one of the same header: its keys are checked, and nothing comes of them.
    var isRepeated = false
    var ini: INISection
}

/// Reads a file and those it includes, and tells their sections apart.
struct SectionCollector {
    /// The first file's name as given.
    let file: String
    private(set) var context: ValueContext
    private(set) var problems: [ConfigProblem] = []
    /// In the order of the files and their lines.
    private(set) var sections: [ConfigSection] = []
    /// Whether the first file could be read.
    private(set) var isReadable = true
    /// Names of the files in the order in which they were read.
    private(set) var files: [String] = []

    /// Where each file, without links in its path, was asked for; nil for the first one.
    private var origins: [String: SourcePosition?] = [:]
    /// Where each section stands first, by its header in one spelling.
    private var headers: [String: SourcePosition] = [:]

    init(file: String, environment: [String: String]) {
        let folder = file.isEmpty ? Paths.current : Paths.folder(of: file)
        self.file = file
        context = ValueContext(fileFolder: folder, home: folder, environment: environment)
    }

    private mutating func report(_ position: SourcePosition, _ message: String) {
        problems.append(ConfigProblem(position, message))
    }

    // MARK: Files

    /// Reads a file, then those it includes.
    mutating func read(_ path: String, includedFrom origin: SourcePosition?) {
        let identity = Paths.resolved(path) ?? path
        if let first = origins[identity], let origin {
            let place = first.map { "by the `include` at \($0)" } ?? "as the file with this `include`"
            return report(origin, "include: \(path.quoted) is read already, \(place)")
        }
        origins[identity] = .some(origin)
        files.append(path)
        do throws(ValueProblem) {
            let contents = INIReader.read(try Paths.read(path, limit: INIReader.maxFile), file: path)
            problems += contents.problems
            take(contents.sections)
        } catch {
            if let origin { return report(origin, "include: \(path.quoted) \(error.message)") }
            isReadable = false
            report(SourcePosition(file: path, line: 0), error.message)
        }
    }

    /// Adds sections, and follows the `include` of a `[server]` among them.
    mutating func take(_ new: [INISection]) {
        let known = sections.count
        for section in new { classify(section) }
        // A second [server] is an error, so only one of them ever includes.
        for section in sections[known...] where section.kind == .server && !section.isRepeated {
            settleHome(section.ini)
            include(section.ini)
        }
    }

    private mutating func include(_ server: INISection) {
        for entry in server.entries where entry.name.lowercased() == "include" {
            let value = SettingValue(entry.value, at: entry.position, in: context)
            // A value that cannot be read is reported with the other keys of [server].
            guard context.checksPaths, let pattern = try? Values.pattern.parse(value) else { continue }
            do throws(ValueProblem) {
                for path in try Paths.matching(pattern) { read(path, includedFrom: entry.position) }
            } catch {
                report(entry.position, "include: \(error.message)")
            }
        }
    }

    /// Finds where relative paths start before any other value is read.
    private mutating func settleHome(_ server: INISection) {
        guard let entry = server.entries.first(where: { $0.name.lowercased() == "home" }) else { return }
        let value = SettingValue(entry.value, at: entry.position, in: context)
        if let home = try? Values.home.parse(value) {
            context.home = home
        } else {
            // It is reported with the other keys; all that would start there could only repeat it.
            context.checksPaths = false
        }
    }

    // MARK: Headers

    private mutating func classify(_ ini: INISection) {
        let words = ini.name.split { $0 == " " || $0 == "\t" }
        let position = ini.position
        guard let first = words.first else {
            if !ini.isBroken { report(position, "section without a name") }
            return
        }
        let kind = first.lowercased()
        switch (kind, words.count) {
        case ("server", 1): add(ConfigSection(kind: .server, ini: ini), "[server]")
        case ("defaults", 1): add(ConfigSection(kind: .defaults, ini: ini), "[defaults]")
        case ("site", 2):
            let name = String(words[1])
            add(ConfigSection(kind: .site, site: name, ini: ini), "[site \(name.lowercased())]")
        case ("location", 3):
            do throws(ValueProblem) {
                let (site, prefix) = (String(words[1]), try Values.urlPrefix(words[2]))
                // Of these three words only the path knows upper and lower case.
                add(
                    ConfigSection(kind: .location, site: site, prefix: prefix, ini: ini),
                    "[location \(site.lowercased()) \(prefix)]")
            } catch {
                report(position, error.message)
            }
        case ("server", _), ("defaults", _):
            report(position, "[\(kind)] takes no name: \("[\(ini.name)]".quoted)")
        case ("site", 1): report(position, "[site] has no name; takes [site NAME]")
        case ("site", _):
            report(position, "more than one name in \("[\(ini.name)]".quoted); takes [site NAME]")
        case ("location", _):
            report(position, "\("[\(ini.name)]".quoted) is incomplete; takes [location SITE /prefix]")
        default:
            if ini.isBroken { return }
            let hint = NearestName.hint(kind, among: ["server", "defaults", "site", "location"])
            report(
                position,
                "unknown section \("[\(ini.name)]".quoted)\(hint.isEmpty ? "; there are \(SectionKinds.all)" : hint)"
            )
        }
    }

    private mutating func add(_ section: ConfigSection, _ header: String) {
        var section = section
        if let first = headers[header] {
            report(section.ini.position, "second \(header); the first is at \(first)")
            section.isRepeated = true
        } else {
            headers[header] = section.ini.position
        }
        sections.append(section)
    }
}
