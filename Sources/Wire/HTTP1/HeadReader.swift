import Base

/// Reads a head that is known to be whole.
struct HeadReader: ~Escapable {
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

    /// As `bad`, of a request line, where a CR that ends no line is what is wrong most often.
    private func badLine(_ reason: StaticString) -> RequestError {
        let isBareCR = index + 1 < end && bytes[index] == ASCII.cr && bytes[index + 1] != ASCII.lf
        return bad(isBareCR ? "a CR without LF in the request line" : reason)
    }

    // MARK: The request line

    mutating func requestLine(_ head: inout RequestHead) throws(RequestError) {
        let methodStart = index
        if beginsWithGet {
            // Nearly all do.
            index += 3
            head.method = .get
        } else {
            index = HeadReader.endOfToken(bytes, from: index, to: end)
            guard index < end, bytes[index] == ASCII.space, index > methodStart else {
                throw badLine("the method is not followed by one blank")
            }
            head.method = Method(bytes.extracting(methodStart..<index))
        }
        head.methodName = ByteRange(methodStart, index)
        index += 1

        let targetStart = index
        var queryStart: Int?
        while true {
            index = HeadReader.endOfTargetPart(bytes, from: index, to: end)
            guard index < end else { break }
            if bytes[index] == ASCII.numberSign { throw bad("the request target has a fragment") }
            guard bytes[index] == ASCII.question else { break }
            index += 1
            if queryStart == nil { queryStart = index }
        }
        guard index > targetStart, index < end, bytes[index] == ASCII.space else {
            throw badLine("the request target is not followed by one blank and the version")
        }
        let targetEnd = index
        index += 1
        try version(&head)
        head.line = ByteRange(methodStart, targetEnd + HeadReader.versionLength + 1)
        head.target = ByteRange(targetStart, targetEnd)
        try target(targetStart, targetEnd, queryStart, &head)
    }

    @inline(__always) private var beginsWithGet: Bool {
        index + 3 < end && bytes[index] == UInt8(ascii: "G") && bytes[index + 1] == UInt8(ascii: "E")
            && bytes[index + 2] == UInt8(ascii: "T") && bytes[index + 3] == ASCII.space
    }

    // These keep their index where the compiler need not store it for each byte.

    /// Where what is not of a token begins (RFC 9110, section 5.6.2).
    static func endOfToken(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end, ASCII.isTokenCharacter(bytes[index]) { index &+= 1 }
        return index
    }

    /// Where the next `?` or `#` stands, or what ends a request target.
    @inline(__always)
    static func endOfTargetPart(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while let eight = bytes.eightBytes(at: index) {
            let marks =
                eight.below(ASCII.space + 1) | eight.equal(ASCII.question) | eight.equal(ASCII.numberSign)
                | eight.equal(ASCII.delete)
            index &+= marks.first
            if marks.first < 8 { return min(index, end) }
        }
        while index < end {
            let byte = bytes[index]
            if byte <= ASCII.space || byte == ASCII.delete { break }
            if byte == ASCII.question || byte == ASCII.numberSign { break }
            index &+= 1
        }
        return min(index, end)
    }

    /// Where a control character stands, which no field value has; a tab is none of those.
    @inline(__always)
    static func endOfValue(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while let eight = bytes.eightBytes(at: index) {
            let marks = eight.below(ASCII.space) | eight.equal(ASCII.delete)
            index &+= marks.first
            if marks.first == 8 { continue }
            if index >= end || bytes[index] != ASCII.tab { return min(index, end) }
            index &+= 1
        }
        while index < end {
            let byte = bytes[index]
            if byte < ASCII.space, byte != ASCII.tab { break }
            if byte == ASCII.delete { break }
            index &+= 1
        }
        return min(index, end)
    }

    private static let versionLength = 8

    @inline(__always)
    private mutating func version(_ head: inout RequestHead) throws(RequestError) {
        guard index + HeadReader.versionLength < end, let text = bytes.eightBytes(at: index) else {
            throw bad("the request line does not end in an HTTP version")
        }
        var isKnown = true
        if text == EightBytes("HTTP/1.1") {
            head.minorVersion = 1
        } else if text == EightBytes("HTTP/1.0") {
            head.minorVersion = 0
        } else {
            guard bytes.extracting(index..<index + 5).equals("HTTP/"), ASCII.isDigit(bytes[index + 5]),
                bytes[index + 6] == ASCII.dot, ASCII.isDigit(bytes[index + 7])
            else { throw bad("the request line does not end in an HTTP version") }
            // A later 1.x is spoken to as 1.1 (RFC 9110, section 2.5).
            head.minorVersion = 1
            isKnown = bytes[index + 5] == ASCII.zero + 1
        }
        index += HeadReader.versionLength
        guard lineEnds() else { throw badLine("something follows the HTTP version") }
        if !isKnown { throw RequestError(.versionNotSupported, "the HTTP version is not 1.0 or 1.1") }
    }

    /// Passes a line's end, if there is one here.
    @inline(__always) private mutating func lineEnds() -> Bool {
        guard index < end else { return false }
        if bytes[index] == ASCII.cr, index + 1 < end, bytes[index + 1] == ASCII.lf {
            index += 2
            return true
        }
        if bytes[index] == ASCII.lf {
            index += 1
            return true
        }
        return false
    }

    /// Tells the four forms apart (RFC 9112, section 3.2).
    @inline(__always)
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
            guard let length = HeadReader.registeredName(text) else { return false }
            index = length
        }
        if index == text.count { return !needsPort }
        guard text[index] == ASCII.colon else { return false }
        let port = text.extracting((index + 1)...)
        if port.isEmpty { return !needsPort }
        guard let number = ASCII.decimal(port), number <= 65535 else { return false }
        return number > 0 || !needsPort
    }

    /// The length of the reg-name (RFC 3986, section 3.2.2) that `text` begins with, up to a colon; nil where
    /// something else stands there, or an empty label (`.a`, `a..b`). A dot at the end is the name's root
    /// (RFC 1034, section 3.1). A comma is refused: it stands between two hosts that something in between
    /// made one field of.
    private static func registeredName(_ text: Span<UInt8>) -> Int? {
        var index = 0
        var last = ASCII.dot
        while let eight = text.eightBytes(at: index), eight.isHostText,
            last != ASCII.dot || text[index] != last
        {
            index &+= 8
            last = text[index - 1]
        }
        while index < text.count {
            let byte = text[index]
            if byte == ASCII.dot {
                if last == ASCII.dot { return nil }
            } else if !isOfRegisteredName(byte) {
                if byte == ASCII.colon { break }
                guard byte == ASCII.percent, index + 2 < text.count, ASCII.hexValue(text[index + 1]) != nil,
                    ASCII.hexValue(text[index + 2]) != nil
                else { return nil }
                index += 2
            }
            last = byte
            index &+= 1
        }
        return index == 0 ? nil : index
    }

    /// Letters, digits and ! $ & ' ( ) * + - ; = _ ~
    @inline(__always) private static func isOfRegisteredName(_ byte: UInt8) -> Bool {
        // A bit for each byte below 64, and for each from 64 to 127.
        let low: UInt64 = 0x2BFF_2FD2_0000_0000
        let high: UInt64 = 0x47FF_FFFE_87FF_FFFE
        let bits = byte < 64 ? low : byte < 128 ? high : 0
        return (bits >> UInt64(byte & 63)) & 1 != 0
    }

    // MARK: Fields

    mutating func fields(_ head: inout RequestHead) throws(RequestError) {
        head.forgetFields()
        var facts = FramingFacts()
        while !lineEnds() {
            let nameStart = index
            index = HeadReader.endOfToken(bytes, from: index, to: end)
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
            index = HeadReader.endOfValue(bytes, from: index, to: end)
            var valueEnd = index
            guard lineEnds() else { throw bad("a field value has a control character") }
            while valueEnd > valueStart, ASCII.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
            let value = ByteRange(valueStart, valueEnd)
            head.add(RequestHead.Field(id: id, name: name, value: value))
            if head.fieldCount > 200 {
                throw RequestError(.headerFieldsTooLarge, "the request has more than 200 fields")
            }
            try facts.take(id, bytes.extracting(valueStart..<valueEnd), value)
        }
        try finish(facts, &head)
    }

    @inline(__always)
    private func finish(_ facts: FramingFacts, _ head: inout RequestHead) throws(RequestError) {
        if let host = facts.host {
            guard host.isEmpty || isAuthority(bytes.extracting(host.range)) else {
                throw bad("the Host field is not valid")
            }
            // An http URL without a host is none (RFC 9110, section 4.2.1).
            if host.isEmpty, head.minorVersion > 0, head.form == .origin {
                throw bad("the Host field is empty")
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
