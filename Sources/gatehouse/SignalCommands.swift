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
            guard let path = try ConfigFile.pidFile(&arguments) else { return .failed }
            let pid: pid_t
            do throws(PidFile.Absence) { pid = try PidFile.holder(of: path) } catch {
                Console.error(reason(error, path))
                return .failed
            }
            guard kill(pid, number) == 0 else {
                Console.error("cannot signal process \(pid) of \(path): \(Errno.current)")
                return .failed
            }
            return .fine
        }
    }
    private static func reason(_ absence: PidFile.Absence, _ path: String) -> String {
        switch absence {
        case .noFile: "no server is running: there is no process in \(path)"
        case .ended(let pid):
            "no server is running: the one of \(path), process \(pid), has ended without removing the file"
        case .unreadable(let error): "cannot read \(path): \(error)"
        }
    }
}
