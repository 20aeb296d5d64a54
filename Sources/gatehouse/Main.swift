import Base
import Config
import Glibc
import Server

/// The program: finds the subcommand and runs it.
@main
struct Main {
    static func main() {
        var words = Array(CommandLine.arguments.dropFirst())
        // Bare `gatehouse`, with or without options, is `gatehouse run`.
        let name: String
        switch words.first {
        case nil: name = "run"
        case "--version": name = "version"
        case "--help", "-h": name = "help"
        case let first? where first.hasPrefix("-"): name = "run"
        case let first?: name = first
        }
        if words.first == name || name == "version" || name == "help" { words = Array(words.dropFirst()) }
        if Command.named(name)?.serves == true { ProcessOne.standAside() }
        exit(Main.run(name, words).code)
    }

    private static func run(_ name: String, _ words: [String]) -> ExitStatus {
        guard let command = Command.named(name) else {
            let hint = NearestName.hint(name, among: Command.all.map(\.name))
            Console.error("unknown command `\(name)`\(hint.isEmpty ? ";" : hint) `gatehouse help` lists them")
            return .wrongUsage
        }
        if words.contains("--help") || words.contains("-h") {
            Console.print(command.usage)
            return .fine
        }
        do throws(UsageError) {
            return try command.run(words)
        } catch {
            Console.error("\(error.message)\n\(command.synopsis)")
            return .wrongUsage
        }
    }
}

/// How the program ends.
enum ExitStatus {
    case fine, failed, wrongUsage

    var code: CInt {
        switch self {
        case .fine: 0
        case .failed: 1
        case .wrongUsage: 2
        }
    }
}

/// The command line is not understood.
struct UsageError: Error {
    let message: String
}

enum Console {
    static func print(_ text: String) { write(text, STDOUT_FILENO) }

    /// Says what went wrong, with the program's name in front.
    static func error(_ text: String) { write("gatehouse: \(text)", STDERR_FILENO) }

    /// Whether stdout is a terminal whose user has nothing against colours (no-color.org).
    static var hasColours: Bool {
        func value(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
        return isatty(STDOUT_FILENO) == 1 && (value("NO_COLOR") ?? "").isEmpty && value("TERM") != "dumb"
    }

    static func write(_ text: String, _ fd: CInt) {
        var rest = Array((text.hasSuffix("\n") ? text : text + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) } else if Errno.current != .interrupted { return }
        }
    }
}
