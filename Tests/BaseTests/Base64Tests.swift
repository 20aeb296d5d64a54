import Base
import Testing

@Suite struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zg", "f"), ("Zm8=", "fo"), ("Zm8", "fo"), ("Zm9v", "foo"),
        ("Zm9vYg==", "foob"),
        ("Zm9vYmFy", "foobar"), ("+/+/", "\u{FB}\u{FF}\u{BF}"),
    ])
    func `RFC 4648, section 10`(_ text: String, _ expected: String) {
        let bytes = expected.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        let encoded = Array(text.utf8)
        #expect(Base64.decode(encoded.span) == bytes)
    }

    @Test(arguments: [
        "Z", "Zg=", "=", "====", "Zg===", "Zm9v=", "Z===", "Zm 9", "Zm9v\n", "-_-_", "Zg==Zg==",
    ])
    func `what is none`(_ text: String) {
        let encoded = Array(text.utf8)
        #expect(Base64.decode(encoded.span) == nil)
    }
}
