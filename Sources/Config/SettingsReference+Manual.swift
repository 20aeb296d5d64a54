extension SettingsReference {
    /// The manual page gatehouse-server.ini(5). `version` is that of the program.
    package static func manual(version: String) -> String {
        var page = Roff.title(
            "gatehouse-server.ini", section: 5, source: "gatehouse \(version)", manual: "File Formats")
        page += Roff.section("NAME") + Roff.text("gatehouse-server.ini - configuration of gatehouse")
        page += Roff.section("DESCRIPTION") + Roff.text(introduction)
        page += ".PP\n" + Roff.text(rules)
        for part in parts {
            page += Roff.section(part.text) + Roff.text(part.introduction)
            if part.kind == .location {
                page += ".PP\n"
                let names = settings(part.kind).map { "`\($0.name)`\($0.isRepeatable ? "*" : "")" }
                page += Roff.text("It takes these keys of a site: \(names.joined(separator: ", ")).")
                continue
            }
            for setting in settings(part.kind) {
                page += Roff.item(
                    label(setting),
                    "\(setting.meaning). Type: \(setting.type). Default: \(setting.default.text).")
            }
        }
        page += Roff.section("EXAMPLE") + Roff.verbatim(example)
        return page + Roff.section("SEE ALSO") + Roff.text("`gatehouse`(1)")
    }

    private static let introduction = """
        `server.ini` says what gatehouse(1) serves. It is read from `etc/server.ini` below the working folder, or \
        else from `/etc/gatehouse/server.ini`, unless another file is named. `gatehouse check` names all that is \
        wrong with it.
        """

    private static let rules = """
        A key marked * may stand several times, and each time adds. Times are written as 500ms, 30s, 2m, 12h or 1d, \
        sizes in bytes or as 32K, 100M, 1G; yes/no is any of yes no on off true false 1 0. Relative paths start at \
        `home` of [server]. `${NAME}` in a value is a variable of the environment, `${NAME:-text}` one with a \
        default. What follows # or ; at the beginning of a line, or ; behind a blank, is a comment.
        """

    private static let example = """
        [server]
        listen = *:80

        [site blog]
        host       = blog.example.org
        root       = /srv/blog
        cgi        = /cgi-bin/ /srv/blog/cgi-bin/
        access_log = /var/log/gatehouse/blog.log
        """
}
