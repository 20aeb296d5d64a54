import Base
import CLinux
package import Config
import Glibc
import Handlers
import Logs
import Net

/// The whole server: binds, opens logs, drops privileges, serves until it is told to stop.
package enum Server {
    /// Serves `config` in this process until TERM or INT. `announce` gets a line for each address.
    package static func run(_ config: ServerConfig, announce: (String) -> Void) throws(StartError) {
        let manager = ServiceManager.fromEnvironment()
        var inherited = try InheritedSockets.fromEnvironment()
        let signals = SignalWaiter()
        raiseDescriptorLimit()
        let loops = config.server.threads > 0 ? config.server.threads : gh_thread_count()
        let privileges = try Privileges(user: config.server.user, group: config.server.group)
        let pidFile = try pidFile(config)
        defer { pidFile?.remove() }
        let bound = try BoundAddress.bindAll(config, loops: loops, inherited: &inherited)
        defer { for address in bound { address.file?.remove() } }
        for warning in try inherited.end() { announce(warning) }
        let logs = try OpenLogs(config, owner: privileges.logOwner)
        comeFirst()
        try privileges.take()
        // Before there are threads, and as the user that scripts run as.
        let spawners = (0..<(config.runsScripts ? loops : 0)).map { _ in
            (0..<ProcessStarter.spawnersPerLoop).compactMap { _ in try? Spawner.start() }
        }
        try serve(config, bound, logs, spawners, loops, signals, manager, announce)
    }

    private static func pidFile(_ config: ServerConfig) throws(StartError) -> PidFile? {
        guard let path = config.server.pidFile else { return nil }
        return try PidFile(path)
    }

    /// The part that needs no rights: loops on sockets that are bound and logs that are open.
    private static func serve(
        _ config: ServerConfig, _ bound: [BoundAddress], _ logs: OpenLogs, _ spawners: [[Spawner]],
        _ loops: Int, _ signals: SignalWaiter, _ manager: ServiceManager, _ announce: (String) -> Void
    ) throws(StartError) {
        logs.writer.start()
        let shared = SharedParts(config)
        var workers: [Worker] = []
        for index in 0..<loops {
            let spawners = index < spawners.count ? spawners[index] : []
            workers.append(try shared.makeWorker(index, config, bound, logs, spawners))
        }
        let crew = Crew(workers, signals)
        for address in bound {
            // Without a configuration somebody wants to click; with one, a line stands for a listener.
            let urls = config.file.isEmpty ? address.reachableURLs : [address.url]
            for url in urls { announce("listening on \(url)") }
        }
        manager.tellReady()
        crew.serve(
            shutdownTimeout: config.server.shutdownTimeout,
            killGrace: config.sites.map(\.cgiKillGrace).max() ?? .zero, logs: logs,
            stopping: manager.tellStopping)
        logs.writer.flush()
    }

    /// Many busy scripts are not to keep a loop waiting, which has little to do at a time. Allowed to
    /// root, and where RLIMIT_NICE says so.
    private static func comeFirst() { _ = gh_come_first(5) }

    /// As many connections as the machine allows, whatever the shell's soft limit is.
    private static func raiseDescriptorLimit() {
        guard let limit = ResourceLimit.originalOpenFiles, limit.soft < limit.hard else { return }
        _ = gh_set_limit(gh_rlimit_nofile, limit.hard, limit.hard)
    }
}

/// What the loops share, and how a loop's own things are made from it.
final class SharedParts {
    private let pool: WorkerPool
    /// Some threads stay for scripts.
    private let passwordGate = PasswordGate(limit: gh_thread_count() / 2)
    private let limit: ConnectionLimit
    private var mediaTypes: [String: MediaTypes] = [:]
    private var queues: [String: ScriptQueue] = [:]
    private var caches: [String: AnswerCache] = [:]
    private var limiters: [String: RequestLimiter] = [:]
    private let clientConnections: ClientConnections?

    init(_ config: ServerConfig) {
        pool = WorkerPool(name: "work", threads: max(2, gh_thread_count()))
        limit = ConnectionLimit(config.server.maxConnections)
        clientConnections = config.server.maxConnectionsPerIP.map { ClientConnections($0) }
    }

    func makeWorker(
        _ index: Int, _ config: ServerConfig, _ bound: [BoundAddress], _ logs: OpenLogs,
        _ spawners: [Spawner] = []
    ) throws(StartError) -> Worker {
        let loop: EventLoop
        let accessLogs = AccessLogs(writer: logs.writer)
        do throws(Errno) {
            loop = try EventLoop(index: index)
        } catch {
            throw StartError("cannot start event loop \(index): \(error)")
        }
        let context = LoopContext(
            loop: loop, pool: pool, passwordGate: passwordGate, spawners: spawners, errorLog: logs.errorLog,
            accessLogs: accessLogs, software: "gatehouse/\(gatehouseVersion)", settings: config.server,
            clientConnections: clientConnections)
        let worker = Worker(loop: loop, context: context, limit: limit)
        var sites: [(SiteConfig, Site)] = []
        let passwords = try PasswordFiles(config)
        for site in config.sites { sites.append((site, makeSite(site, logs, accessLogs, passwords))) }
        for address in bound {
            let answering = sites.filter { site, _ in
                site.listen.isEmpty
                    ? config.server.listen.contains(address.setting) : site.listen.contains(address.setting)
            }
            guard let table = SiteTable(answering.map(\.1)) else {
                preconditionFailure("the configuration has a site for each address")
            }
            worker.listen(
                FileDescriptor(owning: address.sockets[index]), address: address.address, sites: table,
                takesProxyHeader: address.setting.takesProxyHeader)
        }
        return worker
    }

    private func makeSite(
        _ config: SiteConfig, _ logs: OpenLogs, _ accessLogs: AccessLogs, _ passwords: PasswordFiles
    ) -> Site {
        let cache = caches[config.name] ?? AnswerCache(limit: config.cgiCacheSize)
        caches[config.name] = cache
        var numbers: [LogTarget: Int] = [:]
        return Site(
            config, errorLog: logs.errorLog(config.errorLog), mediaTypes: types(config), answerCache: cache
        ) { settings, prefix in
            let target = settings.accessLog
            if numbers[target] == nil, let sink = logs.sink(target) {
                numbers[target] = accessLogs.add(sink, config.logFormat)
            }
            // A location with the site's own number of places shares them.
            let isOwn = settings.cgiMaxProcesses != config.part.cgiMaxProcesses
            let key = "\(config.name)\u{0}\(isOwn ? prefix ?? "" : "")"
            let queue =
                queues[key] ?? ScriptQueue(limit: settings.cgiMaxProcesses, timeout: config.cgiQueueTimeout)
            queues[key] = queue
            return Part(
                settings, accessLog: numbers[target], scriptQueue: queue,
                requestLimiter: limiter(settings, prefix, config),
                passwords: settings.auth.flatMap { passwords[$0.file] })
        }
    }

    /// A location with the site's own limit shares its count.
    private func limiter(_ settings: PartSettings, _ prefix: String?, _ config: SiteConfig) -> RequestLimiter?
    {
        guard let limit = settings.requestLimit else { return nil }
        let isOwn = limit != config.part.requestLimit
        let key = "\(config.name)\u{0}\(isOwn ? prefix ?? "" : "")"
        let limiter = limiters[key] ?? RequestLimiter(limit)
        limiters[key] = limiter
        return limiter
    }

    private func types(_ config: SiteConfig) -> MediaTypes {
        // Most sites use the same file and nothing of their own; it is read once.
        if config.mime.isEmpty, let known = mediaTypes[config.mimeTypesFile] { return known }
        let types = MediaTypes(file: config.mimeTypesFile, extra: config.mime)
        if config.mime.isEmpty { mediaTypes[config.mimeTypesFile] = types }
        return types
    }
}
