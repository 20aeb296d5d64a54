import Base

/// A piece of the buffer that a head was parsed from. Indices fit in 32 bits because heads do.
public struct ByteRange: Hashable, Sendable {
    public let start: UInt32
    public let count: UInt32

    @inlinable public init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        count = UInt32(truncatingIfNeeded: end - start)
    }

    @inlinable public static var empty: ByteRange { ByteRange(0, 0) }
    @inlinable public var isEmpty: Bool { count == 0 }
    @inlinable public var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// A request line and its fields (RFC 9112, sections 3 and 5), as places in the buffer they stand in.
///
/// Public, as few things are: what is read for each request is to be inlined where it is read.
public struct RequestHead: Sendable {
    public struct Field: Sendable {
        public let id: FieldName
        public let name: ByteRange
        /// Without blanks at the ends.
        public let value: ByteRange
    }

    public enum TargetForm: Sendable { case origin, absolute, authority, asterisk }

    public internal(set) var method = Method.get
    public internal(set) var methodName = ByteRange.empty
    /// All of the request line but its end.
    public internal(set) var line = ByteRange.empty
    /// As it was sent.
    public internal(set) var target = ByteRange.empty
    public internal(set) var form = TargetForm.origin
    /// Path and query of the target; in authority form both are empty.
    public internal(set) var path = ByteRange.empty
    /// What follows the first `?`, nil without one.
    public internal(set) var query: ByteRange?
    /// 0 or 1: HTTP/1.0 or 1.1.
    public internal(set) var minorVersion = 1
    /// In the order they came.
    @inlinable public var fields: ArraySlice<Field> { places[..<fieldCount] }
    /// The fields, and behind them what is left of longer heads that were read into this one before.
    @usableFromInline private(set) var places: [Field] = []
    @usableFromInline private(set) var fieldCount = 0
    /// A bit for each known name that is there, and for each that is there more than once.
    @usableFromInline private(set) var present: UInt64 = 0
    @usableFromInline private(set) var repeated: UInt64 = 0
    /// Host and port that the request is for, from the target or the Host field, port included.
    public internal(set) var authority: ByteRange?
    public internal(set) var framing = BodyFraming.none
    public internal(set) var wantsKeepAlive = true
    public internal(set) var expectsContinue = false
    /// Index behind the empty line that ends the head.
    public internal(set) var end = 0

    package init(method: Method = .get) {
        self.method = method
        places.reserveCapacity(24)
    }

    /// Of a request that could not be read: what came of its first line, for the log.
    package init(method: Method, refused line: ByteRange) {
        self.init(method: method)
        methodName = ByteRange(line.range.lowerBound, line.range.lowerBound)
        self.line = line
    }

    /// The request line came, and could not be read.
    package var isRefused: Bool { methodName.isEmpty && !line.isEmpty }

    mutating func forgetFields() {
        fieldCount = 0
        present = 0
        repeated = 0
    }

    @inline(__always) mutating func add(_ field: Field) {
        if fieldCount < places.count {
            places[fieldCount] = field
        } else {
            places.append(field)
        }
        fieldCount += 1
        repeated |= present & field.id.bit
        present |= field.id.bit
    }

    /// The first field of that name.
    @inlinable public func first(_ id: FieldName) -> ByteRange? {
        if !has(id) { return nil }
        for field in fields where field.id == id { return field.value }
        return nil
    }

    @inlinable @inline(__always) public func has(_ id: FieldName) -> Bool { present & id.bit != 0 }

    /// Whether one of those names is there.
    @inlinable @inline(__always) public func hasAny(_ names: FieldNames) -> Bool { present & names.bits != 0 }

    /// Whether that name is there twice and more.
    @inlinable @inline(__always) public func isRepeated(_ id: FieldName) -> Bool { repeated & id.bit != 0 }
}

/// Some of the names that the server itself reads.
public struct FieldNames: Sendable, ExpressibleByArrayLiteral {
    @usableFromInline let bits: UInt64

    public init(arrayLiteral names: FieldName...) { bits = names.reduce(0) { $0 | $1.bit } }
}

extension FieldName {
    @inlinable var bit: UInt64 { 1 << UInt64(rawValue) }
}
