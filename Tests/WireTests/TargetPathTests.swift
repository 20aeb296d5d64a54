import Base
import Testing
import Wire

private func decode(_ text: String) -> String {
    // What was in it before is dropped.
    var path = raw("old")
    do throws(TargetPath.Failure) {
        try TargetPath.decode(raw(text).span, into: &path)
    } catch {
        return "\(error)"
    }
    return shown(path)
}

@Suite struct TargetPathTests {
    struct Case: CustomTestStringConvertible {
        let text: String
        let expected: String
        init(_ text: String, _ expected: String) { (self.text, self.expected) = (text, expected) }
        var testDescription: String { text }
    }

    @Test(arguments: [
        Case("/", "/"), Case("", "/"), Case("/a", "/a"), Case("/a/", "/a/"), Case("/a/b.c", "/a/b.c"),
        Case("a", "/a"),
        // Escapes.
        Case("/%61%62", "/ab"), Case("/%c3%BC", "/\u{C3}\u{BC}"), Case("/%fF", "/\u{FF}"), Case("/%25", "/%"),
        Case("/%2541", "/%41"), Case("/%20", "/ "), Case("/+", "/+"), Case("/%2B", "/+"), Case("/%3f", "/?"),
        Case("/%23", "/#"), Case("/%0a", "/\n"), Case("/%01", "/\u{01}"), Case("/a%2fb", "/a/b"),
        Case("/a%5cb", "/a\\b"),
        Case("/a%", "badEscape"), Case("/a%4", "badEscape"), Case("/%zz", "badEscape"),
        Case("/%4g", "badEscape"),
        Case("/%g4", "badEscape"), Case("/%-1", "badEscape"), Case("/% 1", "badEscape"),
        Case("/%u0041", "badEscape"),
        Case("/%%41", "badEscape"),
        Case("/a\0b", "badEscape"), Case("/%00", "badEscape"), Case("/a%00.cgi", "badEscape"),
        Case("/../%00", "badEscape"),
        // Empty segments stay.
        Case("//", "//"), Case("//a", "//a"), Case("/a//b", "/a//b"), Case("/a//", "/a//"), Case("%2f", "//"),
        // Dot segments (RFC 3986, 5.2.4).
        Case("/.", "/"), Case("/./", "/"), Case("/a/.", "/a/"), Case("/a/./b", "/a/b"), Case("/./a", "/a"),
        Case(".", "/"),
        Case("/a/..", "/"), Case("/a/../", "/"), Case("/a/../b", "/b"), Case("/a/b/../c", "/a/c"),
        Case("/a/b/..", "/a/"), Case("/a/b/../..", "/"), Case("/a/b/../../c", "/c"), Case("/a/./../b", "/b"),
        Case("/a/b/c/./../../g", "/a/g"), Case("/mid/content=5/../6", "/mid/6"),
        Case("/a//../b", "/a/b"), Case("//../a", "/a"), Case("/.//a", "//a"), Case("//.", "//"),
        // No dot segments.
        Case("/...", "/..."), Case("/.a", "/.a"), Case("/a.", "/a."), Case("/..a", "/..a"),
        Case("/a..", "/a.."),
        Case("/a/...", "/a/..."), Case("/. ", "/. "), Case("/..;/a", "/..;/a"),
        Case("/a/..%20/b", "/a/.. /b"), Case("/..\\a", "/..\\a"),
        // In disguise.
        Case("/%2e", "/"), Case("/a/%2E%2e/b", "/b"), Case("/a/.%2e/b", "/b"), Case("/a%2f..%2fb", "/b"),
        Case("/a%2f%2e%2e%2fb", "/b"), Case("/a/%2e./b", "/b"), Case("/%252e%252e/a", "/%2e%2e/a"),
        // Out of the root.
        Case("/..", "leavesRoot"), Case("/../", "leavesRoot"), Case("/../a", "leavesRoot"),
        Case("..", "leavesRoot"),
        Case("/a/../..", "leavesRoot"), Case("/a/../../a", "leavesRoot"), Case("/./..", "leavesRoot"),
        Case("/%2e%2e", "leavesRoot"),
        Case("/%2e%2e%2fetc", "leavesRoot"), Case("/..%2f..%2fetc", "leavesRoot"),
        Case("%2e%2e/a", "leavesRoot"),
    ]) func `decodes`(_ test: Case) {
        #expect(decode(test.text) == test.expected)
    }

    @Test func `what is encoded is decoded to the same`() {
        for byte in UInt8(1)...255 where byte != ASCII.slash {
            for path in [raw("/a") + [byte], raw("/") + [byte] + raw("b/") + [byte, byte, byte]] {
                var encoded: [UInt8] = []
                TargetPath.encode(path.span, into: &encoded)
                #expect(decode(shown(encoded)) == shown(path))
            }
        }
    }

    @Test func `a query stays as it is but for what no URL may hold`() {
        var output: [UInt8] = []
        TargetPath.encodeQuery(Array("a=%41+b/?\\&c d\t\r\n\u{7F}ä".utf8), into: &output)
        #expect(String(decoding: output, as: UTF8.self) == "a=%41+b/?\\&c%20d%09%0D%0A%7F%C3%A4")
    }

    @Test func `everything special is escaped`() {
        var encoded = raw("before ")
        TargetPath.encode(
            raw("/a-Z_0.9~/ :?#[]@!$&'()*+,;=%\"<>\\^`{|}\u{7F}\u{C3}\u{BC}\n").span, into: &encoded)
        #expect(
            shown(encoded)
                == "before /a-Z_0.9~/%20%3A%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25%22%3C%3E%5C%5E%60%7B%7C%7D%7F%C3%BC%0A"
        )
    }

    @Test(arguments: [
        Case("", ""), Case("a", "a"), Case("a+b", "a b"), Case("%2B", "+"), Case("a%20b", "a b"),
        Case("%c3%bc", "\u{C3}\u{BC}"),
        Case("%00", "\0"), Case("+", " "), Case("%2525", "%25"), Case("%41", "A"),
    ]) func `decodes a query's part`(_ test: Case) {
        #expect(TargetPath.decodeQuery(raw(test.text).span).map(shown) == test.expected)
    }

    @Test(arguments: ["%", "%4", "%zz", "a%", "a%1", "%%", "%u0041", "%-1"])
    func `a broken escape spoils a query's part`(_ text: String) {
        #expect(TargetPath.decodeQuery(raw(text).span) == nil)
    }
}
