import Base
import CLinux

/// The end of a child process: takes note of it, and has it wake who waits for it.
///
/// A child keeps its number until its end is taken note of, so the number names it as surely as a
/// descriptor would. A pidfd is there for the event alone, and only opened by who has to wait: most
/// scripts have ended by the time that their output has been read.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class ChildEnd: @unchecked Sendable {
    /// What goes to another waiter of the same loop.
    struct Handover: Sendable {
        /// 0 while `launch` has no result.
        fileprivate(set) var pid: Int32
        fileprivate(set) var loop: EventLoop
        fileprivate(set) var isOver: Bool
        /// Whose it is where it is not the server's user's.
        let user: Keeper.User?
        /// Nil where nothing can have been started by it.
        let mark: Mark?
        /// -1: not watched yet.
        fileprivate var pidfd: CInt = -1
        fileprivate(set) var launch: Launch?

        /// A child that nobody has waited for.
        init(_ pid: Int32, on loop: EventLoop, user: Keeper.User? = nil, mark: Mark? = nil) {
            (self.pid, self.loop, isOver, self.user, self.mark) = (pid, loop, false, user, mark)
        }
    }

    private var started: Int32
    /// Nil once it has started, or has failed to.
    private var launch: Launch?
    /// Whose it is where it is not the server's user's.
    let user: Keeper.User?
    private let mark: Mark?
    private let waiter: Waiter
    private var pidfd: Source?
    /// It has been taken note of, or there is no child.
    private(set) var isOver = false
    /// Why there is no child.
    private(set) var failure: SpawnError?
    /// How the child ended, where this has taken note of it.
    private(set) var status: ExitStatus?

    /// Until another look at a child that cannot be watched.
    static let pause = TimeSpan.milliseconds(50)

    init(_ pid: Int32, mark: Mark, waiter: Waiter) {
        (started, user, self.mark, self.waiter) = (pid, nil, mark, waiter)
    }

    init(_ launch: Launch, waiter: Waiter) {
        (started, self.launch, self.waiter) = (0, launch, waiter)
        (user, mark) = (launch.user, launch.mark)
    }

    init(_ child: Handover, waiter: Waiter) {
        (started, launch, isOver, self.waiter) = (child.pid, child.launch, child.isOver, waiter)
        (user, mark) = (child.user, child.mark)
        if child.pidfd >= 0 { watch(FileDescriptor(owning: child.pidfd)) }
    }

    deinit { pidfd?.close() }

    /// 0 where it is not known yet.
    var pid: Int32 { launch?.pid ?? started }

    var isWatched: Bool { pidfd != nil || launch != nil }

    /// Whether the child runs the program that it was made for, or has ended.
    func hasStarted() -> Bool {
        guard let launch else { return failure == nil }
        guard let result = launch.look(waking: waiter) else { return false }
        self.launch = nil
        do throws(SpawnError) { started = try result.get() } catch {
            failure = error
            isOver = true
            return false
        }
        return true
    }

    /// Takes the child away from this one.
    func handOver() -> Handover {
        var result = Handover(started, on: waiter.loop, user: user, mark: mark)
        result.launch = launch.take()
        result.isOver = isOver
        if let pidfd = pidfd.take() { result.pidfd = pidfd.moveOut() }
        isOver = true
        return result
    }

    /// How it ended, nil while it runs.
    func poll(watching: Bool = true) -> ExitStatus? {
        guard !isOver, hasStarted() else { return nil }
        if let pidfd, !pidfd.isReadable { return nil }
        var raw = gh_exit()
        // A failure means that somebody else reaped it, which ends the matter as well.
        let result = gh_wait_child(started, &raw)
        if result == 0 {
            if let pidfd {
                pidfd.markUnreadable()
            } else if watching {
                let raw = gh_pidfd_open(started)
                if raw >= 0 { watch(FileDescriptor(owning: raw)) }
            }
            return nil
        }
        isOver = true
        pidfd.take()?.close()
        status = result < 0 ? .unknown : ExitStatus(raw)
        return status
    }

    /// Waits until the child has ended, or until `deadline`. Whether it has, or there is none.
    func hasEnded(by deadline: Instant) async -> Bool {
        while !isOver, poll() == nil, !isOver {
            if waiter.loop.now >= deadline { return false }
            let look = isWatched ? deadline : min(deadline, waiter.loop.now + ChildEnd.pause)
            _ = await waiter.wait(until: look)
        }
        return true
    }

    private func watch(_ descriptor: consuming FileDescriptor) {
        let source = Source(descriptor, waiter: waiter)
        do throws(Errno) { try source.watch(onlyReading: true) } catch { return source.close() }
        // The event comes even where it has ended already.
        source.markUnreadable()
        pidfd = source
    }
}

extension ExitStatus {
    fileprivate static let unknown = ExitStatus(reason: .exited(255), cpu: .zero, peakMemory: 0)

    fileprivate init(_ raw: gh_exit) {
        reason =
            raw.signaled
            ? .signal(Int(raw.code), dumpedCore: raw.dumped_core)
            : .exited(Int(raw.code))
        cpu = TimeSpan(nanoseconds: raw.cpu_us.multipliedReportingOverflow(by: 1000).partialValue)
        peakMemory = Int(raw.peak_kb) * 1024
    }
}
