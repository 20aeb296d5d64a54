import Base
import Wire

/// Status and fields of an answer. How its content is delimited, the date, the server's name and
/// the site's own fields are added by the connection.
struct ResponseHead: Sendable {
    var status: Status
    /// Whole field lines, each with CR LF.
    private(set) var lines: [UInt8] = []
    /// In the place of the status's usual reason phrase; empty for that.
    var reason: [UInt8] = []
    /// Length of the content, also where none is sent (HEAD); nil where it is not known.
    var contentLength: Int?

    init(_ status: Status, contentLength: Int? = nil) {
        self.status = status
        self.contentLength = contentLength
    }

    /// Lines that were made elsewhere, each with CR LF.
    init(_ status: Status, lines: [UInt8], contentLength: Int?) {
        self.status = status
        self.lines = lines
        self.contentLength = contentLength
    }

    mutating func add(_ name: StaticString, _ value: Span<UInt8>) {
        begin(name)
        value.withUnsafeBufferPointer { lines.append(contentsOf: $0) }
        end()
    }

    mutating func add(_ name: StaticString, _ value: [UInt8]) { add(name, value.span) }

    mutating func add(_ name: StaticString, _ value: String) {
        begin(name)
        lines.append(contentsOf: value.utf8)
        end()
    }

    mutating func add(_ name: StaticString, _ value: StaticString) {
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

    /// The value of the Content-Type line, nil without one.
    var contentType: String? {
        contentTypeLine.map { String(decoding: $0.value, as: UTF8.self) }
    }

    var withoutContentType: ResponseHead {
        var head = self
        if let line = contentTypeLine { head.lines.removeSubrange(line.bytes.indices) }
        return head
    }

    private var contentTypeLine: FieldLines.Line? {
        FieldLines(lines).first { $0.isNamed("content-type") }
    }
}
