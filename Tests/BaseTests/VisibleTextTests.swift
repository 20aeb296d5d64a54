import Base
import Testing

struct VisibleTextTests {
    @Test(
        arguments: [
            ("", ""), ("Plain text: \"quoted\" \\ ~", "Plain text: \"quoted\" \\ ~"),
            ("ä – 漢 🙂", "ä – 漢 🙂"), ("a\tb\r\nc", "a\\x09b\\x0D\\x0Ac"), ("\u{7F}\u{1B}[m", "\\x7F\\x1B[m"),
            ("\u{FEFF}Content-Type", "\\xEF\\xBB\\xBFContent-Type"), ("a\u{A0}b", "a\\xC2\\xA0b"),
            ("\u{200B}\u{2028}\u{202E}", "\\xE2\\x80\\x8B\\xE2\\x80\\xA8\\xE2\\x80\\xAE"),
            ("\u{85}", "\\xC2\\x85"), ("\u{FFFD}", "\u{FFFD}"),
        ])
    func `text`(_ text: String, _ expected: String) {
        #expect(VisibleText.spelled(Array(text.utf8).span) == expected)
    }

    @Test(
        arguments: [
            ([0xFF, 0xFE, 0x41], "\\xFF\\xFEA"), ([0xC3], "\\xC3"), ([0xE2, 0x82, 0x41], "\\xE2\\x82A"),
            ([0x41, 0xC0, 0x80], "A\\xC0\\x80"), ([0xED, 0xA0, 0x80, 0x42], "\\xED\\xA0\\x80B"),
        ] as [([UInt8], String)])
    func `no UTF-8`(_ bytes: [UInt8], _ expected: String) {
        #expect(VisibleText.spelled(bytes.span) == expected)
    }
}
