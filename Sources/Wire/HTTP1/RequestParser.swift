import Base

/// Why a head was refused. The connection is closed after the answer, since nobody knows where the
/// next request would begin.
package struct RequestError: Error, Equatable, Sendable {
    package let status: Status
    /// For the error log: what was wrong.
    package let reason: StaticString

    init(_ status: Status, _ reason: StaticString) { (self.status, self.reason) = (status, reason) }

    /// The head did not arrive in time.
    package static let timedOut = RequestError(
        .requestTimeout, "the request head did not arrive within header_timeout")

    package static func == (a: RequestError, b: RequestError) -> Bool { a.status == b.status }
}

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

    package init(limit: Int) { self.limit = limit }

    /// Reads the head that begins at `start` of `bytes` into `head`.
    ///
    /// - Returns: whether the head was there whole. If not, call again with more bytes.
    package mutating func parse(
        _ bytes: Span<UInt8>, from start: Int, into head: inout RequestHead
    ) throws(RequestError) -> Bool {
        // For who answers a head that is refused before it says so.
        head.method = .get
        let line = RequestParser.passEmptyLines(bytes, from: start)
        if line < bytes.count, !ASCII.isTokenCharacter(bytes[line]),
            // The CR of one more empty line, as long as nothing else follows it.
            bytes[line] != ASCII.cr || line + 1 < bytes.count
        {
            throw RequestError(.badRequest, "the request does not begin with a method")
        }
        guard let end = findEnd(bytes, from: line) else {
            if bytes.count - start > limit { throw tooLong(bytes, line) }
            return false
        }
        searched = 0
        if end - start > limit { throw tooLong(bytes, line) }
        var reader = HeadReader(bytes: bytes, index: line, end: end)
        try reader.requestLine(&head)
        try reader.fields(&head)
        head.end = end
        return true
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

/// Reads a head that is known to be whole.
private struct HeadReader: ~Escapable {
    let bytes: Span<UInt8>
    var index: Int
    let end: Int

    @_lifetime(copy bytes)
    init(bytes: Span<UInt8>, index: Int, end: Int) {
        self.bytes = bytes
        self.index = index
        self.end = end
    }

    private func bad(_ reason: StaticString) -> RequestError { RequestError(.badRequest, reason) }

    // MARK: The request line

    mutating func requestLine(_ head: inout RequestHead) throws(RequestError) {
        let methodStart = index
        while index < end, ASCII.isTokenCharacter(bytes[index]) { index += 1 }
        guard index < end, bytes[index] == ASCII.space, index > methodStart else {
            throw bad("the method is not followed by one blank")
        }
        head.methodName = ByteRange(methodStart, index)
        head.method = Method(bytes.extracting(methodStart..<index))
        index += 1

        let targetStart = index
        var queryStart: Int?
        while index < end {
            let byte = bytes[index]
            if byte <= ASCII.space || byte == ASCII.delete { break }
            if byte == ASCII.question, queryStart == nil { queryStart = index + 1 }
            if byte == 0x23 { throw bad("the request target has a fragment") }
            index += 1
        }
        guard index > targetStart, index < end, bytes[index] == ASCII.space else {
            throw bad("the request target is not followed by one blank and the version")
        }
        let targetEnd = index
        index += 1
        try version(&head)
        head.target = ByteRange(targetStart, targetEnd)
        try target(targetStart, targetEnd, queryStart, &head)
    }

    private mutating func version(_ head: inout RequestHead) throws(RequestError) {
        guard index + 8 < end, bytes.extracting(index..<index + 5).equals("HTTP/"),
            ASCII.isDigit(bytes[index + 5]), bytes[index + 6] == ASCII.dot, ASCII.isDigit(bytes[index + 7])
        else { throw bad("the request line does not end in an HTTP version") }
        let major = bytes[index + 5]
        let minor = bytes[index + 7]
        index += 8
        guard lineEnds() else { throw bad("something follows the HTTP version") }
        guard major == ASCII.zero + 1 else {
            throw RequestError(.versionNotSupported, "the HTTP version is not 1.0 or 1.1")
        }
        head.minorVersion = minor == ASCII.zero ? 0 : 1
    }

    /// Passes a line's end, if there is one here.
    private mutating func lineEnds() -> Bool {
        if index < end, bytes[index] == ASCII.lf {
            index += 1
            return true
        }
        if index + 1 < end, bytes[index] == ASCII.cr, bytes[index + 1] == ASCII.lf {
            index += 2
            return true
        }
        return false
    }

    /// Tells the four forms apart (RFC 9112, section 3.2).
    private func target(
        _ start: Int, _ stop: Int, _ queryStart: Int?, _ head: inout RequestHead
    ) throws(RequestError) {
        head.authority = nil
        head.query = queryStart.map { ByteRange($0, stop) }
        let pathStop = queryStart.map { $0 - 1 } ?? stop
        if head.method == .connect {
            head.form = .authority
            head.authority = ByteRange(start, stop)
            head.path = .empty
            head.query = nil
            // Nobody but the client knows the port it means (RFC 9110, section 9.3.6).
            guard isAuthority(bytes.extracting(start..<stop), needsPort: true) else {
                throw bad("CONNECT without host and port")
            }
        } else if bytes[start] == ASCII.slash {
            head.form = .origin
            head.path = ByteRange(start, pathStop)
        } else if bytes[start] == ASCII.asterisk, stop == start + 1 {
            guard head.method == .options else { throw bad("only OPTIONS may ask for *") }
            head.form = .asterisk
            head.path = ByteRange(start, stop)
        } else {
            let scheme = bytes.extracting(start..<stop)
            let skipped: Int
            if scheme.count > 7, ASCII.equalsIgnoringCase(scheme.extracting(0..<7), "http://") {
                skipped = 7
            } else if scheme.count > 8, ASCII.equalsIgnoringCase(scheme.extracting(0..<8), "https://") {
                skipped = 8
            } else {
                throw bad("the request target is neither a path nor an http URL")
            }
            let authorityStart = start + skipped
            var authorityStop = authorityStart
            while authorityStop < pathStop, bytes[authorityStop] != ASCII.slash { authorityStop += 1 }
            guard isAuthority(bytes.extracting(authorityStart..<authorityStop)) else {
                throw bad("the request target has no valid host")
            }
            head.form = .absolute
            head.authority = ByteRange(authorityStart, authorityStop)
            head.path = ByteRange(authorityStop, pathStop)
        }
    }

    /// `uri-host [":" port]` without user information.
    private func isAuthority(_ text: Span<UInt8>, needsPort: Bool = false) -> Bool {
        if text.isEmpty { return false }
        var index = 0
        if text[0] == 0x5B {  // [
            guard let close = text.firstIndex(of: 0x5D) else { return false }
            for position in 1..<max(close, 1) {
                let byte = text[position]
                guard ASCII.hexValue(byte) != nil || byte == ASCII.colon || byte == ASCII.dot else {
                    return false
                }
            }
            guard close > 2 else { return false }
            index = close + 1
        } else {
            while index < text.count, text[index] != ASCII.colon {
                let byte = text[index]
                // Unreserved characters, sub-delims without the quote marks' kin, percent: reg-name.
                let isAllowed =
                    ASCII.isAlphanumeric(byte) || byte == ASCII.dash || byte == ASCII.dot
                    || byte == ASCII.underscore || byte == 0x7E || byte == ASCII.percent || byte == 0x21
                    || byte == 0x24 || (0x26...0x2C).contains(byte) || byte == ASCII.semicolon
                    || byte == ASCII.equals || byte >= 0x80
                guard isAllowed else { return false }
                index += 1
            }
            if index == 0 { return false }
        }
        if index == text.count { return !needsPort }
        guard text[index] == ASCII.colon else { return false }
        let port = text.extracting((index + 1)...)
        if port.isEmpty { return !needsPort }
        guard let number = ASCII.decimal(port), number <= 65535 else { return false }
        return number > 0 || !needsPort
    }

    // MARK: Fields

    mutating func fields(_ head: inout RequestHead) throws(RequestError) {
        head.fields.removeAll(keepingCapacity: true)
        var facts = FramingFacts()
        while !lineEnds() {
            let nameStart = index
            while index < end, ASCII.isTokenCharacter(bytes[index]) { index += 1 }
            guard index > nameStart, index < end, bytes[index] == ASCII.colon else {
                throw bad(
                    nameStart < end && ASCII.isBlank(bytes[nameStart])
                        ? "a field line is folded" : "a field name is not followed by a colon")
            }
            let name = ByteRange(nameStart, index)
            let id = FieldName(bytes.extracting(nameStart..<index))
            index += 1
            while index < end, ASCII.isBlank(bytes[index]) { index += 1 }
            let valueStart = index
            while index < end {
                let byte = bytes[index]
                if byte < ASCII.space, byte != ASCII.tab { break }
                if byte == ASCII.delete { break }
                index += 1
            }
            var valueEnd = index
            guard lineEnds() else { throw bad("a field value has a control character") }
            while valueEnd > valueStart, ASCII.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
            let value = ByteRange(valueStart, valueEnd)
            head.fields.append(RequestHead.Field(id: id, name: name, value: value))
            if head.fields.count > 200 {
                throw RequestError(.headerFieldsTooLarge, "the request has more than 200 fields")
            }
            try facts.take(id, bytes.extracting(valueStart..<valueEnd), value)
        }
        try finish(facts, &head)
    }

    private func finish(_ facts: FramingFacts, _ head: inout RequestHead) throws(RequestError) {
        if let host = facts.host {
            guard host.isEmpty || isAuthority(bytes.extracting(host.range)) else {
                throw bad("the Host field is not valid")
            }
            // RFC 9112, section 3.2.2: an absolute target decides, whatever Host says.
            if head.authority == nil, !host.isEmpty { head.authority = host }
        } else if head.minorVersion > 0 {
            throw bad("an HTTP/1.1 request without Host")
        }
        head.framing = try facts.framing(minorVersion: head.minorVersion)
        head.wantsKeepAlive = facts.close ? false : head.minorVersion > 0 || facts.keepAlive
        head.expectsContinue = facts.expectsContinue && head.minorVersion > 0
    }
}

/// What the fields say about where the request ends and whether the connection goes on.
private struct FramingFacts {
    var host: ByteRange?
    var length: Int?
    var isChunked = false
    var hasTransferEncoding = false
    var close = false
    var keepAlive = false
    var expectsContinue = false

    mutating func take(_ id: FieldName, _ value: Span<UInt8>, _ place: ByteRange) throws(RequestError) {
        switch id {
        case .host:
            if host != nil { throw RequestError(.badRequest, "two Host fields") }
            host = place
        case .contentLength:
            if length != nil { throw RequestError(.badRequest, "two Content-Length fields") }
            guard let number = ASCII.decimal(value) else {
                throw RequestError(.badRequest, "Content-Length is not a number")
            }
            length = number
        case .transferEncoding:
            if hasTransferEncoding { throw RequestError(.badRequest, "two Transfer-Encoding fields") }
            hasTransferEncoding = true
            if !ASCII.equalsIgnoringCase(value, "chunked") {
                // A coding before chunked is only unknown; chunked not in last place leaves no end.
                var codings = ListReader(value)
                var isLast = false
                while let coding = codings.next() { isLast = ASCII.equalsIgnoringCase(coding, "chunked") }
                throw RequestError(
                    isLast ? .notImplemented : .badRequest, "a Transfer-Encoding other than chunked")
            }
            isChunked = true
        case .connection:
            var list = ListReader(value)
            while let token = list.next() {
                if ASCII.equalsIgnoringCase(token, "close") { close = true }
                if ASCII.equalsIgnoringCase(token, "keep-alive") { keepAlive = true }
            }
        case .expect:
            guard ASCII.equalsIgnoringCase(value, "100-continue") else {
                throw RequestError(.expectationFailed, "an expectation other than 100-continue")
            }
            expectsContinue = true
        default: break
        }
    }

    func framing(minorVersion: Int) throws(RequestError) -> BodyFraming {
        if hasTransferEncoding {
            if length != nil { throw RequestError(.badRequest, "both Transfer-Encoding and Content-Length") }
            if minorVersion == 0 { throw RequestError(.badRequest, "Transfer-Encoding in HTTP/1.0") }
            return .chunked
        }
        guard let length else { return .none }
        return length == 0 ? .none : .length(length)
    }
}

/// Members of a comma-separated list (RFC 9110, section 5.6.1), without the empty ones.
package struct ListReader: ~Escapable {
    private let bytes: Span<UInt8>
    private var index = 0

    @_lifetime(copy bytes)
    package init(_ bytes: Span<UInt8>) { self.bytes = bytes }

    /// The next member without the blanks round it. Commas within quotes do not count.
    @_lifetime(copy self)
    package mutating func next() -> Span<UInt8>? {
        while index < bytes.count {
            let start = index
            var isQuoted = false
            while index < bytes.count, isQuoted || bytes[index] != ASCII.comma {
                if bytes[index] == ASCII.quote { isQuoted.toggle() }
                if isQuoted, bytes[index] == ASCII.backslash { index += 1 }
                index += 1
            }
            let stop = min(index, bytes.count)
            index = stop + 1
            let member = bytes.extracting(start..<stop).trimmingBlanks()
            if !member.isEmpty { return member }
        }
        return nil
    }
}
