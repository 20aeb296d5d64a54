import Base
import Testing
import Wire

@testable import Handlers

@Suite struct CachePolicyTests {
    struct Case: CustomTestStringConvertible {
        let header: String
        /// In seconds, of the 100 that the setting allows; nil where it is not to be kept.
        let lifetime: Int?
        var testDescription: String { header.debugDescription }

        init(_ header: String, _ lifetime: Int?) { (self.header, self.lifetime) = (header, lifetime) }
    }

    static let cases = [
        Case("X-A: b", 100),
        Case("Cache-Control: public", 100),
        Case("Cache-Control: max-age=50", 50), Case("Cache-Control: max-age=500", 100),
        Case("cache-control: Public, MAX-AGE=50", 50), Case("Cache-Control: max-age=\"50\"", 50),
        Case("Cache-Control: max-age=0", nil), Case("Cache-Control: max-age", nil),
        Case("Cache-Control: max-age=-1", nil), Case("Cache-Control: max-age=x", nil),
        Case("Cache-Control: max-age=99999999999999999999", nil),
        Case("Cache-Control: s-maxage=30", 30), Case("Cache-Control: s-maxage=500", 100),
        Case("Cache-Control: max-age=0, s-maxage=30", 30), Case("Cache-Control: s-maxage=0, max-age=50", nil),
        Case("Cache-Control: max-age=50\nCache-Control: max-age=20", 20),
        Case("Expires: Sun, 06 Nov 1994 08:50:07 GMT", 30),
        Case("Expires: Sun, 06 Nov 1994 08:49:37 GMT", nil),
        Case("Expires: Thu, 19 Nov 1981 08:52:00 GMT", nil), Case("Expires: 0", nil),
        Case("Expires: -1", nil), Case("Expires: Fri, 31 Dec 9999 23:59:59 GMT", 100),
        Case("Expires: 0\nCache-Control: max-age=50", 50), Case("Expires: 0\nCache-Control: s-maxage=50", 50),
        Case("Expires: 0\nCache-Control: public", nil),
        Case("Cache-Control: no-store", nil), Case("Cache-Control: max-age=50, no-cache", nil),
        Case("Cache-Control: private", nil), Case("Cache-Control: private=\"x\"", nil),
        Case("Cache-Control: no-cache=\"set-cookie\"", nil),
        Case("Set-Cookie: a=b", nil), Case("set-cookie: a=b", nil),
        Case("Vary: *", nil), Case("Vary: Accept, *", nil), Case("Vary: Accept", 100),
        Case("Status: 203 x", 100), Case("Status: 301 x\nLocation: http://h/", 100), Case("Status: 404", 100),
        Case("Status: 410", 100), Case("Status: 206", nil), Case("Status: 302", nil),
        Case("Status: 500", nil),
        Case("Status: 503", nil),
    ]

    private static func head(_ header: String) throws -> ScriptHead {
        try #require(try ScriptHead.parse(Array("\(header)\n\n".utf8).span)).head
    }

    @Test(arguments: cases) func `how long`(_ test: Case) throws {
        let head = try Self.head(test.header)
        let lifetime = CachePolicy.lifetime(head.status ?? .ok, head, time: .seconds(100), now: 784_111_777)
        #expect(lifetime == test.lifetime.map { .seconds($0) })
    }

    @Test func `what an answer depends on`() throws {
        let head = try Self.head("Vary: Accept-Language, X-A\nX-B: c\nvary:X-C")
        #expect(CachePolicy.varying(head).map { text($0) } == ["accept-language", "x-a", "x-c"])
    }

    @Test(arguments: [
        ("X-A: b", 30), ("Cache-Control: max-age=3", 30), ("Cache-Control: public, Must-Revalidate", 3),
        ("Cache-Control: proxy-revalidate", 3),
    ]) func `for how long an old answer may stand in`(_ header: String, _ seconds: Int) throws {
        let made = Instant(nanoseconds: 5)
        let usable = CachePolicy.usable(from: made, .seconds(3), try Self.head(header))
        #expect(usable == made + .seconds(seconds))
    }
}
