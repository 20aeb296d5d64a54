import Config
import Glibc
import Server

extension Command {
    static let run = Command(
        name: "run", arguments: "[-c FILE]",
        summary: "Serves the sites of a configuration in the foreground until TERM or INT.",
        details: """
            \(ConfigFile.explanation)

            Signals: TERM and INT stop, after requests under way have ended; a second one stops at once.
            USR1 opens the logs again.
            """,
        serves: true
    ) { words throws(UsageError) in
        var arguments = Arguments(words)
        guard let config = try ConfigFile.load(&arguments) else { return .failed }
        return serve(config)
    }

    static let serve = Command(
        name: "serve", arguments: "[DIR] [--listen ADDR] [--cgi DIR]",
        summary: "Serves a folder without any configuration, with listings.",
        details: """
            DIR is the folder, the working folder if it is not given.
              --listen ADDR   where to listen: IP:PORT, [IPv6]:PORT, *:PORT for every address, or a PORT of
                              127.0.0.1; 127.0.0.1:8080 if not given, and port 0 is any that is free
              --cgi DIR       a folder of CGI scripts, shown as /cgi-bin/

            Each request is a line on stdout, in colour on a terminal unless NO_COLOR is set. Ctrl-C stops.
            """,
        serves: true
    ) { words throws(UsageError) in
        var arguments = Arguments(words)
        let listen = try arguments.option("--listen", "-l")
        let cgi = try arguments.option("--cgi")
        let folder = try arguments.operand() ?? "."
        try arguments.end()
        do throws(ConfigProblems) {
            return serve(
                try ConfigLoader.serve(folder: folder, listen: listen, cgi: cgi, colours: Console.hasColours),
                ifTaken: "; --listen 0 takes any port that is free")
        } catch {
            for problem in error.list { Console.error(problem.description) }
            return .failed
        }
    }

    /// `ifTaken` is added to the message where an address is taken.
    private static func serve(_ config: ServerConfig, ifTaken hint: String = "") -> ExitStatus {
        do throws(StartError) {
            try Server.run(config) { Console.write("gatehouse: \($0)", STDERR_FILENO) }
            return .fine
        } catch {
            Console.error(error.description + (error.isAddressTaken ? hint : ""))
            return .failed
        }
    }
}
