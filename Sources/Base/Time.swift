import Glibc

/// A length of time.
package struct TimeSpan: Hashable, Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static func milliseconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000_000)
    }
    package static func seconds(_ count: Int) -> TimeSpan {
        TimeSpan(nanoseconds: Int64(count) * 1_000_000_000)
    }
    package static let zero = TimeSpan(nanoseconds: 0)

    package var milliseconds: Int { Int(nanoseconds / 1_000_000) }
    package var microseconds: Int { Int(nanoseconds / 1000) }
    package var seconds: Double { Double(nanoseconds) / 1e9 }

    package static func < (a: TimeSpan, b: TimeSpan) -> Bool { a.nanoseconds < b.nanoseconds }
}

extension TimeSpan: CustomStringConvertible {
    /// As settings write it: `30s`, `500ms`.
    package var description: String {
        nanoseconds % 1_000_000_000 == 0 ? "\(nanoseconds / 1_000_000_000)s" : "\(milliseconds)ms"
    }
}

/// A point on the clock that never goes back (`CLOCK_MONOTONIC`).
package struct Instant: Hashable, Comparable, Sendable {
    package let nanoseconds: Int64

    package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    package static var now: Instant {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Later than anything that is waited for.
    package static let never = Instant(nanoseconds: .max)

    package static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }
    package static func + (instant: Instant, span: TimeSpan) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return overflow ? .never : Instant(nanoseconds: sum)
    }
    package static func - (later: Instant, earlier: Instant) -> TimeSpan {
        let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return TimeSpan(nanoseconds: overflow ? (later < earlier ? .min : .max) : difference)
    }
}
