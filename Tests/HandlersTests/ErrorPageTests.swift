import Base
import Testing
import Wire

@testable import Handlers

@Suite struct ErrorPageTests {
    private func page(_ status: Status, _ explanation: String? = nil) -> String {
        text(ErrorPage.html(status, explanation: explanation, id: RequestID(value: 0xABC)))
    }

    @Test func `says what is wrong, and the request to ask about`() {
        let page = page(.notFound)
        #expect(page.hasPrefix("<!DOCTYPE html>\n<html lang=\"en\">"))
        #expect(page.contains("<title>404 Not Found</title>"))
        #expect(page.contains("<h1>404 Not Found</h1>"))
        #expect(page.contains("0000000000000abc"))
        #expect(page.hasSuffix("</html>\n"))
        #expect(!page.contains("<pre>"))
    }

    @Test func `an explanation is shown as text`() {
        let page = page(.internalServerError, "line 1 <script>&\n\"line 2\"")
        #expect(page.contains("<pre>line 1 &lt;script&gt;&amp;\n&quot;line 2&quot;</pre>"))
        #expect(!page.contains("<script>"))
    }

    @Test func `every status has a page`() throws {
        for code in 400...599 {
            let status = try #require(Status(code))
            let page = page(status)
            #expect(page.contains("<h1>\(code) \(status.reason)</h1>"), "\(code)")
            #expect(!page.contains("Optional("))
        }
    }

    @Test func `request ids have 16 digits`() {
        #expect(RequestID(value: 0).description == "0000000000000000")
        #expect(RequestID(value: .max).description == "ffffffffffffffff")
    }
}
