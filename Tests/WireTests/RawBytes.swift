import Base
import Wire

/// The bytes of `text`, one for each scalar: `\u{FF}` is the byte 0xFF, not two of UTF-8.
func raw(_ text: String) -> [UInt8] {
    text.unicodeScalars.map { scalar in
        precondition(scalar.value < 256, "no byte: \(scalar)")
        return UInt8(truncatingIfNeeded: scalar.value)
    }
}

/// The opposite of `raw`, so that no byte is lost in a failure's text.
func shown(_ bytes: [UInt8]) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
}

/// What the parser makes of a head, in one line: the parts of the request, or the status and reason
/// of the refusal, or `incomplete`.
struct HeadReading: Equatable, CustomStringConvertible {
    var outcome: String
    /// Index behind the head.
    var end = 0
    var status: Int?
    var fields: [String] = []

    var description: String { outcome }
}

/// Reads a head that comes in pieces: first up to each of `stops`, then whole.
func readHead(_ wire: [UInt8], from start: Int = 0, stops: [Int] = [], limit: Int = 8192) -> HeadReading {
    var parser = RequestParser(limit: limit)
    var head = RequestHead()
    for stop in stops + [wire.count] {
        do throws(RequestError) {
            if try parser.parse(wire.span.extracting(0..<stop), from: start, into: &head) {
                return describe(head, wire)
            }
        } catch {
            return HeadReading(outcome: "\(error.status.code) \(error.reason)", status: error.status.code)
        }
    }
    return HeadReading(outcome: "incomplete")
}

func readHead(_ text: String, limit: Int = 8192) -> HeadReading { readHead(raw(text), limit: limit) }

private func describe(_ head: RequestHead, _ wire: [UInt8]) -> HeadReading {
    func text(_ place: ByteRange) -> String { shown(Array(wire[place.range])) }
    var words = [text(head.methodName), "\(head.form)", "\"\(text(head.path))\""]
    if let query = head.query { words.append("?\"\(text(query))\"") }
    words.append("1.\(head.minorVersion)")
    if let authority = head.authority { words.append("@\(text(authority))") }
    switch head.framing {
    case .none: break
    case .length(let length): words.append("length=\(length)")
    case .chunked: words.append("chunked")
    }
    words.append(head.wantsKeepAlive ? "keep" : "close")
    if head.expectsContinue { words.append("continue") }
    return HeadReading(
        outcome: words.joined(separator: " "), end: head.end,
        fields: head.fields.map { "\(text($0.name))=\(text($0.value))" })
}

/// A head that was read whole, for what looks at fields.
func parsed(_ text: String) -> (head: RequestHead, bytes: [UInt8]) {
    let bytes = raw(text)
    var parser = RequestParser(limit: 65536)
    var head = RequestHead()
    guard let isWhole = try? parser.parse(bytes.span, from: 0, into: &head), isWhole else {
        preconditionFailure("no valid head: \(text)")
    }
    return (head, bytes)
}
