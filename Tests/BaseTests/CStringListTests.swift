import Base
import Testing

@Suite struct CStringListTests {
    private static func list() -> CStringList {
        var list = CStringList()
        list.append("plain")
        list.append("")
        list.append("NAME", "value" as String)
        list.append("EMPTY", "" as String)
        list.append("BYTES", Array("äö=x".utf8))
        list.append(name: Array("HTTP_X".utf8).span, value: Array("1 2".utf8).span)
        return list
    }

    private static let expected = ["plain", "", "NAME=value", "EMPTY=", "BYTES=äö=x", "HTTP_X=1 2"]

    @Test func `strings in order`() {
        #expect(Self.list().count == 6)
        #expect(Self.list().strings == Self.expected)
        #expect(CStringList().strings == [])
    }

    @Test func `pointers as execve takes them, with a null behind the last`() {
        let (texts, isEnded) = Self.list().withPointers { pointers in
            ((0..<6).map { pointers[$0].map { String(cString: $0) } }, pointers[6] == nil)
        }
        #expect(texts == Self.expected)
        #expect(isEnded)
        #expect(CStringList().withPointers { $0[0] == nil })
    }

    @Test func `a zero ends a string and does not begin another`() {
        var list = CStringList()
        list.append("NAME", "a\0EVIL=1" as String)
        list.append("x\0y")
        list.append(name: Array("A\0B".utf8).span, value: Array("1\0".utf8).span)
        #expect(list.strings == ["NAME=a", "x", "A=1"])
    }
}
