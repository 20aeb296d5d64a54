import Base

/// The lines of a header that has been checked: each `Name: value` with CR LF.
package struct FieldLines: Sequence, IteratorProtocol {
    package struct Line {
        /// The whole line with its end.
        package let bytes: ArraySlice<UInt8>
        package let name: ArraySlice<UInt8>
        /// Without blanks at the ends.
        package let value: ArraySlice<UInt8>

        /// Whether the name is `text`, which is given in lower case.
        package func isNamed(_ text: StaticString) -> Bool { ASCII.equalsIgnoringCase(name.span, text) }

        /// The members of the value as a list, in lower case.
        package var members: [[UInt8]] {
            var list = ListReader(value.span)
            var result: [[UInt8]] = []
            while let member = list.next() { result.append(member.array.map(ASCII.lower)) }
            return result
        }
    }

    private var rest: ArraySlice<UInt8>

    package init(_ lines: [UInt8]) { rest = lines[...] }

    package mutating func next() -> Line? {
        while !rest.isEmpty {
            let end = rest.firstIndex(of: ASCII.lf).map { $0 + 1 } ?? rest.endIndex
            let bytes = rest[..<end]
            rest = rest[end...]
            guard let colon = bytes.firstIndex(of: ASCII.colon) else { continue }
            var value = bytes[(colon + 1)...]
            while let last = value.last, last == ASCII.lf || last == ASCII.cr || ASCII.isBlank(last) {
                value.removeLast()
            }
            while let first = value.first, ASCII.isBlank(first) { value.removeFirst() }
            return Line(bytes: bytes, name: bytes[..<colon], value: value)
        }
        return nil
    }
}

extension FieldLines {
    /// The lines without those that describe content, for an answer that has none (304).
    package static func withoutContentFields(_ lines: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for line in FieldLines(lines) where !line.describesContent { result += line.bytes }
        return result
    }
}

extension FieldLines.Line {
    /// `Content-Type` and the like, but not `Content-Location` (RFC 9110, section 15.4.5).
    fileprivate var describesContent: Bool {
        name.count > 8 && ASCII.equalsIgnoringCase(name.span.extracting(0..<8), "content-")
            && !isNamed("content-location")
    }
}
