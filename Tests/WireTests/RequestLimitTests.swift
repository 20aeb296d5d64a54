import Testing
import Wire

/// How long a request head may be.
@Suite struct RequestLimitTests {
    private static let limit = 256

    /// A head of just `length` bytes, by its path or by a field.
    private func head(length: Int, longLine: Bool) -> [UInt8] {
        let (front, middle, back) =
            longLine
            ? ("GET /", " HTTP/1.1\r\nHost: h\r\n\r\n", "")
            : ("GET / HTTP/1.1\r\nHost: h\r\nA: ", "\r\n\r\n", "")
        let rest = length - raw(front + middle + back).count
        return raw(front) + [UInt8](repeating: 0x61, count: rest) + raw(middle + back)
    }

    @Test(arguments: [true, false]) func `a head as long as the limit is read`(longLine: Bool) {
        let wire = head(length: Self.limit, longLine: longLine)
        for stop in 0...wire.count {
            #expect(readHead(wire, stops: [stop], limit: Self.limit).end == wire.count)
        }
        // What follows it does not count.
        #expect(
            readHead(wire + raw(String(repeating: "x", count: 1000)), limit: Self.limit).end == wire.count)
    }

    @Test func `a head longer than the limit is refused, however it comes`() {
        for length in [Self.limit + 1, Self.limit + 2, Self.limit + 3, 4 * Self.limit] {
            let wire = head(length: length, longLine: false)
            #expect(readHead(wire, limit: Self.limit).status == 431)
            #expect(readHead(wire, stops: Array(0...wire.count), limit: Self.limit).status == 431)
            for stop in 0...wire.count {
                #expect(readHead(wire, stops: [stop], limit: Self.limit).status == 431, "cut at \(stop)")
            }
        }
    }

    @Test func `a request line longer than the limit is refused as such, however it comes`() {
        let wire = head(length: 2 * Self.limit, longLine: true)
        #expect(readHead(wire, limit: Self.limit).status == 414)
        #expect(readHead(wire, stops: Array(0...wire.count), limit: Self.limit).status == 414)
        for stop in 0...wire.count {
            #expect(readHead(wire, stops: [stop], limit: Self.limit).status == 414, "cut at \(stop)")
        }
    }

    @Test func `a head without an end is refused at the limit`() {
        let line = raw("GET / HTTP/1.1\r\n")
        let fields = [[UInt8]](repeating: raw("A: b\r\n"), count: 100).flatMap { $0 }
        #expect(readHead(line + fields, limit: Self.limit).status == 431)
        #expect(
            readHead(String(repeating: "G", count: Self.limit), limit: Self.limit).outcome == "incomplete")
        #expect(readHead(String(repeating: "G", count: Self.limit + 1), limit: Self.limit).status == 414)
    }

    @Test func `empty lines before the request count towards the limit`() {
        let few = String(repeating: "\r\n", count: 20)
        #expect(readHead(few + "GET / HTTP/1.1\r\nHost: h\r\n\r\n", limit: Self.limit).status == nil)
        let many = String(repeating: "\r\n", count: Self.limit)
        #expect(readHead(many, limit: Self.limit).status != nil)
        #expect(readHead(many + "GET / HTTP/1.1\r\nHost: h\r\n\r\n", limit: Self.limit).status != nil)
    }

    @Test func `200 fields and no more`() {
        func head(_ count: Int) -> String {
            "GET / HTTP/1.1\r\nHost: h\r\n" + String(repeating: "A: b\r\n", count: count - 1) + "\r\n"
        }
        #expect(readHead(head(200)).fields.count == 200)
        #expect(readHead(head(201)).status == 431)
    }
}
