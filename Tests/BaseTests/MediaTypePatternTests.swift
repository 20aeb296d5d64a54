import Base
import Testing

@Suite struct MediaTypePatternTests {
    @Test(arguments: [
        ("text/html", "text/html", true), ("text/html", "TEXT/HTML; charset=utf-8", true),
        ("text/html", "text/html ;x=y", true), ("text/html", "text/htm", false),
        ("text/*", "text/css", true), ("text/*", "text", false), ("text/*", "application/text", false),
        ("application/*+json", "application/ld+json", true),
        ("application/*+json", "application/json", false),
        ("application/*+json", "application/+json", true), ("*/*", "image/png", true),
        ("Text/HTML", "text/html", true),
    ])
    func `matches`(_ pattern: String, _ type: String, _ expected: Bool) throws {
        try #expect(#require(MediaTypePattern(pattern)).matches(type.utf8) == expected)
    }

    @Test(arguments: [
        "", "text", "/", "text/", "/html", "a/b/c", "te*/html", "a/**", "*/html", "a/b c", "a/*b*",
    ])
    func `no pattern`(_ text: String) { #expect(MediaTypePattern(text) == nil) }
}
