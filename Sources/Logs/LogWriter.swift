import Base
import Config
import Glibc
import Net
import Synchronization

/// The thread that writes the logs, so that no loop waits for a disk, a terminal or a slow `tail`.
///
/// What is handed over is written in its order, whole. What waits is bounded: past 32 MiB lines are
/// dropped, and their number is told in the log as soon as there is room again.
package final class LogWriter: Sendable {
    private let queue = Mutex(Queue())
    private let signal: WakeCount

    private struct Queue {
        var pieces: [(LogSink, [UInt8])] = []
        var bytes = 0
        var dropped = 0
        var isWriting = false
    }

    private static let bound = 32 << 20

    /// `@unchecked Sendable`: a semaphore is made for sharing, and its address stays.
    private final class WakeCount: @unchecked Sendable {
        let semaphore: UnsafeMutablePointer<sem_t> = .allocate(capacity: 1)
        init() { sem_init(semaphore, 0, 0) }
        func post() { sem_post(semaphore) }
        func wait() { while sem_wait(semaphore) != 0 {} }
    }

    package init() { signal = WakeCount() }

    /// Starts the thread, which runs until the process ends.
    package func start() {
        Thread(name: "log") { [self] in
            while true {
                signal.wait()
                writeAll()
            }
        }.detach()
    }

    /// Has `bytes`, which are whole lines, written to `sink` soon.
    package func submit(_ bytes: [UInt8], to sink: LogSink) {
        let mustWake = queue.withLock { queue in
            if queue.bytes + bytes.count > LogWriter.bound {
                queue.dropped += 1
                return false
            }
            queue.bytes += bytes.count
            queue.pieces.append((sink, bytes))
            return queue.pieces.count == 1
        }
        if mustWake { signal.post() }
    }

    /// Writes what has been handed over, on the calling thread; for the end of the process.
    package func flush() {
        while true {
            writeAll()
            let isDone = queue.withLock { $0.pieces.isEmpty && !$0.isWriting }
            if isDone { return }
            sched_yield()
        }
    }

    private func writeAll() {
        while true {
            let taken: ([(LogSink, [UInt8])], Int)? = queue.withLock { queue in
                // One writer at a time keeps the order.
                if queue.isWriting || queue.pieces.isEmpty { return nil }
                queue.isWriting = true
                defer { (queue.pieces, queue.bytes, queue.dropped) = ([], 0, 0) }
                return (queue.pieces, queue.dropped)
            }
            guard let (pieces, dropped) = taken else { return }
            for (sink, bytes) in pieces {
                do throws(Errno) { try sink.write(bytes) } catch { complain(sink, error) }
            }
            if dropped > 0, let sink = pieces.last?.0 {
                try? sink.write(
                    Array(
                        "gatehouse: \(dropped) pieces of log were dropped here: this log is read or written too slowly\n"
                            .utf8))
            }
            queue.withLock { $0.isWriting = false }
        }
    }

    /// A log that cannot be written is told on standard error, the last place left.
    private func complain(_ sink: LogSink, _ error: Errno) {
        guard case .file(let path) = sink.target else { return }
        let text = Array("gatehouse: cannot write the log \(path): \(error)\n".utf8)
        _ = text.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
