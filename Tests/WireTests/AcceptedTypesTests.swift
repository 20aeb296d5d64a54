import Testing
import Wire

@Suite struct AcceptedTypesTests {
    private static let offers = ["text/html", "application/json", "text/plain"]

    struct Case: CustomTestStringConvertible {
        let fields: [String]
        let best: String?
        init(_ fields: String..., best: String?) { (self.fields, self.best) = (fields, best) }
        var testDescription: String { fields.joined(separator: " | ") }
    }

    @Test(arguments: [
        Case(best: nil), Case("", best: nil), Case("*/*", best: "text/html"),
        // A browser, curl, a program.
        Case(
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", best: "text/html"),
        Case("application/json", best: "application/json"), Case("text/plain", best: "text/plain"),
        Case("application/json, text/plain, */*", best: "application/json"),
        Case("text/plain, */*", best: "text/plain"), Case("text/*", best: "text/html"),
        Case("application/*", best: "application/json"), Case("image/png", best: nil),
        Case("APPLICATION/JSON", best: "application/json"),
        // Weights, and the most exact range that fits.
        Case("text/html;q=0.5, application/json;q=0.6", best: "application/json"),
        Case("text/html;q=0.5, application/json;q=0.49", best: "text/html"),
        Case("text/html;q=0, */*", best: "application/json"),
        Case("text/*;q=0, */*;q=0.1", best: "application/json"),
        Case("text/*, text/html;q=0.1", best: "text/plain"), Case("*/*;q=0", best: nil),
        Case("text/plain;q=1.0, text/html;q=0.999", best: "text/plain"),
        Case("text/html; charset=x; q=0.1, text/plain ;\tQ=0.2", best: "text/plain"),
        // Several fields are one list.
        Case("text/html;q=0.1", "text/plain;q=0.2", best: "text/plain"),
        // What is no weight or no range.
        Case("text/plain;q=x", best: "text/plain"), Case("text/plain;q=", best: "text/plain"),
        Case("text/plain;q=9", best: "text/plain"),
        Case("text/plain;q=0.0001, text/html;q=0.5", best: "text/plain"),
        Case("text, /, /x, x/, */html, application/json;q=0.001", best: "application/json"),
        Case(";;;,,;q=1, \u{FF}/\u{80}", best: nil), Case(#"text/plain;x="a,b;q=0""#, best: "text/plain"),
        Case(String(repeating: "a/b,", count: 5000) + "text/plain", best: nil),
    ]) func `chooses`(_ test: Case) {
        var accepted = AcceptedTypes()
        for field in test.fields {
            let bytes = raw(field)
            accepted.add(bytes.span)
        }
        #expect(accepted.best(of: Self.offers).map { Self.offers[$0] } == test.best)
    }
}
