package import Base
package import Glibc

/// The real server, started on ports of its own, and watched until its end.
///
/// All its calls block: use it in `withServer`, or within `blocking`.
package final class ServerProcess: Sendable {
    /// One line `gatehouse: listening on SCHEME://ADDRESS`.
    package struct Listener: Sendable, CustomStringConvertible {
        package let scheme: String
        package let address: SocketAddress
        package var description: String { "\(scheme)://\(address)" }
    }

    package let folder: ScratchFolder
    package let configuration: String
    package let process: ChildProcess
    package let listeners: [Listener]
    /// What it had open when it was ready, or when the test said that it had warmed up.
    let descriptorsAtRest: Monitor<DescriptorBaseline>
    private let ends = Monitor((isStopped: false, isExpected: false))

    /// Writes `ini` as `server.ini` into `folder`, starts `gatehouse run` with it, and waits until it is ready.
    ///
    /// `listenerCount` is the number of lines that say so; without it, one is expected for each `listen`
    /// outside of sites. `GATEHOUSE_BINARY` names another executable than the one beside the tests.
    package init(
        ini: String, in folder: ScratchFolder, listenerCount: Int? = nil, environment: [String: String] = [:],
        executable: String = ServerProcess.builtExecutable, within seconds: Double = 40
    ) throws {
        self.folder = folder
        configuration = try folder.write("server.ini", ini)
        process = try ChildProcess(
            [executable, "run", "-c", configuration], in: folder.path, environment: environment)
        let expected = listenerCount ?? Self.countListeners(ini)
        let prefix = "gatehouse: listening on "
        let lines = process.stderr.waitForLines(expected, until: .after(seconds)) { $0.hasPrefix(prefix) }
        guard lines.count == expected else {
            // When its output has ended, so has it, or will in a moment.
            let ended = process.stderr.waitForEnd(until: .after(0))
            let exit = ended ? process.waitForExit(until: .after(2)) : process.exit
            let state = exit.map { "ended with \($0)" } ?? "still runs"
            throw TestFailure(
                """
                the server is not ready: \(lines.count) of \(expected) listeners; it \(state)
                \(Self.transcript(process))
                """)
        }
        listeners = try lines.map { try Listener($0.dropFirst(prefix.count)) }
        let keptFolders = Self.threads(ini)
        descriptorsAtRest = Monitor(
            DescriptorBaseline(descriptors: Self.descriptors(process.pid), foldersKept: keptFolders))
    }

    package var pid: pid_t { process.pid }

    /// Whether `stop` was called.
    package internal(set) var isStopped: Bool {
        get { ends.update { $0.isStopped } }
        set { ends.update { $0.isStopped = newValue } }
    }

    /// Whether the test saw the server end by `waitForExit`, and so does not take it for a crash.
    var isExpectedToEnd: Bool { ends.update { $0.isExpected } }

    /// Waits until the server ends by itself or by a signal the test sent: how it ended is the test's to judge.
    package func waitForExit(within seconds: Double = 25) throws -> ChildProcess.Exit {
        ends.update { $0.isExpected = true }
        guard let exit = process.waitForExit(until: .after(seconds)) else {
            throw TestFailure("the server did not end\n\(Self.transcript(process))")
        }
        return exit
    }

    /// Sends the server a signal.
    package func send(_ signal: CInt) { process.send(signal) }

    /// The executable that was built with the tests: it stands beside the test bundle.
    package static var builtExecutable: String {
        if let path = getenv("GATEHOUSE_BINARY") { return String(cString: path) }
        let bundle = CommandLine.arguments[0]
        return (bundle.lastIndex(of: "/").map { String(bundle[...$0]) } ?? "./") + "gatehouse"
    }

    /// The number of event-loop threads.
    private static func threads(_ ini: String) -> Int {
        for line in ini.split(whereSeparator: \.isNewline) {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == "=" }
            if words.count == 2, words[0].lowercased() == "threads", let count = Int(words[1]) {
                return count
            }
        }
        return sysconf(CInt(_SC_NPROCESSORS_ONLN))
    }

    /// The `listen` keys of sections that listen by themselves.
    private static func countListeners(_ ini: String) -> Int {
        var count = 0
        var counts = true
        for line in ini.split(whereSeparator: \.isNewline).map({ $0.drop { $0 == " " || $0 == "\t" } }) {
            if line.hasPrefix("[") {
                counts = !["[site", "[defaults", "[location"].contains { line.lowercased().hasPrefix($0) }
            } else if counts, let key = line.split(separator: "=").first {
                if key.lowercased().filter({ $0 != " " && $0 != "\t" }) == "listen" { count += 1 }
            }
        }
        return max(count, 1)
    }
}

extension ServerProcess.Listener {
    init(_ text: some StringProtocol) throws {
        let failure = TestFailure("not SCHEME://ADDRESS: \(text)")
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2, parts[1].hasPrefix("//") else { throw failure }
        scheme = String(parts[0])
        var rest = parts[1].dropFirst(2)
        if rest.hasPrefix("unix:") {
            address = .unix(String(rest.dropFirst(5)))
            return
        }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]) else {
            throw failure
        }
        var host = rest[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let ip = host == "*" ? .anyIPv6 : IPAddress(host) else { throw failure }
        address = .ip(ip, port: port)
    }

    /// Where a client on this machine connects to: an address that stands for all becomes loopback.
    package var reachable: SocketAddress {
        switch address {
        case .ip(.anyIPv4, let port), .ip(.anyIPv6, let port): .ip(.loopback, port: port)
        default: address
        }
    }
}

// MARK: Watching

extension ServerProcess {
    /// Descriptors it has open now: number and what it stands for.
    package var openDescriptors: [CInt: String] { Self.descriptors(pid) }

    static func descriptors(_ pid: pid_t) -> [CInt: String] {
        var result: [CInt: String] = [:]
        for name in (try? listFolder("/proc/\(pid)/fd")) ?? [] {
            // A descriptor closed meanwhile has no link any more.
            if let number = CInt(name), let target = readLink("/proc/\(pid)/fd/\(name)") {
                result[number] = target
            }
        }
        return result
    }

    /// Its children, and theirs, zombies included, without its spawners.
    package var children: [RunningProcess] {
        RunningProcess.descendants(of: pid).filter {
            !$0.isSpawner && !$0.isKeeper && !$0.isIdleWatch
        }
    }

    /// The processes that start its scripts.
    package var spawners: [RunningProcess] { RunningProcess.descendants(of: pid).filter(\.isSpawner) }

    /// The process that runs scripts as other users, where there is one.
    package var keeper: RunningProcess? { RunningProcess.descendants(of: pid).first(where: \.isKeeper) }

    /// Waits for a line on stdout, where access logs go by default, and returns it.
    package func waitForLog(containing text: String, within seconds: Double = 20) throws -> String {
        try waitForLog(containing: text, count: 1, within: seconds)[0]
    }

    /// Waits for `count` lines on stdout, and returns them.
    package func waitForLog(containing text: String, count: Int, within seconds: Double = 20) throws
        -> [String]
    {
        try wait(for: text, count, on: process.stdout, "stdout", within: seconds)
    }

    /// Waits for a line on stderr, where error logs go by default, and returns it.
    package func waitForError(containing text: String, within seconds: Double = 20) throws -> String {
        try waitForError(containing: text, count: 1, within: seconds)[0]
    }

    /// Waits for `count` lines on stderr, and returns them.
    package func waitForError(containing text: String, count: Int, within seconds: Double = 20) throws
        -> [String]
    {
        try wait(for: text, count, on: process.stderr, "stderr", within: seconds)
    }

    private func wait(
        for text: String, _ count: Int, on output: OutputCapture, _ name: String, within seconds: Double
    ) throws -> [String] {
        let lines = output.waitForLines(count, until: .after(seconds)) { $0.utf8.contains(text.utf8) }
        guard lines.count == count else {
            throw TestFailure(
                "\(lines.count) of \(count) lines with \"\(text)\" on \(name)\n\(Self.transcript(process))")
        }
        return lines
    }

    /// The end of what it wrote, for messages.
    static func transcript(_ process: ChildProcess) -> String {
        func tail(_ text: String) -> String { text.utf8.count > 4000 ? "…\(text.suffix(4000))" : text }
        return "--- stderr\n\(tail(process.stderr.text))\n--- stdout\n\(tail(process.stdout.text))"
    }
}
