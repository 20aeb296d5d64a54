package import Base
import CLinux
import Glibc

/// A process that runs, and the descriptor that names it; both belong to who gets it.
struct StartedProcess: Sendable {
    var pid: Int32
    var pidfd: CInt
}

/// A spawner process and this side of its socket, which belong to the `ProcessStarter` made with it.
package struct Spawner: Sendable {
    package let pid: Int32
    let socket: CInt

    /// Forks a spawner. It costs least before the process has threads and much memory. Whom the
    /// server is now, the spawner and all that it starts are for ever.
    package static func start() throws(Errno) -> Spawner {
        var (pid, socket): (Int32, CInt) = (0, -1)
        // The server has raised its own limit for open files.
        var files = ResourceLimit.originalOpenFiles?.raw ?? gh_limit(resource: -1, soft: 0, hard: 0)
        let error = gh_spawner_start(&files, &pid, &socket)
        if error != 0 { throw Errno(error) }
        return Spawner(pid: pid, socket: socket)
    }
}

/// Starts processes for one loop, which never waits for an exec.
///
/// A spawner does it, which needs no memory and no descriptors of the server's. A thread of the pool
/// does it where there is none, where it is held up by a slow disk, and for a plan that is too large
/// for one message.
///
/// `@unchecked Sendable`: used on its loop's thread only, once the loop runs.
package final class ProcessStarter: @unchecked Sendable {
    private let loop: EventLoop
    private let pool: WorkerPool
    /// Told when the spawner is lost.
    private let report: (String) -> Void

    private var spawner: Connection?
    /// Those that wait for a reply, which come in the same order.
    private var waiting: [Request] = []
    private var answered = 0
    private var lastStart: Instant

    private struct Request {
        let sent: Instant
        let continuation: UnsafeContinuation<gh_spawn_reply, Never>
    }

    private struct Connection {
        let pid: Int32
        let source: Source
    }

    /// A spawner that has not replied for so long is held up; others are not to wait behind it.
    private static let patience = TimeSpan.milliseconds(250)
    /// One that does not live so long is not started again at once.
    private static let restartInterval = TimeSpan.seconds(1)

    /// The spawner's process; nil where there is none.
    package var spawnerPID: Int32? { spawner?.pid }

    /// `spawner` nil: every process is started by a thread of `pool`.
    package init(
        loop: EventLoop, pool: WorkerPool, spawner: Spawner?, report: @escaping (String) -> Void = { _ in }
    ) {
        (self.loop, self.pool, self.report) = (loop, pool, report)
        lastStart = loop.now
        if let spawner { connect(spawner) }
    }

    /// Lets the spawner end and waits for that, a second at most. The last act, on the loop's thread.
    package func close() {
        guard let spawner = spawner.take() else { return }
        spawner.source.close()
        spawner.source.waiter.cancel()
        let pidfd = gh_pidfd_open(spawner.pid)
        if pidfd < 0 { return }
        let owner = FileDescriptor(owning: pidfd)
        var event = pollfd(fd: owner.raw, events: Int16(POLLIN), revents: 0)
        poll(&event, 1, 1000)
        waitpid(spawner.pid, nil, WNOHANG)
    }

    // MARK: Starting

    /// Starts a process; `waiter` is woken when it ends. `input` nil: it reads nothing. The caller keeps
    /// the streams open meanwhile.
    package func start(
        _ plan: SpawnPlan, input: CInt?, standardOutput: borrowing FileDescriptor,
        standardError: borrowing FileDescriptor, waiter: Waiter
    ) async throws(SpawnError) -> ChildProcess {
        let streams = Streams(input: input ?? -1, output: standardOutput.raw, errors: standardError.raw)
        if send(plan, streams) {
            let now = loop.now
            let reply = await withUnsafeContinuation {
                waiting.append(Request(sent: now, continuation: $0))
            }
            return try ChildProcess(started(reply), waiter: waiter)
        }
        let result = await pool.run { ProcessStarter.spawn(plan, streams) }
        return try ChildProcess(result.get(), waiter: waiter)
    }

    /// Numbers of descriptors, whose owners outlive the call.
    private struct Streams: Sendable {
        var input: CInt
        var output: CInt
        var errors: CInt
    }

    private func send(_ plan: SpawnPlan, _ streams: Streams) -> Bool {
        guard let spawner = readySpawner() else { return false }
        if answered < waiting.count, waiting[answered].sent + ProcessStarter.patience < loop.now {
            return false
        }
        return ProcessStarter.withRaw(plan, streams) { gh_spawner_send(spawner.source.fd, &$0) } == 0
    }

    /// Starts it on the calling thread.
    private static func spawn(_ plan: SpawnPlan, _ streams: Streams) -> Result<StartedProcess, SpawnError> {
        withRaw(plan, streams) { raw in
            var (pid, pidfd): (Int32, CInt) = (0, -1)
            var step = GH_STEP_NONE
            let error = gh_spawn(&raw, &pid, &pidfd, &step)
            if error != 0 { return .failure(SpawnError(step, Errno(error))) }
            return .success(StartedProcess(pid: pid, pidfd: pidfd))
        }
    }

    private static func withRaw<R>(_ plan: SpawnPlan, _ streams: Streams, _ body: (inout gh_spawn) -> R) -> R
    {
        let limits = plan.limits.map(\.raw)
        return plan.path.withCString { path in
            plan.folder.withCString { folder in
                plan.arguments.withPointers { arguments in
                    plan.environment.withPointers { environment in
                        limits.withUnsafeBufferPointer { limits in
                            var raw = gh_spawn(
                                path: path, argv: arguments, envp: environment, folder: folder,
                                standard_in: streams.input, standard_out: streams.output,
                                standard_err: streams.errors, nice: CInt(plan.nice),
                                limits: limits.baseAddress, limit_count: limits.count)
                            return body(&raw)
                        }
                    }
                }
            }
        }
    }

    /// The process that a reply tells of.
    private func started(_ reply: gh_spawn_reply) throws(SpawnError) -> StartedProcess {
        let failure =
            reply.error == 0
            ? nil : SpawnError(gh_spawn_step(rawValue: UInt32(clamping: reply.step)), Errno(reply.error))
        guard reply.pid > 0 else { throw failure ?? SpawnError(step: .clone, reason: .invalid) }
        // It is this process's child, so its number is its own until it is waited for.
        let pidfd = gh_pidfd_open(reply.pid)
        if pidfd >= 0, failure == nil { return StartedProcess(pid: reply.pid, pidfd: pidfd) }
        let reason = Errno.current
        if pidfd >= 0 {
            let waiter = Waiter(loop: loop)
            ChildProcess.reap(reply.pid, Source(FileDescriptor(owning: pidfd), waiter: waiter), grace: nil) {}
            waiter.end()
        } else {
            kill(-reply.pid, SIGKILL)
            wait(for: reply.pid)
        }
        throw failure ?? SpawnError(step: .clone, reason: reason)
    }

    /// Takes note of the end of a child that is ending, on a thread that may wait for it.
    private func wait(for pid: Int32) {
        pool.submit { while waitpid(pid, nil, 0) < 0, Errno.current == .interrupted {} }
    }

    // MARK: The spawner

    /// The spawner; another one where it has been lost.
    private func readySpawner() -> Connection? {
        if spawner == nil, isLost, loop.now >= lastStart + ProcessStarter.restartInterval {
            if let next = try? Spawner.start() { connect(next) }
            lastStart = loop.now
        }
        return spawner
    }

    private var isLost = false

    private func connect(_ spawner: Spawner) {
        let source = Source(FileDescriptor(owning: spawner.socket), waiter: Waiter(loop: loop))
        self.spawner = Connection(pid: spawner.pid, source: source)
        loop.spawn { [self] in
            await listen(source)
            source.waiter.end()
        }
    }

    /// Passes replies on until the spawner has ended.
    private func listen(_ source: Source) async {
        do throws(Errno) { try source.watch(onlyReading: true) } catch {
            return lose("cannot watch the process that starts scripts: \(error)")
        }
        while source.isOpen {
            var reply = gh_spawn_reply()
            switch gh_spawner_receive(source.fd, &reply) {
            case 1:
                answer(reply)
                // Nobody waits for another one, so there is none.
                if waiting.isEmpty { _ = await source.waiter.wait() }
            case 0: _ = await source.waiter.wait()
            default: return lose("the process that starts scripts has ended; another one will be started")
            }
        }
    }

    private func answer(_ reply: gh_spawn_reply) {
        guard answered < waiting.count else { return }
        waiting[answered].continuation.resume(returning: reply)
        answered += 1
        if answered == waiting.count || answered >= 256 {
            waiting.removeFirst(answered)
            answered = 0
        }
    }

    private func lose(_ reason: String) {
        guard let lost = spawner.take() else { return }
        isLost = true
        lost.source.close()
        wait(for: lost.pid)
        report(reason)
        while !waiting.isEmpty {
            answer(gh_spawn_reply(pid: 0, step: Int32(GH_STEP_CLONE.rawValue), error: EPIPE))
        }
    }
}
