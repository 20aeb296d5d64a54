import Base
import Testing
import Wire

private func members(_ text: String) -> [String] {
    let bytes = raw(text)
    var reader = ListReader(bytes.span)
    var result: [String] = []
    while let member = reader.next() { result.append(shown(member.array)) }
    return result
}

@Suite struct ListReaderTests {
    struct Case: CustomTestStringConvertible {
        let text: String
        let expected: [String]
        init(_ text: String, _ expected: [String]) { (self.text, self.expected) = (text, expected) }
        var testDescription: String { text }
    }

    @Test(arguments: [
        Case("", []), Case(" \t", []), Case(",", []), Case(" , ,\t,", []),
        Case("a", ["a"]), Case("a,b", ["a", "b"]), Case(" a ,\tb\t,  c", ["a", "b", "c"]),
        // Empty members are passed over (RFC 9110, 5.6.1.2).
        Case(",a,,b, ,", ["a", "b"]),
        Case("a b, c", ["a b", "c"]),
        Case(#""a,b", c"#, [#""a,b""#, "c"]),
        Case(#"W/"a,b",W/"c""#, [#"W/"a,b""#, #"W/"c""#]),
        Case(#"x="a,b";y, z"#, [#"x="a,b";y"#, "z"]),
        Case(#""a\",b", c"#, [#""a\",b""#, "c"]),
        Case(#"a\,b"#, [#"a\"#, "b"]),
        // Without its end, a quoted string reaches to the end.
        Case(#""a,b"#, [#""a,b"#]),
        Case(#"a,"b\"#, ["a", #""b\"#]),
        Case("\"", ["\""]),
        Case("\", a", ["\", a"]),
        Case(#""""#, [#""""#]),
        Case("\u{FF},\u{80}", ["\u{FF}", "\u{80}"]),
    ]) func `reads`(_ test: Case) {
        #expect(members(test.text) == test.expected)
    }

    @Test func `is at the end for good`() {
        let bytes = raw("a,")
        var reader = ListReader(bytes.span)
        var count = 0
        for _ in 0..<5 where reader.next() != nil { count += 1 }
        #expect(count == 1)
    }
}
