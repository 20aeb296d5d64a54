import Base
import Testing

@testable import Handlers

@Suite struct HTMLTests {
    @Test(arguments: [
        ("", ""), ("plain text", "plain text"), ("<b>", "&lt;b&gt;"), ("a & b", "a &amp; b"),
        ("&lt;", "&amp;lt;"),
        ("\"x\" 'y'", "&quot;x&quot; &#39;y&#39;"), ("größe €", "größe €"), ("a\n\tb", "a\n\tb"),
        ("</pre><script>alert(1)</script>", "&lt;/pre&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
    ]) func `escapes`(_ plain: String, _ escaped: String) {
        #expect(HTML.escape(plain) == escaped)
    }

    @Test func `any bytes`() {
        var buffer = ByteBuffer()
        HTML.escape(Array(UInt8.min...UInt8.max)[...], into: &buffer)
        let result = buffer.bytes.array
        let special = Array("\"&'<>".utf8)
        #expect(result.count == 256 - special.count + "&quot;&amp;&#39;&lt;&gt;".utf8.count)
        #expect(result.filter { special.contains($0) } == Array(repeating: UInt8(ascii: "&"), count: 5))
    }
}
