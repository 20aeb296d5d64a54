import Base
import Glibc
import Net
import Wire

/// Answers with a file: conditions, ranges, validators (RFC 9110, sections 13 and 14).
struct FileAnswer {
    private let exchange: Exchange
    /// Fields that the answer has whatever its status, as whole lines.
    private var lines = ResponseHead(.ok)
    private let type: String?
    /// Where the answer to a small file is kept.
    private let cache: FileCache?
    /// A date and tag that a script gave; the file's own otherwise.
    private var givenValidators: Validators?

    /// `type` nil: the lines have a Content-Type already.
    init(exchange: Exchange, type: String?, cache: FileCache? = nil) {
        self.exchange = exchange
        self.type = type
        self.cache = cache
    }

    /// For a script that names a file: its fields stay, and its validators count before the file's.
    init(exchange: Exchange, script head: ScriptHead, type: String) {
        self.exchange = exchange
        self.type = head.hasContentType ? nil : type
        cache = nil
        lines = ResponseHead(.ok, lines: head.lines, contentLength: nil)
        if !head.entityTag.isEmpty || head.lastModified != nil {
            givenValidators = Validators(entityTag: head.entityTag, lastModified: head.lastModified)
        }
    }

    mutating func add(_ name: StaticString, _ value: String) { lines.add(name, value) }

    func send(_ file: borrowing Folder.OpenFile) async throws(StreamError) {
        let size = file.size
        // A date in the future would never be older than what a client asks about.
        let modified = min(file.modified, exchange.context.wallSeconds)
        let validators =
            givenValidators ?? Validators(entityTag: FileAnswer.entityTag(file), lastModified: modified)
        if exchange.errorStatus != nil { return try await sendWhole(file, validators) }
        let conditions = exchange.withHeadBytes { Conditions.evaluate(exchange.head, $0, validators) }
        switch conditions {
        case .failed: return try await ErrorPage.send(.preconditionFailed, on: exchange)
        case .notModified: return try await exchange.send(head(.notModified, validators, length: nil), [])
        case .proceed: break
        }
        guard exchange.method == .get, let field = exchange.head.first(.range) else {
            return try await sendWhole(file, validators)
        }
        let outcome: RangeField.Outcome = exchange.withHeadBytes { bytes in
            guard Conditions.rangeApplies(exchange.head, bytes, validators) else { return .whole }
            return RangeField.parse(bytes.extracting(field.range), length: size)
        }
        switch outcome {
        case .whole: try await sendWhole(file, validators)
        case .one(let range):
            var head = head(.partialContent, validators, length: range.count)
            head.add("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)")
            try await exchange.send(head, file: file.descriptor, range: range)
        case .several(let ranges): try await sendParts(file, ranges, validators)
        case .unsatisfiable:
            try await ErrorPage.send(
                .rangeNotSatisfiable, fields: [("Content-Range", "bytes */\(size)")], on: exchange)
        }
    }

    /// Several ranges as `multipart/byteranges` (RFC 9110, section 14.6).
    private func sendParts(
        _ file: borrowing Folder.OpenFile, _ ranges: [Range<Int>], _ validators: Validators
    ) async throws(StreamError) {
        // Any text that is not in the file would do; 64 random bits are in none by chance.
        let boundary = "gatehouse-\(exchange.id)-\(UInt64.random(in: .min ... .max))"
        let type = lines.contentType ?? type ?? MediaTypes.unknown
        let parts = ranges.map { range in
            (
                preface: Array(
                    "\r\n--\(boundary)\r\nContent-Type: \(type)\r\nContent-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)\r\n\r\n"
                        .utf8), range: range
            )
        }
        let end = Array("\r\n--\(boundary)--\r\n".utf8)
        let length = parts.reduce(end.count) { $0 + $1.preface.count + $1.range.count }
        var head = head(
            .partialContent, validators, length: length, type: "multipart/byteranges; boundary=\(boundary)")
        head.contentLength = length
        try await exchange.send(head, file: file.descriptor, parts: parts, end: end)
    }

    private func sendWhole(
        _ file: borrowing Folder.OpenFile, _ validators: Validators
    ) async throws(StreamError) {
        let head = head(exchange.errorStatus ?? .ok, validators, length: file.size)
        if let cache, file.size <= FileCache.fileLimit, exchange.errorStatus == nil {
            return try await exchange.send(head, small: file.descriptor, size: file.size, keepIn: cache)
        }
        if exchange.method == .head { return try await exchange.send(head, []) }
        try await exchange.send(head, file: file.descriptor, range: 0..<file.size)
    }

    private func head(
        _ status: Status, _ validators: Validators, length: Int?, type multipart: String? = nil
    ) -> ResponseHead {
        var head = multipart == nil ? lines : lines.withoutContentType
        head.status = status
        head.contentLength = length
        if status != .notModified {
            if let type = multipart ?? type { head.add("Content-Type", type) }
            if !status.isError { head.add("Accept-Ranges", "bytes" as StaticString) }
        }
        // An error page must not be kept for the address that failed.
        if status.isError || givenValidators != nil { return head }
        if let modified = validators.lastModified { head.add("Last-Modified", HTTPDate.bytes(modified)) }
        head.add("ETag", validators.entityTag)
        return head
    }

    /// From size and time of change to the nanosecond.
    private static func entityTag(_ file: borrowing Folder.OpenFile) -> [UInt8] {
        var tag = ByteBuffer(capacity: 40)
        tag.append(ASCII.quote)
        tag.append(hex: file.modified & .max)
        tag.append(ASCII.dash)
        tag.append(hex: file.status.st_mtim.tv_nsec)
        tag.append(ASCII.dash)
        tag.append(hex: file.size)
        tag.append(ASCII.quote)
        return tag.bytes.array
    }
}
