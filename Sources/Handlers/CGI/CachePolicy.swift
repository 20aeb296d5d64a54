import Base
import Wire

/// Whether a script's answer may be kept, and for how long (RFC 9111, section 3).
enum CachePolicy {
    /// How long an answer may stand in beyond its time, in its times.
    private static let staleTimes: Int64 = 10

    /// Nil where the answer is not to be kept. `time` is what `cgi_cache` allows.
    static func lifetime(_ status: Status, _ head: ScriptHead, time: TimeSpan) -> TimeSpan? {
        guard [200, 203, 301, 404, 410].contains(status.code) else { return nil }
        var lifetime = time
        var shared: TimeSpan?
        for line in FieldLines(head.lines) {
            if line.isNamed("set-cookie") { return nil }
            if line.isNamed("vary"), line.value.contains(ASCII.asterisk) { return nil }
            if line.isNamed("cache-control") {
                for directive in line.members {
                    let name = directive.prefix { $0 != ASCII.equals }
                    switch String(decoding: name, as: UTF8.self) {
                    case "no-store", "no-cache", "private": return nil
                    case "max-age": lifetime = min(lifetime, seconds(directive, name.count))
                    case "s-maxage": shared = seconds(directive, name.count)
                    default: break
                    }
                }
            }
        }
        // s-maxage is said to caches like this one, and wins.
        if let shared { lifetime = min(time, shared) }
        return lifetime > .zero ? lifetime : nil
    }

    private static func seconds(_ directive: [UInt8], _ nameLength: Int) -> TimeSpan {
        let digits = directive.dropFirst(nameLength + 1).filter { $0 != ASCII.quote }
        return .seconds(min(ASCII.decimal(digits.span) ?? 0, 1 << 30))
    }

    /// The fields that Vary names, in lower case.
    static func varying(_ head: ScriptHead) -> [[UInt8]] {
        FieldLines(head.lines).filter { $0.isNamed("vary") }.flatMap(\.members)
    }

    static func usable(from made: Instant, _ lifetime: TimeSpan) -> Instant {
        made
            + TimeSpan(
                nanoseconds: lifetime.nanoseconds.multipliedReportingOverflow(by: staleTimes).partialValue)
    }
}
