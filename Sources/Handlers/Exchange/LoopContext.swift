package import Base
import Glibc
package import Logs
package import Net

/// What all requests of one event loop share.
///
/// Belongs to the loop's thread.
package final class LoopContext {
    package let loop: EventLoop
    /// Threads for calls that may block, shared by all loops.
    package let pool: WorkerPool
    package let errorLog: ErrorLog
    /// `gatehouse/VERSION`, for scripts.
    package let software: String
    /// How long a client may take no byte of an answer.
    package let writeTimeout: TimeSpan
    /// What scripts read where a request has no content.
    package let nullDevice: FileDescriptor

    /// Sees what scripts are given and what they print; nil but for `gatehouse doctor`.
    package var witness: ScriptWitness?

    private let idPrefix: UInt64
    private var idCount: UInt64 = 0
    private var date = ByteBuffer(capacity: HTTPDate.length)
    private var dateSecond = Int.min
    private var wallClock: (seconds: Int, read: Instant) = (0, Instant(nanoseconds: .min))

    /// Throws where `/dev/null` cannot be opened.
    package init(
        loop: EventLoop, pool: WorkerPool, errorLog: ErrorLog, software: String, writeTimeout: TimeSpan
    ) throws(Errno) {
        self.writeTimeout = writeTimeout
        self.loop = loop
        self.pool = pool
        self.errorLog = errorLog
        self.software = software
        nullDevice = try .open("/dev/null", O_RDWR)
        // Not a secret: only different in each process and loop.
        var generator = SystemRandomNumberGenerator()
        idPrefix = generator.next() << 32
    }

    /// Seconds since 1970, read again when the loop's clock has moved on by 100 ms.
    package var wallSeconds: Int {
        if loop.now - wallClock.read > .milliseconds(100) {
            wallClock = (WallClock.now.seconds, loop.now)
        }
        return wallClock.seconds
    }

    /// Appends the date of now as HTTP writes it.
    package func appendDate(to buffer: inout ByteBuffer) {
        let second = wallSeconds
        if second != dateSecond {
            date.removeAll()
            HTTPDate.append(second, to: &date)
            dateSecond = second
        }
        date.withUnsafeBytes { buffer.append($0) }
    }

    /// A number that no other request of this machine is likely to have.
    package func nextRequestID() -> RequestID {
        idCount &+= 1
        return RequestID(value: idPrefix &+ idCount)
    }
}

/// The name of a request in the logs: 16 hexadecimal digits.
package struct RequestID: Hashable, Sendable, CustomStringConvertible {
    package let value: UInt64

    package var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
