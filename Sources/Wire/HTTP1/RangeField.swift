import Base

/// The Range field (RFC 9110, section 14).
package enum RangeField {
    package enum Outcome: Equatable, Sendable {
        /// No range, or one that is to be passed over: the whole is sent.
        case whole
        case one(Range<Int>)
        /// Several that neither overlap nor touch, in the order they were asked for.
        case several([Range<Int>])
        /// None of the ranges lies within the representation: 416.
        case unsatisfiable
    }

    /// What `value` asks for of a representation of `length` bytes.
    package static func parse(_ value: Span<UInt8>, length: Int) -> Outcome {
        guard value.count > 6, ASCII.equalsIgnoringCase(value.extracting(0..<6), "bytes=") else {
            return .whole
        }
        var list = ListReader(value.extracting(6...))
        var found: [Range<Int>] = []
        var count = 0
        while let text = list.next() {
            count += 1
            if count > mostRanges { return .whole }
            guard let dash = text.firstIndex(of: ASCII.dash) else { return .whole }
            let first = text.extracting(0..<dash).trimmingBlanks()
            let last = text.extracting((dash + 1)...).trimmingBlanks()
            if first.isEmpty {
                guard let suffix = number(last) else { return .whole }
                // The last bytes of nothing can be had, but no Content-Range could say so.
                if suffix > 0, length == 0 { return .whole }
                if suffix > 0 { found.append(max(0, length - suffix)..<length) }
            } else {
                guard let from = number(first) else { return .whole }
                var to = length
                if !last.isEmpty {
                    guard let end = number(last), end >= from else { return .whole }
                    to = end < length ? end + 1 : length
                }
                if from < length { found.append(from..<to) }
            }
        }
        if count == 0 { return .whole }
        guard let first = found.first else { return .unsatisfiable }
        let ranges = merged(found)
        return ranges.count == 1 ? .one(ranges.first ?? first) : .several(ranges)
    }

    /// Ranges a request may ask for; a longer list is passed over (section 14.2).
    private static let mostRanges = 50

    /// Makes one of those that overlap or touch. Where none do, their order stays.
    private static func merged(_ ranges: [Range<Int>]) -> [Range<Int>] {
        var result: [Range<Int>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result.count == ranges.count ? ranges : result
    }

    /// A decimal number; one that is too large for an Int becomes the largest (section 14.1.1).
    private static func number(_ text: Span<UInt8>) -> Int? {
        if text.isEmpty { return nil }
        for index in text.indices where !ASCII.isDigit(text[index]) { return nil }
        return ASCII.decimal(text) ?? .max
    }
}
