import Base
import TestSupport
import Testing

@Suite struct CStringListTests {
    private static func list(_ build: (inout CStringList.Builder) -> Void) -> CStringList {
        var builder = CStringList.Builder(capacity: 8)
        build(&builder)
        return builder.finish()
    }

    private static let all = list { list in
        list.append("plain")
        list.append("")
        list.append(.scriptName, "value" as String)
        list.append(.pathInfo, "" as String)
        list.append(.queryString, Array("äö=x".utf8).span)
        list.append(.serverProtocol, "HTTP/1.1" as StaticString)
        list.append(.serverPort, 8080)
        list.append(.remoteAddress, IPAddress("192.0.2.1"))
        list.append(.remoteHost, IPAddress("2001:db8::1"))
        list.append(.serverAddress, nil as IPAddress?)
        list.append(name: Array("NAME".utf8).span, value: Array("1 2".utf8).span)
        list.append(field: Array("x-Forwarded-FOR2".utf8).span, Array("a".utf8).span)
        list.append(CStringList(["A=1", "", "B=2"]))
    }

    private static let expected = [
        "plain", "", "SCRIPT_NAME=value", "PATH_INFO=", "QUERY_STRING=äö=x", "SERVER_PROTOCOL=HTTP/1.1",
        "SERVER_PORT=8080", "REMOTE_ADDR=192.0.2.1", "REMOTE_HOST=2001:db8::1", "SERVER_ADDR=", "NAME=1 2",
        "HTTP_X_FORWARDED_FOR2=a", "A=1", "", "B=2",
    ]

    @Test func `strings in order`() {
        #expect(Self.all.count == Self.expected.count)
        #expect(Self.all.strings == Self.expected)
        #expect(CStringList(Self.expected).strings == Self.expected)
        #expect(CStringList().strings == [])
        #expect(CStringList([""]).strings == [""])
    }

    @Test func `all in one piece, each with its zero`() {
        #expect(CStringList(["a", "", "bc"]).withBytes { Array($0) } == Array("a\0\0bc\0".utf8))
        #expect(CStringList().withBytes { $0.isEmpty })
    }

    @Test func `pointers as execve takes them, with a null behind the last`() {
        let count = Self.expected.count
        let (texts, isEnded) = Self.all.withPointers { pointers in
            ((0..<count).map { pointers[$0].map { String(cString: $0) } }, pointers[count] == nil)
        }
        #expect(texts == Self.expected)
        #expect(isEnded)
        #expect(CStringList().withPointers { $0[0] == nil })
    }

    @Test func `a zero ends a string and does not begin another`() {
        let list = Self.list { list in
            list.append(.scriptName, "a\0EVIL=1" as String)
            list.append("x\0y")
            list.append(name: Array("A\0B".utf8).span, value: Array("1\0".utf8).span)
            list.append(field: Array("X".utf8).span, Array("\0EVIL=1".utf8).span)
        }
        #expect(list.strings == ["SCRIPT_NAME=a", "x", "A=1", "HTTP_X="])
    }
}
