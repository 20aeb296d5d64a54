import Base
import Testing
import Wire

@Suite struct RangeFieldTests {
    struct Case: CustomTestStringConvertible {
        let value: String
        let length: Int
        let expected: RangeField.Outcome

        init(_ value: String, of length: Int = 10, _ expected: RangeField.Outcome) {
            (self.value, self.length, self.expected) = (value, length, expected)
        }

        var testDescription: String { "\(value) of \(length)" }
    }

    private static let huge = "99999999999999999999999999"

    static let cases: [Case] = [
        Case("bytes=0-0", .one(0..<1)), Case("bytes=0-9", .one(0..<10)), Case("bytes=2-4", .one(2..<5)),
        Case("bytes=9-9", .one(9..<10)), Case("Bytes=0-4", .one(0..<5)), Case("bytes= 0-4 ", .one(0..<5)),
        Case("bytes=007-008", .one(7..<9)),
        // Open ends.
        Case("bytes=0-", .one(0..<10)), Case("bytes=9-", .one(9..<10)), Case("bytes=10-", .unsatisfiable),
        Case("bytes=5-100", .one(5..<10)), Case("bytes=0-10", .one(0..<10)),
        Case("bytes=10-11", .unsatisfiable),
        // The last bytes.
        Case("bytes=-1", .one(9..<10)), Case("bytes=-10", .one(0..<10)), Case("bytes=-11", .one(0..<10)),
        Case("bytes=-0", .unsatisfiable),
        // An empty representation: a suffix range is satisfiable (RFC 9110, 14.1.2), but no 206 could say it.
        Case("bytes=0-", of: 0, .unsatisfiable), Case("bytes=0-0", of: 0, .unsatisfiable),
        Case("bytes=-0", of: 0, .unsatisfiable), Case("bytes=-5", of: 0, .whole),
        // Numbers beyond all bounds are numbers (RFC 9110, 14.1.1).
        Case("bytes=0-\(huge)", .one(0..<10)), Case("bytes=\(huge)-", .unsatisfiable),
        Case("bytes=\(huge)-\(huge)", .unsatisfiable), Case("bytes=-\(huge)", .one(0..<10)),
        Case("bytes=0-9223372036854775807", .one(0..<10)), Case("bytes=0-9223372036854775808", .one(0..<10)),
        Case("bytes=9223372036854775807-", .unsatisfiable), Case("bytes=-9223372036854775808", .one(0..<10)),
        Case("bytes=18446744073709551616-18446744073709551617", .unsatisfiable),
        Case("bytes=0-", of: .max, .one(0..<Int.max)), Case("bytes=0-\(huge)", of: .max, .one(0..<Int.max)),
        // Several; those that overlap or touch become one, those out of reach are left out (14.2).
        Case("bytes=0-1,3-4", .several([0..<2, 3..<5])), Case("bytes=0-1, -1", .several([0..<2, 9..<10])),
        Case("bytes=8-9,0-1", .several([8..<10, 0..<2])), Case("bytes=0-4,3-6", .one(0..<7)),
        Case("bytes=5-6,0-4", .one(0..<7)), Case("bytes=0-1,20-30", .one(0..<2)),
        Case("bytes=0-1,0-1,0-1", .one(0..<2)), Case("bytes=0-1,4-5,1-2", .several([0..<3, 4..<6])),
        Case("bytes=0-0,2-2,-\(huge)", .one(0..<10)),
        Case(
            "bytes=" + (0..<50).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ","), of: 100,
            .several((0..<50).map { $0 * 2..<$0 * 2 + 1 })),
        Case("bytes=" + (0..<51).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ","), of: 100, .whole),
        Case("bytes=20-30,40-50", .unsatisfiable), Case("bytes=,0-4,", .one(0..<5)),
        // What is no range is passed over (14.2).
        Case("", .whole), Case("bytes", .whole), Case("bytes=", .whole), Case("bytes=,", .whole),
        Case("bytes=-", .whole),
        Case("bytes=x", .whole), Case("bytes=0", .whole), Case("bytes=4-2", .whole),
        Case("bytes=a-b", .whole),
        Case("bytes=0-x", .whole), Case("bytes=x-0", .whole), Case("bytes=-x", .whole),
        Case("bytes=--1", .whole),
        Case("bytes=0--1", .whole), Case("bytes=+0-1", .whole), Case("bytes=0-1-2", .whole),
        Case("bytes=0x0-0x1", .whole),
        Case("bytes=0-1,x", .whole), Case("bytes=20-30,x", .whole), Case("bytes:0-1", .whole),
        Case("bytes 0-1", .whole),
        Case("lines=0-1", .whole), Case("xbytes=0-1", .whole), Case("bytes=\u{B9}-\u{B2}", .whole),
        Case("bytes=\(huge)-1", .whole),
    ]

    @Test(arguments: cases) func `reads`(_ test: Case) {
        #expect(RangeField.parse(raw(test.value).span, length: test.length) == test.expected)
    }
}
