import Base

/// A piece of the buffer that a head was parsed from. Indices fit in 32 bits because heads do.
package struct ByteRange: Hashable, Sendable {
    package let start: UInt32
    package let count: UInt32

    package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        count = UInt32(truncatingIfNeeded: end - start)
    }

    package static let empty = ByteRange(0, 0)
    package var isEmpty: Bool { count == 0 }
    package var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// A request line and its fields (RFC 9112, sections 3 and 5), as places in the buffer they stand in.
package struct RequestHead: Sendable {
    package struct Field: Sendable {
        package let id: FieldName
        package let name: ByteRange
        /// Without blanks at the ends.
        package let value: ByteRange
    }

    package enum TargetForm: Sendable { case origin, absolute, authority, asterisk }

    package internal(set) var method = Method.get
    package internal(set) var methodName = ByteRange.empty
    /// As it was sent.
    package internal(set) var target = ByteRange.empty
    package internal(set) var form = TargetForm.origin
    /// Path and query of the target; in authority form both are empty.
    package internal(set) var path = ByteRange.empty
    /// What follows the first `?`, nil without one.
    package internal(set) var query: ByteRange?
    /// 0 or 1: HTTP/1.0 or 1.1.
    package internal(set) var minorVersion = 1
    /// In the order they came.
    package internal(set) var fields: [Field] = []
    /// Host and port that the request is for, from the target or the Host field, port included.
    package internal(set) var authority: ByteRange?
    package internal(set) var framing = BodyFraming.none
    package internal(set) var wantsKeepAlive = true
    package internal(set) var expectsContinue = false
    /// Index behind the empty line that ends the head.
    package internal(set) var end = 0

    package init(method: Method = .get) {
        self.method = method
        fields.reserveCapacity(24)
    }

    /// The first field of that name.
    package func first(_ id: FieldName) -> ByteRange? {
        for field in fields where field.id == id { return field.value }
        return nil
    }

    package func has(_ id: FieldName) -> Bool { first(id) != nil }
}
