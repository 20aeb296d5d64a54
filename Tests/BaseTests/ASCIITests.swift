import Base
import Testing

// #expect cannot hold a Span; these give it values.
extension [UInt8] {
    fileprivate init(_ text: String) { self.init(text.utf8) }
    fileprivate func equals(_ text: StaticString) -> Bool { span.equals(text) }
    fileprivate func equals(_ other: [UInt8]) -> Bool { span.equals(other.span) }
    fileprivate func starts(with text: StaticString) -> Bool { span.starts(with: text) }
    fileprivate func index(of byte: UInt8) -> Int? { span.firstIndex(of: byte) }
    fileprivate func equalsIgnoringCase(_ text: StaticString) -> Bool { ASCII.equalsIgnoringCase(span, text) }
    fileprivate var decimal: Int? { ASCII.decimal(span) }
    fileprivate var trimmed: String { span.trimmingBlanks().string }
}

@Suite struct ASCIITests {
    static let digits = Set("0123456789".utf8)
    static let upper = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    static let lower = Set("abcdefghijklmnopqrstuvwxyz".utf8)
    static let tokens = digits.union(upper).union(lower).union("!#$%&'*+-.^_`|~".utf8)

    @Test func `classes of all 256 bytes`() {
        for byte in UInt8.min...UInt8.max {
            #expect(ASCII.isDigit(byte) == Self.digits.contains(byte), "\(byte)")
            #expect(ASCII.isUpper(byte) == Self.upper.contains(byte), "\(byte)")
            #expect(ASCII.isLetter(byte) == Self.upper.union(Self.lower).contains(byte), "\(byte)")
            #expect(
                ASCII.isAlphanumeric(byte) == Self.upper.union(Self.lower).union(Self.digits).contains(byte),
                "\(byte)")
            #expect(ASCII.isTokenCharacter(byte) == Self.tokens.contains(byte), "\(byte)")
            #expect(ASCII.isBlank(byte) == (byte == 32 || byte == 9), "\(byte)")
            #expect(ASCII.isControl(byte) == (byte <= 31 || byte == 127), "\(byte)")
        }
    }

    @Test func `case of all 256 bytes`() {
        for byte in UInt8.min...UInt8.max {
            #expect(ASCII.lower(byte) == (Self.upper.contains(byte) ? byte + 32 : byte), "\(byte)")
            #expect(ASCII.upper(byte) == (Self.lower.contains(byte) ? byte - 32 : byte), "\(byte)")
        }
    }

    @Test func `hexadecimal digits of all 256 bytes`() {
        for byte in UInt8.min...UInt8.max {
            let expected = byte < 128 ? Character(UnicodeScalar(byte)).hexDigitValue.map(UInt8.init) : nil
            #expect(ASCII.hexValue(byte) == expected, "\(byte)")
        }
        for value in UInt8(0)..<16 {
            #expect(ASCII.hexValue(ASCII.hexDigit(value)) == value)
            #expect(!Self.lower.contains(ASCII.hexDigit(value)))
        }
    }

    @Test func `named bytes are what their names say`() {
        let named: [(UInt8, Character)] = [
            (ASCII.tab, "\t"), (ASCII.lf, "\n"), (ASCII.cr, "\r"), (ASCII.space, " "), (ASCII.quote, "\""),
            (ASCII.percent, "%"), (ASCII.asterisk, "*"), (ASCII.plus, "+"), (ASCII.comma, ","),
            (ASCII.dash, "-"),
            (ASCII.dot, "."), (ASCII.slash, "/"), (ASCII.zero, "0"), (ASCII.colon, ":"),
            (ASCII.semicolon, ";"),
            (ASCII.equals, "="), (ASCII.question, "?"), (ASCII.backslash, "\\"), (ASCII.underscore, "_"),
            (ASCII.delete, "\u{7F}"),
        ]
        for (byte, character) in named { #expect(character.asciiValue == byte, "\(byte)") }
    }

    @Test(arguments: [
        ("0", 0), ("7", 7), ("007", 7), ("1234567890", 1_234_567_890), ("9223372036854775807", Int.max),
        ("00000000000000000000000000000000000009", 9),
    ]) func `decimal numbers`(_ text: String, _ expected: Int) {
        #expect([UInt8](text).decimal == expected)
    }

    @Test(arguments: [
        "", " ", "-1", "+1", " 1", "1 ", "1,2", "0x10", "1e3", "١", "1\0", "9223372036854775808",
        "9223372036854775810",
        "18446744073709551616", "92233720368547758070", "99999999999999999999999999999999999999999",
    ]) func `no decimal number, or one too large`(_ text: String) {
        #expect([UInt8](text).decimal == nil)
    }

    @Test(arguments: [
        ("close", true), ("Close", true), ("CLOSE", true), ("clos", false), ("closed", false), ("", false),
        ("cl0se", false), ("\u{63}\u{4C}ose", true), ("clos\u{45}", true), ("CLOS\u{05}", false),
    ]) func `comparing whatever the case`(_ text: String, _ expected: Bool) {
        #expect([UInt8](text).equalsIgnoringCase("close") == expected)
    }

    @Test func `case folding does not fold other bytes`() {
        // 0x5B and 0x7B, [ and {, differ in the same bit as A and a; so do CR and minus.
        #expect(![UInt8]("[\r").equalsIgnoringCase("{-"))
        #expect(![UInt8]("[\r").equalsIgnoringCase("{\r"))
    }
}

@Suite struct SpanTests {
    @Test func `comparing with texts of no, one and more bytes`() {
        let none: [UInt8] = []
        let one = [UInt8]("x")
        let more = [UInt8]("xyz")
        #expect(none.equals(""))
        #expect(!none.equals("x"))
        #expect(one.equals("x"))
        #expect(!one.equals(""))
        #expect(!one.equals("y"))
        #expect(more.equals("xyz"))
        #expect(!more.equals("xyZ"))
        #expect(!more.equals("xy"))
        #expect(more.equals([UInt8]("xyz")))
        #expect(!more.equals(one))
        #expect(one.equalsIgnoringCase("x"))
        #expect(none.equalsIgnoringCase(""))
    }

    @Test func `beginnings`() {
        let bytes = [UInt8]("GET /")
        #expect(bytes.starts(with: ""))
        #expect(bytes.starts(with: "G"))
        #expect(bytes.starts(with: "GET /"))
        #expect(!bytes.starts(with: "GET / "))
        #expect(!bytes.starts(with: "get"))
    }

    @Test func `first index`() {
        let bytes = [UInt8]("a:b:c")
        #expect(bytes.index(of: ASCII.colon) == 1)
        #expect(bytes.index(of: ASCII.slash) == nil)
        #expect([UInt8]("").index(of: 0) == nil)
    }

    @Test(arguments: [
        ("", ""), (" ", ""), ("\t \t", ""), ("a", "a"), (" a", "a"), ("a ", "a"), (" \ta b\t ", "a b"),
        ("\u{B}a\u{C}", "\u{B}a\u{C}"),
    ]) func `blanks at the ends`(_ text: String, _ expected: String) {
        #expect([UInt8](text).trimmed == expected)
    }

    @Test func `text and arrays`() {
        let bytes: [UInt8] = [0x61, 0xFF, 0x62]
        #expect(bytes.span.string == "a\u{FFFD}b")
        #expect(bytes.span.array == bytes)
        let none: [UInt8] = []
        #expect(none.span.string == "")
        #expect(none.span.array == [])
    }
}
