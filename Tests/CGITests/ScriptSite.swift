import Glibc
import TestSupport

/// A site of executable scripts behind /cgi-bin/ that no server runs, for the commands that look at it.
struct ScriptSite {
    let folder: ScratchFolder
    /// The path of its server.ini.
    let configuration: String

    /// `server` holds a line of `[server]`, `site` more lines of `[site default]` and whole sections.
    init(_ scripts: [String: String], server: String = "", site: String = "") throws {
        folder = try ScratchFolder()
        try folder.makeFolder("www")
        for (name, text) in scripts { try folder.script("cgi-bin/\(name)", text) }
        configuration = try folder.write(
            "server.ini",
            """
            [server]
            \(server)
            [site default]
            root = www
            cgi = /cgi-bin/ cgi-bin/
            \(site)

            """)
    }

    /// Runs `gatehouse` to its end: `try site.run("doctor", "/cgi-bin/x")`.
    func run(_ command: String, _ arguments: String...) throws -> CommandResult {
        try runCommand(words(command, arguments))
    }

    /// Starts `gatehouse`, for a test that ends it.
    func start(_ command: String, _ arguments: String...) throws -> ChildProcess {
        try ChildProcess(words(command, arguments))
    }

    private func words(_ command: String, _ arguments: [String]) -> [String] {
        [ServerProcess.builtExecutable, command, "-c", configuration] + arguments
    }

    /// The process whose number a script has written into this file, a line that is its own.
    func notedProcess(_ name: String) throws -> RunningProcess {
        let isThere = eventually(within: 10) { (try? folder.read(name))?.hasSuffix("\n") == true }
        guard isThere, let process = try pid_t(folder.read(name).dropLast()).flatMap({ RunningProcess($0) })
        else { throw TestFailure("no process is noted in \(name)") }
        return process
    }
}
