import Base
import Testing
import Wire

@Suite struct FieldLinesTests {
    private static let text =
        "Content-Type: text/html\r\nX-A:  b c \r\ncontent-length: 5\r\nContent-Location: /x\r\nContent-: y\r\nX-Empty:\r\nVary: a, \"b,c\" ,D\r\n"

    @Test func `names and values`() {
        let lines = Array(FieldLines(Array(Self.text.utf8)))
        #expect(lines.count == 7)
        #expect(lines.map { String(decoding: $0.name, as: UTF8.self) }.prefix(2) == ["Content-Type", "X-A"])
        #expect(
            lines.map { String(decoding: $0.value, as: UTF8.self) }
                == ["text/html", "b c", "5", "/x", "y", "", "a, \"b,c\" ,D"])
        #expect(lines[0].isNamed("content-type"))
        #expect(!lines[0].isNamed("content-typ"))
        #expect(lines[6].members.map { String(decoding: $0, as: UTF8.self) } == ["a", "\"b,c\"", "d"])
        #expect(lines.flatMap(\.bytes) == Array(Self.text.utf8))
    }

    @Test func `without what describes content`() {
        let left = FieldLines.withoutContentFields(Array(Self.text.utf8))
        #expect(
            String(decoding: left, as: UTF8.self)
                == "X-A:  b c \r\nContent-Location: /x\r\nContent-: y\r\nX-Empty:\r\nVary: a, \"b,c\" ,D\r\n")
    }

    @Test(arguments: ["", "\r\n", "no colon", "no colon\r\n"]) func `nothing`(_ text: String) {
        #expect(Array(FieldLines(Array(text.utf8))).isEmpty)
    }
}
