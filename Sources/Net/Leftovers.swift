import Base
import CLinux
import Glibc

/// What all that a script starts is known by, however far it goes: a number that is inherited
/// (`CLinux/mark.c`). Each start of a script has another one.
struct Mark: Sendable {
    let number: UInt64
    let leftovers: Leftovers
}

/// Ends what has left the process group of a script (`setsid`, as daemons do) when the script is ended.
///
/// It gets TERM at once, and KILL when the group gets it. What a script started that ended by itself is
/// nobody's business.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class Leftovers: @unchecked Sendable {
    private let loop: EventLoop
    private let pool: WorkerPool
    /// What has not left them.
    let groups: ProcessGroups
    private var lastMark: UInt64
    /// By the numbers of the users, -1 for the server's own.
    private var lookouts: [Int32: Lookout] = [:]

    init(loop: EventLoop, pool: WorkerPool) {
        (self.loop, self.pool) = (loop, pool)
        groups = ProcessGroups(loop: loop, pool: pool)
        // Not a secret: only different in each process and loop.
        var generator = SystemRandomNumberGenerator()
        lastMark = generator.next()
    }

    func nextMark() -> Mark {
        lastMark &+= 1
        let bit = MarkedProcesses.markBit
        return Mark(number: bit | lastMark & (bit - 1), leftovers: self)
    }

    /// Begins to end what carries `mark` and is not in `group`, which has been told already. `killAt` is
    /// when the group gets KILL. `finish` has to follow.
    func begin(_ mark: Mark, group: Int32, of user: Keeper.User?, killAt: Instant) -> Search {
        let number = user?.number ?? -1
        let lookout = lookouts[number] ?? Lookout(loop: loop, pool: pool, user: user)
        lookouts[number] = lookout
        let search = Search(mark.number, group, killAt: killAt, lookout)
        lookout.add(search)
        return search
    }

    /// What is looked for when a script is ended.
    ///
    /// `@unchecked Sendable`: as above.
    final class Search: @unchecked Sendable {
        fileprivate let mark: UInt64
        fileprivate let group: Int32
        fileprivate let killAt: Instant
        fileprivate let lookout: Lookout
        /// When to look again, beside `killAt`.
        fileprivate var due: Instant
        fileprivate var isTold = false
        fileprivate var isKilled = false
        /// Nothing can leave it any more.
        fileprivate var isGroupGone = false
        fileprivate var isOver = false
        fileprivate var waiter: Waiter?

        fileprivate init(_ mark: UInt64, _ group: Int32, killAt: Instant, _ lookout: Lookout) {
            (self.mark, self.group, self.killAt, self.lookout) = (mark, group, killAt, lookout)
            due = lookout.loop.now
        }

        /// To be called when the group is gone. Returns when nothing is left, or what is cannot be ended.
        func finish(_ waiter: Waiter) async {
            isGroupGone = true
            due = lookout.loop.now
            self.waiter = waiter
            lookout.wake()
            while !isOver { _ = await waiter.wait() }
        }
    }
}

/// Looks for what one user's scripts have left, for as long as any is being ended.
///
/// `@unchecked Sendable`: used on its loop's thread only.
private final class Lookout: @unchecked Sendable {
    let loop: EventLoop
    private let pool: WorkerPool
    private let user: Keeper.User?
    private var searches: [Leftovers.Search] = []
    private var lastLook = Instant(nanoseconds: .min)
    /// Of the task that looks, while there is one.
    private var waiter: Waiter?

    /// One look serves all scripts that were ended meanwhile, so that many that end cost little more.
    private static let pause = TimeSpan.milliseconds(100)
    /// The same, where something's time is over.
    private static let killPause = TimeSpan.milliseconds(10)
    /// Longer than that, nothing that cannot be killed is waited for.
    private static let killTime = TimeSpan.seconds(2)
    /// How long another user's process may take for a look.
    private static let otherTime = TimeSpan.seconds(1)

    init(loop: EventLoop, pool: WorkerPool, user: Keeper.User?) {
        (self.loop, self.pool, self.user) = (loop, pool, user)
    }

    func add(_ search: Leftovers.Search) {
        searches.append(search)
        if waiter != nil { return wake() }
        let waiter = Waiter(loop: loop)
        self.waiter = waiter
        loop.spawn { [self] in
            while let next = searches.map(nextLook).min() {
                if next > loop.now {
                    _ = await waiter.wait(until: next)
                } else {
                    await look(waiter)
                    lastLook = loop.now
                }
            }
            waiter.end()
            self.waiter = nil
        }
    }

    func wake() { waiter?.wake() }

    private func nextLook(_ search: Leftovers.Search) -> Instant {
        let usual = max(search.due, lastLook + Lookout.pause)
        return search.isKilled ? usual : min(usual, max(search.killAt, lastLook + Lookout.killPause))
    }

    /// Does all that is due, also what could wait.
    private func look(_ waiter: Waiter) async {
        let now = loop.now
        let due = searches.filter { $0.due <= now || (!$0.isKilled && $0.killAt <= now) }
            .prefix(Int(GH_SEARCHES_MAX))
        let orders = due.map { search in
            let purpose =
                search.killAt <= now
                ? GH_SEARCH_KILL : search.isTold ? GH_SEARCH_WATCH : GH_SEARCH_TELL
            search.isTold = true
            search.isKilled = search.killAt <= now
            return gh_search(mark: search.mark, group: search.group, purpose: purpose)
        }
        let wasGone = due.map(\.isGroupGone)
        let found =
            if let user { await look(orders, as: user, waiter) } else {
                await pool.run { MarkedProcesses.look(orders) }
            }
        for (search, (wasGone, found)) in zip(due, zip(wasGone, found)) {
            let isDone = !found || now >= search.killAt + Lookout.killTime
            if isDone, wasGone {
                search.isOver = true
                search.waiter?.wake()
            } else {
                search.due = isDone && !search.isGroupGone ? .never : loop.now
            }
        }
        searches.removeAll(where: \.isOver)
    }

    /// Has the keeper look: nobody but the user may signal the user's processes.
    private func look(_ orders: [gh_search], as user: Keeper.User, _ waiter: Waiter) async -> [Bool] {
        let unknown = orders.map { _ in true }
        guard var pipe = try? FileDescriptor.pipe(flags: O_NONBLOCK) else { return unknown }
        let answer = Source(pipe.takeRead(), waiter: waiter)
        defer { answer.close() }
        guard user.look(orders, answer: pipe.takeWrite()) else {
            // Without a keeper there is nobody who could end them.
            return user.keeper.isThere ? unknown : orders.map { _ in false }
        }
        let deadline = loop.now + Lookout.otherTime
        while true {
            do throws(Errno) {
                if let found = try Lookout.read(answer) {
                    return found.count == orders.count ? found : unknown
                }
            } catch { return unknown }
            // A search that begins or ends wakes the same waiter.
            if loop.now >= deadline { return unknown }
            _ = await waiter.wait(until: deadline)
        }
    }

    /// What has been answered; nil while nothing has.
    private static func read(_ pipe: Source) throws(Errno) -> [Bool]? {
        var bytes = ByteBuffer()
        var isThere = true
        try bytes.fill(atLeast: Int(GH_SEARCHES_MAX)) { (room) throws(Errno) in
            let count = try pipe.read(into: room)
            isThere = count != nil
            return count ?? 0
        }
        return isThere ? bytes.bytes.array.map { $0 != 0 } : nil
    }
}
