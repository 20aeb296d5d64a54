import Patterns
import Testing

@Suite struct PatternTests {
    private func groups(_ pattern: String, _ subject: String) throws -> [String?]? {
        let bytes = Array(subject.utf8)
        guard case .match(let groups) = try Pattern(pattern).match(bytes.span) else { return nil }
        return groups.map { $0.map { String(decoding: bytes[$0], as: UTF8.self) } }
    }

    @Test func `groups`() throws {
        #expect(try groups("^/a/(.*)$", "/a/b/c") == ["/a/b/c", "b/c"])
        #expect(try groups("b", "/a/b/c") == ["b"])
        #expect(try groups("^/(x)?(y)?(z)?$", "/y") == ["/y", nil, "y", nil])
        #expect(try groups("^/a$", "/ab") == nil)
        #expect(try groups("", "/") == [""])
        #expect(try groups("^$", "") == [""])
    }

    @Test func `the end is the end, and a dot is any byte`() throws {
        #expect(try groups("^/a$", "/a\n") == nil)
        #expect(try groups("^/(.*)$", "/a\nb") == ["/a\nb", "a\nb"])
        #expect(try groups("(?i)^/ABC", "/abc") == ["/abc"])
        guard case .match = try Pattern("^/.$").match([0x2F, 0xFF].span) else {
            Issue.record("a byte that is no UTF-8")
            return
        }
    }

    @Test func `what is no UTF-8 fits no pattern over UTF-8`() throws {
        let pattern = try Pattern("(*UTF)^/[äö]$")
        guard case .match = pattern.match(Array("/ä".utf8).span) else {
            Issue.record("a letter")
            return
        }
        for bytes: [UInt8] in [[0x2F, 0xFF], [0x2F, 0xC3]] {
            guard case .none = pattern.match(bytes.span) else {
                Issue.record("\(bytes)")
                return
            }
        }
    }

    @Test func `a search has an end`() throws {
        let subject = [UInt8](repeating: 0x61, count: 30000)
        guard case .tooCostly = try Pattern("^(a+)+$").match((subject + [0x62]).span) else {
            Issue.record("not given up")
            return
        }
        // An ordinary pattern gets through a path of any length.
        guard case .match = try Pattern("^(.*)\\.html$").match((subject + Array(".html".utf8)).span) else {
            Issue.record("given up")
            return
        }
    }

    @Test func `patterns that are none`() {
        for pattern in ["(", "[a", "*", "a{2,1}", "(?<x", "\\C"] {
            #expect(throws: Pattern.Failure.self, "\(pattern)") { try Pattern(pattern) }
        }
    }

    @Test func `substitutions`() throws {
        func expand(_ text: String, _ groups: [Range<Int>?]) -> String {
            let result = Substitution(text.utf8).expand(groups, of: Array("0123456789".utf8)) { $1 += $0 }
            return String(decoding: result, as: UTF8.self)
        }
        #expect(expand("/x/$1-$2.$0", [0..<3, 1..<2, nil]) == "/x/1-.012")
        #expect(expand("$$1$", [0..<1, 4..<6]) == "$45$")
        #expect(expand("$a $", []) == "$a $")
        #expect(expand("$9", [0..<1]) == "")
        #expect(Substitution("/$3$1".utf8).highestGroup == 3)
        #expect(Substitution("/x$".utf8).highestGroup == nil)
    }
}
