/// A media type, or a family of them: `text/html`, `text/*`, `application/*+json`.
package struct MediaTypePattern: Hashable, Sendable {
    /// In lower case. Before the star, behind it; the same and nil without one.
    private let start: [UInt8]
    private let end: [UInt8]?

    /// Nil for what is none of these forms.
    package init?(_ text: String) {
        let bytes = text.utf8.map(ASCII.lower)
        let halves = bytes.split(separator: ASCII.slash, omittingEmptySubsequences: false)
        guard halves.count == 2, halves.allSatisfy({ !$0.isEmpty && $0.allSatisfy(ASCII.isTokenCharacter) })
        else { return nil }
        guard let star = bytes.firstIndex(of: ASCII.asterisk) else {
            start = bytes
            end = nil
            return
        }
        // One star, and only behind the slash: all types of all kinds are `*/*`.
        let isAll = bytes.elementsEqual("*/*".utf8)
        guard isAll || (halves[0].endIndex <= star && !bytes[(star + 1)...].contains(ASCII.asterisk)) else {
            return nil
        }
        start = isAll ? [] : Array(bytes[..<star])
        end = isAll ? [] : Array(bytes[(star + 1)...])
    }

    /// Whether the pattern names one type alone.
    package var isExact: Bool { end == nil }

    /// Whether `type`, a Content-Type's value in any case and with any parameters, is meant.
    package func matches(_ type: some Collection<UInt8>) -> Bool {
        let bare = type.prefix { $0 != ASCII.semicolon && $0 != ASCII.space }.map(ASCII.lower)
        guard let end else { return bare == start }
        return bare.count >= start.count + end.count && bare.starts(with: start)
            && bare[(bare.count - end.count)...].elementsEqual(end)
    }
}
