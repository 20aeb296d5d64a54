import Base
import CLinux
import Glibc

/// Ends what has left the process group of a script (`setsid`, as daemons do) when the script is ended.
///
/// Such processes are known by a variable of the environment that the script was started with, which
/// its children inherit, and by having been there before the end: an error page's script, later, has
/// the same variable. What a script started that ended by itself is nobody's business.
///
/// `@unchecked Sendable`: used on its loop's thread only; a thread of the pool gets the marks alone.
package final class Leftovers: @unchecked Sendable {
    private let loop: EventLoop
    private let pool: WorkerPool
    private var marks: Marks = [:]
    /// Of processes of other users, by their numbers.
    private var others: [Int32: (user: Keeper.User, marks: Marks)] = [:]
    private var isLooking = false

    /// `NAME=value`, and the tick of the system's clock before which a process was started.
    private typealias Marks = [[UInt8]: UInt64]

    /// One look serves all scripts that were ended meanwhile, so that many that end cost little more.
    private static let pause = TimeSpan.milliseconds(100)
    /// How long a look in a process of another user's may take.
    private static let otherTime = TimeSpan.seconds(2)

    package init(loop: EventLoop, pool: WorkerPool) { (self.loop, self.pool) = (loop, pool) }

    /// Ticks of the clock that processes' starts are told in, up to now.
    package static var tick: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let rate = UInt64(max(1, sysconf(CInt(_SC_CLK_TCK))))
        return UInt64(time.tv_sec) * rate + UInt64(time.tv_nsec) * rate / 1_000_000_000
    }

    /// Kills all processes of this user, or of `user`, that were started before `tick` with `mark`,
    /// `NAME=value`, in their environment.
    package func end(_ mark: [UInt8], before tick: UInt64, of user: Keeper.User? = nil) {
        if let user {
            others[user.number, default: (user, [:])].marks[mark] = tick
        } else {
            marks[mark] = tick
        }
        if isLooking { return }
        isLooking = true
        loop.childBeginsToEnd()
        loop.spawn { [self] in
            let waiter = Waiter(loop: loop)
            while !marks.isEmpty || !others.isEmpty {
                let (taken, takenOthers) = (marks, others)
                (marks, others) = ([:], [:])
                if !taken.isEmpty { await pool.run { Leftovers.kill(taken) } }
                for (user, marks) in takenOthers.values { await end(marks, of: user, waiter) }
                _ = await waiter.wait(until: loop.now + Leftovers.pause)
            }
            waiter.end()
            isLooking = false
            loop.childHasEnded()
        }
    }

    // MARK: Processes of other users

    /// Has the keeper look, since the environment of other users' processes cannot be read.
    private func end(_ marks: Marks, of user: Keeper.User, _ waiter: Waiter) async {
        var bytes: [UInt8] = []
        var rest = marks[...]
        while let (mark, tick) = rest.popFirst() {
            bytes += Array("\(tick) ".utf8) + mark + [0]
            if bytes.count < Leftovers.messageSize, !rest.isEmpty { continue }
            await end(bytes, of: user, waiter)
            bytes = []
        }
    }

    /// A mark is far shorter than what the keeper takes beyond this.
    private static let messageSize = Int(GH_MARKS_MAX) / 2

    private func end(_ bytes: [UInt8], of user: Keeper.User, _ waiter: Waiter) async {
        guard var pipe = try? FileDescriptor.pipe(flags: O_NONBLOCK) else { return }
        let done = Source(pipe.takeRead(), waiter: waiter)
        defer { done.close() }
        guard user.endLeftovers(bytes, end: pipe.takeWrite()) else { return }
        let deadline = loop.now + Leftovers.otherTime
        // Nothing is written; its end is what is read.
        while (try? Leftovers.hasEnded(done)) == false {
            guard case .woken = await waiter.wait(until: deadline) else { return }
        }
    }

    private static func hasEnded(_ pipe: Source) throws(Errno) -> Bool {
        var byte: UInt8 = 0
        var count: Int?
        try withUnsafeMutableBytes(of: &byte) { (room) throws(Errno) in count = try pipe.read(into: room) }
        return count != nil
    }

    /// What `end` has written, in a process of the user's.
    static func kill(encoded bytes: UnsafeRawBufferPointer) {
        var marks: Marks = [:]
        for entry in bytes.split(separator: 0) {
            let parts = entry.split(separator: ASCII.space, maxSplits: 1)
            guard parts.count == 2, let tick = UInt64(String(decoding: parts[0], as: UTF8.self)) else {
                continue
            }
            marks[Array(parts[1])] = tick
        }
        kill(marks)
    }

    // MARK: Looking

    /// Looks until nothing is found: a process may just be starting another one.
    private static func kill(_ marks: Marks) {
        for _ in 0..<8 where !killOnce(marks) { return }
    }

    /// Whether there was anything.
    private static func killOnce(_ marks: Marks) -> Bool {
        guard let folder = opendir("/proc") else { return false }
        defer { closedir(folder) }
        var found = false
        while let record = readdir(folder) {
            guard let pid = Int32(record.name), pid != getpid() else { continue }
            // Held from here on, so that the number cannot become another's before the signal.
            let raw = gh_pidfd_open(pid)
            guard raw >= 0 else { continue }
            let process = FileDescriptor(owning: raw)
            guard isMarked(pid, marks) else { continue }
            if gh_pidfd_kill(process.raw) == 0 { found = true }
        }
        return found
    }

    private static func isMarked(_ pid: Int32, _ marks: Marks) -> Bool {
        // Those of other users cannot be read, and are not meant.
        guard let file = try? FileDescriptor.open("/proc/\(pid)/environ", O_RDONLY),
            let content = try? file.contents(limit: environmentLimit), let start = startTick(pid)
        else { return false }
        return content.split(separator: 0).contains { entry in
            marks[Array(entry)].map { start < $0 } ?? false
        }
    }

    /// Field 22 of proc_pid_stat(5); nil for a process that has gone.
    private static func startTick(_ pid: Int32) -> UInt64? {
        guard let file = try? FileDescriptor.open("/proc/\(pid)/stat", O_RDONLY) else { return nil }
        var content = ByteBuffer()
        let raw = file.raw
        content.fill(atLeast: 4096) { max(0, read(raw, $0.baseAddress, $0.count)) }
        let bytes = content.bytes.array
        // The name, field 2, stands in parentheses and may hold anything.
        guard let name = bytes.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = bytes[(name + 1)...].split(separator: ASCII.space)
        guard fields.count > 19 else { return nil }
        return UInt64(String(decoding: fields[19], as: UTF8.self))
    }

    /// What the kernel takes for an environment and more.
    private static let environmentLimit = 8 << 20
}
