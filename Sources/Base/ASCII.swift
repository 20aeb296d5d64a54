import Glibc

/// Bytes of text protocols: classes, case, numbers. Locale-free and without allocation.
///
/// Public like `ByteBuffer`: the compiler inlines nothing of less access in other targets, and a call for
/// each byte is what a small request would be busy with.
public enum ASCII {
    @inlinable public static var tab: UInt8 { 0x09 }
    @inlinable public static var lf: UInt8 { 0x0A }
    @inlinable public static var cr: UInt8 { 0x0D }
    @inlinable public static var space: UInt8 { 0x20 }
    @inlinable public static var quote: UInt8 { 0x22 }
    @inlinable public static var numberSign: UInt8 { 0x23 }
    @inlinable public static var percent: UInt8 { 0x25 }
    @inlinable public static var asterisk: UInt8 { 0x2A }
    @inlinable public static var plus: UInt8 { 0x2B }
    @inlinable public static var comma: UInt8 { 0x2C }
    @inlinable public static var dash: UInt8 { 0x2D }
    @inlinable public static var dot: UInt8 { 0x2E }
    @inlinable public static var slash: UInt8 { 0x2F }
    @inlinable public static var zero: UInt8 { 0x30 }
    @inlinable public static var colon: UInt8 { 0x3A }
    @inlinable public static var semicolon: UInt8 { 0x3B }
    @inlinable public static var equals: UInt8 { 0x3D }
    @inlinable public static var question: UInt8 { 0x3F }
    @inlinable public static var backslash: UInt8 { 0x5C }
    @inlinable public static var underscore: UInt8 { 0x5F }
    @inlinable public static var delete: UInt8 { 0x7F }

    @inlinable public static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }
    @inlinable public static func isUpper(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }
    @inlinable public static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }
    @inlinable public static func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
    @inlinable public static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }
    @inlinable public static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == delete }
    @inlinable public static func lower(_ byte: UInt8) -> UInt8 { isUpper(byte) ? byte | 0x20 : byte }
    @inlinable public static func upper(_ byte: UInt8) -> UInt8 { byte &- 0x61 < 26 ? byte & 0xDF : byte }

    /// `tchar` of RFC 9110, section 5.6.2: letters, digits and ! # $ % & ' * + - . ^ _ ` | ~
    @inlinable @inline(__always) public static func isTokenCharacter(_ byte: UInt8) -> Bool {
        // A bit for each byte below 64, and for each from 64 to 127.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        let bits = byte < 64 ? low : byte < 128 ? high : 0
        return (bits >> UInt64(byte & 63)) & 1 != 0
    }

    /// The value of a hexadecimal digit, nil for any other byte.
    @inlinable public static func hexValue(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte &- 0x30 }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    @inlinable public static func hexDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 0x30 &+ value : 0x41 &+ (value &- 10)
    }

    /// A decimal number of digits only: no sign, no blanks, at least one digit. Nil also on overflow.
    package static func decimal(_ bytes: Span<UInt8>) -> Int? {
        if bytes.isEmpty { return nil }
        var value = 0
        if bytes.count <= 18 {
            // Too few digits for an overflow.
            for index in bytes.indices {
                guard isDigit(bytes[index]) else { return nil }
                value = value &* 10 &+ Int(bytes[index] &- 0x30)
            }
            return value
        }
        for index in bytes.indices {
            let byte = bytes[index]
            guard isDigit(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(Int(byte &- 0x30))
            if overflow || carried { return nil }
            value = sum
        }
        return value
    }

    /// Whether `bytes` are the letters of `text`, whatever their case. `text` is given in lower case.
    @inlinable public static func equalsIgnoringCase(_ bytes: Span<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        // A StaticString of more than one scalar always has a pointer.
        let pointer = text.utf8Start
        for index in bytes.indices where lower(bytes[index]) != pointer[index] { return false }
        return true
    }

    /// Whether `a` and `b` are the same letters, whatever their case.
    package static func equalsIgnoringCase(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        for index in a.indices where lower(a[index]) != lower(b[index]) { return false }
        return true
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes are those of `text`.
    @inlinable public func equals(_ text: StaticString) -> Bool {
        guard count == text.utf8CodeUnitCount else { return false }
        let pointer = text.utf8Start
        for index in indices where self[index] != pointer[index] { return false }
        return true
    }

    public func equals(_ other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        return withUnsafeBytes { mine in
            other.withUnsafeBytes { others in
                guard let first = mine.baseAddress, let second = others.baseAddress else { return true }
                return memcmp(first, second, mine.count) == 0
            }
        }
    }

    @inlinable public func starts(with text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        return count >= length && extracting(0..<length).equals(text)
    }

    /// Whether `text` begins with the bytes.
    @inlinable public func isBeginning(of text: StaticString) -> Bool {
        guard count <= text.utf8CodeUnitCount else { return false }
        let pointer = text.utf8Start
        for index in indices where self[index] != pointer[index] { return false }
        return true
    }

    package func firstIndex(of byte: UInt8) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let found = memchr(base, CInt(byte), bytes.count) else {
                return nil
            }
            return UnsafeRawPointer(found) - base
        }
    }

    /// The part without blanks at either end.
    @_lifetime(copy self) @inlinable
    public func trimmingBlanks() -> Span<UInt8> {
        var start = 0
        var end = count
        while start < end, ASCII.isBlank(self[start]) { start += 1 }
        while end > start, ASCII.isBlank(self[end - 1]) { end -= 1 }
        return extracting(start..<end)
    }

    /// The part without any of `byte` at its end.
    @_lifetime(copy self) @inlinable
    public func trimmingEnd(of byte: UInt8) -> Span<UInt8> {
        var end = count
        while end > 0, self[end - 1] == byte { end -= 1 }
        return extracting(0..<end)
    }

    /// The text the bytes spell; broken UTF-8 becomes U+FFFD.
    package var string: String {
        withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
    }

    package var array: [UInt8] {
        withUnsafeBufferPointer { Array($0) }
    }
}

extension [UInt8] {
    /// Whether the last bytes are those of `suffix`.
    @inlinable public func ends(with suffix: String) -> Bool {
        count >= suffix.utf8.count && self[(count - suffix.utf8.count)...].elementsEqual(suffix.utf8)
    }
}
