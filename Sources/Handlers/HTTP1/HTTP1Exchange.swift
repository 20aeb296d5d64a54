import Base
import Config
import Glibc
import Net
import Wire

/// A request that came by HTTP/1.x, and its answer (RFC 9112).
final class HTTP1Exchange: Exchange {
    private var stream: Stream
    private var settings: HTTP1Settings { context.http1 }

    /// What is to be sent next: a head, content with its framing.
    private var output = ByteBuffer()
    /// Raw bytes of a chunked request between the socket and the decoder.
    private var staging = ByteBuffer()
    private var content = ContentState.none
    private var decoder = ChunkedDecoder()
    private var owesContinue = false
    private var answer = AnswerState.none
    /// Whether the connection may carry another request after this one.
    private(set) var keepsAlive = false

    private enum ContentState {
        case none
        case length(left: Int)
        case chunked
        /// Whole, or given up.
        case done
    }

    private enum AnswerState {
        case none
        /// A final head has been written.
        case begun(framing: AnswerFraming)
        case finished
        case aborted(needsReset: Bool)
    }

    private enum AnswerFraming {
        case none
        /// For HEAD: counted, not sent.
        case suppressed
        case length(left: Int)
        case chunked
        case untilClose
    }

    init(stream: Stream, context: LoopContext, connection: ConnectionFacts) {
        self.stream = stream
        super.init(context: context, waiter: stream.waiter, connection: connection)
    }

    /// Makes the exchange, with its buffers, another connection's. `input` is empty.
    func attach(_ stream: Stream, _ connection: ConnectionFacts) {
        self.stream = stream
        waiter = stream.waiter
        self.connection = connection
    }

    /// Drops what the last request left. False where the buffers have grown too large to be kept.
    func reset() -> Bool {
        site = nil
        part = nil
        script = nil
        input.removeAll()
        output.removeAll()
        staging.removeAll()
        return input.capacity + output.capacity + staging.capacity <= HTTP1Exchange.keptCapacity
    }

    private static let keptCapacity = 128 * 1024

    /// Reads the head, if it is there whole.
    func parseHead(_ parser: inout RequestParser) throws(RequestError) -> Bool {
        try parser.parse(input.all, from: input.start, into: &head)
    }

    /// Makes ready for a request whose head has been read.
    func beginRequest(closing: Bool) {
        id = context.nextRequestID()
        started = context.loop.now
        status = 0
        contentSent = 0
        script = nil
        site = nil
        part = nil
        isRestricted = false
        user = nil
        redirectCount = 0
        redirectedTarget = nil
        errorStatus = nil
        errorLines = []
        answer = .none
        keepsAlive = head.wantsKeepAlive && !closing
        owesContinue = head.expectsContinue
        switch head.framing {
        case .none: content = .done
        case .length(let length): content = .length(left: length)
        case .chunked:
            content = .chunked
            decoder = ChunkedDecoder()
        }
    }

    // MARK: The content of the request

    override func sendContinue() async throws(StreamError) {
        if isSentOn { return }
        guard owesContinue else { return }
        owesContinue = false
        // Content that is already here needs no invitation (RFC 9110, section 10.1.1).
        if !input.isEmpty { return }
        output.append("HTTP/1.1 100 Continue\r\n\r\n")
        try await stream.write(&output, timeout: settings.writeTimeout)
    }

    override func readContent(into buffer: inout ByteBuffer, room: Int) async throws(ContentError)
        -> Int
    {
        if isSentOn { return 0 }
        return try await readAnyContent(into: &buffer, room: room)
    }

    private func readAnyContent(into buffer: inout ByteBuffer, room: Int) async throws(ContentError) -> Int {
        switch content {
        case .none, .done: return 0
        case .length(let left): return try await readCounted(into: &buffer, left: left, room: room)
        case .chunked: return try await readChunked(into: &buffer, room: room)
        }
    }

    private func readCounted(into buffer: inout ByteBuffer, left: Int, room: Int) async throws(ContentError)
        -> Int
    {
        let wanted = min(left, room)
        var count = min(wanted, input.count)
        if count > 0 {
            input.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            input.consume(count)
        } else {
            count = try await receive(into: &buffer, atMost: wanted)
            if count == 0 {
                content = .done
                throw .incomplete
            }
        }
        content = left == count ? .done : .length(left: left - count)
        return count
    }

    private func readChunked(into buffer: inout ByteBuffer, room: Int) async throws(ContentError) -> Int {
        while true {
            if staging.isEmpty, !input.isEmpty {
                staging.removeAll()
                input.withUnsafeBytes { staging.append($0) }
                input.consume(input.count)
            }
            if !staging.isEmpty {
                let before = buffer.count
                do throws(ChunkedDecoder.Failure) {
                    let used = try staging.withSpan { (bytes) throws(ChunkedDecoder.Failure) in
                        try decoder.decode(bytes, into: &buffer, room: room)
                    }
                    staging.consume(used)
                } catch {
                    content = .done
                    keepsAlive = false
                    switch error {
                    case .malformed(let reason): throw .malformed(reason)
                    case .tooLong: throw .malformed("a chunk's size line or the trailers are too long")
                    }
                }
                if decoder.isDone { content = .done }
                if buffer.count > before || decoder.isDone { return buffer.count - before }
            }
            staging.removeAll()
            if try await receive(into: &staging, atMost: 65536) == 0 {
                content = .done
                throw .incomplete
            }
        }
    }

    private func receive(into buffer: inout ByteBuffer, atMost: Int) async throws(ContentError) -> Int {
        let deadline = context.loop.now + settings.bodyTimeout
        while true {
            do throws(StreamError) {
                if let count = try readPiece(into: &buffer, atMost: atMost) { return count }
                try await stream.wait(until: deadline)
            } catch {
                keepsAlive = false
                throw .stream(error)
            }
        }
    }

    private func readPiece(into buffer: inout ByteBuffer, atMost: Int) throws(StreamError) -> Int? {
        var isBlocked = false
        do throws(Errno) {
            let count = try buffer.fill(atLeast: min(atMost, 65536)) { (room) throws(Errno) in
                let place = UnsafeMutableRawBufferPointer(rebasing: room.prefix(atMost))
                guard let count = try stream.tryRead(into: place) else {
                    isBlocked = true
                    return 0
                }
                return count
            }
            return isBlocked ? nil : count
        } catch {
            throw .failed(error)
        }
    }

    /// Passes over content that nobody has read, so that the next request can follow. What is too
    /// much, or would have to be waited for because it was never invited, ends the connection.
    func finishRequest() async {
        if owesContinue {
            keepsAlive = false
            content = .done
        }
        var passed = 0
        var scratch = ByteBuffer()
        while keepsAlive, isContentLeft {
            do throws(ContentError) {
                scratch.removeAll()
                passed += try await readAnyContent(into: &scratch, room: 65536)
            } catch {
                keepsAlive = false
            }
            if passed > HTTP1Exchange.passOverLimit { keepsAlive = false }
        }
        // What the decoder left is the beginning of the next request.
        if !staging.isEmpty {
            input.removeAll()
            staging.withUnsafeBytes { input.append($0) }
        }
        staging.removeAll()
    }

    /// Unread content that is received only to keep the connection.
    private static let passOverLimit = 256 * 1024

    private var isContentLeft: Bool {
        if case .done = content { return false }
        return true
    }

    /// Whether `finishRequest` has anything to do.
    var hasUnreadContent: Bool { isContentLeft || owesContinue || !staging.isEmpty }

    /// Whether the client may still be sending, so that closing at once would reset the connection
    /// and could take the answer with it.
    var mayHaveUnreadInput: Bool {
        hasUnreadContent || !input.isEmpty
    }

    // MARK: The client's state

    override func watchClient() { try? stream.watch() }
    override var isClientDone: Bool { stream.isPeerDone }
    override var isClientGone: Bool { stream.isHungUp }

    // MARK: The answer

    override func send(_ head: ResponseHead, _ content: [UInt8]) async throws(StreamError) {
        var head = head
        if head.contentLength == nil, !head.status.isWithoutContent { head.contentLength = content.count }
        let framing = writeHead(head)
        answer = .finished
        guard case .length = framing, !content.isEmpty else {
            return try await stream.write(&output, timeout: settings.writeTimeout)
        }
        contentSent = content.count
        try await stream.write(&output, content, timeout: settings.writeTimeout)
    }

    override func send(
        _ head: ResponseHead, file: borrowing FileDescriptor, range: Range<Int>
    ) async throws(StreamError) {
        try await send(head, file: file, parts: [([], range)], end: [])
    }

    override func send(
        _ head: ResponseHead, file: borrowing FileDescriptor, parts: [(preface: [UInt8], range: Range<Int>)],
        end: [UInt8]
    ) async throws(StreamError) {
        _ = writeHead(head)
        answer = .finished
        let isSilent = method == .head
        for (preface, range) in parts where !isSilent {
            output.append(preface)
            if range.isEmpty { continue }
            try await stream.write(&output, more: true, timeout: settings.writeTimeout)
            contentSent += preface.count
            if try await !sendRange(range, of: file) { return }
        }
        if !isSilent {
            output.append(end)
            contentSent += end.count
        }
        try await stream.write(&output, timeout: settings.writeTimeout)
    }

    /// False where the file had become shorter, and the connection is cut.
    private func sendRange(_ range: Range<Int>, of file: borrowing FileDescriptor) async throws(StreamError)
        -> Bool
    {
        var sent = 0
        defer { contentSent += sent }
        try await stream.sendFile(
            file.raw, offset: range.lowerBound, count: range.count, sent: &sent,
            timeout: settings.writeTimeout)
        if sent == range.count { return true }
        log(
            .warning,
            "the file became shorter while it was sent; the connection was cut after \(sent) of \(range.count) bytes"
        )
        abort()
        return false
    }

    override var takesPreparedAnswer: Bool {
        guard keepsAlive, head.minorVersion > 0, head.framing == .none, head.form == .origin,
            head.method == .get || head.method == .head
        else { return false }
        for field in head.fields {
            switch field.id {
            case .range, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange: return false
            default: break
            }
        }
        return true
    }

    /// Answers with what is prepared, without waiting; what the client does not take now is pending.
    /// False: nothing is, and the request goes the general way.
    func answerAtOnce(_ sites: SiteTable) throws(StreamError) -> Bool {
        guard takesPreparedAnswer else { return false }
        let (site, entry) = withHeadBytes { bytes in
            let site = sites.site(for: bytes.extracting((head.authority ?? .empty).range))
            return (site, site.fileCache.find(bytes.extracting(head.path.range), context))
        }
        guard let entry else { return false }
        self.site = site
        part = entry.part
        status = 200
        answer = .finished
        let length = head.method == .head ? entry.headLength : entry.bytes.count
        let count: Int?
        do throws(Errno) {
            let bytes = entry.bytes
            count = try bytes.span.extracting(0..<length).withUnsafeBytes { (bytes) throws(Errno) in
                try stream.tryWrite(bytes, more: false)
            }
        } catch {
            throw .failed(error)
        }
        let sent = count ?? 0
        contentSent = max(0, length - entry.headLength)
        // What the client does not take now is a copy of its own; the entry gets another date by and by.
        if sent < length {
            let bytes = entry.bytes
            output.append(bytes.span.extracting(sent..<length))
        }
        return true
    }

    override func send(
        _ head: ResponseHead, small file: borrowing FileDescriptor, size: Int, keepIn cache: FileCache
    ) async throws(StreamError) {
        var content = ByteBuffer(capacity: size)
        let raw = file.raw
        let count = content.fill(atLeast: max(size, 1)) { room in
            max(0, pread(raw, room.baseAddress, size, 0))
        }
        // Shorter than it was: the general way knows what to do.
        guard count == size else { return try await send(head, file: file, range: 0..<size) }
        let start = output.end
        _ = writeHead(head)
        answer = .finished
        if takesPreparedAnswer, start == 0, let part {
            let path = withHeadBytes { $0.extracting(self.head.path.range).array }
            let dateStart = HTTP1Exchange.dateStart(head.status)
            output.withSpan {
                cache.insert(
                    path, part: part, head: $0, dateStart: dateStart, content: content.bytes, context)
            }
        }
        if method != .head {
            output.append(content.bytes)
            contentSent = size
        }
        try await stream.write(&output, timeout: settings.writeTimeout)
    }

    /// Where the date begins in a head with that status.
    private static func dateStart(_ status: Status) -> Int {
        "HTTP/1.1 200 \r\nDate: ".utf8.count + status.reason.utf8CodeUnitCount
    }

    override func sendInterim(_ head: ResponseHead) throws(StreamError) {
        guard self.head.minorVersion > 0 else { return }
        appendStatusLine(head.status)
        output.append(head.lines)
        output.append("\r\n")
        try flushNow()
    }

    override func begin(_ head: ResponseHead) {
        answer = .begun(framing: writeHead(head))
    }

    override var hasBegun: Bool {
        if case .none = answer { return false }
        return true
    }

    override func append(_ content: Span<UInt8>) {
        if content.isEmpty { return }
        guard case .begun(let framing) = answer else { return }
        switch framing {
        case .none, .suppressed: return
        case .length(let left):
            let count = min(left, content.count)
            output.append(content.extracting(0..<count))
            contentSent += count
            answer = .begun(framing: .length(left: left - count))
        case .chunked:
            output.append(hex: content.count)
            output.append("\r\n")
            output.append(content)
            output.append("\r\n")
            contentSent += content.count
        case .untilClose:
            output.append(content)
            contentSent += content.count
        }
    }

    override var pendingBytes: Int { output.count }

    override func flushNow() throws(StreamError) {
        while !output.isEmpty {
            guard let count = try stream.writeNow(output) else {
                // A client that is always a little behind must not have the whole answer kept.
                if output.start >= 64 * 1024 { output.compact() }
                return
            }
            output.consume(count)
        }
        output.removeAll()
    }

    override func finish() {
        guard case .begun(let framing) = answer else { return }
        switch framing {
        case .chunked: output.append("0\r\n\r\n")
        case .length(let left) where left > 0: return abort()
        default: break
        }
        answer = .finished
    }

    override func abort() {
        var needsReset = true
        if case .begun(let framing) = answer {
            switch framing {
            case .length, .untilClose: break
            case .none, .suppressed, .chunked: needsReset = false
            }
        }
        answer = .aborted(needsReset: needsReset)
        keepsAlive = false
    }

    var isAborted: Bool {
        if case .aborted = answer { return true }
        return false
    }

    /// Whether the answer was cut and only a reset of the connection can tell. A missing last chunk
    /// tells as well, and then nothing that was sent is lost.
    var needsReset: Bool {
        if case .aborted(let needsReset) = answer { return needsReset }
        return false
    }

    /// Sends what still waits.
    func drain() async throws(StreamError) {
        try await stream.write(&output, timeout: settings.writeTimeout)
    }

    /// Drops what still waits.
    func dropOutput() { output.removeAll() }

    // MARK: Heads

    /// Writes a final head and decides how content is delimited.
    private func writeHead(_ head: ResponseHead) -> AnswerFraming {
        status = head.status.code
        let framing = framing(head)
        if isContentLeft, owesContinue { keepsAlive = false }
        appendStatusLine(head.status, head.reason)
        appendDefaults()
        appendFields(head)
        output.append(errorLines)
        switch framing {
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        case .length, .suppressed:
            if let length = head.contentLength {
                output.append("Content-Length: ")
                output.append(decimal: length)
                output.append("\r\n")
            }
        }
        if !keepsAlive {
            output.append("Connection: close\r\n")
        } else if self.head.minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
        output.append("\r\n")
        return framing
    }

    private func framing(_ head: ResponseHead) -> AnswerFraming {
        if head.status.isWithoutContent { return .none }
        if method == .head { return .suppressed }
        if let length = head.contentLength { return .length(left: length) }
        if self.head.minorVersion > 0 { return .chunked }
        keepsAlive = false
        return .untilClose
    }

    private func appendStatusLine(_ status: Status, _ reason: [UInt8] = []) {
        output.append("HTTP/1.1 ")
        output.append(decimal: status.code)
        output.append(ASCII.space)
        if reason.isEmpty { output.append(status.reason) } else { output.append(reason) }
        output.append("\r\n")
    }

    private func appendDefaults() {
        output.append("Date: ")
        context.appendDate(to: &output)
        output.append("\r\n")
        output.append(settings.serverLine)
    }

    /// The service's fields and the site's; a field that the site sets replaces the service's.
    private func appendFields(_ head: ResponseHead) {
        guard let part, !part.fieldNames.isEmpty else {
            output.append(head.lines)
            return
        }
        let lines = head.lines.span
        var index = 0
        while index < lines.count {
            let rest = lines.extracting(index...)
            let length = (rest.firstIndex(of: ASCII.lf) ?? rest.count - 1) + 1
            let line = rest.extracting(0..<length)
            let nameLength = line.firstIndex(of: ASCII.colon) ?? 0
            if !HTTP1Exchange.has(part.fieldNames, line.extracting(0..<nameLength)) { output.append(line) }
            index += length
        }
        output.append(part.fieldLines)
    }

    private static func has(_ names: [[UInt8]], _ name: Span<UInt8>) -> Bool {
        names.contains { candidate in
            guard candidate.count == name.count else { return false }
            for index in name.indices where ASCII.lower(name[index]) != candidate[index] { return false }
            return true
        }
    }
}
