import Base
import Testing
import Wire

/// What the decoder makes of chunked content: the content, and what is left behind its end.
private struct Decoded: Equatable, CustomStringConvertible {
    var content = ""
    var rest: String?
    var failure: ChunkedDecoder.Failure?

    var description: String {
        "\(content.debugDescription), rest \(rest.debugDescription), \(failure.debugDescription)"
    }
}

/// Decodes content that comes in pieces that end at `stops`, with room for `room` bytes a call.
private func decode(_ wire: [UInt8], stops: [Int] = [], room: Int = .max) -> Decoded {
    var decoder = ChunkedDecoder()
    var output = ByteBuffer()
    var index = 0
    do throws(ChunkedDecoder.Failure) {
        for stop in stops + [wire.count] {
            while index < stop, !decoder.isDone {
                let before = output.count
                index += try decoder.decode(wire.span.extracting(index..<stop), into: &output, room: room)
                precondition(output.count - before <= room, "more than there was room for")
            }
        }
    } catch {
        return Decoded(content: shown(output.bytes.array), failure: error)
    }
    return Decoded(
        content: shown(output.bytes.array), rest: decoder.isDone ? shown(Array(wire[index...])) : nil)
}

private func decode(_ text: String) -> Decoded { decode(raw(text)) }

@Suite struct ChunkedDecoderTests {
    struct Case: CustomTestStringConvertible {
        let name: String
        let wire: String
        let content: String
        let rest: String

        init(_ name: String, _ wire: String, _ content: String, rest: String = "") {
            (self.name, self.wire, self.content, self.rest) = (name, wire, content, rest)
        }

        var testDescription: String { name }
    }

    static let accepted = [
        Case("nothing", "0\r\n\r\n", ""),
        Case("one chunk", "5\r\nhello\r\n0\r\n\r\n", "hello"),
        Case("several", "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n", "abcdef"),
        Case(
            "hexadecimal of both cases", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
            "01234567890123456789"),
        Case(
            "two digits", "1F\r\n\(String(repeating: "x", count: 31))\r\n0\r\n\r\n",
            String(repeating: "x", count: 31)),
        Case("zeros in front", "0005\r\nhello\r\n000\r\n\r\n", "hello"),
        Case("many zeros in front", String(repeating: "0", count: 40) + "5\r\nhello\r\n0\r\n\r\n", "hello"),
        Case("blanks behind a size", "5 \t\r\nhello\r\n0\r\n\r\n", "hello"),
        Case("content that looks like its frame", "7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n"),
        Case("all kinds of bytes", "4\r\n\0\n\r\u{FF}\r\n0\r\n\r\n", "\0\n\r\u{FF}"),
        Case(
            "what follows is left alone", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", "a",
            rest: "GET / HTTP/1.1\r\n"),
        Case("an empty line behind is left alone", "0\r\n\r\n\r\n", "", rest: "\r\n"),
        // Extensions (RFC 9112, 7.1.1).
        Case("an extension", "5;a=b\r\nhello\r\n0\r\n\r\n", "hello"),
        Case("an extension without a value", "5;a\r\nhello\r\n0;b\r\n\r\n", "hello"),
        Case("blanks round an extension", "5 ; \ta = b\r\nhello\r\n0\r\n\r\n", "hello"),
        Case("a quoted extension", "5;a=\"b;\\\"c\"\r\nhello\r\n0\r\n\r\n", "hello"),
        Case("an extension beyond ASCII", "5;\u{E4}\r\nhello\r\n0\r\n\r\n", "hello"),
        // Trailers (RFC 9112, 7.1.2).
        Case("a trailer", "0\r\nA: b\r\n\r\n", ""),
        Case("trailers", "1\r\na\r\n0\r\nA: b\r\nContent-Length: 7\r\nC:\r\n\r\nrest", "a", rest: "rest"),
    ]

    @Test(arguments: accepted) func `accepts`(_ test: Case) {
        #expect(decode(test.wire) == Decoded(content: test.content, rest: test.rest))
    }

    @Test(arguments: accepted) func `accepts the same in two pieces, byte by byte, and with little room`(
        _ test: Case
    ) {
        let wire = raw(test.wire)
        let expected = Decoded(content: test.content, rest: test.rest)
        for stop in 0...wire.count { #expect(decode(wire, stops: [stop]) == expected, "cut at \(stop)") }
        #expect(decode(wire, stops: Array(0...wire.count)) == expected)
        for room in 1...8 { #expect(decode(wire, room: room) == expected, "room \(room)") }
        #expect(decode(wire, stops: Array(0...wire.count), room: 1) == expected)
    }

    static let refused = [
        "\r\n", "\n", " 5\r\nhello\r\n0\r\n\r\n", ";a\r\n", "x\r\n", "-5\r\n", "+5\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5x\r\nhello\r\n0\r\n\r\n", "5\0\r\n", "\u{B5}\r\n", "5,5\r\n", "\"5\"\r\n",
        // Line ends.
        "5\nhello\r\n0\r\n\r\n", "5\rhello\r\n0\r\n\r\n", "5\r\rhello\r\n", "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello\r0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n", "5\r\nhell\r\n0\r\n\r\n",
        "0\n\r\n", "0\r\n\n", "0\r\n\rX", "0\r\nA: b\n\r\n", "0\r\nA: b\r\n\n", "0\r\nA: b\rC: d\r\n\r\n",
        // Extensions that hide a line's end.
        "5;a\nb\r\nhello\r\n0\r\n\r\n", "5;\r hello", "5;a\0\r\n", "5 \n", "5;a\u{0B}\r\n",
        "5 x\r\nhello\r\n0\r\n\r\n", "5 5\r\nhello\r\n0\r\n\r\n",
        // Trailers that are none.
        "0\r\nA\r\n\r\n", "0\r\nA : b\r\n\r\n", "0\r\nGET / HTTP/1.1\r\n\r\n",
        "0\r\n A: b\r\n\r\n", "0\r\n: b\r\n\r\n", "0\r\nA: b\r\n c\r\n\r\n", "0\r\nA: b\0\r\n\r\n",
        "0\r\n\0\r\n\r\n",
        // Numbers too large, and those that would wrap.
        "FFFFFFFFFFFFFFFF\r\n", "7FFFFFFFFFFFFFFF\r\n", "8000000000000000\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF\r\n",
    ]

    @Test(arguments: refused) func `refuses`(_ text: String) {
        let failure = decode(text).failure
        guard case .malformed? = failure else {
            Issue.record("\(decode(text))")
            return
        }
    }

    @Test(arguments: refused) func `refuses the same in two pieces, and byte by byte`(_ text: String) {
        let wire = raw(text)
        let whole = decode(wire)
        for stop in 0...wire.count { #expect(decode(wire, stops: [stop]) == whole, "cut at \(stop)") }
        #expect(decode(wire, stops: Array(0...wire.count)) == whole)
    }

    @Test(arguments: [
        "", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\n\r",
        "0\r\nA: b\r\n",
    ])
    func `is not done before the end`(_ text: String) {
        let decoded = decode(text)
        #expect(decoded.rest == nil)
        #expect(decoded.failure == nil)
    }

    @Test func `a very large chunk is begun and counted`() throws {
        var decoder = ChunkedDecoder()
        var output = ByteBuffer()
        let wire = raw("7FFFFFFFFFFFFFF\r\nabc")
        #expect(try decoder.decode(wire.span, into: &output) == wire.count)
        #expect(output.bytes.string == "abc")
        #expect(!decoder.isDone)
    }

    @Test func `without room nothing of the content is used`() throws {
        var decoder = ChunkedDecoder()
        var output = ByteBuffer()
        let wire = raw("5\r\nhello\r\n0\r\n\r\n")
        #expect(try decoder.decode(wire.span, into: &output, room: 0) == 3)
        #expect(try decoder.decode(wire.span.extracting(3...), into: &output, room: 2) == 2)
        #expect(output.bytes.string == "he")
        // The room for the last byte is enough for the end behind it.
        #expect(try decoder.decode(wire.span.extracting(5...), into: &output, room: 3) == wire.count - 5)
        #expect(output.bytes.string == "hello")
        #expect(decoder.isDone)
        #expect(try decoder.decode(wire.span, into: &output) == 0)
    }

    @Test func `size lines and trailers end somewhere`() {
        let long = String(repeating: "x", count: 8000)
        let tooLong = String(repeating: "x", count: 9000)
        #expect(decode("1;\(long)\r\na\r\n1;\(long)\r\nb\r\n0\r\n\r\n").content == "ab")
        #expect(decode("1;\(tooLong)\r\na\r\n0\r\n\r\n").failure == .tooLong)
        #expect(decode(String(repeating: "0", count: 9000)).failure == .tooLong)
        #expect(decode("0\r\nA: \(long)\r\n\r\n").rest == "")
        #expect(decode("0\r\nA: \(tooLong)\r\n\r\n").failure == .tooLong)
        // All trailers together.
        #expect(decode("0\r\n" + String(repeating: "A: b\r\n", count: 2000) + "\r\n").failure == .tooLong)
    }
}
