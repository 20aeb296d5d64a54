import Base
package import Config
import Glibc
import Handlers
import Logs
import Net

/// Runs one script just as the server would, and tells everything about it.
package struct Doctor {
    /// What was seen. Texts are as the script and the server wrote them.
    package struct Report: Sendable {
        package var site = ""
        package var url = ""
        package var program: String?
        package var folder: String?
        package var arguments: [String] = []
        package var environment: [String] = []
        package var output: [UInt8] = []
        package var errors: [UInt8] = []
        package var exit: String?
        /// What the server answered, head and content.
        package var answer: [UInt8] = []
        /// The lines that the server would have written to the error log.
        package var diagnosis: [String] = []
    }

    private let config: ServerConfig

    package init(_ config: ServerConfig) { self.config = config }

    // MARK: What is asked about

    /// The URL and host that `subject` means: a URL, a path of the first site, or a script's file.
    package func address(of subject: String) throws(StartError) -> (host: String, target: String) {
        for scheme in ["http://", "https://"] where subject.hasPrefix(scheme) {
            let rest = subject.dropFirst(scheme.count)
            let slash = rest.firstIndex(of: "/") ?? rest.endIndex
            return (String(rest[..<slash]), slash == rest.endIndex ? "/" : String(rest[slash...]))
        }
        let file = Doctor.absolute(subject)
        for site in config.sites {
            guard let path = Doctor.path(of: file, site) else { continue }
            return (site.hosts.first { !$0.hasPrefix("*") } ?? site.name, path)
        }
        guard subject.hasPrefix("/"), access(subject, F_OK) != 0 else {
            throw StartError("\(subject) is behind no cgi setting of a site, and is no URL either")
        }
        return (config.sites.first?.hosts.first ?? "localhost", subject)
    }

    private static func absolute(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func path(of file: String, _ site: SiteConfig) -> String? {
        for mapping in site.cgi {
            let real = absolute(mapping.path)
            let prefix = mapping.prefix == "/" ? "" : mapping.prefix
            if file == real { return mapping.prefix }
            if file.hasPrefix(real + "/") { return prefix + file.dropFirst(real.count) }
        }
        guard let root = site.root.map(absolute), file.hasPrefix(root + "/") else { return nil }
        let suffixes = site.part.cgiExtensions + site.part.cgiInterpreters.map(\.suffix)
        return suffixes.contains { file.hasSuffix($0) } ? String(file.dropFirst(root.count)) : nil
    }

    // MARK: The run

    /// Serves one request for `target` on a port of its own and reports. Drops privileges like the server.
    package func run(host: String, target: String) throws(StartError) -> Report {
        _ = SignalWaiter()
        let memory = try Doctor.memory()
        let log = "/proc/self/fd/\(memory.raw)"
        let config = config.prepared(errorLog: log)
        let logs = try OpenLogs(config)
        let bound = try BoundAddress.bindAll(config, loops: 1)
        try Privileges.drop(user: config.server.user, group: config.server.group)
        let worker = try SharedParts(config).makeWorker(0, config, bound, logs)
        let witness = ScriptWitness()
        worker.context.witness = witness
        worker.drained = { worker.loop.stop() }
        let thread = Thread(name: "loop-0") { worker.loop.run() }
        let answer = Doctor.request(bound[0].address, host, target)
        worker.loop.submit { worker.drain() }
        thread.join()
        logs.writer.flush()
        // The loop has ended, so what its witness saw is this thread's now.
        var report = Doctor.report(witness)
        (report.url, report.answer) = (target, answer)
        report.diagnosis = Doctor.lines(memory)
        return report
    }

    private static func report(_ witness: ScriptWitness) -> Report {
        var report = Report()
        if let plan = witness.plan {
            (report.program, report.folder) = (plan.path, plan.folder)
            (report.arguments, report.environment) = (plan.arguments.strings, plan.environment.strings)
        }
        report.output = witness.output.withSpan { $0.array }
        report.errors = witness.errors.withSpan { $0.array }
        if let exit = witness.exit {
            let how =
                switch exit.reason {
                case .exited(let code): "status \(code)"
                case .signal(let number, _): "killed by \(Signal.name(number))"
                }
            let time = witness.duration?.milliseconds ?? 0
            report.exit = "\(how) after \(time) ms, \(exit.cpu.milliseconds) ms of processor time"
        }
        return report
    }

    /// A file in memory, for the log.
    private static func memory() throws(StartError) -> FileDescriptor {
        do throws(Errno) { return try .memory(name: "doctor") } catch {
            throw StartError("no memory for the log: \(error)")
        }
    }

    /// The lines of the log without time, level and context, which one run has no use for.
    private static func lines(_ file: borrowing FileDescriptor) -> [String] {
        let raw = file.raw
        lseek(raw, 0, SEEK_SET)
        var content = ByteBuffer()
        while content.fill(atLeast: 65536, { max(0, read(raw, $0.baseAddress, $0.count)) }) > 0 {}
        return content.bytes.string.split(separator: "\n").compactMap { line in
            guard let id = line.range(ofContext: " id=") else { return String(line) }
            let message = line[id...].drop { $0 != " " }.dropFirst()
            // What the script wrote itself is shown as such.
            return message.hasPrefix("stderr: ") ? nil : String(message)
        }
    }

    /// Sends a request and reads the whole answer.
    private static func request(_ address: SocketAddress, _ host: String, _ target: String) -> [UInt8] {
        let raw = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { return [] }
        let socket = FileDescriptor(owning: raw)
        guard (try? address.withSockaddr({ connect(raw, $0, $1) })) == 0 else { return [] }
        let text =
            "GET \(target) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: gatehouse-doctor\r\nConnection: close\r\n\r\n"
        try? Array(text.utf8).span.withUnsafeBytes { (bytes) throws(Errno) in try socket.writeAll(bytes) }
        var answer = ByteBuffer()
        while answer.fill(atLeast: 65536, { max(0, read(raw, $0.baseAddress, $0.count)) }) > 0 {}
        return answer.bytes.array
    }
}

extension Substring {
    /// Where the value of the context field `name` begins.
    fileprivate func range(ofContext name: String) -> Index? {
        var rest = self[...]
        while let start = rest.firstIndex(of: " ") {
            if rest[start...].hasPrefix(name) { return index(start, offsetBy: name.count) }
            rest = rest[index(after: start)...]
        }
        return nil
    }
}

extension ServerConfig {
    /// The same sites on a port of loopback, with one error log and no access log.
    fileprivate func prepared(errorLog: String) -> ServerConfig {
        var config = self
        config.server.listen = [ListenAddress(.address(.ip(.loopback, port: 0)))]
        config.server.errorLog = .file(errorLog)
        config.server.logLevel = .info
        for index in config.sites.indices {
            config.sites[index].listen = []
            config.sites[index].errorLog = .file(errorLog)
            config.sites[index].part = config.sites[index].part.open
            for location in config.sites[index].locations.indices {
                config.sites[index].locations[location].part =
                    config.sites[index].locations[location].part.open
            }
        }
        return config
    }
}

extension PartSettings {
    /// Without a log, and without rules about who may see it: it is the script that is asked about.
    fileprivate var open: PartSettings {
        var part = self
        part.accessLog = .off
        (part.allow, part.deny, part.auth) = (.all, .none, nil)
        return part
    }
}
