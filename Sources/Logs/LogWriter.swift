import Base
package import Config
import Glibc
import Net
import Synchronization

/// The thread that writes the logs, so that no loop waits for a disk, a terminal or a slow `tail`.
///
/// What is handed over is written in its order, whole. What waits is bounded: past 32 MiB lines are
/// dropped, and their number is told in the log as soon as there is room again.
package final class LogWriter: Sendable {
    private let queue = Mutex(Queue())
    private let signal = WakeCount()
    /// Counts each time that all has been written while somebody waited for it.
    private let idle = WakeCount()

    private struct Queue {
        var pieces: [Piece] = []
        var bytes = 0
        var dropped = 0
        /// Bytes that the thread has taken and not yet written.
        var bytesInHand = 0
        /// The log that the thread writes to now.
        var current: LogSink?
        var isFlushing = false

        var isDone: Bool { pieces.isEmpty && current == nil }
    }

    private struct Piece {
        let sink: LogSink
        let level: LogLevel
        let bytes: [UInt8]
    }

    private static let bound = 32 << 20

    /// `@unchecked Sendable`: a semaphore is made for sharing, and its address stays.
    private final class WakeCount: @unchecked Sendable {
        private let semaphore: UnsafeMutablePointer<sem_t> = .allocate(capacity: 1)
        init() { sem_init(semaphore, 0, 0) }
        deinit {
            sem_destroy(semaphore)
            semaphore.deallocate()
        }
        func post() { sem_post(semaphore) }
        func wait() { while sem_wait(semaphore) != 0 {} }
        /// False where `time` passed first.
        func wait(_ time: TimeSpan) -> Bool {
            let now = WallClock.now
            let end = now.nanoseconds + Int(time.nanoseconds)
            var deadline = timespec(tv_sec: now.seconds + end / 1_000_000_000, tv_nsec: end % 1_000_000_000)
            while sem_timedwait(semaphore, &deadline) != 0 {
                if Errno.current != .interrupted { return false }
            }
            return true
        }
    }

    package init() {}

    /// Starts the thread, which runs until the process ends.
    package func start() {
        Thread(name: "log") { [self] in
            while true {
                signal.wait()
                writeAll()
            }
        }.detach()
    }

    /// Has `bytes`, which are whole lines, written to `sink` soon. `level` is for logs that tell levels apart.
    package func submit(_ bytes: [UInt8], to sink: LogSink, _ level: LogLevel = .info) {
        let mustWake = queue.withLock { queue in
            if queue.bytes + bytes.count > LogWriter.bound {
                queue.dropped += 1
                return false
            }
            queue.bytes += bytes.count
            queue.pieces.append(Piece(sink: sink, level: level, bytes: bytes))
            return queue.pieces.count == 1
        }
        if mustWake { signal.post() }
    }

    /// Waits until the thread has written what was handed over; for the end of the process. Logs that
    /// have taken no piece for a second, or are not done in five, are given up with what is left.
    package func flush() {
        var left = Int.max
        for _ in 0..<5 {
            let state = waitState()
            if state.isDone || state.left >= left { break }
            left = state.left
            if idle.wait(.seconds(1)) { return }
        }
        let state = waitState()
        if state.isDone { return }
        let name = state.current?.target.description ?? "a log"
        LastResort.write("the last \(state.left) bytes for the logs are given up: \(name) takes no more")
    }

    private func waitState() -> (isDone: Bool, left: Int, current: LogSink?) {
        queue.withLock { queue in
            queue.isFlushing = true
            return (queue.isDone, queue.bytes + queue.bytesInHand, queue.current)
        }
    }

    private func writeAll() {
        while true {
            let (pieces, dropped) = queue.withLock { queue in
                defer {
                    queue.bytesInHand = queue.bytes
                    queue.current = queue.pieces.first?.sink
                    (queue.pieces, queue.bytes, queue.dropped) = ([], 0, 0)
                    if queue.isDone, queue.isFlushing { idle.post() }
                }
                return (queue.pieces, queue.dropped)
            }
            if pieces.isEmpty { return }
            for piece in pieces {
                queue.withLock { $0.current = piece.sink }
                do throws(Errno) {
                    try piece.sink.write(piece.bytes, piece.level)
                } catch {
                    piece.sink.complain(error)
                }
                queue.withLock { $0.bytesInHand -= piece.bytes.count }
            }
            if dropped > 0, let sink = pieces.last?.sink {
                let text =
                    "gatehouse: \(dropped) pieces of log were dropped here: this log is read or written too slowly\n"
                try? sink.write(Array(text.utf8), .warning)
            }
        }
    }
}
