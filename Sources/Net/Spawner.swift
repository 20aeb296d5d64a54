package import Base
import CLinux
import Glibc

/// A spawner process and this side of its socket, which belong to the `ProcessStarter` made with it.
///
/// `@unchecked Sendable`: the memory behind the pointer is the spawner's to write.
package struct Spawner: @unchecked Sendable {
    let socket: CInt
    /// The child that it made last, 0 before; of one that a keeper has made, its own number stands behind it.
    let lastChild: UnsafePointer<Int32>
    private let number: Int32?

    /// 0 for one that a keeper is still to make.
    package var pid: Int32 { number ?? lastChild[1] }

    init(madeByKeeper socket: CInt, shared: UnsafePointer<Int32>) {
        (self.socket, lastChild, number) = (socket, shared, nil)
    }

    private init(pid: Int32, socket: CInt, lastChild: UnsafePointer<Int32>) {
        (number, self.socket, self.lastChild) = (pid, socket, lastChild)
    }

    /// Forks a spawner. It costs least before the process has threads and much memory. Whom the
    /// server is now, the spawner and all that it starts are for ever.
    package static func start() throws(Errno) -> Spawner {
        var (pid, socket): (Int32, CInt) = (0, -1)
        // The server has raised its own limit for open files.
        var files = ResourceLimit.originalOpenFiles?.raw ?? gh_limit(resource: -1, soft: 0, hard: 0)
        var lastChild: UnsafePointer<Int32>?
        let error = gh_spawner_start(&files, &pid, &socket, &lastChild)
        guard error == 0, let lastChild else { throw Errno(error) }
        return Spawner(pid: pid, socket: socket, lastChild: lastChild)
    }
}

/// The loop's end of a spawner: sends plans, hands on replies, and starts another spawner for one that is
/// lost.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class SpawnerLine: @unchecked Sendable {
    private let loop: EventLoop
    /// Makes another spawner; nil where this line ends with the one it has.
    private let start: (() throws(Errno) -> Spawner)?
    /// Takes note of the end of a child that is ending, on a thread that may wait for it.
    private let wait: (Int32) -> Void
    /// Told when the spawner is lost.
    private let report: (String) -> Void

    private var spawner: Connection?
    private var isLost = false
    private var lastStart: Instant
    /// Those that wait for a reply, which come in the same order.
    private var waiting: [Request] = []
    private var answered = 0
    /// The child that the spawner told of last.
    private var lastReplied: Int32 = 0

    private struct Request {
        let sent: Instant
        let user: Keeper.User?
        let continuation: UnsafeContinuation<gh_spawn_reply, Never>
    }

    private struct Connection {
        let spawner: Spawner
        let source: Source
    }

    /// A spawner that has not replied for so long is held up; others are not to wait behind it.
    private static let patience = TimeSpan.milliseconds(250)
    /// One that does not live so long is not started again at once.
    private static let restartInterval = TimeSpan.seconds(1)

    /// The spawner's process; nil where there is none.
    var pid: Int32? { spawner?.spawner.pid }

    init(
        loop: EventLoop, _ spawner: Spawner, start: (() throws(Errno) -> Spawner)?,
        wait: @escaping (Int32) -> Void, report: @escaping (String) -> Void
    ) {
        (self.loop, self.start, self.wait, self.report) = (loop, start, wait, report)
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
        let pid = spawner.spawner.pid
        gh_spawner_forget(spawner.spawner.lastChild)
        if pid == 0 { return }
        let pidfd = gh_pidfd_open(pid)
        if pidfd < 0 { return }
        let owner = FileDescriptor(owning: pidfd)
        var event = pollfd(fd: owner.raw, events: Int16(POLLIN), revents: 0)
        poll(&event, 1, 1000)
        waitpid(pid, nil, WNOHANG)
    }

    /// How many plans it has not replied to; nil where it cannot be given another one.
    func load() -> Int? {
        if spawner == nil { restart() }
        if spawner == nil { return nil }
        if answered < waiting.count, waiting[answered].sent + SpawnerLine.patience < loop.now { return nil }
        return waiting.count - answered
    }

    /// Sends a plan; an error where that cannot be done now.
    func send(_ plan: inout gh_spawn) -> Errno? {
        guard let spawner else { return .brokenPipe }
        let error = gh_spawner_send(spawner.source.fd, &plan)
        return error == 0 ? nil : Errno(error)
    }

    /// The reply to what was sent last, a plan for `user`.
    func reply(user: Keeper.User? = nil) async -> gh_spawn_reply {
        let now = loop.now
        return await withUnsafeContinuation {
            waiting.append(Request(sent: now, user: user, continuation: $0))
        }
    }

    private func restart() {
        guard isLost, let start, loop.now >= lastStart + SpawnerLine.restartInterval else { return }
        if let next = try? start() { connect(next) }
        lastStart = loop.now
    }

    private func connect(_ spawner: Spawner) {
        let source = Source(FileDescriptor(owning: spawner.socket), waiter: Waiter(loop: loop))
        self.spawner = Connection(spawner: spawner, source: source)
        lastReplied = 0
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
        if reply.pid > 0 { lastReplied = reply.pid }
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
        if lost.spawner.pid > 0 { wait(lost.spawner.pid) }
        // It may have ended between making a child and telling of it.
        let child = lost.spawner.lastChild.pointee
        if child != 0, child != lastReplied {
            let user = answered < waiting.count ? waiting[answered].user : nil
            // It may be the user's already or not yet.
            kill(child, SIGKILL)
            ChildProcess.signal(SIGKILL, child, of: user)
            ChildProcess.reap(ChildEnd.Handover(child, on: loop, user: user), grace: .zero) {}
        }
        gh_spawner_forget(lost.spawner.lastChild)
        report(reason)
        while !waiting.isEmpty {
            answer(gh_spawn_reply(pid: 0, step: Int32(GH_STEP_CLONE.rawValue), error: EPIPE))
        }
    }
}
