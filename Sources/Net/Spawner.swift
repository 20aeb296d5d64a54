package import Base
import CLinux
import Glibc

/// A spawner process and this side of its socket, which belong to the `ProcessStarter` made with it.
///
/// `@unchecked Sendable`: the memory behind the pointer is the spawner's to write.
package struct Spawner: @unchecked Sendable {
    let socket: CInt
    let board: OpaquePointer

    /// 0 for one that a keeper is still to make.
    package var pid: Int32 { gh_spawner_pid(board) }

    /// Forks a spawner. It costs least before the process has threads and much memory. Whom the
    /// server is now, the spawner and all that it starts are for ever.
    package static func start() throws(Errno) -> Spawner {
        var socket: CInt = -1
        // The server has raised its own limit for open files.
        var files = ResourceLimit.originalOpenFiles?.raw ?? gh_limit(resource: -1, soft: 0, hard: 0)
        var board: OpaquePointer?
        let error = gh_spawner_start(&files, &socket, &board)
        guard error == 0, let board else { throw Errno(error) }
        return Spawner(socket: socket, board: board)
    }
}

/// The loop's end of a spawner: sends plans, takes its replies, and starts another spawner for one that is
/// lost.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class SpawnerLine: @unchecked Sendable {
    private let loop: EventLoop
    /// Where the spawner stays while it is told to stay; nil: where the kernel likes.
    let processor: Int32?
    /// Makes another spawner; nil where this line ends with the one it has.
    private let start: (() throws(Errno) -> Spawner)?
    /// Takes note of the end of a child that is ending, on a thread that may wait for it.
    private let wait: (Int32) -> Void
    /// Told when the spawner is lost.
    private let report: (String) -> Void

    private var spawner: Connection?
    private var isLost = false
    private var lastStart: Instant
    /// From the first one on that nobody knows what came of, in the order of their numbers, behind `settled` others.
    private var launches: [Launch] = []
    private var settled = 0
    /// How many, from the first one on, the spawner was last seen to have taken up.
    private var begun = 0
    /// Of the first of them.
    private var number: UInt32 = 0

    private struct Connection {
        let spawner: Spawner
        let source: Source
    }

    /// A spawner that has not begun a plan for so long is held up; others are not to wait behind that.
    private static let patience = TimeSpan.milliseconds(250)
    /// One that does not live so long is not started again at once.
    private static let restartInterval = TimeSpan.seconds(1)

    /// The spawner's process; nil where there is none.
    var pid: Int32? { spawner?.spawner.pid }

    init(
        loop: EventLoop, _ spawner: Spawner, processor: Int32?, start: (() throws(Errno) -> Spawner)?,
        wait: @escaping (Int32) -> Void, report: @escaping (String) -> Void
    ) {
        (self.loop, self.processor, self.start, self.wait, self.report) = (
            loop, processor, start, wait, report
        )
        lastStart = loop.now
        connect(spawner)
    }

    /// There is no spawner any more, and there will be none.
    var isOver: Bool { spawner == nil && start == nil }

    /// Lets the spawner end and waits for that, a second at most. The last act.
    func close() {
        guard let spawner = spawner.take() else { return }
        spawner.source.close()
        spawner.source.waiter.cancel()
        HelperProcess.reap(spawner.spawner.pid, within: .seconds(1))
        settle(spawner.spawner.board)
    }

    // MARK: Plans

    /// How many plans it has to begin, or are on their way to their exec; nil where it cannot be given another one.
    func load() -> Int? {
        if spawner == nil { restart() }
        if spawner == nil { return nil }
        collect()
        let count = launches.count - settled
        if count >= Int(GH_BOARD_SIZE) { return nil }
        if begun < count, launches[settled + begun].sent + SpawnerLine.patience < loop.now { return nil }
        return count
    }

    /// Sends a plan for a process of `user`, nil for the server's own; an error where that cannot be done now.
    /// Where it `stays`, or the process is to begin on its processor, the spawner stays there from now on.
    func send(
        _ plan: inout gh_spawn, mark: Mark, user: Keeper.User? = nil, stays: Bool
    ) -> Result<Launch, Errno> {
        guard let spawner else { return .failure(.brokenPipe) }
        let own = processor ?? -1
        plan.spawner_processor = stays || plan.processor == own ? own : -1
        let next = number &+ UInt32(truncatingIfNeeded: launches.count - settled)
        let error = gh_spawner_send(spawner.source.fd, &plan, spawner.spawner.board, next)
        if error != 0 { return .failure(Errno(error)) }
        let launch = Launch(next, on: self, user: user, mark: mark, sent: loop.now)
        launches.append(launch)
        return .success(launch)
    }

    // MARK: Replies

    /// Takes the replies that are there.
    func collect() {
        guard let spawner else { return }
        take(spawner.spawner.board)
    }

    /// A later plan may have its reply before an earlier one, whose program a slow disk has.
    private func take(_ board: OpaquePointer) {
        begun = min(Int(gh_spawner_begun(board) &- number), launches.count - settled)
        for launch in launches[settled..<settled + begun] where launch.result == nil {
            var reply = gh_spawn_reply()
            if gh_spawner_has_replied(board, launch.number, &reply) { settle(launch, reply) }
        }
        while settled < launches.count, launches[settled].result != nil {
            settled += 1
            begun -= 1
            number &+= 1
        }
        if settled == launches.count || settled >= Int(GH_BOARD_SIZE) {
            launches.removeFirst(settled)
            settled = 0
        }
    }

    /// Replies are looked for soon, for there is somebody who waits for one.
    func hasten() {
        if let spawner { loop.wakeSoon(spawner.source.waiter) }
    }

    /// The process of a plan that has no reply yet; 0 where there is none.
    func child(_ number: UInt32) -> Int32 {
        spawner.map { gh_spawner_child($0.spawner.board, number) } ?? 0
    }

    private func settle(_ launch: Launch, _ reply: gh_spawn_reply) {
        if reply.pid > 0, reply.error == 0 { return launch.settle(.success(reply.pid)) }
        // What failed before its exec is ending.
        if reply.pid > 0 {
            ChildProcess.reap(ChildEnd.Handover(reply.pid, on: loop, user: launch.user))
        }
        launch.settle(
            .failure(
                SpawnError(
                    gh_spawn_step(rawValue: UInt32(clamping: reply.step)),
                    reply.error == 0 ? .invalid : Errno(reply.error))))
    }

    // MARK: The spawner's life

    private func restart() {
        guard isLost, let start, loop.now >= lastStart + SpawnerLine.restartInterval else { return }
        if let next = try? start() { connect(next) }
        lastStart = loop.now
    }

    private func connect(_ spawner: Spawner) {
        let source = Source(FileDescriptor(owning: spawner.socket), waiter: Waiter(loop: loop))
        self.spawner = Connection(spawner: spawner, source: source)
        number = 0
        loop.spawn { [self] in
            await listen(source)
            source.waiter.end()
        }
    }

    /// Waits for the spawner's end, and for the replies that somebody waits for.
    private func listen(_ source: Source) async {
        do throws(Errno) { try source.watch(onlyReading: true) } catch {
            // It goes on with the plans that it has.
            return lose("cannot watch the process that starts scripts: \(error)", hasEnded: false)
        }
        while source.isOpen {
            guard gh_helper_lives(source.fd) else {
                return lose("the process that starts scripts has ended; another one will be started")
            }
            collect()
            if launches.contains(where: \.isAwaited) { hasten() }
            _ = await source.waiter.wait()
        }
    }

    private func lose(_ reason: String, hasEnded: Bool = true) {
        guard let lost = spawner.take() else { return }
        isLost = true
        lost.source.close()
        let pid = lost.spawner.pid
        if pid > 0 { wait(pid) }
        settle(lost.spawner.board, hasEnded: hasEnded)
        report(reason)
    }

    /// Takes the last replies of a spawner that is lost. What one that `hasEnded` has not begun is not begun.
    private func settle(_ board: OpaquePointer, hasEnded: Bool = true) {
        take(board)
        for launch in launches where launch.result == nil {
            let child = gh_spawner_child(board, launch.number)
            if child != 0 {
                // Whether it has come to its exec, nobody can tell any more. It may be the user's already or
                // not yet, and may lead no group yet.
                kill(child, SIGKILL)
                ChildProcess.signal(SIGKILL, child, of: launch.user)
                ChildProcess.end(
                    ChildEnd.Handover(child, on: loop, user: launch.user, mark: launch.mark), SIGKILL,
                    grace: .zero)
            }
            // With a child, it may have begun.
            let step: SpawnError.Step = child == 0 && hasEnded ? .spawner : .clone
            launch.settle(.failure(SpawnError(step: step, reason: .brokenPipe)))
        }
        gh_spawner_forget(board)
        launches.removeAll()
        (settled, begun) = (0, 0)
    }
}
