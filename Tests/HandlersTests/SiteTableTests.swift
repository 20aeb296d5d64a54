import Base
import Handlers
import Testing

@Suite struct SiteTableTests {
    struct Case: CustomTestStringConvertible {
        let authority: String
        let site: String
        init(_ authority: String, _ site: String) { (self.authority, self.site) = (authority, site) }
        var testDescription: String { authority }
    }

    private static func table() throws -> SiteTable {
        try #require(
            SiteTable([
                makeSite("first", hosts: ["first.example"]),
                makeSite("wild", hosts: ["*.example.org"]),
                makeSite("deep", hosts: ["*.sub.example.org", "deep.example.net"]),
                makeSite("exact", hosts: ["www.example.org", "example.org", "a.sub.example.org"]),
                makeSite("six", hosts: ["[::1]", "192.0.2.1", "localhost"]),
                // Too late: others have these names.
                makeSite("late", hosts: ["www.example.org", "*.example.org", "late.example"]),
            ]))
    }

    @Test(arguments: [
        Case("first.example", "first"),
        // The exact before the wildcard, the longest wildcard before a shorter one.
        Case("www.example.org", "exact"), Case("other.example.org", "wild"), Case("example.org", "exact"),
        Case("a.b.example.org", "wild"), Case("x.sub.example.org", "deep"),
        Case("x.y.sub.example.org", "deep"),
        Case("a.sub.example.org", "exact"), Case("sub.example.org", "wild"),
        // An asterisk stands for labels, not for parts of one or none.
        Case("myexample.org", "first"), Case("org", "first"), Case("example.org.evil.test", "first"),
        // Case, port, the root's dot.
        Case("WWW.Example.ORG", "exact"), Case("www.example.org:8080", "exact"),
        Case("www.example.org.", "exact"),
        Case("www.example.org.:80", "exact"), Case("www.example.org:", "exact"),
        Case("X.EXAMPLE.ORG.:1", "wild"),
        // Addresses.
        Case("[::1]", "six"), Case("[::1]:8080", "six"), Case("192.0.2.1", "six"),
        Case("192.0.2.1:80", "six"),
        Case("[::2]", "first"), Case("[::1", "first"), Case("localhost:80", "six"),
        // The first in the file answers the rest.
        Case("", "first"), Case("unknown.example", "first"), Case(".", "first"), Case(":80", "first"),
        Case("..", "first"),
        Case("late.example", "late"),
    ]) func `finds`(_ test: Case) throws {
        let table = try Self.table()
        let authority = Array(test.authority.utf8)
        #expect(table.site(for: authority.span).name == test.site)
    }

    @Test func `one site answers every name`() throws {
        let table = try #require(SiteTable([makeSite("only", hosts: ["only.example"])]))
        for name in ["only.example", "other.example", ""] {
            let authority = Array(name.utf8)
            #expect(table.site(for: authority.span).name == "only")
        }
        #expect(table.fallback.name == "only")
    }

    @Test func `no table without a site`() {
        #expect(SiteTable([]) == nil)
    }

    @Test(arguments: [
        Case("h", "h"), Case("h:80", "h"), Case("h.", "h"), Case("h.:80", "h"), Case("", ""), Case(".", "."),
        Case(":80", ""),
        Case("[::1]:80", "[::1]"), Case("[::1]", "[::1]"), Case("[::1", "[::1"), Case("H", "H"),
        Case("[", "["),
    ]) func `the host of an authority`(_ test: Case) {
        let authority = Array(test.authority.utf8)
        #expect(text(SiteTable.host(of: authority.span).array) == test.site)
    }
}
