import Base
import Testing

@testable import Handlers

/// Text in quotes in the access log: looked at eight bytes at once, and escaped as byte by byte.
@Suite struct LogTextTests {
    /// What Apache does to a byte.
    private static func escaped(_ byte: UInt8) -> String {
        switch byte {
        case ASCII.quote: #"\""#
        case ASCII.backslash: #"\\"#
        case 0x20..<0x7F: String(UnicodeScalar(byte))
        default: #"\x"# + [byte >> 4, byte & 15].map { String(UnicodeScalar(ASCII.hexDigit($0))) }.joined()
        }
    }

    /// Behind something else, which stays.
    private static func expectEscaped(_ text: [UInt8]) {
        var line = ByteBuffer()
        line.append(UInt8(ascii: ">"))
        LogText.appendQuoted(text.span, to: &line)
        #expect(line.bytes.string == ">" + text.map(escaped).joined(), "\(text)")
    }

    @Test(arguments: [UInt8(0x61), 0x22, 0x20, 0x7E, 0x00, 0x7F, 0xFF])
    func `each byte in each place among others`(_ other: UInt8) {
        for byte in UInt8.min...UInt8.max {
            for length in [1, 7, 8, 9, 16, 17] {
                for place in 0..<length {
                    var text = [UInt8](repeating: other, count: length)
                    text[place] = byte
                    Self.expectEscaped(text)
                }
            }
        }
    }

    @Test func `a text of any length, and one that ends with an escape`() {
        for length in 0...26 {
            let text = [UInt8](repeating: 0x61, count: length)
            Self.expectEscaped(text)
            for place in 0..<length {
                for byte: UInt8 in [0x00, 0x09, 0x0A, 0x1F, 0x20, 0x22, 0x5C, 0x7E, 0x7F, 0x80, 0xFF] {
                    var other = text
                    other[place] = byte
                    Self.expectEscaped(other)
                    other[length - 1] = ASCII.quote
                    Self.expectEscaped(other)
                }
            }
        }
    }

    @Test func `every byte, one after another`() { Self.expectEscaped((0...255).map { UInt8($0) }) }
}
