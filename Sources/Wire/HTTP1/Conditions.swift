import Base

/// What a representation is known by: its entity tag and its date (RFC 9110, section 8.8).
package struct Validators: Sendable {
    /// With quotes and, if weak, `W/`; empty without one.
    package var entityTag: [UInt8]
    /// Seconds since 1970; nil without one.
    package var lastModified: Int?

    package init(entityTag: [UInt8], lastModified: Int?) {
        (self.entityTag, self.lastModified) = (entityTag, lastModified)
    }
}

/// Conditional requests (RFC 9110, section 13).
package enum Conditions {
    package enum Outcome: Sendable { case proceed, notModified, failed }

    /// Evaluates the conditions of `head` in the order of section 13.2.2.
    package static func evaluate(_ head: RequestHead, _ bytes: Span<UInt8>, _ validators: Validators)
        -> Outcome
    {
        let isRead = head.method == .get || head.method == .head
        if head.has(.ifMatch) {
            if !matches(.ifMatch, head, bytes, validators, strongly: true) { return .failed }
        } else if let value = head.first(.ifUnmodifiedSince), let modified = validators.lastModified,
            let date = HTTPDate.parse(bytes.extracting(value.range)), modified > date
        {
            return .failed
        }
        if head.has(.ifNoneMatch) {
            if matches(.ifNoneMatch, head, bytes, validators, strongly: false) {
                return isRead ? .notModified : .failed
            }
        } else if isRead, let value = head.first(.ifModifiedSince), let modified = validators.lastModified,
            let date = HTTPDate.parse(bytes.extracting(value.range)), modified <= date
        {
            return .notModified
        }
        return .proceed
    }

    /// Whether If-Range lets the Range field count: no such field, or it names just this representation.
    package static func rangeApplies(
        _ head: RequestHead, _ bytes: Span<UInt8>, _ validators: Validators
    ) -> Bool {
        guard let value = head.first(.ifRange) else { return true }
        let wanted = bytes.extracting(value.range)
        if wanted.isEmpty { return false }
        if wanted[0] == ASCII.quote || wanted.starts(with: "W/") {
            return tagsEqual(wanted, validators.entityTag.span, strongly: true)
        }
        // A date must be exactly the one that was given out (section 13.1.5).
        guard let date = HTTPDate.parse(wanted), let modified = validators.lastModified else { return false }
        return date == modified
    }

    /// Whether a list of entity tags, over all fields of that name, has the representation's.
    private static func matches(
        _ name: FieldName, _ head: RequestHead, _ bytes: Span<UInt8>, _ validators: Validators, strongly: Bool
    ) -> Bool {
        for field in head.fields where field.id == name {
            var list = ListReader(bytes.extracting(field.value.range))
            while let tag = list.next() {
                if tag.equals("*") { return true }
                if tagsEqual(tag, validators.entityTag.span, strongly: strongly) { return true }
            }
        }
        return false
    }

    private static func tagsEqual(_ a: Span<UInt8>, _ b: Span<UInt8>, strongly: Bool) -> Bool {
        let aIsWeak = a.starts(with: "W/")
        let bIsWeak = b.starts(with: "W/")
        if strongly, aIsWeak || bIsWeak { return false }
        let bareA = aIsWeak ? a.extracting(2...) : a
        let bareB = bIsWeak ? b.extracting(2...) : b
        return bareA.count >= 2 && bareA.equals(bareB)
    }
}

/// The Range field (RFC 9110, section 14).
package enum ByteRanges {
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
