import Base
import CLinux
import Glibc

/// Ends what has left the process group of a script (`setsid`, as daemons do) when the script is ended.
///
/// Such processes are known by a variable of the environment that the script was started with, which
/// its children inherit. What a script started that ended by itself is nobody's business.
///
/// `@unchecked Sendable`: used on its loop's thread only; a thread of the pool gets the marks alone.
package final class Leftovers: @unchecked Sendable {
    private let loop: EventLoop
    private let pool: WorkerPool
    private var marks: Set<[UInt8]> = []
    private var isLooking = false

    /// One look serves all scripts that were ended meanwhile, so that many that end cost little more.
    private static let pause = TimeSpan.milliseconds(100)

    package init(loop: EventLoop, pool: WorkerPool) { (self.loop, self.pool) = (loop, pool) }

    /// Kills all processes of this user that were started with `mark`, `NAME=value`, in their environment.
    package func end(_ mark: [UInt8]) {
        marks.insert(mark)
        if isLooking { return }
        isLooking = true
        loop.childBeginsToEnd()
        loop.spawn { [self] in
            let waiter = Waiter(loop: loop)
            while !marks.isEmpty {
                let taken = marks
                marks = []
                await pool.run { Leftovers.kill(taken) }
                _ = await waiter.wait(until: loop.now + Leftovers.pause)
            }
            waiter.end()
            isLooking = false
            loop.childHasEnded()
        }
    }

    /// Looks until nothing is found: a process may just be starting another one.
    private static func kill(_ marks: Set<[UInt8]>) {
        for _ in 0..<8 where !killOnce(marks) { return }
    }

    /// Whether there was anything.
    private static func killOnce(_ marks: Set<[UInt8]>) -> Bool {
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

    private static func isMarked(_ pid: Int32, _ marks: Set<[UInt8]>) -> Bool {
        // Those of other users cannot be read, and are not meant.
        guard let file = try? FileDescriptor.open("/proc/\(pid)/environ", O_RDONLY) else { return false }
        var content = ByteBuffer()
        while content.count < environmentLimit {
            let raw = file.raw
            let count = content.fill(atLeast: 16 * 1024) { max(0, read(raw, $0.baseAddress, $0.count)) }
            if count == 0 { break }
        }
        let bytes = content.bytes.array
        return bytes.split(separator: 0).contains { entry in
            marks.contains { $0.count == entry.count && entry.elementsEqual($0) }
        }
    }

    /// What the kernel takes for an environment and more.
    private static let environmentLimit = 8 << 20
}
