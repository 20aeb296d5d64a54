import Base

/// Numbers, times and sizes.
extension Values {
    /// A whole number in decimal digits. Nil where it is none, `Int.max` where it is too large for any use.
    private static func digits(_ text: some StringProtocol) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy(ASCII.isDigit) else { return nil }
        return Int(text) ?? .max
    }

    /// The digits at the start and the unit behind them.
    private static func quantity(_ text: String) -> (count: Int, unit: String)? {
        let number = Substring(text.utf8.prefix(while: ASCII.isDigit))
        guard let count = digits(number) else { return nil }
        return (count, text[number.endIndex...].lowercased())
    }

    static func number(_ text: String, _ range: ClosedRange<Int>) throws(ValueProblem) -> Int {
        guard let number = digits(text) else {
            throw ValueProblem(
                "\(text.quoted) is no number; takes \(range.lowerBound) to \(range.upperBound)")
        }
        if number < range.lowerBound {
            throw ValueProblem("\(text) is too small; minimum \(range.lowerBound)")
        }
        if number > range.upperBound {
            throw ValueProblem("\(text) is too large; maximum \(range.upperBound)")
        }
        return number
    }

    static func number(_ range: ClosedRange<Int>) -> ValueType<Int> {
        ValueType("number") { (value) throws(ValueProblem) in try number(value.text(), range) }
    }

    /// 0 for `auto`.
    static let threads = ValueType<Int>("number, auto") { (value) throws(ValueProblem) in
        let text = try value.text()
        if text.lowercased() == "auto" { return 0 }
        guard digits(text) != nil else {
            throw ValueProblem("\(text.quoted) is no number; takes 1 to 1024, or `auto`")
        }
        return try number(text, 1...1024)
    }

    // MARK: Times

    private static let takesTime = "takes a time such as 30s, 500ms or 2m"
    /// Far below what a `TimeSpan` holds, so that sums of a few of them hold as well.
    private static let maxTime = TimeSpan.seconds(365 * 86400)
    private static let timeUnits: [(name: String, nanoseconds: Int64)] = [
        ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]

    private static func timeSpan(_ text: String) throws(ValueProblem) -> TimeSpan {
        guard let (count, unit) = quantity(text) else {
            throw ValueProblem("\(text.quoted) is no time; \(takesTime)")
        }
        if unit.isEmpty {
            if count == 0 { return .zero }
            throw ValueProblem("\(text.quoted) has no unit; \(takesTime)")
        }
        guard let length = timeUnits.first(where: { $0.name == unit })?.nanoseconds else {
            throw ValueProblem("\(unit.quoted) in \(text.quoted) is no unit of time; \(takesTime)")
        }
        let (nanoseconds, overflow) = Int64(count).multipliedReportingOverflow(by: length)
        guard !overflow, nanoseconds <= maxTime.nanoseconds else {
            throw ValueProblem("\(text.quoted) is too long; maximum 365d")
        }
        return TimeSpan(nanoseconds: nanoseconds)
    }

    /// A time that may be 0, which then is over at once.
    static func time() -> ValueType<TimeSpan> {
        ValueType("time") { (value) throws(ValueProblem) in try timeSpan(value.text()) }
    }

    /// A time within which something has to happen, so not 0.
    static let timeout = ValueType<TimeSpan>("time") { (value) throws(ValueProblem) in
        try positiveTime(value.text())
    }

    static func positiveTime(_ text: String) throws(ValueProblem) -> TimeSpan {
        let span = try timeSpan(text)
        if span == .zero { throw ValueProblem("\(text.quoted) leaves no time at all; \(takesTime)") }
        return span
    }

    /// A time, nil for 0.
    static let optionalTime = ValueType<TimeSpan?>("time") { (value) throws(ValueProblem) in
        let span = try timeSpan(value.text())
        return span == .zero ? nil : span
    }

    // MARK: Sizes

    private static let takesSize = "takes a size such as 32K, 100M or 1G"

    /// Bytes.
    static func byteCount(_ text: String, _ range: ClosedRange<Int>) throws(ValueProblem) -> Int {
        guard let (count, unit) = quantity(text) else {
            throw ValueProblem("\(text.quoted) is no size; \(takesSize)")
        }
        guard let shift = ByteCount.units.first(where: { $0.name == unit })?.shift else {
            throw ValueProblem("\(unit.quoted) in \(text.quoted) is no unit of size; \(takesSize)")
        }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
        if overflow || bytes > range.upperBound {
            throw ValueProblem("\(text.quoted) is too large; maximum \(ByteCount.spelled(range.upperBound))")
        }
        if bytes < range.lowerBound {
            throw ValueProblem("\(text.quoted) is too small; minimum \(ByteCount.spelled(range.lowerBound))")
        }
        return bytes
    }

    static func size(_ range: ClosedRange<Int>) -> ValueType<Int> {
        ValueType("size") { (value) throws(ValueProblem) in try byteCount(value.text(), range) }
    }

    /// A size up to 1024 TiB; 0 means no limit, `Int.max`.
    static let maxBody = ValueType<Int>("size") { (value) throws(ValueProblem) in
        let bytes = try byteCount(value.text(), 0...(1 << 50))
        return bytes == 0 ? .max : bytes
    }

    /// A size, nil for 0.
    static func optionalSize(_ least: Int) -> ValueType<Int?> {
        ValueType("size") { (value) throws(ValueProblem) in
            let text = try value.text()
            return try byteCount(text, 0...(1 << 50)) == 0 ? nil : byteCount(text, least...(1 << 50))
        }
    }

    /// `10/s`, `100/m burst=20`; nil for `none`. Without a burst, all of a time's requests may come at once.
    static let requestLimit = ValueType<RequestLimit?>("number/time") { (value) throws(ValueProblem) in
        let takes = "takes a number of requests in a time, as in `10/s` or `100/m burst=20`, or `none`"
        let words = try value.words()
        if words.count == 1, words[0].lowercased() == "none" { return nil }
        let parts = words[0].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let unit = timeUnits.first(where: { $0.name == parts[1].lowercased() }),
            unit.name != "ms"
        else { throw ValueProblem("\(words[0].quoted) is no such limit; \(takes)") }
        let count = try number(String(parts[0]), 1...1_000_000)
        var burst: Int?
        for word in words.dropFirst() {
            guard burst == nil, word.lowercased().hasPrefix("burst=") else {
                throw ValueProblem("\(word.quoted) behind the limit; \(takes)")
            }
            burst = try number(String(word.dropFirst(6)), 1...1_000_000)
        }
        return RequestLimit(
            count: count, time: TimeSpan(nanoseconds: unit.nanoseconds), burst: burst ?? count)
    }

    /// A number, nil for 0.
    static func optionalNumber(_ range: ClosedRange<Int>) -> ValueType<Int?> {
        ValueType("number") { (value) throws(ValueProblem) in
            let text = try value.text()
            return digits(text) == 0 ? nil : try number(text, range)
        }
    }
}
