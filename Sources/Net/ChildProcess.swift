package import Base
import CLinux
import Glibc

/// What is needed to start a script.
package struct SpawnPlan: Sendable {
    /// Absolute path of the file that is executed.
    package var path: FilePath
    /// Absolute path of the working directory.
    package var folder: FilePath
    /// With the name of the program first.
    package var arguments: CStringList
    package var environment: CStringList
    package var limits: [ResourceLimit] = []
    package var nice = 0
    /// The processor on which it begins; nil: where the kernel likes.
    package var processor: Int32?
    package var confinement = Confinement()

    package init(path: FilePath, folder: FilePath, arguments: CStringList, environment: CStringList) {
        self.path = path
        self.folder = folder
        self.arguments = arguments
        self.environment = environment
    }
}

package struct ResourceLimit: Sendable {
    package enum Resource: Sendable { case cpuSeconds, memory, openFiles, fileSize, processes }
    package var resource: Resource
    package var soft: UInt64
    package var hard: UInt64

    /// What this process was started with, for children that should not have what it raised for itself.
    package static let originalOpenFiles: ResourceLimit? = {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        guard gh_get_limit(gh_rlimit_nofile, &soft, &hard) == 0 else { return nil }
        return ResourceLimit(.openFiles, soft: soft, hard: hard)
    }()

    package init(_ resource: Resource, soft: UInt64, hard: UInt64) {
        (self.resource, self.soft, self.hard) = (resource, soft, hard)
    }

    var raw: gh_limit {
        let number =
            switch resource {
            case .cpuSeconds: gh_rlimit_cpu
            case .memory: gh_rlimit_as
            case .openFiles: gh_rlimit_nofile
            case .fileSize: gh_rlimit_fsize
            case .processes: gh_rlimit_nproc
            }
        return gh_limit(resource: number, soft: soft, hard: hard)
    }
}

/// Why a process could not be started.
package struct SpawnError: Error, Sendable {
    package enum Step: Sendable {
        case clone, group, limit, folder, streams, execute
        /// Becoming the user.
        case user
        /// Giving up the rights that setuid programs would give.
        case privileges
        /// Taking on the rules of what may be written.
        case writeRules
        /// The process that was to make it ended before it came to that. Nothing was started.
        case spawner
        /// There is nobody left who could become the user.
        case keeper
    }
    package var step: Step
    package var reason: Errno

    init(_ step: gh_spawn_step, _ reason: Errno) {
        self.reason = reason
        self.step =
            switch step {
            case GH_STEP_GROUP: .group
            case GH_STEP_LIMIT: .limit
            case GH_STEP_FOLDER: .folder
            case GH_STEP_STREAMS: .streams
            case GH_STEP_USER: .user
            case GH_STEP_PRIVILEGES: .privileges
            case GH_STEP_WRITE_RULES: .writeRules
            case GH_STEP_EXEC: .execute
            default: .clone
            }
    }

    package init(step: Step, reason: Errno) { (self.step, self.reason) = (step, reason) }
}

/// How a process ended, and what it used.
package struct ExitStatus: Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        case exited(Int)
        case signal(Int, dumpedCore: Bool)
    }
    package var reason: Reason
    /// User and system time, with those of the children it waited for.
    package var cpu: TimeSpan
    /// Largest resident set, in bytes.
    package var peakMemory: Int

    package var isSuccess: Bool { reason == .exited(0) }
}

/// A started process and the group of processes that it leads.
///
/// The owner either sees it end with `poll`, or gives it up with `end` or `leave`. Being dropped in
/// any other way kills the group.
package struct ChildProcess: ~Copyable {
    private let end: ChildEnd

    /// Takes over a child of this process. `waiter` is woken when it ends, once `poll` has been called.
    init(_ pid: Int32, mark: Mark, waiter: Waiter) {
        end = ChildEnd(pid, mark: mark, waiter: waiter)
    }

    /// Takes over a child that is being made.
    init(_ launch: Launch, waiter: Waiter) { end = ChildEnd(launch, waiter: waiter) }

    deinit {
        // Left only where a task unwinds without having ended the process.
        if !end.isOver { ChildProcess.end(end.handOver(), SIGKILL, grace: .zero) }
    }

    /// 0 where it is not known yet. It is as soon as the process can do anything.
    package var pid: Int32 { end.pid }

    /// Why it could not be started, if a `poll` has told that.
    package var failure: SpawnError? { end.failure }

    /// Whether it runs the program that it was made for. While it does not, what comes of that wakes the waiter.
    package borrowing func hasStarted() -> Bool { end.hasStarted() }

    /// How the process ended, nil while it runs, and where it was not started; from then on its end wakes
    /// the waiter, unless not `watching`. After the end the process is gone from the system.
    package borrowing func poll(watching: Bool = true) -> ExitStatus? { end.poll(watching: watching) }

    /// How long it has run, and how long it was ready to and had no processor, by the kernel's account; nil
    /// where there is none. What it started has its own. Known until a `poll` has told its end.
    package borrowing func timeUsed() -> (computing: TimeSpan, waiting: TimeSpan)? {
        var (computing, waiting) = (Int64(0), Int64(0))
        guard gh_time_used(pid, &computing, &waiting) == 0 else { return nil }
        return (TimeSpan(nanoseconds: computing), TimeSpan(nanoseconds: waiting))
    }

    /// Whether the kernel is ending it; nil where that cannot be told.
    package borrowing func isExiting() -> Bool? {
        let answer = gh_is_exiting(pid)
        return answer < 0 ? nil : answer > 0
    }

    /// What it has used so far, with those of its children that it waited for: processor time, and the largest
    /// resident set in bytes, nil where that is known no more. Nil where there is no process.
    package borrowing func usage() -> (cpu: TimeSpan, peakMemory: Int?)? {
        var (cpu, peak) = (Int64(0), Int64(0))
        guard pid > 0, gh_usage(pid, &cpu, &peak) == 0 else { return nil }
        // The one counts in hundredths of a second, the other the process alone.
        let fine = timeUsed()?.computing ?? .zero
        let coarse = TimeSpan(nanoseconds: cpu.multipliedReportingOverflow(by: 1000).partialValue)
        return (max(fine, coarse), peak < 0 ? nil : Int(peak) * 1024)
    }

    /// Whether the end wakes the waiter. If not even after a `poll`, descriptors are short, and another
    /// `poll` has to come by itself.
    package var isWatched: Bool { end.isWatched }

    /// Signals a process, or by a negative number a group; through the keeper where it runs as another
    /// user, whom the server may not signal itself.
    static func signal(_ signal: CInt, _ process: Int32, of user: Keeper.User?) {
        if let user, user.signal(signal, process) { return }
        kill(process, signal)
    }

    /// Ends all that it started: TERM now, KILL to what is left after `grace`. Returns at once; the loop
    /// sees to it, and calls `then` when nothing in the group runs. What has left the group may take longer. The
    /// descriptors of `pipes` stay open until everything has ended.
    package consuming func end(
        grace: TimeSpan, holding pipes: [Source] = [], then: @escaping @Sendable () -> Void = {}
    ) {
        ChildProcess.end(
            end.handOver(), SIGTERM, grace: grace, holding: pipes.map { $0.moveOut() }, then: then)
    }

    /// Lets the process run on, and ends all that it started where it has not ended by `deadline`, for which
    /// `late` is called; the loop takes its exit status, which `ended` gets, and then calls `then`.
    package consuming func leave(
        until deadline: Instant? = nil, grace: TimeSpan = .zero, late: @escaping @Sendable () -> Void = {},
        ended: @escaping @Sendable (ExitStatus) -> Void = { _ in }, then: @escaping @Sendable () -> Void = {}
    ) {
        ChildProcess.reap(
            end.handOver(), until: deadline ?? .never, grace: grace, late: late, ended: ended, then: then)
    }

    /// Takes note of the end of a process that nobody owns any more.
    static func reap(
        _ child: ChildEnd.Handover, until deadline: Instant = .never, grace: TimeSpan = .zero,
        late: @escaping @Sendable () -> Void = {}, ended: @escaping @Sendable (ExitStatus) -> Void = { _ in },
        then: @escaping @Sendable () -> Void = {}
    ) {
        let loop = child.loop
        loop.spawn {
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            let end = ChildEnd(child, waiter: waiter)
            guard await end.hasEnded(by: deadline) else {
                late()
                return ChildProcess.end(end.handOver(), SIGTERM, grace: grace, then: then)
            }
            if let status = end.status { ended(status) }
            then()
        }
    }

    /// Ends what a process started with `signal` and then KILL, where it is only being started as soon as it
    /// is. `held` are descriptors to be closed when everything is gone.
    static func end(
        _ child: ChildEnd.Handover, _ signal: CInt, grace: TimeSpan, holding held: [CInt] = [],
        then: @escaping @Sendable () -> Void = {}
    ) {
        if child.launch == nil, child.pid > 0 {
            ChildProcess.signal(signal, -child.pid, of: child.user)
        }
        let loop = child.loop
        loop.childBeginsToEnd()
        loop.spawn {
            let waiter = Waiter(loop: loop)
            let leftovers = await endGroup(child, signal, grace: grace, waiter)
            then()
            await leftovers?.finish(waiter)
            waiter.end()
            for raw in held where raw >= 0 { _ = FileDescriptor(owning: raw) }
            loop.childHasEnded()
        }
    }

    /// Returns when nothing in the group runs, with what is to be done about what has left it.
    private static func endGroup(
        _ child: ChildEnd.Handover, _ first: CInt, grace: TimeSpan, _ waiter: Waiter
    ) async -> Leftovers.Search? {
        let (loop, user, mark) = (child.loop, child.user, child.mark)
        let isStarting = child.launch != nil
        let end = ChildEnd(child, waiter: waiter)
        if isStarting {
            while !end.hasStarted() {
                if end.failure != nil { return nil }
                _ = await waiter.wait()
            }
            signal(first, -end.pid, of: user)
        }
        let pid = end.pid
        // There never was a process.
        if pid <= 0 { return nil }
        let deadline = loop.now + grace
        let leftovers = mark.map { $0.leftovers.begin($0, group: pid, of: user, killAt: deadline) }
        if await !end.hasEnded(by: deadline) {
            signal(SIGKILL, -pid, of: user)
            _ = await end.hasEnded(by: .never)
        }
        // Without a mark there is nobody but the leader.
        await mark?.leftovers.groups.end(pid, of: user, at: deadline, waiter)
        return leftovers
    }
}
