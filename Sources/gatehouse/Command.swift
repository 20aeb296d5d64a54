import Base
import Config

/// A subcommand: what it is called, how it is used, what it does.
struct Command: Sendable {
    let name: String
    /// What stands behind the name: `[-c FILE]`.
    let arguments: String
    /// One line for the list.
    let summary: String
    /// For `gatehouse help NAME`.
    let details: String
    /// Whether it becomes the server, which stays and has scripts.
    var serves = false
    let run: @Sendable ([String]) throws(UsageError) -> ExitStatus

    var synopsis: String { "usage: gatehouse \(name)\(arguments.isEmpty ? "" : " ")\(arguments)" }
    var usage: String { "\(synopsis)\n\n\(summary)\n\(details.isEmpty ? "" : "\n\(details)\n")" }

    static let all: [Command] = [
        .run, .serve, .check, .doctor, .keys, .stop, .reopen, .version, .help,
    ]

    static func named(_ name: String) -> Command? { all.first { $0.name == name } }

    static let version = Command(
        name: "version", arguments: "", summary: "Prints the version.", details: ""
    ) { words throws(UsageError) in
        try Arguments(words).end()
        Console.print("gatehouse \(gatehouseVersion)")
        return .fine
    }

    static let help = Command(
        name: "help", arguments: "[SUBCOMMAND] [--format man]",
        summary: "Lists the subcommands, or explains one.",
        details: "With --format man it prints the manual page gatehouse(1)."
    ) { words throws(UsageError) in
        var arguments = Arguments(words)
        if try arguments.asksForManual() {
            Console.print(ManualPage.text)
            return .fine
        }
        guard let name = try arguments.operand() else {
            Console.print(overview)
            return .fine
        }
        try arguments.end()
        guard let command = named(name) else {
            let hint = NearestName.hint(name, among: all.map(\.name))
            throw UsageError(message: "there is no subcommand `\(name)`\(hint)")
        }
        Console.print(command.usage)
        return .fine
    }

    private static var overview: String {
        var text = "Gatehouse, a web server for CGI scripts.\n\nusage: gatehouse [SUBCOMMAND] [ARGUMENTS]\n\n"
        let width = all.map(\.name.count).max() ?? 0
        for command in all {
            let padding = String(repeating: " ", count: width - command.name.count + 2)
            text += "  \(command.name)\(padding)\(command.summary)\n"
        }
        return text + "\n`gatehouse` alone is `gatehouse run`. `gatehouse help SUBCOMMAND` tells more."
    }
}
