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
                #expect(eight.below(0x20).first == bytes.firstIndex { $0 < 0x20 } ?? 8, "\(bytes)")
                #expect(eight.below(0x21).first == bytes.firstIndex { $0 < 0x21 } ?? 8, "\(bytes)")
                #expect(eight.equal(0x22).first == bytes.firstIndex(of: 0x22) ?? 8, "\(bytes)")
                #expect(eight.deleteOrBeyond.first == bytes.firstIndex { $0 >= 0x7F } ?? 8, "\(bytes)")
                let either = eight.below(0x20) | eight.equal(0x22)
                #expect(either.first == bytes.firstIndex { $0 < 0x20 || $0 == 0x22 } ?? 8, "\(bytes)")
            }
        }
    }

    @Test(arguments: [UInt8(0x61), 0x30, 0x2D, 0x2E, 0x2F, 0x00, 0x80, 0xFF])
    func hostText(other: UInt8) {
        let allowed = Array("abcdefghijklmnopqrstuvwxyz0123456789-.".utf8)
        for byte in UInt8.min...UInt8.max {
            for place in 0..<8 {
                let bytes = sample(byte, at: place, among: other)
                let hasTwoDots = zip(bytes, bytes.dropFirst()).contains { $0 == ASCII.dot && $1 == ASCII.dot }
                let isHostText = EightBytes(padding: bytes).isHostText
                #expect(isHostText == (bytes.allSatisfy(allowed.contains) && !hasTwoDots), "\(bytes)")
            }
        }
    }

    @Test func dotsInAnyTwoPlaces() {
        for one in 0..<8 {
            for other in 0..<8 {
                var bytes = sample(ASCII.dot, at: one, among: 0x61)
                bytes[other] = ASCII.dot
                #expect(EightBytes(padding: bytes).isHostText == (abs(one - other) != 1), "\(bytes)")
            }
        }
    }

    @Test func zerosBehindFewerBytes() {
        let text = Array("abcdefgh".utf8)
        for count in 0...8 {
            let padded = Array(text.prefix(count)) + [UInt8](repeating: 0, count: 8 - count)
            let eight = padded.span.eightBytes(at: 0)
            #expect(eight == EightBytes(padding: text.prefix(count)))
        }
    }

    /// All of a text counts for its hash, and where it stands.
    @Test func everyByteIsMixedIn() {
        var hashes: Set<UInt64> = []
        var count = 0
        for length in 0...40 {
            let text = [UInt8](repeating: 0x61, count: length)
            hashes.insert(text.span.mixed(into: 1))
            count += 1
            for place in text.indices {
                var other = text
                other[place] = 0x62
                hashes.insert(other.span.mixed(into: 1))
                let again = ([0] + other + [0]).span.extracting(1..<length + 1).mixed(into: 1)
                #expect(again == other.span.mixed(into: 1))
                #expect(other.span.mixed(into: 2) != again)
                count += 1
            }
        }
        #expect(hashes.count == count)
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
