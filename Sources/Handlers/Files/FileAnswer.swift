import Base
import Config
import Glibc
import Net
import Wire

/// Answers with a file: conditions, ranges, validators (RFC 9110, sections 13 and 14).
struct FileAnswer {
    private let exchange: Exchange
    /// Fields that the answer has whatever its status, as whole lines.
    private var lines = ResponseHead(.ok)
    private let type: String?
    /// Where the answer is kept.
    private let cache: FileCache?
    /// A date and tag that a script gave; the file's own otherwise.
    private var givenValidators: Validators?
    /// A status that a script gave, where it is not that of a file which is simply sent.
    private var givenStatus: Status?
    private var form = Form.plain

    /// How the file's bytes are sent (RFC 9110, section 8.4).
    enum Form {
        case plain
        /// The file holds the representation in that coding already.
        case coded(ContentCoding)
        /// They are compressed on the way.
        case compressed(ContentCoding)

        var coding: ContentCoding? {
            switch self {
            case .plain: nil
            case .coded(let coding), .compressed(let coding): coding
            }
        }
    }

    /// `type` nil: the lines have a Content-Type already.
    init(exchange: Exchange, type: String?, cache: FileCache? = nil) {
        self.exchange = exchange
        self.type = type
        self.cache = cache
    }

    /// For a script that names a file: its fields stay, its validators count before the file's, and so does a
    /// status. What is part of the file is not the script's to say (206).
    init(exchange: Exchange, script head: ScriptHead, type: String) {
        self.exchange = exchange
        self.type = head.hasContentType ? nil : type
        cache = nil
        lines = ResponseHead(.ok, lines: head.lines, contentLength: nil)
        if let status = head.status, status != .ok, status != .partialContent { givenStatus = status }
        if !head.entityTag.isEmpty || head.lastModified != nil {
            givenValidators = Validators(entityTag: head.entityTag, lastModified: head.lastModified)
        }
    }

    mutating func add(_ name: StaticString, _ value: String) { lines.add(name, value) }

    /// `form`: what the request's Accept-Encoding was found to mean.
    mutating func send(_ file: borrowing Folder.OpenFile, as form: Form) async throws(StreamError) {
        self.form = form
        guard case .compressed(let coding) = form, file.size > FileCompression.wholeLimit else {
            return try await send(file)
        }
        // Its compressor lives as long as the client reads.
        let place = exchange.context.compressionRoom.take(coding)
        if place == nil { self.form = .plain }
        try await send(file)
        _ = consume place
    }

    func send(_ file: borrowing Folder.OpenFile) async throws(StreamError) {
        let size = file.size
        // A date in the future would never be older than what a client asks about.
        let modified = min(file.modified, exchange.context.wallSeconds)
        let validators =
            givenValidators ?? Validators(entityTag: entityTag(file), lastModified: modified)
        // Conditions and ranges are for the page itself, not for what stands in its place.
        if givenStatus ?? exchange.errorStatus != nil { return try await sendWhole(file, validators) }
        let conditions = exchange.withHeadBytes { Conditions.evaluate(exchange.head, $0, validators) }
        switch conditions {
        case .failed: return try await ErrorPage.send(.preconditionFailed, on: exchange)
        case .notModified: return try await exchange.send(head(.notModified, validators, length: nil), [])
        case .proceed: break
        }
        // What a range of a coded form would mean, hardly a client knows.
        // HEAD is answered as GET is, ranges included, though only GET defines them (section 14.2).
        guard form.coding == nil, let field = exchange.head.first(.range) else {
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
        // Any text that is not in the file would do; 64 random bits are in none by chance. Of one length, so
        // that HEAD and GET tell the same Content-Length.
        let boundary = "gatehouse-\(exchange.id)-\(RequestID(value: .random(in: .min ... .max)))"
        let type =
            lines.value("content-type").map { String(decoding: $0, as: UTF8.self) } ?? type
            ?? MediaTypes.unknown
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
        if case .compressed(let coding) = form {
            return try await sendCompressed(file, validators, coding)
        }
        let head = head(givenStatus ?? exchange.errorStatus ?? .ok, validators, length: file.size)
        if let cache, exchange.errorStatus == nil {
            if file.size > FileCache.fileLimit {
                return try await exchange.send(head, file, keepIn: cache)
            }
            // Shorter than it was: the general way knows what to do.
            if let content = await read(file.descriptor, size: file.size) {
                return try await exchange.send(head, content, keepIn: cache)
            }
        }
        if exchange.method == .head { return try await exchange.send(head, []) }
        try await exchange.send(head, file: file.descriptor, range: 0..<file.size)
    }

    /// All of a small file; nil where it has not that many bytes any more.
    private func read(_ file: borrowing FileDescriptor, size: Int) async -> [UInt8]? {
        let raw = file.raw
        if let content = FileAnswer.readNow(raw, size) { return content }
        // The disk is the pool's to wait for.
        await exchange.context.pool.run { PageCache.load(raw, 0..<size) }
        return FileAnswer.readNow(raw, size)
    }

    private static func readNow(_ file: CInt, _ size: Int) -> [UInt8]? {
        let content = [UInt8](unsafeUninitializedCapacity: size) { room, count in
            count = size == 0 ? 0 : PageCache.read(file, into: UnsafeMutableRawBufferPointer(room))
        }
        return content.count == size ? content : nil
    }

    private func sendCompressed(
        _ file: borrowing Folder.OpenFile, _ validators: Validators, _ coding: ContentCoding
    ) async throws(StreamError) {
        var head = head(.ok, validators, length: nil)
        let compression = FileCompression(file, coding, exchange.context)
        guard file.size <= FileCompression.wholeLimit else {
            if exchange.method == .head { return try await exchange.transmit(head, []) }
            return try await compression.stream(file.descriptor, head, on: exchange)
        }
        var place: CompressionRoom.Place?
        switch try await compression.whole(file.descriptor, for: exchange, &place) {
        case .made(let content):
            head.contentLength = content.count
            if let cache, content.count <= FileCache.fileLimit {
                try await exchange.send(head, content, keepIn: cache)
            } else {
                try await exchange.transmit(head, content)
            }
        case .busy:
            var plain = self
            plain.form = .plain
            try await plain.send(file)
        case .failed:
            exchange.log(.warning, "the file became shorter, or there is no memory, while it was compressed")
            try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "1")], on: exchange)
        }
        _ = consume place
    }

    private func head(
        _ status: Status, _ validators: Validators, length: Int?, type multipart: String? = nil
    ) -> ResponseHead {
        var head = lines
        if multipart != nil { head.remove("content-type") }
        head.status = status
        head.contentLength = length
        if status != .notModified {
            if let type = multipart ?? type { head.add("Content-Type", type) }
            if let coding = form.coding {
                head.add("Content-Encoding", coding.name)
            } else if !status.isError {
                head.add("Accept-Ranges", "bytes" as StaticString)
            }
        }
        // An error page must not be kept for the address that failed.
        if status.isError || givenValidators != nil { return head }
        if let modified = validators.lastModified { head.add("Last-Modified", HTTPDate.bytes(modified)) }
        head.add("ETag", validators.entityTag)
        return head
    }

    /// From size and time of change to the nanosecond, and the coding: its bytes are others.
    private func entityTag(_ file: borrowing Folder.OpenFile) -> [UInt8] {
        var tag = ByteBuffer(capacity: 40)
        tag.append(ASCII.quote)
        tag.append(hex: file.modified & .max)
        tag.append(ASCII.dash)
        tag.append(hex: file.status.st_mtim.tv_nsec)
        tag.append(ASCII.dash)
        tag.append(hex: file.size)
        if let coding = form.coding {
            tag.append(ASCII.dash)
            tag.append(coding.name)
        }
        tag.append(ASCII.quote)
        return tag.bytes.array
    }
}
