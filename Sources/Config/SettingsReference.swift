/// The reference of every setting, made from the table that reads files.
package enum SettingsReference {
    /// The parts of the reference: the kind of section, its heading in text and in Markdown, what it says.
    static let parts: [(kind: SectionKinds, text: String, title: String, introduction: String)] = [
        (.server, "[server]", "`[server]`", "The server as a whole. Stands once, or not at all."),
        (
            .site, "[site NAME], [defaults]", "`[site NAME]` and `[defaults]`",
            "One section is one site; `[defaults]` holds for all sites. What neither sets has the built-in default."
        ),
        (
            .location, "[location SITE /prefix]", "`[location SITE /prefix]`",
            """
            A part of a site. The longest prefix that fits decides; it fits at segment borders only. \
            What it does not set comes from the site; a key marked `*` adds to the site's.
            """
        ),
    ]

    /// The settings that may stand in a kind of section, in the order of the table.
    static func settings(_ kind: SectionKinds) -> [Setting] {
        Settings.all.filter { $0.sections.contains(kind) }
    }

    /// The names of all keys, each once, in the order of the table.
    package static var names: [String] {
        var seen: Set<String> = []
        return Settings.all.map(\.name).filter { seen.insert($0).inserted }
    }

    /// All keys by section, for a terminal: one line each, in columns.
    package static var text: String {
        var text = "A key marked * may stand several times, and each time adds.\n"
        let nameWidth = width(Settings.all.map { label($0) })
        let typeWidth = width(Settings.all.map(\.type))
        let defaultWidth = width(Settings.all.map(\.default.text))
        for part in parts where part.kind != .location {
            text += "\n\(part.text)\n"
            for setting in settings(part.kind) {
                text += "  " + padded(label(setting), nameWidth) + padded(setting.type, typeWidth)
                text += padded(setting.default.text, defaultWidth) + setting.meaning + "\n"
            }
        }
        text += "\n[location SITE /prefix] takes these keys of a site:\n"
        return text + wrapped(settings(.location).map { label($0) })
    }

    /// One key: its type, default, sections and meaning. Nil where there is none of that name.
    package static func text(for name: String) -> String? {
        guard let rows = Settings.byName[name.lowercased()] else { return nil }
        return rows.map { setting in
            """
            \(setting.name)\(setting.isRepeatable ? " (may stand several times, and each time adds)" : "")
              meaning   \(setting.meaning)
              type      \(setting.type)
              default   \(setting.default.text)
              sections  \(setting.sections.headers.joined(separator: ", "))

            """
        }.joined(separator: "\n")
    }

    /// The key that `name` probably means.
    package static func nearest(to name: String) -> String? { NearestName.of(name, among: names) }

    /// The page `docs/settings.md`.
    package static var markdown: String {
        var page = """
            # Settings

            Every key of `server.ini`. The program prints the same with `gatehouse keys`, and one of them with \
            `gatehouse keys NAME`; page and program come from one table, the one that reads the file.

            A key marked `*` may stand several times, and each time adds. Times are written as `500ms`, `30s`, \
            `2m`, `12h` or `1d`, sizes in bytes or as `32K`, `100M`, `1G`; yes/no is any of `yes no on off true \
            false 1 0`. Relative paths start at `[server] home`.

            """
        for part in parts {
            page += "\n## \(part.title)\n\n\(part.introduction)\n\n"
            if part.kind == .location {
                let names = settings(part.kind).map { "`\($0.name)`\($0.isRepeatable ? "*" : "")" }
                page += "It takes these keys of a site: \(names.joined(separator: ", ")).\n"
                continue
            }
            page += "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
            for setting in settings(part.kind) {
                let isValue = if case .value = setting.default { true } else { false }
                let columns = [
                    "`\(setting.name)`\(setting.isRepeatable ? "*" : "")", setting.type,
                    isValue ? "`\(setting.default.text)`" : setting.default.text,
                    setting.meaning,
                ]
                page += "| " + columns.joined(separator: " | ") + " |\n"
            }
        }
        return page
    }

    static func label(_ setting: Setting) -> String {
        setting.name + (setting.isRepeatable ? "*" : "")
    }

    /// Room for the widest of `texts` and a gap.
    private static func width(_ texts: [String]) -> Int { (texts.map(\.count).max() ?? 0) + 2 }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Words in indented lines of about 80 columns.
    private static func wrapped(_ words: [String]) -> String {
        var text = ""
        var line = " "
        for word in words {
            if line.count + word.count > 78 {
                text += line + "\n"
                line = " "
            }
            line += " " + word
        }
        return text + line + "\n"
    }
}
