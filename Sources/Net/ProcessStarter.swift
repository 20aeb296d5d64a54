package import Base
import CLinux
import Glibc

/// Starts processes for one loop, which never waits for an exec.
///
/// Spawners do it, which need no memory and no descriptors of the server's. A thread of the pool does
/// it where there are none, where they are held up by a slow disk, and for a plan that is too large for
/// one message. Processes of other users have spawners of their own, which a keeper makes.
///
/// `@unchecked Sendable`: used on its loop's thread only, once the loop runs.
package final class ProcessStarter: @unchecked Sendable {
    private let loop: EventLoop
    private let pool: WorkerPool
    private let lines: [SpawnerLine]
    private let keeper: Keeper?
    private let leftovers: Leftovers
    /// To the spawners for other users' processes.
    private var userLines: [SpawnerLine] = []
    private let report: (String) -> Void
    private let processors: [Int32]

    /// Processes that were started keep all processors busy. Then each spawner stays on one of its own: the kernel
    /// is slow to notice that all of them wait for the same one, while another has nothing to do. So does one
    /// that is given a plan for its own processor.
    package var isBusy = false

    /// The spawners' processes.
    package var spawnerPIDs: [Int32] { lines.compactMap(\.pid) }

    /// How many spawners a loop should have, so that what it starts does not all begin on one processor. One for
    /// other users waits for its child's exec, too, and the other can start the next one.
    package static let spawnersPerLoop = 2
    /// No thread of the server can stand in for those of other users, so where all are held up there are more.
    private static let userSpawnersLimit = 8

    /// `spawners` empty: every process is started by a thread of `pool`. `keeper`: of those users whose
    /// processes are to be started. `processors`: the numbers of those that all loops share. `report` is told when
    /// a spawner is lost.
    package init(
        loop: EventLoop, pool: WorkerPool, spawners: [Spawner], keeper: Keeper? = nil,
        processors: [Int32] = [],
        report: @escaping (String) -> Void = { _ in }
    ) {
        (self.loop, self.pool, self.keeper, self.report) = (loop, pool, keeper, report)
        leftovers = Leftovers(loop: loop, pool: pool)
        self.processors = processors
        lines = spawners.enumerated().map { number, spawner in
            SpawnerLine(
                loop: loop, spawner, processor: ProcessStarter.processor(number, of: loop, in: processors),
                start: Spawner.start, wait: { ProcessStarter.wait(for: $0, on: pool) }, report: report)
        }
        restoreUserLines()
    }

    /// Where a spawner of this loop stays while all are busy: as many on each as on any other.
    private static func processor(_ spawner: Int, of loop: EventLoop, in processors: [Int32]) -> Int32? {
        if processors.count < 2 { return nil }
        return processors[(loop.index * spawnersPerLoop + spawner) % processors.count]
    }

    /// Puts new spawners in the place of lost ones.
    private func restoreUserLines() {
        userLines.removeAll(where: \.isOver)
        while userLines.count < ProcessStarter.spawnersPerLoop, addUserLine() != nil {}
    }

    private func addUserLine() -> SpawnerLine? {
        guard let keeper, userLines.count < ProcessStarter.userSpawnersLimit,
            let spawner = try? keeper.startSpawner()
        else { return nil }
        let pool = pool
        let line = SpawnerLine(
            loop: loop, spawner,
            processor: ProcessStarter.processor(userLines.count, of: loop, in: processors), start: nil,
            wait: { ProcessStarter.wait(for: $0, on: pool) }, report: report)
        userLines.append(line)
        return line
    }

    /// Lets the spawners end and waits for that, a second each at most. The last act, on the loop's thread.
    package func close() {
        for line in lines + userLines { line.close() }
    }

    // MARK: Starting

    /// Starts a process, which tells by `poll` what came of that; `waiter` is woken when it ends. `input`
    /// nil: it reads nothing. The caller keeps the streams open meanwhile.
    package func start(
        _ plan: SpawnPlan, input: CInt?, standardOutput: borrowing FileDescriptor,
        standardError: borrowing FileDescriptor, waiter: Waiter
    ) async throws(SpawnError) -> ChildProcess {
        let streams = Streams(input: input ?? -1, output: standardOutput.raw, errors: standardError.raw)
        let mark = leftovers.nextMark()
        if let user = plan.confinement.user {
            return try ChildProcess(launch(plan, streams, mark, as: user), waiter: waiter)
        }
        if let line = ProcessStarter.best(lines, for: plan),
            case .success(let launch) = ProcessStarter.withRaw(
                plan, streams, mark, { line.send(&$0, mark: mark, stays: isBusy) })
        {
            return ChildProcess(launch, waiter: waiter)
        }
        let result = await pool.run { ProcessStarter.spawn(plan, streams, mark) }
        return try ChildProcess(result.get(), mark: mark, waiter: waiter)
    }

    private func launch(
        _ plan: SpawnPlan, _ streams: Streams, _ mark: Mark, as user: Keeper.User
    ) throws(SpawnError) -> Launch {
        // Nobody could end it.
        guard user.keeper.isThere else { throw SpawnError(step: .keeper, reason: .brokenPipe) }
        // The user is to open them by name as well, as in `echo >/dev/stderr`. Who has not got them does
        // not get to them.
        for stream in [streams.input, streams.output, streams.errors] where stream >= 0 {
            fchmod(stream, 0o666)
        }
        restoreUserLines()
        var reason = Errno.wouldBlock
        var lines = userLines
        while let line = ProcessStarter.best(lines, for: plan) ?? addUserLine() {
            do throws(Errno) {
                return try ProcessStarter.withRaw(plan, streams, mark) {
                    line.send(&$0, mark: mark, user: user, stays: isBusy)
                }.get()
            } catch {
                if error == .listTooLong { throw SpawnError(step: .execute, reason: error) }
                // One that has ended, which is still to be noticed, or that has no room.
                reason = error
                lines.removeAll { $0 === line }
            }
        }
        throw SpawnError(step: .clone, reason: reason)
    }

    /// The spawner with the fewest plans before it, but before all others one that has none and whose processor is
    /// that where the process is to begin; nil where none can be given another plan.
    private static func best(_ lines: [SpawnerLine], for plan: SpawnPlan) -> SpawnerLine? {
        var result: (line: SpawnerLine, load: Int)?
        for line in lines {
            guard let load = line.load() else { continue }
            if load == 0, let processor = plan.processor, line.processor == processor { return line }
            if load < result?.load ?? .max { result = (line, load) }
        }
        return result?.line
    }

    /// Numbers of descriptors, whose owners outlive the call.
    private struct Streams: Sendable {
        var input: CInt
        var output: CInt
        var errors: CInt
    }

    /// Starts it on the calling thread.
    private static func spawn(
        _ plan: SpawnPlan, _ streams: Streams, _ mark: Mark
    ) -> Result<Int32, SpawnError> {
        withRaw(plan, streams, mark) { raw in
            plan.arguments.withPointers { arguments in
                plan.environment.withPointers { environment in
                    (raw.argv, raw.envp) = (arguments, environment)
                    var pid: Int32 = 0
                    var step = GH_STEP_NONE
                    let error = gh_spawn(&raw, &pid, &step)
                    if error != 0 { return .failure(SpawnError(step, Errno(error))) }
                    return .success(pid)
                }
            }
        }
    }

    /// Calls `body` with the plan, but for what `execve` takes.
    private static func withRaw<R>(
        _ plan: SpawnPlan, _ streams: Streams, _ mark: Mark, _ body: (inout gh_spawn) -> R
    ) -> R {
        var raw = gh_spawn()
        (raw.standard_in, raw.standard_out, raw.standard_err) = (
            streams.input, streams.output, streams.errors
        )
        raw.nice = CInt(plan.nice)
        raw.processor = plan.processor ?? -1
        raw.mark = mark.number
        raw.identity = plan.confinement.user?.number ?? -1
        raw.ruleset = plan.confinement.writeRules?.descriptor.raw ?? -1
        raw.no_new_privileges = plan.confinement.noNewPrivileges
        let limits = plan.limits.map(\.raw)
        return plan.path.withCString { path in
            plan.folder.withCString { folder in
                plan.arguments.withRaw { arguments in
                    plan.environment.withRaw { variables in
                        limits.withUnsafeBufferPointer { limits in
                            (raw.path, raw.folder) = (path, folder)
                            (raw.arguments, raw.variables) = (arguments, variables)
                            (raw.limits, raw.limit_count) = (limits.baseAddress, limits.count)
                            return body(&raw)
                        }
                    }
                }
            }
        }
    }

    /// Takes note of the end of a child that is ending, on a thread that may wait for it.
    private static func wait(for pid: Int32, on pool: WorkerPool) {
        pool.submit { while waitpid(pid, nil, 0) < 0, Errno.current == .interrupted {} }
    }
}

extension CStringList {
    fileprivate func withRaw<R>(_ body: (gh_strings) -> R) -> R {
        withBytes {
            body(
                gh_strings(
                    bytes: $0.baseAddress?.assumingMemoryBound(to: CChar.self), size: $0.count, count: count))
        }
    }
}
