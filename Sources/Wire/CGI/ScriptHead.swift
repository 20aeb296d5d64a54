import Base

/// The header of a script's answer (RFC 3875, section 6.3), read from its output.
package struct ScriptHead: Sendable {
    /// From the Status field, or from the status line of an NPH script.
    package private(set) var status: Status?
    /// What the script said behind the code; empty for the usual phrase.
    package private(set) var reason: [UInt8] = []
    /// Fields for the client, each as a whole line with CR LF, in the script's order.
    package private(set) var lines: [UInt8] = []
    package private(set) var location: [UInt8]?
    package private(set) var contentLength: Int?
    /// A Content-Length that is no number, or another than one before it. Nothing is known of the length then.
    package private(set) var wrongLength: [UInt8]?
    package private(set) var hasContentType = false
    package private(set) var contentType: [UInt8] = []
    package private(set) var entityTag: [UInt8] = []
    package private(set) var lastModified: Int?
    /// Names of fields that were left out because they are the server's to say.
    package private(set) var stripped: [String] = []
    /// Names of fields that were left out because their value is empty: Location, Content-Type.
    package private(set) var empty: [String] = []
    /// How many fields there were, Status and the stripped ones included, empty ones not.
    package private(set) var fieldCount = 0
    /// A whole response whose content is in chunks that the script makes itself.
    package private(set) var isChunked = false
    /// A file that is to be sent in the place of content (X-Sendfile and its likes).
    package private(set) var sendfile: [UInt8]?
    /// Which of the fields named it, as the script wrote that.
    package private(set) var sendfileField = ""
    /// The answer began with `HTTP/`: the script wrote a whole response.
    package private(set) var isNonParsed = false
    /// The whole header is an empty line, as what follows that can be none.
    package private(set) var isEmptyLine = false

    package enum Failure: Error, Sendable, Equatable {
        /// A line before the empty one is no field; its first bytes.
        case notAField([UInt8])
        case tooLong
        case badStatus([UInt8])
    }

    /// Bytes a script's header may have.
    package static let limit = 64 * 1024

    /// Looks for the end of the header in `output`.
    ///
    /// A line ends in LF, whatever number of CR stands before it: programs that write text, as some systems
    /// mean it, make CR CR LF of CR LF. A line that begins with a blank goes on with the one before it (RFC 9112,
    /// section 5.2). Empty lines in front are passed over; where no field follows them, the first one was the
    /// header.
    ///
    /// - Returns: the head and the index of the content's first byte, nil while the empty line is missing.
    package static func parse(_ output: Span<UInt8>) throws(Failure) -> (head: ScriptHead, bodyStart: Int)? {
        var head = ScriptHead()
        var index = 0
        var isFirst = true
        // Behind the first of the empty lines in front.
        var pageStart: Int?
        while index < output.count {
            let rest = output.extracting(index...)
            guard let offset = rest.firstIndex(of: ASCII.lf) else {
                if isFirst, let pageStart, isNoHeader(rest) { return (.bare, pageStart) }
                if output.count > limit { throw .tooLong }
                if rest.count > pageLineLimit, isNoBeginning(rest) { throw notAField(rest) }
                return nil
            }
            let line = rest.extracting(0..<offset).trimmingEnd(of: ASCII.cr)
            if isFirst, let pageStart, !line.isEmpty, isNoHeaderLine(line, colonLimit: pageLineLimit) {
                return (.bare, pageStart)
            }
            let end = index + offset + 1
            if end > limit { throw .tooLong }
            if line.isEmpty {
                if !isFirst { return (head, end) }
                pageStart = pageStart ?? end
                index = end
                continue
            }
            let isStatusLine = isFirst && line.starts(with: "HTTP/")
            let colon = isStatusLine ? nil : try colon(in: line)
            guard let next = try endOfFolds(output, from: end) else { return nil }
            if next == end {
                try head.take(line, colon)
            } else {
                let whole = unfolded(output.extracting(index..<next))
                try head.take(whole.span, colon)
            }
            isFirst = false
            index = next
        }
        if output.count > limit { throw .tooLong }
        return nil
    }

    /// Index behind the lines from `start` on that go on with the one before; nil while it is not known.
    private static func endOfFolds(_ output: Span<UInt8>, from start: Int) throws(Failure) -> Int? {
        var index = start
        while index < output.count {
            if !ASCII.isBlank(output[index]) {
                if index > limit { throw .tooLong }
                return index
            }
            guard let offset = output.extracting(index...).firstIndex(of: ASCII.lf) else { break }
            index += offset + 1
        }
        if output.count > limit { throw .tooLong }
        return nil
    }

    /// One line of several, joined by blanks.
    private static func unfolded(_ lines: Span<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = lines
        while let end = rest.firstIndex(of: ASCII.lf) {
            let line = rest.extracting(0..<end).trimmingEnd(of: ASCII.cr).trimmingBlanks()
            rest = rest.extracting((end + 1)...)
            if line.isEmpty { continue }
            if !result.isEmpty { result.append(ASCII.space) }
            line.withUnsafeBufferPointer { result.append(contentsOf: $0) }
        }
        return result
    }

    /// A header that is an empty line alone.
    private static let bare: ScriptHead = {
        var head = ScriptHead()
        head.isEmptyLine = true
        return head
    }()

    /// As `parse` of output to which nothing is added any more and that has no whole header: one that is an
    /// empty line, nil where it is none either.
    package static func emptyLine(in output: Span<UInt8>) -> (head: ScriptHead, bodyStart: Int)? {
        guard let end = output.firstIndex(of: ASCII.lf),
            output.extracting(0..<end).trimmingEnd(of: ASCII.cr).isEmpty, isMissing(in: output, isWhole: true)
        else { return nil }
        return (bare, end + 1)
    }

    /// Whether output that is no header has none, and is a page from its first byte: its first line can be
    /// neither a field nor a status line. `isWhole`: nothing follows.
    package static func isMissing(in output: Span<UInt8>, isWhole: Bool) -> Bool {
        var rest = output
        var colonLimit = Int.max
        while let end = rest.firstIndex(of: ASCII.lf) {
            let line = rest.extracting(0..<end).trimmingEnd(of: ASCII.cr)
            if !line.isEmpty { return isNoHeaderLine(line, colonLimit: colonLimit) }
            rest = rest.extracting((end + 1)...)
            colonLimit = pageLineLimit
        }
        return !rest.isEmpty && (isWhole || rest.count > pageLineLimit)
            && isNoHeaderLine(rest, colonLimit: colonLimit)
    }

    /// Whether a line can be neither a field nor a status line. A colon that stands behind `colonLimit` bytes
    /// is none of a field.
    private static func isNoHeaderLine(_ line: Span<UInt8>, colonLimit: Int) -> Bool {
        if line.starts(with: "HTTP/") || line.starts(with: "<!--:") { return false }
        guard let colon = line.firstIndex(of: ASCII.colon), colon <= colonLimit else { return true }
        return !isName(line.extracting(0..<colon).trimmingBlanks()) || ASCII.isBlank(line[0])
    }

    /// As `isNoHeaderLine`, of a line behind an empty one whose end has not come.
    private static func isNoHeader(_ beginning: Span<UInt8>) -> Bool {
        isNoBeginning(beginning)
            || beginning.count > pageLineLimit && isNoHeaderLine(beginning, colonLimit: pageLineLimit)
    }

    /// Whether no line that begins so can be a field or a status line. So a page without a header is
    /// diagnosed when it comes and not at the time-out.
    private static func isNoBeginning(_ beginning: Span<UInt8>) -> Bool {
        let comment: StaticString = "<!--:"
        if beginning.starts(with: "HTTP/") || beginning.starts(with: comment) { return false }
        if beginning.isBeginning(of: comment) { return false }
        var index = 0
        while index < beginning.count, ASCII.isTokenCharacter(beginning[index]) { index += 1 }
        let hasName = index > 0
        while index < beginning.count, ASCII.isBlank(beginning[index]) { index += 1 }
        // Those at the end may be the line's.
        if beginning.extracting(index...).trimmingEnd(of: ASCII.cr).isEmpty { return !hasName && index > 0 }
        return !hasName || beginning[index] != ASCII.colon
    }

    private static func isName(_ name: Span<UInt8>) -> Bool {
        for index in name.indices where !ASCII.isTokenCharacter(name[index]) { return false }
        return !name.isEmpty
    }

    private static func notAField(_ line: Span<UInt8>) -> Failure {
        .notAField(line.extracting(first: 80).array)
    }

    /// A header for output that has none: its media type, from how it begins.
    package init(forPage output: Span<UInt8>, charset: (_ type: String) -> String?) {
        var index = 0
        while index < output.count, output[index] <= ASCII.space { index += 1 }
        let begins = output.extracting(index...)
        // A tag, a comment or <!DOCTYPE.
        let isHTML =
            begins.count > 1 && begins[0] == UInt8(ascii: "<")
            && (ASCII.isLetter(begins[1]) || begins[1] == UInt8(ascii: "!"))
        let type = isHTML ? "text/html" : "text/plain"
        let value = charset(type).map { "\(type); charset=\($0)" } ?? type
        hasContentType = true
        contentType = Array(value.utf8)
        lines = Array("Content-Type: \(value)\r\n".utf8)
    }

    private init() {}

    /// A line that is longer and no field is taken for a page's before its end has come.
    private static let pageLineLimit = 200

    /// Takes a line; `colon` is where a field's name ends, nil for a status line.
    private mutating func take(_ line: Span<UInt8>, _ colon: Int?) throws(Failure) {
        if let colon { try field(line, colon) } else { try statusLine(line) }
    }

    private mutating func statusLine(_ line: Span<UInt8>) throws(Failure) {
        isNonParsed = true
        guard let blank = line.firstIndex(of: ASCII.space) else { throw .badStatus(line.array) }
        try setStatus(line.extracting((blank + 1)...))
    }

    private mutating func setStatus(_ value: Span<UInt8>) throws(Failure) {
        let text = value.trimmingBlanks()
        guard text.count >= 3, let code = ASCII.decimal(text.extracting(0..<3)), let status = Status(code),
            text.count == 3 || !ASCII.isDigit(text[3])
        else { throw .badStatus(value.extracting(first: 40).array) }
        self.status = status
        let phrase = text.extracting(3...).trimmingBlanks()
        for index in phrase.indices where ASCII.isControl(phrase[index]) { return }
        reason = phrase.array
    }

    /// Where a field's name ends.
    private static func colon(in line: Span<UInt8>) throws(Failure) -> Int {
        guard let colon = line.firstIndex(of: ASCII.colon), !ASCII.isBlank(line[0]) else {
            throw notAField(line)
        }
        let name = line.extracting(0..<colon)
        guard name.equals("<!--") || isName(name.trimmingBlanks()) else { throw notAField(line) }
        return colon
    }

    private mutating func field(_ line: Span<UInt8>, _ colon: Int) throws(Failure) {
        // Nobody expects a blank before the colon, and some would take it for a part of the name.
        let name = line.extracting(0..<colon).trimmingBlanks()
        // Python's cgitb begins its page so, to end whatever HTML it may stand in.
        if name.equals("<!--") { return }
        let value = line.extracting((colon + 1)...).trimmingBlanks()
        for index in value.indices where ASCII.isControl(value[index]) && value[index] != ASCII.tab {
            throw ScriptHead.notAField(line)
        }
        if value.isEmpty,
            ASCII.equalsIgnoringCase(name, "location") || ASCII.equalsIgnoringCase(name, "content-type")
        {
            empty.append(name.string)
            return
        }
        fieldCount += 1
        if strip(name) { return }
        if try take(name, value) { return }
        note(name, value)
        if let date = lastModified, ASCII.equalsIgnoringCase(name, "last-modified") {
            // Clients and caches read the preferred form, and few of them any other.
            append(name, HTTPDate.bytes(date).span)
        } else {
            append(name, value)
        }
    }

    /// Leaves out what is the server's to say. False: it is the script's.
    private mutating func strip(_ name: Span<UInt8>) -> Bool {
        switch name.count {
        case 4 where ASCII.equalsIgnoringCase(name, "date"), 6 where ASCII.equalsIgnoringCase(name, "server"):
            // Whole responses have these; the server's own take their places.
            if !isNonParsed { stripped.append(name.string) }
        case 10 where ASCII.equalsIgnoringCase(name, "connection"),
            10 where ASCII.equalsIgnoringCase(name, "keep-alive"),
            7 where ASCII.equalsIgnoringCase(name, "upgrade"),
            7 where ASCII.equalsIgnoringCase(name, "trailer"),
            16 where ASCII.equalsIgnoringCase(name, "proxy-connection"):
            stripped.append(name.string)
        default: return false
        }
        return true
    }

    /// Takes a field that is meant for the server and says how the answer is made. False: the client gets it.
    private mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(Failure) -> Bool {
        switch name.count {
        case 6 where ASCII.equalsIgnoringCase(name, "status"): try setStatus(value)
        case 10 where ASCII.equalsIgnoringCase(name, "x-sendfile"),
            16 where ASCII.equalsIgnoringCase(name, "x-accel-redirect"),
            20 where ASCII.equalsIgnoringCase(name, "x-lighttpd-send-file"):
            (sendfile, sendfileField) = (value.array, name.string)
        case 14 where ASCII.equalsIgnoringCase(name, "content-length"):
            if wrongLength != nil { return true }
            // Two that differ are worth no more than one that is no number.
            if let length = ASCII.decimal(value), contentLength ?? length == length {
                contentLength = length
            } else {
                contentLength = nil
                wrongLength = value.extracting(first: 40).array
            }
        case 17 where ASCII.equalsIgnoringCase(name, "transfer-encoding"):
            if isNonParsed, ASCII.equalsIgnoringCase(value, "chunked") {
                isChunked = true
            } else {
                stripped.append(name.string)
            }
        default: return false
        }
        return true
    }

    /// Takes note of a field for the client that the server needs, too. What stands once only takes the place of
    /// an earlier one.
    private mutating func note(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        switch name.count {
        case 4 where ASCII.equalsIgnoringCase(name, "etag"):
            removeLine("etag")
            entityTag = value.array
        case 8 where ASCII.equalsIgnoringCase(name, "location"):
            removeLine("location")
            location = value.array
        case 12 where ASCII.equalsIgnoringCase(name, "content-type"):
            removeLine("content-type")
            hasContentType = true
            contentType = value.array
        case 13 where ASCII.equalsIgnoringCase(name, "last-modified"):
            removeLine("last-modified")
            lastModified = HTTPDate.parse(value, asInMail: true)
        default: break
        }
    }

    /// Of a field that may stand once only (section 6.3), the last one counts.
    private mutating func removeLine(_ name: StaticString) {
        guard let line = FieldLines(lines).first(where: { $0.isNamed(name) }) else { return }
        lines.removeSubrange(line.bytes.indices)
    }

    private mutating func append(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        name.withUnsafeBufferPointer { lines.append(contentsOf: $0) }
        lines.append(ASCII.colon)
        lines.append(ASCII.space)
        value.withUnsafeBufferPointer { lines.append(contentsOf: $0) }
        lines.append(ASCII.cr)
        lines.append(ASCII.lf)
    }
}
