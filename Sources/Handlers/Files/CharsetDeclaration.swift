import Base

/// What a text itself says about its character set.
///
/// A browser believes the header before the text, so the header must not contradict.
enum CharsetDeclaration {
    /// Bytes in which a declaration is looked for. Browsers look in 1024.
    private static let reach = 4096

    /// Whether the text names a character set: HTML in `meta`, XML in its declaration, CSS in `@charset`.
    static func stands(in bytes: Span<UInt8>, type: String) -> Bool {
        let head = bytes.extracting(0..<min(bytes.count, reach))
        if type.hasPrefix("text/css") { return head.starts(with: "@charset \"") }
        let isXML = head.starts(with: "<?xml") && hasEncoding(head)
        if type.hasPrefix("text/xml") { return isXML }
        return type.hasPrefix("text/html") && (isXML || hasMeta(head))
    }

    /// `<?xml version="1.0" encoding="…"?>`
    private static func hasEncoding(_ head: Span<UInt8>) -> Bool {
        let end = head.firstIndex(of: UInt8(ascii: ">")) ?? head.count
        return find("encoding", in: head, from: 0, to: end) != nil
    }

    /// `<meta charset=…>` or `<meta http-equiv="Content-Type" content="…; charset=…">`, not in a comment.
    private static func hasMeta(_ head: Span<UInt8>) -> Bool {
        var index = 0
        while index < head.count {
            guard head[index] == UInt8(ascii: "<") else {
                index += 1
                continue
            }
            let rest = head.extracting(index...)
            if rest.starts(with: "<!--") {
                guard let end = find("-->", in: head, from: index + 4, to: head.count) else { return false }
                index = end
                continue
            }
            let length = rest.firstIndex(of: UInt8(ascii: ">")) ?? rest.count
            if rest.count > 5, ASCII.equalsIgnoringCase(rest.extracting(0..<5), "<meta"),
                names(rest.extracting(0..<length))
            {
                return true
            }
            index += 1
        }
        return false
    }

    /// Whether a tag has `charset`, blanks aside followed by `=`.
    private static func names(_ tag: Span<UInt8>) -> Bool {
        guard var index = find("charset", in: tag, from: 0, to: tag.count) else { return false }
        while index < tag.count, tag[index] <= ASCII.space { index += 1 }
        return index < tag.count && tag[index] == ASCII.equals
    }

    /// The index behind `text`, which is in lower case.
    private static func find(_ text: StaticString, in bytes: Span<UInt8>, from start: Int, to end: Int)
        -> Int?
    {
        let length = text.utf8CodeUnitCount
        var index = start
        while index + length <= end {
            if ASCII.equalsIgnoringCase(bytes.extracting(index..<index + length), text) {
                return index + length
            }
            index += 1
        }
        return nil
    }
}
