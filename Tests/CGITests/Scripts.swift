import Glibc
import TestSupport
import Testing

/// A shell script of these lines.
func shell(_ lines: String) -> String { "#!/bin/sh\n\(lines)\n" }

/// A shell script that answers with plain text, which `lines` print.
func page(_ lines: String) -> String { shell("printf 'Content-Type: text/plain\\n\\n'\n\(lines)") }

/// A shell script that prints `output`, whose `\r`, `\n` and `\0` are printf's.
func prints(_ output: String) -> String { shell("printf '%b' '\(output)'") }

/// A shell script of these lines. The server is held until it has ended, so that it sees at once what was
/// printed and how it ended.
func seenAtItsEnd(_ lines: String) -> String {
    shell(
        """
        kill -STOP $PPID
        while ! grep -q ') T ' /proc/$PPID/stat; do :; done
        (while ! grep -q ') Z ' /proc/$$/stat; do sleep 0.01; done; kill -CONT $PPID) >/dev/null 2>&1 &
        \(lines)
        """)
}

/// Starts a server whose site has a folder of executable `scripts` behind /cgi-bin/, and runs `body` with it.
func withScripts(
    _ scripts: [String: String], site: String = "", server: String = "", threads: Int = 2, more: String = "",
    files: [String: String] = [:], prepare: @escaping @Sendable (ScratchFolder) throws -> Void = { _ in },
    test body: @escaping @Sendable (ServerProcess) throws -> Void
) async throws {
    try await withServer(
        site: "cgi = /cgi-bin/ cgi-bin/\n\(site)", server: server, threads: threads, more: more, files: files,
        prepare: { folder in
            try folder.makeFolder("cgi-bin")
            for (name, text) in scripts { try folder.script("cgi-bin/\(name)", text) }
            try prepare(folder)
        }, test: body)
}

/// Whether this machine has such a program or module.
func isInstalled(_ path: String) -> Bool { access(path, R_OK) == 0 }

/// Seconds that `body` took.
func seconds(_ body: () throws -> Void) throws -> Double {
    try ContinuousClock().measure(body) / .seconds(1)
}

/// The environment that a script was started with, as its answer shows it.
struct ScriptEnvironment: CustomStringConvertible {
    /// A script that answers with the environment the kernel gave it, which a shell adds nothing to.
    static let script = page("cat /proc/$$/environ")

    let variables: [String: String]

    init(_ response: RawResponse, status: Int = 200) throws {
        guard response.status == status else { throw TestFailure("no environment but \(response)") }
        var variables: [String: String] = [:]
        for entry in response.body.split(separator: 0) {
            let parts = entry.split(
                separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(decoding: parts[0], as: UTF8.self)
            if variables[name] != nil { throw TestFailure("\(name) stands twice") }
            variables[name] = parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : nil
        }
        self.variables = variables
    }

    subscript(name: String) -> String? { variables[name] }

    var description: String {
        variables.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "\n")
    }
}

extension ServerProcess {
    /// What the script behind `path`, `ScriptEnvironment.script`, is given.
    func environment(
        _ path: String, method: String = "GET", headers: KeyValuePairs<String, String> = [:],
        body: [UInt8]? = nil
    ) throws -> ScriptEnvironment {
        try ScriptEnvironment(request(method, path, headers: headers, body: body))
    }

    /// Asks for a page of `cgi_cache` until an older answer stands in for it.
    func staleAnswer(_ path: String) throws -> RawResponse {
        var last: RawResponse?
        let isStale = try eventually {
            last = try get(path)
            return last?["X-Cache"] == "stale"
        }
        guard isStale, let last else { throw TestFailure("no older answer but \(String(describing: last))") }
        return last
    }

    /// Stops its spawners, so that no script comes to its start. Two loops have two each.
    func holdSpawners() -> [RunningProcess] {
        #expect(eventually { self.spawners.count == 4 })
        let held = spawners
        for spawner in held { kill(spawner.pid, SIGSTOP) }
        return held
    }

    /// Stops all of its threads.
    func halt() {
        kill(pid, SIGSTOP)
        let isHalted = eventually {
            guard let threads = try? listFolder("/proc/\(self.pid)/task") else { return false }
            return threads.allSatisfy {
                (try? readText("/proc/\(self.pid)/task/\($0)/stat"))?.contains(") T ") == true
            }
        }
        #expect(isHalted)
    }

    /// Asks for a script that is held up, and returns when its plan is on its way.
    func askForHeldScript() throws -> RawClient {
        let before = openDescriptors
        let client = try connect()
        try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(eventually { self.hasSentPlan(since: before) })
        return client
    }

    /// A script's plan is on its way: of two new pipes, the server has only the ends that it reads from.
    func hasSentPlan(since before: [CInt: String]) -> Bool {
        let pipes = openDescriptors.values.filter {
            $0.hasPrefix("pipe:") && !before.values.contains($0)
        }
        return pipes.count == 2 && Set(pipes).count == 2
    }

    /// The processes that scripts have written into `cgi-bin/pids`, a number a line, when there are `count`.
    func notedProcesses(_ count: Int) throws -> [RunningProcess] {
        var pids: [pid_t] = []
        _ = eventually {
            let text = (try? folder.read("cgi-bin/pids")) ?? ""
            pids = text.last == "\n" ? text.split(separator: "\n").compactMap { pid_t($0) } : []
            return pids.count >= count
        }
        guard pids.count == count else { throw TestFailure("\(pids.count) of \(count) processes are noted") }
        return try pids.map { pid in
            guard let process = RunningProcess(pid) else { throw TestFailure("\(pid) has ended too soon") }
            return process
        }
    }

    /// Waits until a script has made a file in its folder.
    func waitForFile(_ name: String, within seconds: Double = 20) throws {
        if !eventually(within: seconds, { folder.exists("cgi-bin/\(name)") }) {
            throw TestFailure("no file cgi-bin/\(name)")
        }
    }
}

/// Waits until none of `processes` runs.
func expectEnd(
    of processes: [RunningProcess], within seconds: Double = 20, _ location: SourceLocation = #_sourceLocation
) {
    let gone = eventually(within: seconds) { !processes.contains { $0.isRunning } }
    if gone { return }
    Issue.record("still there: \(processes.filter(\.isRunning))", sourceLocation: location)
    for process in processes where process.isRunning { kill(process.pid, SIGKILL) }
}

/// An answer that was cut: what came of it, and how the connection ended.
struct CutAnswer {
    let head: String
    /// As it came, with its framing.
    let content: [UInt8]
    let ending: RawClient.Ending

    var text: String { String(decoding: content, as: UTF8.self) }
    var hasLastChunk: Bool { content.suffix(5).elementsEqual("0\r\n\r\n".utf8) }
}

extension ServerProcess {
    /// Sends `request` and reads all that comes.
    func cutAnswer(to request: String, receiveBuffer: CInt? = nil) throws -> CutAnswer {
        let client = try connect(receiveBuffer: receiveBuffer)
        try client.send(request)
        return try client.readCutAnswer()
    }
}

extension RawClient {
    func readCutAnswer(within seconds: Double = 30) throws -> CutAnswer {
        let bytes = try readToEnd(within: seconds)
        let end = Array("\r\n\r\n".utf8)
        guard let index = bytes.indices.first(where: { bytes[$0...].starts(with: end) }), let ending else {
            throw TestFailure("no head in \(String(decoding: bytes, as: UTF8.self))")
        }
        return CutAnswer(
            head: String(decoding: bytes[..<(index + 2)], as: UTF8.self),
            content: Array(bytes[(index + 4)...]),
            ending: ending)
    }
}

extension String {
    /// So many times this text.
    func times(_ count: Int) -> String { String(repeating: self, count: count) }
}
