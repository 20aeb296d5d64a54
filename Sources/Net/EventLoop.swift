package import Base
import CLinux
import Glibc
import Synchronization

/// One thread, one epoll instance, and the tasks that live on it.
///
/// A loop is a `TaskExecutor`: a task started with `spawn` runs here and nowhere else for all its
/// life, so what belongs to it needs no lock. When no task can go on, the loop waits in
/// `epoll_wait`; an event marks its `Source` ready and wakes the `Waiter` behind it.
///
/// `@unchecked Sendable`: everything but `remote` is touched by the loop's own thread only, which
/// `assertOnLoop` checks in debug builds; `remote` is a mutex.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    /// Position among the server's loops, from 0.
    package let index: Int
    /// The clock, read once after each wait. For deadlines; not for measuring what runs between two.
    package private(set) var now = Instant.now
    /// Called before each wait; what it returns is when it wants to be called again at the latest.
    package var beforeWait: (() -> Instant)?

    /// Processes that are being ended and are not gone yet.
    package private(set) var childrenEnding = 0
    /// Called when the last of them is gone.
    package var whenChildrenEnded: (() -> Void)?

    private let epoll: FileDescriptor
    private let eventCounter: FileDescriptor
    private let remote = Mutex(Remote())

    private var ready: [UnownedJob] = []
    private var running: [UnownedJob] = []
    private var sources = SourceTable()
    private var timers: TimerWheel
    private var isStopped = false
    /// Those that are to look again soon, and when each is, the earliest first.
    private var hasty: [(waiter: Waiter, at: Instant)] = []
    private var hastyAt = Instant.never
    /// How many of them have not changed their minds.
    private var hastyCount = 0
    private var sweep = Sweep()
    private var outbox = Outbox()
    /// What is swept is all that the loops have to do.
    private(set) var sweepIsAll = false
    private var idleWatch: IdleWatch?
    /// It has been asked, and has not answered yet.
    private var isIdleAsked = false
    /// Room for the events of one wait.
    private let events: UnsafeMutableBufferPointer<gh_event>

    private struct Remote {
        var jobs: [UnownedJob] = []
        var actions: [@Sendable () -> Void] = []
        var isSignalled = false
    }

    /// The token of the counter that other threads wake the loop with; no source has it.
    private static let wakeToken = UInt64.max

    private static let idleToken = UInt64.max - 1

    /// Throws what `epoll_create1` or `eventfd` threw: out of descriptors.
    package init(index: Int) throws(Errno) {
        self.index = index
        let epoll = gh_epoll_create()
        if epoll < 0 { throw .current }
        self.epoll = FileDescriptor(owning: epoll)
        let counter = gh_eventfd()
        if counter < 0 { throw .current }
        eventCounter = FileDescriptor(owning: counter)
        timers = TimerWheel(now: .now)
        events = .allocate(capacity: 256)
        if gh_epoll_add(epoll, counter, UInt32(GH_IN.rawValue), EventLoop.wakeToken) < 0 { throw .current }
    }

    deinit { events.deallocate() }

    // MARK: Work

    /// Starts a task that stays on this loop.
    package func spawn(_ work: sending @escaping () async -> Void) {
        Task(executorPreference: self, operation: work)
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ready.append(job)
        } else {
            signal { $0.jobs.append(job) }
        }
    }

    /// Runs `action` on the loop's thread, soon. From any thread.
    package func submit(_ action: @escaping @Sendable () -> Void) {
        signal { $0.actions.append(action) }
    }

    /// Lets `run` return after what is ready has run. From any thread.
    package func stop() {
        submit { self.isStopped = true }
    }

    private func signal(_ change: (inout Remote) -> Void) {
        let mustWake = remote.withLock { remote in
            change(&remote)
            defer { remote.isSignalled = true }
            return !remote.isSignalled
        }
        if mustWake {
            var one: UInt64 = 1
            // Fails only when the counter is full, and then the loop is woken anyway.
            _ = write(eventCounter.raw, &one, 8)
        }
    }

    /// Whether the caller runs on this loop's thread.
    package var isCurrent: Bool {
        gh_current_loop() == Unmanaged.passUnretained(self).toOpaque()
    }

    @inline(__always) func assertOnLoop() {
        assert(isCurrent, "this belongs to loop \(index) and is used on another thread")
    }

    // MARK: The loop

    /// Serves until `stop`. The calling thread becomes the loop's.
    package func run() {
        gh_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
        while !isStopped {
            runReadyJobs()
            if isStopped { break }
            var wakeAt = ready.isEmpty ? timers.nextDeadline : now
            if let beforeWait { wakeAt = min(wakeAt, beforeWait()) }
            if hastyCount > 0 { wakeAt = min(wakeAt, hastyAt) }
            wait(until: wakeAt)
            if now >= sweep.next { lookAtSwept() }
            timers.advance(to: now)
            if now >= hastyAt { wakeHasty() }
        }
        runReadyJobs()
        gh_set_current_loop(nil)
    }

    /// Runs what is ready now. What becomes ready meanwhile waits for the next round, behind a look
    /// at the events, so that tasks which always can go on do not shut the others out.
    private func runReadyJobs() {
        swap(&ready, &running)
        for job in running { job.runSynchronously(on: asUnownedTaskExecutor()) }
        running.removeAll(keepingCapacity: true)
        if !outbox.isEmpty { sendGathered() }
    }

    private func wait(until deadline: Instant) {
        let (room, size) = (events.baseAddress, CInt(events.count))
        let count: CInt
        if sweep.next < deadline {
            count = gh_epoll_wait_precisely(
                epoll.raw, room, size, max(0, (sweep.next - .now).nanoseconds))
        } else {
            var timeout: CInt = -1
            if deadline != .never {
                // Rounded up: a wait that ends too early is only done again.
                let left = deadline <= now ? 0 : (deadline - .now).nanoseconds
                timeout = left <= 0 ? 0 : CInt(clamping: (left + 999_999) / 1_000_000)
            }
            count = gh_epoll_wait(epoll.raw, room, size, timeout)
        }
        now = .now
        // Only EINTR is possible here.
        guard count > 0 else { return }
        for event in events[..<Int(count)] {
            if event.token == EventLoop.wakeToken {
                takeRemote()
            } else if event.token == EventLoop.idleToken {
                takeIdle()
            } else {
                // Nothing that this does lets go of a source at once: tasks that it wakes run later.
                if let source = sources[event.token] { uncounted(source) { $0.take(event.events) } }
            }
        }
    }

    private func takeRemote() {
        var counter: UInt64 = 0
        _ = read(eventCounter.raw, &counter, 8)
        let taken = remote.withLock { remote in
            let taken = remote
            remote = Remote()
            return taken
        }
        ready.append(contentsOf: taken.jobs)
        for action in taken.actions { action() }
    }

    // MARK: Sources and timers

    /// Watches `source` for all events from now on; a readiness it has already is reported too.
    func register(_ source: Source, fd: CInt, interest: UInt32) throws(Errno) -> UInt64 {
        assertOnLoop()
        let token = sources.insert(source)
        if gh_epoll_add(epoll.raw, fd, interest, token) < 0 {
            let error = Errno.current
            sources.remove(token)
            throw error
        }
        return token
    }

    /// Forgets a source. Its descriptor is closed next, or is asked to be taken out first.
    func unregister(_ token: UInt64, removing fd: CInt? = nil) {
        assertOnLoop()
        if let fd { _ = gh_epoll_remove(epoll.raw, fd) }
        sources.remove(token)
    }

    // MARK: Sweep

    /// What is registered to be swept is watched when it has been there for so long.
    package static let sweepYouth = Sweep.youth

    /// How often what is registered to be swept is looked at; nil: it is watched, as everything else. Where that
    /// `isAll` that the loops have to do, small pieces of the answers leave together, and a processor without
    /// anything to do brings the next look about.
    package func setSweep(every interval: TimeSpan?, isAll: Bool = false) {
        assertOnLoop()
        sweep.interval = interval
        sweepIsAll = isAll
        if interval == nil, sweep.next != .never { for token in sweep.removeAll() { watch(token) } }
    }

    /// As `register` for one that is only read, but what happens to it in its first time may be told later;
    /// nil where there is no such delay now.
    func registerSwept(_ source: Source, fd: CInt) -> UInt64? {
        assertOnLoop()
        guard let interval = sweep.interval else { return nil }
        let token = sources.insert(source)
        sweep.add(fd, token, every: interval, now: now)
        return token
    }

    private func lookAtSwept() {
        let finding = sweep.look(now: now) { sources[$0] != nil }
        for token in finding.grown { watch(token) }
        for (token, events) in finding.events {
            if let source = sources[token] { uncounted(source) { $0.take(events) } }
        }
        if sweepIsAll, sweep.next != .never, !isIdleAsked, let idleWatch { isIdleAsked = idleWatch.ask() }
    }

    /// Has `watch` hurry the looks. Before `run`. Throws what `epoll_ctl` threw.
    package func hurry(with watch: IdleWatch) throws(Errno) {
        if gh_epoll_add(epoll.raw, watch.socket.raw, UInt32(GH_IN.rawValue), EventLoop.idleToken) < 0 {
            throw .current
        }
        idleWatch = watch
    }

    private func takeIdle() {
        guard let told = idleWatch?.wasTold() else {
            // Its process has ended. The socket leaves epoll with its last owner.
            idleWatch = nil
            return
        }
        guard told else { return }
        isIdleAsked = false
        if sweepIsAll { sweep.hurry(now: now) }
    }

    /// Watches a source that was swept.
    private func watch(_ token: UInt64) {
        guard let source = sources[token] else { return }
        uncounted(source) {
            if gh_epoll_add(epoll.raw, $0.fd, Source.readingInterest, token) < 0 { $0.isNotWatched() }
        }
    }

    // MARK: Outbox

    /// Takes a piece that is to leave with those of other sources when all that is ready has run; false where it
    /// has to be sent by itself.
    func gather(_ bytes: UnsafeRawBufferPointer, for source: Source) -> Bool {
        outbox.put(bytes, for: source)
    }

    /// Sends what has been gathered.
    func sendGathered() {
        for leftover in outbox.send() { leftover.source.keep(leftover.rest) }
    }

    func childBeginsToEnd() { childrenEnding += 1 }

    func childHasEnded() {
        childrenEnding -= 1
        if childrenEnding == 0 { whenChildrenEnded?() }
    }

    // MARK: Soon

    /// What `wakeSoon` takes, at most. The timers' ticks are longer.
    package static let soon = TimeSpan.milliseconds(5)

    /// Has `waiter` woken after `soon` at the latest, unless it says `notSoon` before.
    package func wakeSoon(_ waiter: Waiter) {
        assertOnLoop()
        if waiter.isHasty { return }
        waiter.isHasty = true
        let at = now + EventLoop.soon
        if hasty.isEmpty { hastyAt = at }
        hasty.append((waiter, at))
        hastyCount += 1
    }

    package func notSoon(_ waiter: Waiter) {
        if !waiter.isHasty { return }
        waiter.isHasty = false
        hastyCount -= 1
    }

    private func wakeHasty() {
        let count = hasty.firstIndex { $0.at > now } ?? hasty.count
        for (waiter, _) in hasty[..<count] where waiter.isHasty {
            waiter.isHasty = false
            hastyCount -= 1
            waiter.wake()
        }
        hasty.removeSubrange(..<count)
        hastyAt = hasty.first?.at ?? .never
    }

    func arm(_ waiter: Waiter, _ deadline: Instant) { timers.arm(waiter, deadline) }
    func disarm(_ waiter: Waiter) { timers.remove(waiter) }
}

/// Sources by token. A token has a generation, so that an event that was under way when its
/// descriptor was closed does not reach the next user of the place.
private struct SourceTable {
    private struct Place {
        var source: Source?
        var generation: UInt32 = 0
    }
    private var places: [Place] = []
    private var free: [Int] = []

    /// Not counted, as that would be done for each event; it stays until it is removed.
    subscript(token: UInt64) -> Unmanaged<Source>? {
        let index = Int(UInt32(truncatingIfNeeded: token))
        guard index < places.count, places[index].generation == UInt32(token >> 32) else { return nil }
        return places[index].source.map(Unmanaged.passUnretained)
    }

    mutating func insert(_ source: Source) -> UInt64 {
        let index = free.popLast() ?? places.count
        if index == places.count { places.append(Place()) }
        places[index].source = source
        return UInt64(places[index].generation) << 32 | UInt64(index)
    }

    mutating func remove(_ token: UInt64) {
        let index = Int(UInt32(truncatingIfNeeded: token))
        guard index < places.count, places[index].generation == UInt32(token >> 32) else { return }
        places[index].source = nil
        // The last generation stays unused: with index 2^32-1 it would be the wake token.
        places[index].generation = places[index].generation == .max - 1 ? 0 : places[index].generation + 1
        free.append(index)
    }
}
