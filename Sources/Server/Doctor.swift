import Base
package import Config
import Glibc
import Handlers
import Logs
import Net
import Synchronization
import Wire

/// Runs one script just as the server would, and tells everything about it.
package struct Doctor {
    /// What was seen. Texts are as the script and the server wrote them.
    package struct Report: Sendable {
        package var site = ""
        package var url = ""
        package var program: String?
        /// Whom it ran as.
        package var user = ""
        /// What held it beside its user's rights.
        package var rules: [String] = []
        package var folder: String?
        package var arguments: [String] = []
        package var environment: [String] = []
        package var output = Excerpt()
        package var errors = Excerpt()
        package var exit: String?
        /// What the server answered, head and content.
        package var answer = Excerpt()
        /// What the server would have written to the error log.
        package var diagnosis: [String] = []
        /// What the doctor went past, and a visitor does not.
        package var notes: [String] = []
        /// The script failed, even where the answer had begun well.
        package var hasFailed = false
        /// A signal ended it before the answer was whole.
        package var isInterrupted = false
    }

    /// The beginning of a stream, and how many bytes it had in all.
    package struct Excerpt: Sendable {
        package var beginning: [UInt8] = []
        package var total = 0
    }

    private let config: ServerConfig

    package init(_ config: ServerConfig) { self.config = config }

    // MARK: What is asked about

    /// The host and the target of the request that `subject` means: a URL, a path of the first site, or a
    /// script's file, whose name need not be UTF-8.
    package func address(of subject: [UInt8]) throws(StartError) -> (host: String, target: String) {
        for scheme in ["http://", "https://"] where subject.starts(with: scheme.utf8) {
            let rest = subject[scheme.utf8.count...]
            let slash = rest.firstIndex(of: ASCII.slash) ?? rest.endIndex
            let host = String(decoding: rest[..<slash], as: UTF8.self)
            return (host, slash == rest.endIndex ? "/" : Doctor.target(asTyped: rest[slash...]))
        }
        let file = FilePath(subject)
        for site in config.sites {
            guard let path = site.scriptPath(of: file.resolved ?? file) else { continue }
            var target: [UInt8] = []
            TargetPath.encode(path.span, into: &target)
            let host = site.hosts.first { !$0.hasPrefix("*") } ?? site.name
            return (host, String(decoding: target, as: UTF8.self))
        }
        var (isFile, state) = (false, "is a folder")
        do throws(Errno) {
            isFile = try file.status().st_mode & S_IFMT != S_IFDIR
        } catch {
            state = "\(error)"
        }
        if isFile {
            throw StartError("no setting of a site makes \(file) a script; `cgi` and `cgi_extensions` do")
        }
        guard subject.first == ASCII.slash else {
            throw StartError(
                "`\(file)`: \(state); takes a script's file, a URL with http:// or a path with /")
        }
        return (config.sites.first?.hosts.first ?? "localhost", Doctor.target(asTyped: subject[...]))
    }

    /// A path and query as a client sends them: what is no printable ASCII is escaped, and nothing else.
    private static func target(asTyped text: [UInt8].SubSequence) -> String {
        var target: [UInt8] = []
        TargetPath.encodeQuery(Array(text), into: &target)
        return String(decoding: target, as: UTF8.self)
    }

    // MARK: The run

    /// Serves one request for `target` on a port of its own and reports. Drops privileges like the server.
    ///
    /// INT or TERM ends the script and what it has started; the report then has what was seen so far.
    package func run(host: String, target: String) throws(StartError) -> Report {
        let signals = SignalWaiter()
        let config = config.prepared
        let privileges = try Privileges(user: config.server.user, group: config.server.group)
        let logs = try OpenLogs(config, owner: nil)
        var inherited = InheritedSockets()
        let bound = try BoundAddress.bindAll(config, loops: 1, inherited: &inherited)
        let isolation = try Isolation(config, privileges, .doctor)
        try privileges.take()
        let worker = try SharedParts(config, logs, isolation).makeWorker(0, config, bound)
        let witness = ScriptWitness()
        worker.context.witness = witness
        worker.drained = {
            worker.loop.stop()
            signals.wake()
        }
        let thread = Thread(name: "loop-0") { worker.loop.run() }
        let client = Client()
        let address = bound[0].address
        let asking = Thread(name: "client") {
            client.ask(address, host, target)
            worker.loop.submit { worker.drain() }
        }
        let isInterrupted = Doctor.waitForEnd(worker, signals)
        thread.join()
        asking.join()
        // The loop has ended, so what its witness saw is this thread's now.
        var report = Doctor.report(witness)
        (report.url, report.answer) = (target, client.answer)
        report.user = witness.plan?.confinement.user?.identity.name ?? privileges.identity.name
        report.diagnosis = isolation.warnings + witness.messages
        report.notes = notes(site: witness.site, target)
        report.isInterrupted = isInterrupted
        if isInterrupted { report.diagnosis.append("interrupted before the answer was whole") }
        return report
    }

    /// Waits until the worker has ended all, and has it end at once on a signal. Whether that came.
    private static func waitForEnd(_ worker: Worker, _ signals: SignalWaiter) -> Bool {
        var isInterrupted = false
        while true {
            switch signals.wait() {
            case .wake: return isInterrupted
            case .stop:
                isInterrupted = true
                worker.loop.submit { worker.cancel() }
            case .reload, .reopen, .upgrade, .timeout: break
            }
        }
    }

    /// The rules about who may see `target`, which were left out.
    private func notes(site name: String, _ target: String) -> [String] {
        guard let site = config.sites.first(where: { $0.name == name }),
            let path = TargetPath.decoded(of: target)
        else { return [] }
        let settings = site.settings(for: path)
        var notes: [String] = []
        if let auth = settings.auth {
            notes.append(
                "A visitor has to log in first, with a password of \(auth.file) (auth), else the answer is 401. The doctor went past that, so the script has no REMOTE_USER."
            )
        }
        if settings.allow != .all || settings.deny != .none {
            notes.append(
                "Visitors of some networks only may see this (allow, deny), else the answer is 403. The doctor went past that."
            )
        }
        return notes
    }

    private static func report(_ witness: ScriptWitness) -> Report {
        var report = Report()
        (report.site, report.hasFailed) = (witness.site, witness.hasError)
        if let plan = witness.plan {
            (report.program, report.folder) = (plan.path.description, plan.folder.description)
            (report.arguments, report.environment) = (plan.arguments.strings, plan.environment.strings)
            if plan.confinement.noNewPrivileges {
                report.rules.append("no more rights by setuid and setgid programs (cgi_no_new_privs)")
            }
            if let folders = plan.confinement.writeRules?.folders {
                let places = folders.isEmpty ? "nowhere" : "only below \(folders.joined(separator: " "))"
                report.rules.append("may write \(places) (cgi_write)")
            }
        }
        report.output = Excerpt(beginning: witness.output.bytes, total: witness.output.total)
        report.errors = Excerpt(beginning: witness.errors.bytes, total: witness.errors.total)
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

    /// Sends a request and reads the answer. One thread asks; another looks when that has ended.
    private final class Client: Sendable {
        private let seen = Mutex(Excerpt())
        /// Enough for any head.
        private static let limit = 128 << 10

        var answer: Excerpt { seen.withLock { $0 } }

        func ask(_ address: SocketAddress, _ host: String, _ target: String) {
            let raw = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            guard raw >= 0 else { return }
            let socket = FileDescriptor(owning: raw)
            guard (try? address.withSockaddr({ connect(raw, $0, $1) })) == 0 else { return }
            let text =
                "GET \(target) HTTP/1.1\r\nHost: \(host)\r\nUser-Agent: gatehouse-doctor\r\nConnection: close\r\n\r\n"
            try? Array(text.utf8).span.withUnsafeBytes { (bytes) throws(Errno) in try socket.writeAll(bytes) }
            var room = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = room.withUnsafeMutableBytes { read(raw, $0.baseAddress, $0.count) }
                guard count > 0 else { return }
                seen.withLock { answer in
                    answer.total += count
                    let kept = min(count, max(0, Client.limit - answer.beginning.count))
                    answer.beginning += room[..<kept]
                }
            }
        }
    }
}

extension ServerConfig {
    /// The same sites on a port of loopback, without logs.
    fileprivate var prepared: ServerConfig {
        var config = self
        config.server.listen = [ListenAddress(.address(.ip(.loopback, port: 0)))]
        config.server.errorLog = .off
        for index in config.sites.indices {
            config.sites[index].listen = []
            config.sites[index].errorLog = .off
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
