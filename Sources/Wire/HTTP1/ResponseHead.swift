package import Base

/// Status and fields of an answer. How its content is delimited, the date, the server's name and
/// the site's own fields are added by the connection.
package struct ResponseHead: Sendable {
    package var status: Status
    /// Whole field lines, each with CR LF.
    package private(set) var lines: [UInt8] = []
    /// In the place of the status's usual reason phrase; empty for that.
    package var reason: [UInt8] = []
    /// Length of the content, also where none is sent (HEAD); nil where it is not known.
    package var contentLength: Int?

    package init(_ status: Status, contentLength: Int? = nil) {
        self.status = status
        self.contentLength = contentLength
    }

    /// Lines that were made elsewhere, each with CR LF.
    package init(_ status: Status, lines: [UInt8], contentLength: Int?) {
        self.status = status
        self.lines = lines
        self.contentLength = contentLength
    }

    package mutating func add(_ name: StaticString, _ value: Span<UInt8>) {
        begin(name)
        value.withUnsafeBufferPointer { lines.append(contentsOf: $0) }
        end()
    }

    package mutating func add(_ name: StaticString, _ value: [UInt8]) { add(name, value.span) }

    package mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        lines.append(contentsOf: value.utf8)
        end()
    }

    package mutating func add(_ name: StaticString, _ value: StaticString) {
        begin(name)
        lines.append(contentsOf: UnsafeBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
        end()
    }

    private mutating func begin(_ name: StaticString) {
        lines.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        lines.append(ASCII.colon)
        lines.append(ASCII.space)
    }

    private mutating func end() {
        lines.append(ASCII.cr)
        lines.append(ASCII.lf)
    }

    /// The value of the first field of that name, which is given in lower case; nil without one.
    package func value(_ name: StaticString) -> ArraySlice<UInt8>? { line(name)?.value }

    package func has(_ name: StaticString) -> Bool { line(name) != nil }

    /// Takes out the first field of that name.
    package mutating func remove(_ name: StaticString) {
        if let line = line(name) { lines.removeSubrange(line.bytes.indices) }
    }

    /// Makes the head that of the same answer in a content coding (RFC 9110, section 8.4).
    ///
    /// The bytes are others, so a length and a strong entity tag hold no longer, nor do ranges.
    package mutating func apply(_ coding: ContentCoding) {
        contentLength = nil
        remove("accept-ranges")
        if let tag = value("etag"), !tag.starts(with: "W/".utf8) {
            remove("etag")
            add("ETag", Array("W/".utf8) + tag)
        }
        add("Content-Encoding", coding.name)
    }

    private func line(_ name: StaticString) -> FieldLines.Line? {
        FieldLines(lines).first { $0.isNamed(name) }
    }
}
