/// Base64 (RFC 4648, section 4).
package enum Base64 {
    /// The bytes that `text` stands for; nil where it is no Base64. `=` at the end may be left out.
    package static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == ASCII.equals { end -= 1 }
        if end != text.count, text.count % 4 != 0 { return nil }
        // One character alone is less than a byte.
        if end % 4 == 1 { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(end / 4 * 3 + 2)
        var bits: UInt32 = 0
        var count = 0
        for index in 0..<end {
            guard let value = value(text[index]) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return result
    }

    private static func value(_ byte: UInt8) -> UInt8? {
        if ASCII.isUpper(byte) { return byte - 0x41 }
        if ASCII.isLetter(byte) { return byte - 0x61 + 26 }
        if ASCII.isDigit(byte) { return byte - 0x30 + 52 }
        return byte == ASCII.plus ? 62 : byte == ASCII.slash ? 63 : nil
    }
}
