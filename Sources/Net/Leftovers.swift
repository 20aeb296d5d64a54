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
    private var isLooking = false

    /// `NAME=value`, and the tick of the system's clock before which a process was started.
    private typealias Marks = [[UInt8]: UInt64]

    /// One look serves all scripts that were ended meanwhile, so that many that end cost little more.
    private static let pause = TimeSpan.milliseconds(100)

    package init(loop: EventLoop, pool: WorkerPool) { (self.loop, self.pool) = (loop, pool) }

    /// Ticks of the clock that processes' starts are told in, up to now.
    package static var tick: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        let rate = UInt64(max(1, sysconf(CInt(_SC_CLK_TCK))))
        return UInt64(time.tv_sec) * rate + UInt64(time.tv_nsec) * rate / 1_000_000_000
    }

    /// Kills all processes of this user that were started before `tick` with `mark`, `NAME=value`, in
    /// their environment.
    package func end(_ mark: [UInt8], before tick: UInt64) {
        marks[mark] = tick
        if isLooking { return }
        isLooking = true
        loop.childBeginsToEnd()
        loop.spawn { [self] in
            let waiter = Waiter(loop: loop)
            while !marks.isEmpty {
                let taken = marks
                marks = [:]
                await pool.run { Leftovers.kill(taken) }
                _ = await waiter.wait(until: loop.now + Leftovers.pause)
            }
            waiter.end()
            isLooking = false
            loop.childHasEnded()
        }
    }

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
            let name = withUnsafePointer(to: &record.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard let pid = Int32(name), pid != getpid() else { continue }
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
