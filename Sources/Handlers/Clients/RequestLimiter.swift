import Base
package import Config
import Synchronization

/// Counts the requests of each client against `limit_requests`. Shared by all loops.
///
/// A client has a bucket of `burst` places that fills again at the limit's pace. What is kept of it is
/// one point in time: when it will be full.
package final class RequestLimiter: Sendable {
    enum Verdict: Equatable {
        case granted
        /// `after` is when the next one will be granted. `isNews`: no line in the log yet in this second.
        case refused(after: TimeSpan, isNews: Bool)
    }

    /// Between two requests at the limit's pace.
    private let interval: TimeSpan
    /// How far ahead a bucket may be overdrawn.
    private let slack: TimeSpan
    /// A client is always in the same one.
    private let shards: [Shard]

    private struct Bucket {
        var full: Instant
        var logged: Instant
    }

    /// Clients in two generations. The older one is dropped whole when the younger is full, so the table
    /// is bounded, and those that come again stay.
    private struct Table {
        var young: [IPAddress: Bucket] = [:]
        var old: [IPAddress: Bucket] = [:]
    }

    private final class Shard: Sendable {
        let table = Mutex(Table())
    }

    private static let shardCount = 16
    /// Of one shard; a bucket takes about 100 bytes.
    private static let generationSize = 4096

    package init(_ limit: RequestLimit) {
        interval = TimeSpan(nanoseconds: limit.time.nanoseconds / Int64(max(limit.count, 1)))
        let (slack, overflow) = interval.nanoseconds.multipliedReportingOverflow(
            by: Int64(max(limit.burst, 1) - 1))
        self.slack = TimeSpan(nanoseconds: overflow ? .max : slack)
        shards = (0..<RequestLimiter.shardCount).map { _ in Shard() }
    }

    /// Counts a request of `client` that comes at `now`. One that is refused does not count.
    func count(_ client: IPAddress, now: Instant) -> Verdict {
        let client = client.clientNetwork
        let shard = shards[Int(UInt(bitPattern: client.hashValue) % UInt(shards.count))]
        return shard.table.withLock { table in
            var bucket =
                table.young[client] ?? table.old[client]
                ?? Bucket(full: now, logged: Instant(nanoseconds: .min))
            defer {
                if table.young.count >= RequestLimiter.generationSize, table.young[client] == nil {
                    table.old = table.young
                    table.young = [:]
                }
                table.young[client] = bucket
            }
            let full = max(bucket.full, now)
            let ahead = full - now
            if ahead <= slack {
                bucket.full = full + interval
                return .granted
            }
            let isNews = now - bucket.logged >= .seconds(1)
            if isNews { bucket.logged = now }
            return .refused(
                after: TimeSpan(nanoseconds: ahead.nanoseconds - slack.nanoseconds), isNews: isNews)
        }
    }
}
