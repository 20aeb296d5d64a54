import Base

/// Reads the values of collected sections, from the general to the special.
struct ConfigAssembly {
    private let sections: SectionCollector
    private var problems: [ConfigProblem]
    private var config = ServerConfig()
    /// Whether all of `[server] listen` could be read, so that a site's can be looked up there.
    private var knowsListeners = true
    /// All of `[server] listen`.
    private var listeners: [ListenAddress: SettingValue] = [:]
    /// Locations of unknown sites that have been reported.
    private var strayLocations = 0
    /// What a site has that sets nothing.
    private var base = SiteConfig(name: "", position: SourcePosition(file: "", line: 0))
    /// Index of each site by its name in lower case.
    private var siteIndex: [String: Int] = [:]
    private var hosts = HostRegister()

    /// All that the sections say, or all that is wrong with them.
    static func config(_ sections: SectionCollector) throws(ConfigProblems) -> ServerConfig {
        var assembly = ConfigAssembly(sections)
        if sections.isReadable { assembly.read() }
        if assembly.problems.isEmpty { return assembly.config }
        throw ConfigProblems(assembly.sortedProblems(), pidFile: assembly.config.server.pidFile)
    }

    private init(_ sections: SectionCollector) {
        self.sections = sections
        problems = sections.problems
        config.file = sections.file
    }

    private mutating func report(_ position: SourcePosition, _ message: String) {
        problems.append(ConfigProblem(position, message))
    }

    private mutating func warn(_ position: SourcePosition, _ message: String) {
        config.warnings.append(ConfigProblem(position, message))
    }

    /// By file in the order of reading, then by line; problems of one line stay as they were found.
    private func sortedProblems() -> [ConfigProblem] {
        let ranks = Dictionary(
            sections.files.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        func key(_ problem: ConfigProblem) -> (Int, Int) {
            // Files that values name come behind those with the values.
            (ranks[problem.position.file] ?? ranks.count, problem.position.line)
        }
        // The standard library's sort is stable, though it does not promise it; the offset does.
        return problems.enumerated().sorted { a, b in
            let (first, second) = (key(a.element), key(b.element))
            return first == second ? a.offset < b.offset : first < second
        }.map(\.element)
    }

    // MARK: Sections

    private mutating func read() {
        readServer(all(.server).first { !$0.isRepeated })
        readDefaults(all(.defaults).first { !$0.isRepeated })
        for section in all(.site) where !section.isRepeated { readSite(section) }
        for section in all(.location) where !section.isRepeated { readLocation(section) }
        for section in sections.sections where section.isRepeated { readInVain(section) }
        if config.sites.isEmpty {
            report(SourcePosition(file: sections.file, line: 0), "no [site NAME]; a server has at least one")
        } else {
            requireSites()
            requirePrivileges()
        }
    }

    /// The kernel lets a process without rights give up some of its own only where it can gain none.
    private mutating func requirePrivileges() {
        for part in config.sites.flatMap(\.parts) {
            guard let write = part.cgiWrite, !part.cgiNoNewPrivileges else { continue }
            let problem = ConfigProblem(
                write.position,
                "cgi_write: needs cgi_no_new_privs = yes; a setuid program could leave the folders again")
            if !problems.contains(problem) { problems.append(problem) }
        }
    }

    /// An address that no site answers on would have nothing to say.
    private mutating func requireSites() {
        guard knowsListeners, config.sites.allSatisfy({ !$0.listen.isEmpty }) else { return }
        let answered = Set(config.sites.flatMap(\.listen))
        // One that is no address of the server is reported, and probably means the one that is left.
        guard answered.allSatisfy({ listeners[$0] != nil }) else { return }
        for (address, value) in listeners where !answered.contains(address) {
            report(value.place, "listen: no site answers on \(value.raw.quoted); each names others")
        }
    }

    private func all(_ kind: SectionKinds) -> [ConfigSection] { sections.sections.filter { $0.kind == kind } }

    private mutating func readServer(_ section: ConfigSection?) {
        var server = ServerSettings()
        let rows = section.map { settings(of: $0) } ?? []
        let present = Set(rows.map(\.setting.name))
        for setting in Settings.server where !present.contains(setting.name) {
            guard let value = defaultValue(of: setting) else { continue }
            attempt(setting, value, in: &server)
            if setting.name == "listen" { for address in server.listen { listeners[address] = value } }
        }
        server.home = sections.context.home
        var lines: [ListenAddress: Int] = [:]
        for (setting, value) in rows {
            let isGood = attempt(setting, value, in: &server)
            server.places[setting.name] = value.position
            guard setting.name == "listen" else { continue }
            guard isGood, let address = server.listen.last else {
                knowsListeners = false
                continue
            }
            listeners[address] = value
            if !address.takesAnyPort, let first = lines.updateValue(value.line, forKey: address) {
                report(value.place, "listen: \(value.raw.quoted) is at line \(first) already")
            }
        }
        config.server = server
    }

    private mutating func readDefaults(_ section: ConfigSection?) {
        var base = self.base
        for setting in Settings.site + Settings.cgi {
            if let value = defaultValue(of: setting) { attempt(setting, value, in: &base) }
        }
        base.errorLog = config.server.errorLog
        self.base = base
        if let section { self.base = site(of: section, named: "") }
    }

    private mutating func readSite(_ section: ConfigSection) {
        let position = section.ini.position
        var site = site(of: section, named: section.site)
        let entry = section.ini.entries.first { $0.name.lowercased() == "host" }
        if site.hosts.isEmpty, entry == nil {
            do throws(ValueProblem) {
                site.hosts = [try Values.hostName(section.site)]
            } catch {
                report(position, "\(error.message); a site of that name needs a `host`")
            }
        }
        problems += hosts.add(site, at: entry?.position ?? position)
        siteIndex[section.site.lowercased()] = config.sites.count
        config.sites.append(site)
    }

    /// What `base` and the section make together.
    private mutating func site(of section: ConfigSection, named name: String) -> SiteConfig {
        var site = base
        site.part.cacheControl.beginSection()
        site.name = name
        site.position = section.ini.position
        for (setting, value) in settings(of: section) {
            let isGood = attempt(setting, value, in: &site)
            guard isGood, setting.name == "listen", knowsListeners, let address = site.listen.last else {
                continue
            }
            if listeners[address] == nil {
                report(
                    value.place,
                    "listen: \(value.raw.quoted) is no `listen` of [server], which opens the addresses")
            }
        }
        // What a site puts behind a prefix takes the place of what [defaults] puts there.
        let own = site.aliases.dropFirst(base.aliases.count) + site.cgi.dropFirst(base.cgi.count)
        var lines: [String: SourcePosition] = [:]
        for mapping in own.sorted(by: { $0.position.line < $1.position.line }) {
            if let first = lines.updateValue(mapping.position, forKey: mapping.prefix) {
                report(
                    mapping.position, "URL prefix \(mapping.prefix.quoted) is at line \(first.line) already")
            }
        }
        site.aliases =
            base.aliases.filter { lines[$0.prefix] == nil } + site.aliases.dropFirst(base.aliases.count)
        site.cgi = base.cgi.filter { lines[$0.prefix] == nil } + site.cgi.dropFirst(base.cgi.count)
        return site
    }

    private mutating func readLocation(_ section: ConfigSection) {
        guard let index = siteIndex[section.site.lowercased()] else {
            // Among very many names a search for each of very many wrong ones would take long.
            strayLocations += 1
            let names = strayLocations * config.sites.count <= 20_000 ? config.sites.map(\.name) : []
            report(
                section.ini.position,
                "no site \(section.site.quoted) for this location\(NearestName.hint(section.site, among: names))"
            )
            return readInVain(section)
        }
        let part = part(of: section, in: config.sites[index].part)
        config.sites[index].locations.append(
            LocationConfig(prefix: section.prefix, position: section.ini.position, part: part))
    }

    private mutating func part(of section: ConfigSection, in whole: PartSettings) -> PartSettings {
        var part = whole
        part.cacheControl.beginSection()
        for (setting, value) in settings(of: section) { attempt(setting, value, in: &part) }
        return part
    }

    /// Reads a section that is in error as a whole, for the sake of what else is wrong in it.
    private mutating func readInVain(_ section: ConfigSection) {
        switch section.kind {
        case .server:
            var server = ServerSettings()
            for (setting, value) in settings(of: section) {
                attempt(setting, value, in: &server)
            }
        case .location: _ = part(of: section, in: base.part)
        default: _ = site(of: section, named: section.site)
        }
    }

    // MARK: Keys and values

    /// The settings of a section with their values, without those that are unknown or repeated.
    private mutating func settings(of section: ConfigSection) -> [(setting: Setting, value: SettingValue)] {
        var found: [(Setting, SettingValue)] = []
        var lines: [String: Int] = [:]
        for entry in section.ini.entries {
            let name = entry.name.lowercased()
            guard let setting = Settings.named(name, in: section.kind) else {
                report(entry.position, Self.unknown(entry.name, in: section.kind))
                continue
            }
            let value = SettingValue(entry.value, at: entry.position, in: sections.context)
            if !setting.isRepeatable {
                if let first = lines[name] {
                    report(entry.position, "second `\(name)` in this section; the first is at line \(first)")
                    continue
                }
                lines[name] = entry.position.line
            } else if let subject = setting.subject, let about = subject.name(value) {
                let first = lines["\(name) \(about)"]
                switch (first, subject.repetition) {
                case (let first?, .isRefused):
                    report(entry.position, "\(name): \(about.quoted) is at line \(first) already")
                    continue
                case (let first?, .replaces):
                    warn(
                        entry.position, "\(name): \(about.quoted) takes the place of the one at line \(first)"
                    )
                case (nil, _): break
                }
                lines["\(name) \(about)"] = entry.position.line
            }
            found.append((setting, value))
        }
        return found
    }

    private static func unknown(_ name: String, in kind: SectionKinds) -> String {
        let lower = name.lowercased()
        if let others = Settings.byName[lower] {
            let places = others.reduce(into: SectionKinds()) { $0.formUnion($1.sections) }
            return "`\(lower)` belongs in \(places.headers.joined(separator: " or "))"
        }
        let unknown = "unknown key \(name.quoted)"
        if let own = ForeignNames.setting(for: lower) { return "\(unknown); here it is \(own)" }
        let here = Settings.all.lazy.filter { $0.sections.contains(kind) }.map(\.name)
        let hint = NearestName.hint(name, among: Array(here) + Settings.all.map(\.name))
        return unknown + (hint.isEmpty ? "; `gatehouse keys` lists all" : hint)
    }

    private func defaultValue(of setting: Setting) -> SettingValue? {
        guard case .value(let text) = setting.default else { return nil }
        return SettingValue(text, at: nil, in: sections.context)
    }

    /// Whether the value could be taken; if not, it is reported.
    @discardableResult
    private mutating func attempt(
        _ setting: Setting, _ value: SettingValue, in settings: inout some SettingsHolder
    ) -> Bool {
        do throws(ValueProblem) {
            try settings.set(setting, to: value)
            notePlace(setting, value)
            if let doubt = setting.doubt?(value) { warn(value.place, "\(setting.name): \(doubt)") }
            guard value.hasForeignComment, !setting.isFreeText else { return true }
            report(
                value.place,
                "\(setting.name): \(value.raw.quoted) has a ` #` in it; \(SettingValue.commentAdvice), and a value that has one stands in double quotes"
            )
            return false
        } catch {
            if error.details.isEmpty {
                let hint = value.hasForeignComment ? "; \(SettingValue.commentAdvice)" : ""
                report(value.place, "\(setting.name): \(error.message)\(hint)")
            }
            // Several sections may name the same file.
            problems += error.details.filter { !problems.contains($0) }
            return false
        }
    }
}

extension ConfigAssembly {
    /// Remembers where a log is named.
    private mutating func notePlace(_ setting: Setting, _ value: SettingValue) {
        guard let position = value.position, let target = try? setting.log?.parse(value),
            config.logPlaces[target] == nil
        else { return }
        config.logPlaces[target] = position
    }
}

extension SettingValue {
    /// A `#` behind a blank, where others begin a comment.
    fileprivate var hasForeignComment: Bool {
        !raw.utf8.contains(ASCII.quote) && (raw.contains(" #") || raw.contains("\t#"))
    }

    fileprivate static let commentAdvice = "a comment behind a value begins with `;`, not with `#`"

    /// For messages.
    fileprivate var place: SourcePosition { position ?? SourcePosition(file: "built-in default", line: 0) }
    fileprivate var line: Int { place.line }
}

extension ListenAddress {
    /// With port 0 the kernel chooses, another one each time.
    fileprivate var takesAnyPort: Bool {
        switch host {
        case .any(let port): port == 0
        case .address(let address): address.port == 0
        }
    }
}
