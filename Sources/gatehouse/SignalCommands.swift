import Base
import Config
import Glibc
import Server

extension Command {
    static let stop = signal(
        "stop", SIGTERM, "Stops the running server; requests under way get shutdown_timeout to end.")
    static let reopen = signal(
        "reopen", SIGUSR1, "Has the running server open its logs again, after a rotation.")

    /// A command that signals the server found by its pid_file.
    private static func signal(_ name: String, _ number: CInt, _ summary: String) -> Command {
        Command(
            name: name, arguments: "[-c FILE]", summary: summary,
            details:
                "\(ConfigFile.explanation)\nThe server is found by the pid_file that the configuration names."
        ) { words throws(UsageError) in
            var arguments = Arguments(words)
            guard let config = try ConfigFile.load(&arguments) else { return .failed }
            guard let path = config.server.pidFile else {
                Console.error("\(config.file) sets no pid_file in [server], so the server cannot be found")
                return .failed
            }
            guard let pid = PidFile.read(path) else {
                Console.error("\(path) names no process; is the server running?")
                return .failed
            }
            guard kill(pid, number) == 0 else {
                Console.error("cannot signal process \(pid) of \(path): \(Errno.current)")
                return .failed
            }
            return .fine
        }
    }
}
