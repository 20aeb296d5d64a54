import Glibc

/// A length of time.
///
/// Public, like `Instant`, so that other targets inline what they do with it.
public struct TimeSpan: Hashable, Comparable, Sendable {
    public let nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    @inlinable public static func milliseconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000_000)
    }
    @inlinable public static func seconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000_000_000)
    }
    @inlinable public static var zero: TimeSpan { TimeSpan(nanoseconds: 0) }

    package var milliseconds: Int { Int(nanoseconds / 1_000_000) }
    package var microseconds: Int { Int(nanoseconds / 1000) }
    package var seconds: Double { Double(nanoseconds) / 1e9 }

    @inlinable public static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.nanoseconds < b.nanoseconds }
    // Those that follow from it would be called through a table.
    @inlinable public static func > (a: TimeSpan, b: TimeSpan) -> Bool { a.nanoseconds > b.nanoseconds }
}

extension TimeSpan: CustomStringConvertible {
    /// As settings write it: `30s`, `500ms`.
    public var description: String {
        nanoseconds % 1_000_000_000 == 0 ? "\(nanoseconds / 1_000_000_000)s" : "\(milliseconds)ms"
    }
}

/// A point on the clock that never goes back (`CLOCK_MONOTONIC`).
public struct Instant: Hashable, Comparable, Sendable {
    public let nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Later than anything that is waited for.
    @inlinable public static var never: Instant { Instant(nanoseconds: .max) }

    @inlinable public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    // Those that follow from it would be called through a table.
    @inlinable public static func > (a: Instant, b: Instant) -> Bool { a.nanoseconds > b.nanoseconds }
    @inlinable public static func <= (a: Instant, b: Instant) -> Bool { a.nanoseconds <= b.nanoseconds }
    @inlinable public static func >= (a: Instant, b: Instant) -> Bool { a.nanoseconds >= b.nanoseconds }
    @inlinable public static func + (instant: Instant, span: TimeSpan) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }
    @inlinable public static func - (later: Instant, earlier: Instant) -> TimeSpan {
        let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return TimeSpan(nanoseconds: overflow ? (later < earlier ? .min : .max) : difference)
    }
}
