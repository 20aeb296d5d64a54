import Base

/// Members of a comma-separated list (RFC 9110, section 5.6.1), without the empty ones.
package struct ListReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var index = 0

    private let hasEscapes: Bool

    /// `hasEscapes`: whether a backslash within quotes takes the next byte's meaning away.
    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>, hasEscapes: Bool = true) {
        self.bytes = bytes
        self.hasEscapes = hasEscapes
    }

    /// The next member without the blanks round it. Commas within quotes do not count.
    @_lifetime(copy self)
    package mutating func next() -> Span<UInt8>? {
        while index < bytes.count {
            let start = index
            var isQuoted = false
            while index < bytes.count, isQuoted || bytes[index] != ASCII.comma {
                if bytes[index] == ASCII.quote { isQuoted.toggle() }
                if hasEscapes, isQuoted, bytes[index] == ASCII.backslash { index += 1 }
                index += 1
            }
            let stop = min(index, bytes.count)
            index = stop + 1
            let member = bytes.extracting(start..<stop).trimmingBlanks()
            if !member.isEmpty { return member }
        }
        return nil
    }
}
