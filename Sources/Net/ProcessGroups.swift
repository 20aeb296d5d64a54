import Base
import CLinux
import Glibc

/// The process groups of a loop's scripts that are being ended and outlive their leaders.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class ProcessGroups: @unchecked Sendable {
    private let loop: EventLoop
    private let pool: WorkerPool
    /// Those that are looked at, by their numbers.
    private var watched: [Int32: Watched] = [:]
    private var isLooking = false

    private struct Watched {
        /// Who waits for its end.
        let waiter: Waiter
        /// How many of the last looks found nobody who runs.
        var looks = 0

        /// One look may miss who has begun meanwhile.
        var hasEnded: Bool { looks >= 2 }
    }

    /// Between two looks at whether a group is there, and before the first at who is in it.
    private static let pause = TimeSpan.milliseconds(50)
    /// Between two looks at who is in them. One serves all, so that many cost little more.
    private static let lookPause = TimeSpan.milliseconds(100)
    /// How long a killed process may take to be gone. One that the kernel holds may take for ever.
    private static let killTime = TimeSpan.milliseconds(500)

    init(loop: EventLoop, pool: WorkerPool) { (self.loop, self.pool) = (loop, pool) }

    /// Waits until nothing in `group` runs, and kills what does at `deadline`. `user`: whose it is where it is not
    /// the server's user's.
    ///
    /// A group's number is not given to another one while it has a member, so what is asked of it every few
    /// milliseconds never reaches a stranger.
    func end(_ group: Int32, of user: Keeper.User?, at deadline: Instant, _ waiter: Waiter) async {
        var deadline = deadline
        var pause = ProcessGroups.pause
        var isKilled = false
        defer { watched[group] = nil }
        while hasMember(group, of: user), watched[group]?.hasEnded != true {
            if loop.now >= deadline {
                if isKilled { return }
                ChildProcess.signal(SIGKILL, -group, of: user)
                isKilled = true
                deadline = loop.now + ProcessGroups.killTime
                pause = .milliseconds(5)
            }
            if await waiter.wait(until: min(deadline, loop.now + pause)) == .timedOut {
                look(at: group, waiter)
            }
        }
    }

    /// Whether somebody is in it, be it one that has ended and waits for its parent to take note.
    private func hasMember(_ group: Int32, of user: Keeper.User?) -> Bool {
        // Of another user's processes the kernel says only that they are there.
        kill(-group, 0) == 0 || (user != nil && Errno.current == .notPermitted)
    }

    /// Has `group` looked at from now on. Nobody waits for a look, as the pool may be busy.
    private func look(at group: Int32, _ waiter: Waiter) {
        if watched[group] == nil { watched[group] = Watched(waiter: waiter) }
        if isLooking { return }
        isLooking = true
        loop.spawn { [self] in
            let own = Waiter(loop: loop)
            while !watched.isEmpty {
                let groups = Set(watched.keys)
                let ended = await pool.run { ProcessGroups.ended(of: groups) }
                for group in groups {
                    guard var entry = watched[group] else { continue }
                    entry.looks = ended.contains(group) ? entry.looks + 1 : 0
                    watched[group] = entry
                    if entry.hasEnded { entry.waiter.wake() }
                }
                _ = await own.wait(until: loop.now + ProcessGroups.lookPause)
            }
            own.end()
            isLooking = false
        }
    }

    /// Those of `groups` whose members all wait for parents outside to take note of their end: an init that
    /// takes its time, or a container's first process, which may never do it. None of whom no member is seen.
    private static func ended(of groups: Set<Int32>) -> Set<Int32> {
        var (ended, running): (Set<Int32>, Set<Int32>) = ([], [])
        do throws(Errno) {
            try AllProcesses.forEach { pid in
                let group = getpgid(pid)
                guard groups.contains(group), !running.contains(group) else { return }
                let raw = gh_pidfd_open(pid)
                if raw < 0 {
                    if Errno.current != Errno(ESRCH) { running.insert(group) }
                    return
                }
                let process = FileDescriptor(owning: raw)
                if Pidfd.hasEnded(process.raw) { ended.insert(group) } else { running.insert(group) }
            }
        } catch { return [] }
        return ended.subtracting(running)
    }
}
