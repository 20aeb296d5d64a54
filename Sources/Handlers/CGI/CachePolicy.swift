import Base
import Wire

/// Whether a script's answer may be kept, and for how long (RFC 9111, section 3).
enum CachePolicy {
    /// How long an answer may stand in beyond its time, in its times.
    private static let staleTimes: Int64 = 10

    /// Nil where the answer is not to be kept. `time` is what `cgi_cache` allows; `now` in seconds since 1970.
    static func lifetime(
        _ status: Status, _ head: ScriptHead, time: TimeSpan, now: Int = WallClock.now.seconds
    ) -> TimeSpan? {
        guard [200, 203, 301, 404, 410].contains(status.code) else { return nil }
        var age: TimeSpan?
        var shared: TimeSpan?
        var expiry: TimeSpan?
        for line in FieldLines(head.lines) {
            if line.isNamed("set-cookie") { return nil }
            if line.isNamed("vary"), line.value.contains(ASCII.asterisk) { return nil }
            if line.isNamed("cache-control") {
                for directive in line.members {
                    let name = directive.prefix { $0 != ASCII.equals }
                    switch String(decoding: name, as: UTF8.self) {
                    case "no-store", "no-cache", "private": return nil
                    case "max-age": age = min(age ?? time, seconds(directive, name.count))
                    case "s-maxage": shared = seconds(directive, name.count)
                    default: break
                    }
                }
            }
            if line.isNamed("expires") { expiry = min(expiry ?? time, until(line.value.span, now)) }
        }
        // s-maxage is said to caches like this one, and wins; a date counts where nothing else is said.
        let lifetime = min(time, shared ?? age ?? expiry ?? time)
        return lifetime > .zero ? lifetime : nil
    }

    /// From `now` to the date of an Expires field. What is no date, `0` above all, means the past
    /// (RFC 9111, section 5.3).
    private static func until(_ date: Span<UInt8>, _ now: Int) -> TimeSpan {
        .seconds(min(max((HTTPDate.parse(date) ?? now) - now, 0), 1 << 30))
    }

    private static func seconds(_ directive: [UInt8], _ nameLength: Int) -> TimeSpan {
        let digits = directive.dropFirst(nameLength + 1).filter { $0 != ASCII.quote }
        return .seconds(min(ASCII.decimal(digits.span) ?? 0, 1 << 30))
    }

    /// The fields that Vary names, in lower case.
    static func varying(_ head: ScriptHead) -> [[UInt8]] {
        FieldLines(head.lines).filter { $0.isNamed("vary") }.flatMap(\.members)
    }

    /// Until when an answer that is kept for `lifetime` may stand in for a newer one: not beyond it where
    /// the script forbids that (section 4.2.4).
    static func usable(from made: Instant, _ lifetime: TimeSpan, _ head: ScriptHead) -> Instant {
        let mustBeFresh = FieldLines(head.lines).contains { line in
            line.isNamed("cache-control")
                && line.members.contains {
                    $0.elementsEqual("must-revalidate".utf8) || $0.elementsEqual("proxy-revalidate".utf8)
                }
        }
        if mustBeFresh { return made + lifetime }
        let (length, overflow) = lifetime.nanoseconds.multipliedReportingOverflow(by: staleTimes)
        return overflow ? .never : made + TimeSpan(nanoseconds: length)
    }
}
