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
        let loops = config.server.threads > 0 ? config.server.threads : Processors.usable().count
        let privileges = try Privileges(user: config.server.user, group: config.server.group)
        let pidFile = try pidFile(config)
        defer { pidFile?.remove() }
        let bound = try BoundAddress.bindAll(config, loops: loops, inherited: &inherited)
        defer { for address in bound { address.file?.remove() } }
        for warning in try inherited.end() { announce(warning) }
        let logs = try OpenLogs(config, owner: privileges.logOwner)
        comeFirst()
        let isolation = try Isolation(config, privileges, .server)
        do throws(StartError) { try privileges.take() } catch {
            throw error.at(config.server.places["user"] ?? config.server.places["group"])
        }
        // Before there are threads, and as the user that scripts run as where they have none of their own.
        let needsSpawners = config.runsScripts && isolation.runsOwnScripts
        let spawners = (0..<(needsSpawners ? loops : 0)).map { _ in
            (0..<ProcessStarter.spawnersPerLoop).compactMap { _ in try? Spawner.start() }
        }
        let processors = Processors.usable()
        let idleWatches = (0..<(config.runsScripts ? loops : 0)).map {
            try? IdleWatch(processor: processors[$0 % processors.count])
        }
        try serve(config, bound, logs, isolation, (spawners, idleWatches), loops, signals, manager, announce)
    }

    private static func pidFile(_ config: ServerConfig) throws(StartError) -> PidFile? {
        guard let path = config.server.pidFile else { return nil }
        do throws(StartError) { return try PidFile(path) } catch {
            throw error.at(config.server.places["pid_file"])
        }
    }

    /// The part that needs no rights: loops on sockets that are bound and logs that are open.
    private static func serve(
        _ config: ServerConfig, _ bound: [BoundAddress], _ logs: OpenLogs, _ isolation: Isolation,
        _ helpers: (spawners: [[Spawner]], idleWatches: [IdleWatch?]), _ loops: Int, _ signals: SignalWaiter,
        _ manager: ServiceManager,
        _ announce: (String) -> Void
    ) throws(StartError) {
        logs.start()
        for warning in isolation.warnings { logs.errorLog.write(.warning, warning) }
        let shared = SharedParts(config, logs, isolation, loops: loops)
        var workers: [Worker] = []
        for index in 0..<loops {
            let spawners = index < helpers.spawners.count ? helpers.spawners[index] : []
            let worker = try shared.makeWorker(index, config, bound, spawners)
            // Without it, looks are only later at times.
            if index < helpers.idleWatches.count, let watch = helpers.idleWatches[index] {
                try? worker.loop.hurry(with: watch)
            }
            workers.append(worker)
        }
        let crew = Crew(workers, signals)
        for address in bound {
            // Without a configuration somebody wants to click; with one, a line stands for a listener.
            let urls = config.file.isEmpty ? address.reachableURLs : [address.url]
            for url in urls { announce("listening on \(url)") }
        }
        manager.tellReady()
        // Reading and checking the configuration is most of the code there is, and leaves memory behind.
        gh_give_back_memory()
        crew.serve(
            shutdownTimeout: config.server.shutdownTimeout,
            killGrace: config.sites.map(\.cgiKillGrace).max() ?? .zero, logs: logs,
            stopping: {
                manager.tellStopping()
                for watch in helpers.idleWatches { watch?.end() }
            })
        for watch in helpers.idleWatches { watch?.reap() }
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
