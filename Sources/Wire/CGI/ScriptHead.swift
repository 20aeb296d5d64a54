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
    package private(set) var hasContentType = false
    package private(set) var contentType: [UInt8] = []
    package private(set) var entityTag: [UInt8] = []
    package private(set) var lastModified: Int?
    /// Names of fields that were left out because they are the server's to say.
    package private(set) var stripped: [String] = []
    /// How many fields there were, Status and the stripped ones included.
    package private(set) var fieldCount = 0
    /// A whole response whose content is in chunks that the script makes itself.
    package private(set) var isChunked = false
    /// A file that is to be sent in the place of content (X-Sendfile, X-Accel-Redirect).
    package private(set) var sendfile: [UInt8]?
    /// The answer began with `HTTP/`: the script wrote a whole response.
    package private(set) var isNonParsed = false

    package enum Failure: Error, Sendable, Equatable {
        /// A line before the empty one is no field; its first bytes.
        case notAField([UInt8])
        case tooLong
        case badStatus([UInt8])
        case badContentLength([UInt8])
    }

    /// Bytes a script's header may have.
    package static let limit = 64 * 1024

    /// Looks for the end of the header in `output`.
    ///
    /// - Returns: the head and the index of the content's first byte, nil while the empty line is missing.
    package static func parse(_ output: Span<UInt8>) throws(Failure) -> (head: ScriptHead, bodyStart: Int)? {
        var head = ScriptHead()
        var index = 0
        var isFirst = true
        while index < output.count {
            guard let offset = output.extracting(index...).firstIndex(of: ASCII.lf) else {
                if output.count > limit { throw .tooLong }
                try rejectEarly(output.extracting(index...))
                return nil
            }
            var line = output.extracting(index..<index + offset)
            index += offset + 1
            if index > limit { throw .tooLong }
            if line.count > 0, line[line.count - 1] == ASCII.cr { line = line.extracting(0..<line.count - 1) }
            if line.isEmpty {
                // Some scripts begin with an empty line; with no field before it, it ends nothing.
                if isFirst { continue }
                return (head, index)
            }
            if isFirst, line.starts(with: "HTTP/") {
                try head.statusLine(line)
            } else {
                try head.field(line)
            }
            isFirst = false
        }
        if output.count > limit { throw .tooLong }
        return nil
    }

    /// Whether output that is no header has none, and is a page from its first byte: its first line can be
    /// neither a field nor a status line. `isWhole`: nothing follows.
    package static func isMissing(in output: Span<UInt8>, isWhole: Bool) -> Bool {
        var rest = output
        while let end = rest.firstIndex(of: ASCII.lf) {
            let line = rest.extracting(0..<end)
            if !line.isEmpty, !(line.count == 1 && line[0] == ASCII.cr) { return isNoHeaderLine(line) }
            rest = rest.extracting((end + 1)...)
        }
        return !rest.isEmpty && (isWhole || rest.count > pageLineLimit) && isNoHeaderLine(rest)
    }

    private static func isNoHeaderLine(_ line: Span<UInt8>) -> Bool {
        if line.starts(with: "HTTP/") || line.starts(with: "<!--:") { return false }
        guard let colon = line.firstIndex(of: ASCII.colon), colon > 0 else { return true }
        for index in 0..<colon where !ASCII.isTokenCharacter(line[index]) { return true }
        return false
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

    /// Sees that an unfinished line can become no field, so that a page without a header is
    /// diagnosed when it comes and not at the time-out.
    private static func rejectEarly(_ line: Span<UInt8>) throws(Failure) {
        for index in line.indices {
            let byte = line[index]
            if byte == ASCII.colon || byte == ASCII.cr { return }
            if !ASCII.isTokenCharacter(byte) {
                if line.starts(with: "HTTP/") || line.starts(with: "<!--:") { return }
                if line.count > pageLineLimit { throw .notAField(line.extracting(first: 80).array) }
                return
            }
        }
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

    private mutating func field(_ line: Span<UInt8>) throws(Failure) {
        guard let colon = line.firstIndex(of: ASCII.colon), colon > 0 else {
            throw .notAField(line.extracting(first: 80).array)
        }
        let name = line.extracting(0..<colon)
        // Python's cgitb begins its page so, to end whatever HTML it may stand in.
        if name.equals("<!--") { return }
        for index in name.indices where !ASCII.isTokenCharacter(name[index]) {
            throw .notAField(line.extracting(first: 80).array)
        }
        let value = line.extracting((colon + 1)...).trimmingBlanks()
        fieldCount += 1
        for index in value.indices where ASCII.isControl(value[index]) && value[index] != ASCII.tab {
            throw .notAField(line.extracting(first: 80).array)
        }
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
            16 where ASCII.equalsIgnoringCase(name, "x-accel-redirect"):
            sendfile = value.array
        case 14 where ASCII.equalsIgnoringCase(name, "content-length"):
            // Two that differ leave it open where the content ends.
            guard let length = ASCII.decimal(value), contentLength ?? length == length else {
                throw .badContentLength(value.array)
            }
            contentLength = length
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
            lastModified = HTTPDate.parse(value, takesOffset: true)
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
