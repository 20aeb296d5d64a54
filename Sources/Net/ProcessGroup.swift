import Base
import CLinux
import Glibc

/// The processes of a group whose leader has ended.
///
/// A group's number is not given to another one while it has a member, so what is asked of it every few
/// milliseconds never reaches a stranger.
struct ProcessGroup: Sendable {
    let number: Int32
    /// Whose processes they are where they are not the server's user's.
    let user: Keeper.User?

    /// How long a killed process may take to be gone. One that the kernel holds may take for ever.
    private static let killTime = TimeSpan.milliseconds(500)
    private static let pause = TimeSpan.milliseconds(50)
    /// From a look that has found somebody who runs to the next.
    private static let longPause = TimeSpan.milliseconds(400)

    /// Waits until none of them runs, and kills what does at `deadline`.
    func end(at deadline: Instant, on loop: EventLoop, pool: WorkerPool?, _ waiter: Waiter) async {
        var deadline = deadline
        var pause = ProcessGroup.pause
        var isKilled = false
        var nextLook = loop.now + ProcessGroup.pause
        var hadEnded = false
        while hasMember {
            if loop.now >= deadline {
                if isKilled { return }
                ChildProcess.signal(SIGKILL, -number, of: user)
                isKilled = true
                deadline = loop.now + ProcessGroup.killTime
                pause = .milliseconds(5)
                nextLook = loop.now + ProcessGroup.pause
            } else if let pool, loop.now >= nextLook {
                let group = self
                let hasEnded = await pool.run { group.hasEnded }
                // Twice, as a look may miss who has begun meanwhile.
                if hasEnded, hadEnded { return }
                hadEnded = hasEnded
                nextLook = loop.now + (hasEnded ? ProcessGroup.pause : ProcessGroup.longPause)
            }
            _ = await waiter.wait(until: min(deadline, loop.now + pause))
        }
    }

    /// Whether somebody is in it, be it one that has ended and waits for its parent to take note.
    private var hasMember: Bool {
        // Of another user's processes the kernel says only that they are there.
        kill(-number, 0) == 0 || (user != nil && Errno.current == .notPermitted)
    }

    /// Whether its members all wait for parents outside the group to take note of their end: an init that takes
    /// its time, or a container's first process, which may never do it. False where no member can be seen.
    ///
    /// Looks at all processes: for a thread that may take its time.
    private var hasEnded: Bool {
        guard let folder = opendir("/proc") else { return false }
        defer { closedir(folder) }
        var hasSeenOne = false
        while let record = readdir(folder) {
            guard let pid = Int32(record.name), getpgid(pid) == number else { continue }
            let raw = gh_pidfd_open(pid)
            if raw < 0 {
                if Errno.current == Errno(ESRCH) { continue }
                return false
            }
            let process = FileDescriptor(owning: raw)
            guard Pidfd.hasEnded(process.raw) else { return false }
            hasSeenOne = true
        }
        return hasSeenOne
    }
}
