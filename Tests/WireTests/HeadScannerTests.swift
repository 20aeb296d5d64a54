import Base
import TestSupport
import Testing

@testable import Wire

/// What looks at eight bytes at once finds what a look at each byte would.
@Suite struct HeadScannerTests {
    /// The same, byte by byte.
    private static func plain(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, while goesOn: (UInt8) -> Bool
    ) -> Int {
        var index = start
        while index < end, goesOn(bytes[index]) { index += 1 }
        return index
    }

    /// RFC 9110, section 5.5: a value's bytes, and a tab.
    private static func isOfValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }
    private static func isOfTargetPart(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "?") && byte != UInt8(ascii: "#")
    }

    private static func expectSame(_ bytes: [UInt8], _ start: Int, _ end: Int) {
        let span = bytes.span
        let value = HeadReader.endOfValue(span, from: start, to: end)
        #expect(value == plain(span, start, end, while: isOfValue), "\(bytes) \(start)..<\(end)")
        let part = HeadReader.endOfTargetPart(span, from: start, to: end)
        #expect(part == plain(span, start, end, while: isOfTargetPart), "\(bytes) \(start)..<\(end)")
        let token = HeadReader.endOfToken(span, from: start, to: end)
        #expect(
            token == plain(span, start, end, while: ASCII.isTokenCharacter), "\(bytes) \(start)..<\(end)")
    }

    /// Each byte at each place of a run of each length, with bytes behind the end that must not count.
    @Test(arguments: [UInt8(ascii: "a"), 0x21, 0x7E, 0x80, 0xFF]) func `each byte in each place`(
        _ other: UInt8
    ) {
        for byte in UInt8.min...UInt8.max {
            for length in [1, 7, 8, 9, 15, 16, 17, 24] {
                for place in 0..<length {
                    var bytes = [UInt8](repeating: other, count: length)
                    bytes[place] = byte
                    Self.expectSame(bytes, 0, length)
                    Self.expectSame(bytes, min(3, length), length)
                    Self.expectSame(bytes, 0, place)
                }
            }
        }
    }

    /// Bytes near those that mean something, in runs of which the first hit may stand anywhere.
    @Test(arguments: 0..<16) func `random bytes at each start and end`(_ seed: UInt64) {
        var random = SteadyRandom(seed: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
        let notable: [UInt8] = [
            0x00, 0x08, 0x09, 0x0A, 0x0D, 0x1F, 0x20, 0x21, 0x22, 0x23, 0x24, 0x3E, 0x3F, 0x40, 0x7E, 0x7F,
            0x80,
            0x89, 0xA0, 0xA3, 0xBF, 0xFF,
        ]
        for _ in 0..<400 {
            let count = Int(random.next() % 40)
            let share = random.next() % 12 + 1
            let bytes = (0..<count).map { _ -> UInt8 in
                let number = random.next()
                if number % share > 0 { return UInt8(truncatingIfNeeded: 0x61 + number >> 8 % 26) }
                return number & 0x100 == 0
                    ? notable[Int(number >> 16) % notable.count] : UInt8(truncatingIfNeeded: number >> 24)
            }
            for start in 0...count {
                for end in start...count where (start + end) % 3 == Int(seed % 3) || end == count {
                    Self.expectSame(bytes, start, end)
                }
            }
        }
    }
}
