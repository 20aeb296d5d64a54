import Base
import Testing

@testable import Handlers

/// Text in quotes in the access log: looked at eight bytes at once, and escaped as byte by byte.
@Suite struct QuotedTextTests {
    private func quoted(_ text: [UInt8]) -> String {
        var line = ByteBuffer()
        LogText.appendQuoted(text.span, to: &line)
        return line.bytes.string
    }

    private func plain(_ text: [UInt8]) -> String {
        text.map { byte in
            switch byte {
            case 0x22: "\\\""
            case 0x5C: "\\\\"
            case 0x20..<0x7F: String(UnicodeScalar(byte))
            default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }

    @Test(arguments: [UInt8(0x61), 0x22, 0x20, 0x7E, 0x00, 0x7F, 0xFF]) func `each byte in each place`(
        _ other: UInt8
    ) {
        for byte in UInt8.min...UInt8.max {
            for length in [1, 7, 8, 9, 16, 17] {
                for place in 0..<length {
                    var text = [UInt8](repeating: other, count: length)
                    text[place] = byte
                    #expect(quoted(text).lowercased() == plain(text).lowercased(), "\(text)")
                }
            }
        }
    }
}
