import Base
import CLinux
import Config
import Handlers
import Logs
import Net

/// What the loops share, and how a loop's own things are made from it.
final class SharedParts {
    private let logs: OpenLogs
    private let isolation: Isolation
    private let shared: LoopContext.Shared
    private let limit: ConnectionLimit
    private var mediaTypes: [String: MediaTypes] = [:]
    private var queues: [String: PlaceQueue] = [:]
    private var caches: [String: AnswerCache] = [:]
    private var limiters: [String: RequestLimiter] = [:]

    init(_ config: ServerConfig, _ logs: OpenLogs, _ isolation: Isolation, loops: Int = 1) {
        self.isolation = isolation
        self.logs = logs
        let processors = Processors.usable()
        shared = LoopContext.Shared(
            settings: config.server, errorLog: logs.errorLog,
            pool: WorkerPool(name: "work", threads: max(2, processors.count)),
            processors: processors, loops: loops, keeper: isolation.keeper)
        limit = ConnectionLimit(config.server.maxConnections)
    }

    func makeWorker(
        _ index: Int, _ config: ServerConfig, _ bound: [BoundAddress], _ spawners: [Spawner] = []
    ) throws(StartError) -> Worker {
        let loop: EventLoop
        let accessLogs = AccessLogs(writer: logs.writer)
        do throws(Errno) {
            loop = try EventLoop(index: index)
        } catch {
            throw StartError("cannot start event loop \(index): \(error)")
        }
        let context = LoopContext(
            loop: loop, spawners: spawners, accessLogs: accessLogs, shared: shared)
        let worker = Worker(loop: loop, context: context, limit: limit)
        var sites: [(SiteConfig, Site)] = []
        let passwords = try PasswordFiles(config)
        let scripts = ScriptPlaces(config.sites)
        for site in config.sites { sites.append((site, makeSite(site, accessLogs, passwords, scripts))) }
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
        _ config: SiteConfig, _ accessLogs: AccessLogs, _ passwords: PasswordFiles,
        _ scripts: ScriptPlaces?
    ) -> Site {
        let cache = caches[config.name] ?? AnswerCache(limit: config.cgiCacheSize)
        caches[config.name] = cache
        var numbers: [LogTarget: Int] = [:]
        return Site(
            config, errorLog: logs.errorLog(config.errorLog), mediaTypes: types(config), answerCache: cache,
            scripts: scripts
        ) { settings, prefix in
            let target = settings.accessLog
            if numbers[target] == nil, let sink = logs.sink(target) {
                numbers[target] = accessLogs.add(sink, config.logFormat)
            }
            // A location with the site's own number of places shares them.
            let isOwn = settings.cgiMaxProcesses != config.part.cgiMaxProcesses
            let key = "\(config.name)\u{0}\(isOwn ? prefix ?? "" : "")"
            let queue =
                queues[key] ?? PlaceQueue(limit: settings.cgiMaxProcesses, timeout: config.cgiQueueTimeout)
            queues[key] = queue
            return Part(
                settings, accessLog: numbers[target], scriptQueue: queue,
                requestLimiter: limiter(settings, prefix, config),
                passwords: settings.auth.flatMap { passwords[$0.file] },
                confinement: isolation.confinement(of: settings))
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
