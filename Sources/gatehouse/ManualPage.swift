import Base
import Config

/// The manual page gatehouse(1), made from the table of subcommands.
enum ManualPage {
    static var text: String {
        var page = Roff.title(
            "gatehouse", section: 1, source: "gatehouse \(gatehouseVersion)", manual: "User Commands")
        page += Roff.section("NAME") + Roff.text("gatehouse - a web server for CGI scripts")
        page += Roff.section("SYNOPSIS")
        for command in Command.all {
            page += ".br\n" + Roff.text("`gatehouse \(command.name)` \(command.arguments)")
        }
        page += Roff.section("DESCRIPTION")
        page += Roff.text(
            "Serves web sites and runs CGI scripts for them. `gatehouse` alone is `gatehouse run`.")
        page += Roff.section("COMMANDS")
        for command in Command.all {
            page += Roff.subsection("gatehouse \(command.name) \(command.arguments)")
            page += Roff.text(command.summary)
            if !command.details.isEmpty { page += ".PP\n" + Roff.verbatim(command.details) }
        }
        page += Roff.section("SIGNALS")
        for (name, meaning) in signals { page += Roff.item(name, meaning) }
        page += Roff.section("EXIT STATUS")
        for (name, meaning) in statuses { page += Roff.item(name, meaning) }
        page += Roff.section("FILES")
        page += Roff.item("etc/server.ini, /etc/gatehouse/server.ini", "The configuration.")
        page += Roff.section("ENVIRONMENT")
        page += Roff.item(
            "LISTEN_FDS, LISTEN_PID, NOTIFY_SOCKET",
            "How systemd hands over sockets, and where it is told that the server is ready.")
        return page + Roff.section("SEE ALSO") + Roff.text("`gatehouse-server.ini`(5)")
    }

    private static let signals: KeyValuePairs = [
        "TERM, INT":
            "End, after requests under way have ended; shutdown_timeout is how long they get. A second one ends at once.",
        "USR1": "Open the logs again, after a rotation.",
    ]

    private static let statuses: KeyValuePairs = [
        "0": "All is well.",
        "1": "It could not be done; the reason is on standard error.",
        "2": "The command line is not understood.",
    ]
}
