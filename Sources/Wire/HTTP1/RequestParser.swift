import Base

/// Finds and reads request heads, strictly where leniency is known to let one request pass for two.
///
/// A single LF ends a line as CR LF does (RFC 9112, section 2.2); everything else that the grammar
/// does not have is refused: folded lines, a bare CR, NUL and other controls, blanks before the
/// colon, doubled Content-Length or Host, a Transfer-Encoding beside a Content-Length.
package struct RequestParser: Sendable {
    /// Bytes of a whole head, and of its request line.
    package let limit: Int
    /// Everything before this index has been searched for the head's end.
    private var searched = 0
    /// The request line has been read, though the head is not whole.
    private var isLineRead = false

    package init(limit: Int) { self.limit = limit }

    /// Reads the head that begins at `start` of `bytes` into `head`.
    ///
    /// - Returns: whether the head was there whole. If not, call again with more bytes.
    package mutating func parse(
        _ bytes: Span<UInt8>, from start: Int, into head: inout RequestHead
    ) throws(RequestError) -> Bool {
        // For who answers a head that is refused before it says so.
        if !isLineRead { head.method = .get }
        let line = RequestParser.passEmptyLines(bytes, from: start)
        if line < bytes.count, !ASCII.isTokenCharacter(bytes[line]),
            // The CR of one more empty line, as long as nothing else follows it.
            bytes[line] != ASCII.cr || line + 1 < bytes.count
        {
            // The first byte of a handshake's record (RFC 8446, section 5.1).
            throw RequestError(
                .badRequest,
                bytes[line] == 0x16
                    ? "the client speaks TLS (https), and this address does not"
                    : "the request does not begin with a method")
        }
        let end: Int
        if bytes.count - start <= limit, RequestParser.endsInEmptyLine(bytes, from: line) {
            // Most often nothing follows the head, and then its end need not be searched for. Where
            // something does, the head ends before this.
            end = bytes.count
        } else if let found = findEnd(bytes, from: line) {
            end = found
        } else {
            try readEarly(bytes, line, start + limit, &head)
            if bytes.count - start > limit { throw tooLong(bytes, line) }
            return false
        }
        searched = 0
        if end - start > limit {
            try readEarly(bytes, line, start + limit, &head)
            throw tooLong(bytes, line)
        }
        var reader = HeadReader(bytes: bytes, index: line, end: end)
        try reader.requestLine(&head)
        try reader.fields(&head)
        head.end = reader.index
        return true
    }

    /// Whether all that there is from `line` on ends in a line's end and an empty line.
    private static func endsInEmptyLine(_ bytes: Span<UInt8>, from line: Int) -> Bool {
        let last = bytes.count - 1
        return last - 4 >= line && bytes[last] == ASCII.lf && bytes[last - 1] == ASCII.cr
            && bytes[last - 2] == ASCII.lf && bytes[last - 3] == ASCII.cr
    }

    /// Reads the request line of a head that is not whole, once, if it ends before `end`: a request which
    /// can become none (of HTTP/0.9, or with CR for its line ends) is refused when it comes and not at
    /// the time-out.
    private mutating func readEarly(
        _ bytes: Span<UInt8>, _ line: Int, _ end: Int, _ head: inout RequestHead
    ) throws(RequestError) {
        let stop = min(bytes.count, end)
        if isLineRead || line >= stop { return }
        let rest = bytes.extracting(line..<stop)
        if let lf = rest.firstIndex(of: ASCII.lf) {
            isLineRead = true
            var reader = HeadReader(bytes: bytes, index: line, end: line + lf + 1)
            try reader.requestLine(&head)
        } else if let cr = rest.firstIndex(of: ASCII.cr), cr + 1 < rest.count {
            throw RequestError(.badRequest, "a CR without LF in the request line")
        }
    }

    /// Empty lines before a request are left over from clients that end a body with one. They count
    /// towards the limit, so that nobody can send them for ever.
    private static func passEmptyLines(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count {
            if bytes[index] == ASCII.lf {
                index += 1
            } else if bytes[index] == ASCII.cr, index + 1 < bytes.count, bytes[index + 1] == ASCII.lf {
                index += 2
            } else {
                break
            }
        }
        return index
    }

    /// Tells a request line that alone is too long from a head that is, however the bytes came.
    private func tooLong(_ bytes: Span<UInt8>, _ line: Int) -> RequestError {
        let length = bytes.extracting(line...).firstIndex(of: ASCII.lf) ?? .max
        return length >= limit
            ? RequestError(.uriTooLong, "the request line is longer than max_header_size")
            : RequestError(.headerFieldsTooLarge, "the request head is longer than max_header_size")
    }

    /// Index behind the empty line, nil while it has not come.
    private mutating func findEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var index = max(searched, start)
        while index < bytes.count {
            guard let offset = bytes.extracting(index...).firstIndex(of: ASCII.lf) else {
                index = bytes.count
                break
            }
            let lf = index + offset
            // An empty line: LF LF or LF CR LF.
            if lf + 1 < bytes.count, bytes[lf + 1] == ASCII.lf { return lf + 2 }
            if lf + 2 < bytes.count, bytes[lf + 1] == ASCII.cr, bytes[lf + 2] == ASCII.lf { return lf + 3 }
            if lf + 2 >= bytes.count {
                // The line behind may yet turn out to be empty: look at this LF again.
                searched = lf
                return nil
            }
            index = lf + 1
        }
        searched = index
        return nil
    }
}
