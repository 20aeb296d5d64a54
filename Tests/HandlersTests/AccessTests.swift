import Base
import Config
import Patterns
import Testing

@testable import Handlers

@Suite struct AddressRulesTests {
    private func rules(allow: String, deny: String) -> AddressRules {
        func clients(_ text: String) -> ClientNetworks {
            let words = text.split(separator: " ")
            return ClientNetworks(isAll: words.contains("all"), networks: words.compactMap { IPNetwork($0) })
        }
        return AddressRules(allow: clients(allow), deny: clients(deny))
    }

    /// Clients that may come in, and those that may not; `-` is one without an address.
    @Test(arguments: [
        ("all", "", "127.0.0.1 ::1 -", ""), ("all", "192.0.2.0/24", "192.0.3.1 ::1 -", "192.0.2.1"),
        ("10.0.0.0/8 ::1", "", "10.1.2.3 ::1 ::ffff:10.0.0.1", "11.0.0.1 ::2 -"),
        ("10.0.0.0/8", "10.1.0.0/16", "10.2.0.1", "10.1.0.1 127.0.0.1"),
        ("10.1.1.1 10.0.0.0/8", "10.1.0.0/16", "10.1.1.1 10.2.0.0", "10.1.1.2"),
        ("all 10.0.0.1", "10.0.0.1 all", "", "10.0.0.1 10.0.0.2 -"),
        ("10.0.0.1", "all", "10.0.0.1", "10.0.0.2 -"),
        ("all", "0.0.0.0/0", "::1 -", "1.2.3.4"), ("all", "::/0", "1.2.3.4 -", "::1"),
        ("2001:db8::/32", "2001:db8:1::/48", "2001:db8:2::1", "2001:db8:1::1 2001:db9::"),
    ])
    func `the most specific network decides`(_ allow: String, _ deny: String, _ good: String, _ bad: String) {
        let rules = rules(allow: allow, deny: deny)
        for client in good.split(separator: " ") { #expect(rules.admit(IPAddress(client)), "\(client)") }
        for client in bad.split(separator: " ") { #expect(!rules.admit(IPAddress(client)), "\(client)") }
        #expect(rules.admitsAll == (allow == "all" && deny.isEmpty))
    }
}

@Suite struct RedirectionTests {
    private func prefix(_ from: String, _ to: String, whole: Bool = false) -> RedirectRule {
        RedirectRule(source: .prefix(from), target: RedirectTarget(text: to, isWhole: whole), status: 301)
    }

    private func location(_ rule: RedirectRule, _ path: String, _ query: String? = nil) -> String? {
        let outcome = Redirection.outcome([rule], path: Array(path.utf8), query: query.map { Array($0.utf8) })
        guard case .answer(_, let location) = outcome else { return nil }
        return location.map { text($0) }
    }

    @Test func `prefixes`() {
        let rule = prefix("/old", "/new")
        #expect(location(rule, "/old") == "/new")
        #expect(location(rule, "/old/") == "/new/")
        #expect(location(rule, "/old/a b/ä\r\nX: y", "q=1&r") == "/new/a%20b/%C3%A4%0D%0AX%3A%20y?q=1&r")
        #expect(location(rule, "/older") == nil)
        #expect(location(rule, "/x/old") == nil)
        #expect(location(prefix("/old", "/new/"), "/old") == "/new/")
        #expect(location(prefix("/old", "/new/"), "/old/x") == "/new/x")
        #expect(location(prefix("/", "https://h.example"), "/x") == "https://h.example/x")
        #expect(location(prefix("/", "https://h.example"), "/") == "https://h.example/")
        #expect(location(prefix("/o", "/n?a=1", whole: true), "/o/x", "q") == "/n?a=1")
        // Neither a host by a doubled slash nor by a backslash.
        #expect(location(prefix("/o", "/"), "/o//evil.example") == "/evil.example")
        #expect(location(prefix("/o", "/"), "/o/\\evil.example") == "/%5Cevil.example")
    }

    @Test func `exact paths and patterns`() throws {
        let exact = RedirectRule(
            source: .path("/a"), target: RedirectTarget(text: "/b", isWhole: false), status: 302)
        #expect(location(exact, "/a", "q") == "/b?q")
        #expect(location(exact, "/a/") == nil)
        let pattern = RedirectRule(
            source: .pattern(try Pattern("^/a(.*)$")), target: RedirectTarget(text: "/$1", isWhole: false),
            status: 302)
        #expect(location(pattern, "/a/b") == "/b")
        #expect(location(pattern, "/a//evil.example/?x&") == "/evil.example/%3Fx%26")
        let gone = RedirectRule(source: .prefix("/x"), target: nil, status: 410)
        #expect(
            Redirection.outcome([exact, gone], path: Array("/x/y".utf8), query: nil)
                == .answer(status: 410, location: nil))
    }
}

@Suite struct RewritingTests {
    private func rewrite(
        _ pattern: String, _ path: String, query: String? = nil, missing: Bool = false, of asked: String,
        isMissing: Bool = false
    ) throws -> Rewriting.Outcome {
        let rule = RewriteRule(
            onlyMissing: missing, pattern: try Pattern(pattern), path: Substitution(path.utf8),
            query: query.map { Substitution($0.utf8) })
        return Rewriting.outcome([rule], path: Array(asked.utf8)) { isMissing }
    }

    @Test func `paths and queries`() throws {
        func path(_ text: String, _ query: String? = nil) -> Rewriting.Outcome {
            .path(Array(text.utf8), query: query.map { Array($0.utf8) })
        }
        #expect(try rewrite("^/w/(.*)$", "/w.cgi/$1", of: "/w/a?b ä") == path("/w.cgi/a?b ä"))
        #expect(
            try rewrite("^/w/(.*)$", "/w.cgi", query: "p=$1&x=1", of: "/w/a&b=1?")
                == path("/w.cgi", "p=a%26b%3D1%3F&x=1"))
        #expect(try rewrite("^/w$", "/x", query: "", of: "/w") == path("/x", ""))
        #expect(try rewrite("^/w$", "/x", of: "/w/") == .none)
        #expect(try rewrite("^/(.*)$", "/i/$1", missing: true, of: "/a", isMissing: true) == path("/i/a"))
        #expect(try rewrite("^/(.*)$", "/i/$1", missing: true, of: "/a") == .none)
    }

    @Test func `pieces cannot make a way up`() throws {
        #expect(try rewrite("^/(.*)-(.*)$", "/a/$1$2/b", of: "/.-.") == .path(Array("/b".utf8), query: nil))
        #expect(try rewrite("^/(.*)-(.*)$", "/$1$2/b", of: "/.-.") == .bad)
        #expect(try rewrite("^(/a+)+$", "/x", of: "/" + String(repeating: "a", count: 50) + "b") == .none)
    }
}
