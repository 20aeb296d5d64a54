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
        } else if let modified = validators.lastModified,
            let date = date(.ifUnmodifiedSince, head, bytes), modified > date
        {
            return .failed
        }
        if head.has(.ifNoneMatch) {
            if matches(.ifNoneMatch, head, bytes, validators, strongly: false) {
                return isRead ? .notModified : .failed
            }
        } else if isRead, let modified = validators.lastModified,
            let date = date(.ifModifiedSince, head, bytes), modified <= date
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

    /// The date of a condition; nil, which makes it none, where it is no date or there are several
    /// (sections 13.1.3 and 13.1.4).
    private static func date(_ name: FieldName, _ head: RequestHead, _ bytes: Span<UInt8>) -> Int? {
        var found: ByteRange?
        for field in head.fields where field.id == name {
            if found != nil { return nil }
            found = field.value
        }
        return found.flatMap { HTTPDate.parse(bytes.extracting($0.range)) }
    }

    /// Whether a list of entity tags, over all fields of that name, has the representation's.
    private static func matches(
        _ name: FieldName, _ head: RequestHead, _ bytes: Span<UInt8>, _ validators: Validators, strongly: Bool
    ) -> Bool {
        for field in head.fields where field.id == name {
            // Entity tags have no escapes: a backslash is one of their characters (section 8.8.3).
            var list = ListReader(bytes.extracting(field.value.range), hasEscapes: false)
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
