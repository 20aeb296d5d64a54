import Testing

@testable import Base

/// What is asked of eight bytes at once must be what a loop over them would say.
@Suite struct EightBytesTests {
    private func sample(_ byte: UInt8, at place: Int, among other: UInt8) -> [UInt8] {
        var bytes = [UInt8](repeating: other, count: 8)
        bytes[place] = byte
        return bytes
    }

    @Test(arguments: [UInt8(0x20), 0x7E, 0x22, 0x61, 0x00, 0x80, 0xFF, 0x7F])
    func anyByteInAnyPlace(other: UInt8) {
        for byte in UInt8.min...UInt8.max {
            for place in 0..<8 {
                let bytes = sample(byte, at: place, among: other)
                guard let eight = bytes.span.eightBytes(at: 0) else {
                    Issue.record("there are eight")
                    return
                }
                #expect(eight.hasBelow(0x20) == bytes.contains { $0 < 0x20 }, "\(bytes)")
                #expect(eight.hasBelow(0x21) == bytes.contains { $0 < 0x21 }, "\(bytes)")
                #expect(eight.has(0x22) == bytes.contains(0x22), "\(bytes)")
                #expect(eight.hasDeleteOrBeyond == bytes.contains { $0 >= 0x7F }, "\(bytes)")
            }
        }
    }

    @Test func onlyWhereThereAreEight() {
        let bytes = [UInt8](repeating: 0x61, count: 10)
        let few: [UInt8] = []
        let (last, behind, none) = (
            bytes.span.eightBytes(at: 2), bytes.span.eightBytes(at: 3), few.span.eightBytes(at: 0)
        )
        #expect(last != nil)
        #expect(behind == nil)
        #expect(none == nil)
    }

    @Test(arguments: ["te", "host", "if-match", "user-agent", "if-unmodified-since"])
    func namesWhateverTheirCase(name: String) {
        let upper = Array(name.uppercased().utf8)
        #expect(isName(upper, name))
        for place in upper.indices {
            for byte in UInt8.min...UInt8.max {
                var other = upper
                other[place] = byte
                #expect(isName(other, name) == (ASCII.lower(byte) == ASCII.lower(upper[place])), "\(other)")
            }
        }
        #expect(!isName(upper + [0x61], name))
        #expect(!isName(Array(upper.dropLast()), name))
    }

    private func isName(_ bytes: [UInt8], _ name: String) -> Bool {
        switch name {
        case "te": bytes.span.isFieldName("te")
        case "host": bytes.span.isFieldName("host")
        case "if-match": bytes.span.isFieldName("if-match")
        case "user-agent": bytes.span.isFieldName("user-agent")
        default: bytes.span.isFieldName("if-unmodified-since")
        }
    }
}
