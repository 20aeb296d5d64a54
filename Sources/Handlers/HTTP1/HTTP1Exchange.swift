import Base
import Config
import Net
import Wire

/// A request that came by HTTP/1.x, and its answer (RFC 9112).
final class HTTP1Exchange: Exchange {
    /// Kept by the connection, like `waiter`.
    private unowned(unsafe) var stream: Stream
    private var settings: HTTP1Settings { context.http1 }

    private var content = HTTP1Content()
    private var answer = HTTP1Answer()
    /// A prepared answer of whose file the client has not taken all.
    private var rest: FileCache.Entry?
    /// Whether the connection may carry another request after this one.
    private(set) var keepsAlive = false

    init(stream: Stream, context: LoopContext, connection: ConnectionFacts) {
        self.stream = stream
        super.init(context: context, waiter: stream.waiter, connection: connection)
    }

    /// Makes the exchange, with its buffers, another connection's. `input` is empty.
    func attach(_ stream: Stream, _ connection: Unmanaged<ConnectionFacts>) {
        self.stream = stream
        waiter = stream.waiter
        connectionReference = connection
    }

    /// Drops what the last request left. False where the buffers have grown too large to be kept.
    func reset() -> Bool {
        forget()
        input.removeAll()
        answer.output.removeAll()
        rest = nil
        content.removeAll()
        return input.capacity + answer.output.capacity + content.capacity <= HTTP1Exchange.keptCapacity
    }

    private static let keptCapacity = 128 * 1024

    /// Reads what there is into `input`, as `Stream.readNow` does.
    func readNow(from stream: Stream, atLeast room: Int) throws(StreamError) -> Int? {
        try stream.readNow(into: &input, atLeast: room)
    }

    /// Reads the head, if it is there whole.
    func parseHead(_ parser: inout RequestParser) throws(RequestError) -> Bool {
        let start = input.start
        return try input.withAll { (bytes) throws(RequestError) in
            try parser.parse(bytes, from: start, into: &head)
        }
    }

    /// Where the first line stands of a request that cannot be read, as far as it came and is no longer than logs
    /// show it.
    func findFirstLine() -> ByteRange {
        input.withAll { bytes in
            var start = input.start
            while start < bytes.count, bytes[start] == ASCII.cr || bytes[start] == ASCII.lf { start += 1 }
            let rest = bytes.extracting(start...).extracting(first: HTTP1Exchange.loggedLine)
            let line = rest.extracting(first: rest.firstIndex(of: ASCII.lf) ?? rest.count)
            return ByteRange(start, start + line.trimmingEnd(of: ASCII.cr).count)
        }
    }

    private static let loggedLine = 1024

    /// Makes ready for a request whose head has been read.
    func beginRequest(closing: Bool) {
        startRequest()
        answer.reset()
        keepsAlive = head.wantsKeepAlive && !closing
        content.begin(head, arrived: input.count)
    }

    // MARK: The content of the request

    override func sendContinue() async throws(StreamError) {
        guard !isSentOn, content.owesContinue else { return }
        content.tookContinue()
        // Content that is already here needs no invitation (RFC 9110, section 10.1.1).
        if !input.isEmpty { return }
        answer.output.append("HTTP/1.1 100 Continue\r\n\r\n")
        try await stream.write(&answer.output, timeout: settings.writeTimeout)
    }

    override func readContent(into buffer: inout ByteBuffer, room: Int) async throws(ContentError) -> Int {
        if isSentOn { return 0 }
        do throws(ContentError) {
            return try await content.read(
                from: stream, &input, into: &buffer, room: room, timeout: settings.bodyTimeout)
        } catch {
            if content.isBroken { keepsAlive = false }
            throw error
        }
    }

    override func readContentNow(into buffer: inout ByteBuffer, room: Int) throws(ContentError) -> Int? {
        if isSentOn { return 0 }
        defer { if content.isBroken { keepsAlive = false } }
        return try content.readNow(from: stream, &input, into: &buffer, room: room)
    }

    /// Passes over content that nobody has read, so that the next request can follow.
    func finishRequest() async {
        await content.passOver(
            from: stream, &input, keepsAlive: keepsAlive, timeout: settings.bodyTimeout)
        if content.isBroken { keepsAlive = false }
    }

    /// Whether `finishRequest` has anything to do.
    var hasUnreadContent: Bool { content.needsEnding }

    /// Whether the client may still be sending, so that closing at once would reset the connection
    /// and could take the answer with it.
    var mayHaveUnreadInput: Bool { content.needsEnding || !input.isEmpty }

    // MARK: The client's state

    override func watchClient() { try? stream.watch() }
    override var isClientDone: Bool { stream.isPeerDone }
    override var isClientGone: Bool { stream.isHungUp }

    override func probeClient() -> Bool {
        guard answer.addProbe() else { return false }
        // Whether it was taken is seen by whoever waits for the client.
        try? flushOutput()
        return true
    }

    // MARK: A whole answer

    override func transmit(_ head: ResponseHead, _ content: [UInt8]) async throws(StreamError) {
        let framing = writeHead(head)
        answer.markFinished()
        guard case .length = framing, !content.isEmpty else { return try await drain() }
        contentSent = content.count
        try await stream.write(&answer.output, content, timeout: settings.writeTimeout)
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
        answer.markFinished()
        let isSilent = method == .head
        for (preface, range) in parts where !isSilent {
            answer.output.append(preface)
            if range.isEmpty { continue }
            try await stream.write(&answer.output, more: true, timeout: settings.writeTimeout)
            contentSent += preface.count
            if try await !sendRange(range, of: file) { return }
        }
        if !isSilent {
            answer.output.append(end)
            contentSent += end.count
        }
        try await drain()
    }

    /// False where the file had become shorter, and the connection is cut.
    /// `before`: so much of it has been sent.
    private func sendRange(
        _ range: Range<Int>, of file: borrowing FileDescriptor, before: Int = 0
    ) async throws(StreamError) -> Bool {
        var sent = 0
        defer { contentSent += sent }
        try await stream.sendFile(
            file.raw, offset: range.lowerBound + before, count: range.count - before, sent: &sent,
            pool: context.pool, timeout: settings.writeTimeout)
        if before + sent == range.count { return true }
        log(
            .warning,
            "the file became shorter while it was sent; the connection was cut after \(before + sent) of \(range.count) bytes"
        )
        abort()
        return false
    }

    // MARK: A prepared answer

    /// Whether an answer without any regard to this request's fields, but for Accept-Encoding, would
    /// do: a plain GET or HEAD.
    private var takesPreparedAnswer: Bool {
        guard keepsAlive, head.minorVersion > 0, head.framing == .none, head.form == .origin,
            head.method == .get || head.method == .head
        else { return false }
        return !head.hasAny(HTTP1Exchange.conditions) && !head.isRepeated(.acceptEncoding)
    }

    private static let conditions: FieldNames = [
        .range, .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange,
    ]

    /// What of the request decides on a file's coding: its Accept-Encoding, on sites that compress.
    private func preference(_ site: Site) -> ByteRange {
        site.usesCodings ? first(.acceptEncoding) ?? .empty : .empty
    }

    private func prepared(_ site: Site) -> Unmanaged<FileCache.Entry>? {
        let (path, preference) = (head.path.range, preference(site).range)
        return withHeadBytes { bytes in
            let question = FileCache.Question(site, bytes.extracting(path), bytes.extracting(preference))
            return uncounted(.passUnretained(context.fileCache)) { $0.find(question, context) }
        }
    }

    /// Answers with what is prepared, without waiting; what the client does not take now is pending.
    /// False: nothing is, and the request goes the general way.
    func answerAtOnce(_ sites: SiteTable, on stream: Stream) throws(StreamError) -> Bool {
        guard takesPreparedAnswer else { return false }
        let site = withHeadBytes { sites.reference(for: $0.extracting((head.authority ?? .empty).range)) }
        guard let entry = uncounted(site, { prepared($0) }) else { return false }
        // Nothing here changes the cache, which keeps the entry.
        return try uncounted(entry) { (entry) throws(StreamError) in
            // A file that has changed, or is not in memory, goes the general way.
            if let file = entry.file, !file.isReady(context.loop.now) { return false }
            siteReference = site
            try send(entry, on: stream)
            return true
        }
    }

    private func send(_ entry: FileCache.Entry, on stream: Stream) throws(StreamError) {
        stream.setPace(nil)
        partReference = .passUnretained(entry.part)
        status = 200
        answer.markFinished()
        let length = head.method == .head ? entry.headLength : entry.bytes.count
        let sendsFile = entry.file != nil && head.method == .get
        do throws(Errno) {
            try entry.bytes.withUnsafeBytes { (bytes) throws(Errno) in
                let bytes = UnsafeRawBufferPointer(start: bytes.baseAddress, count: length)
                let sent = try stream.tryWrite(bytes, more: sendsFile) ?? 0
                // What the client does not take now is a copy of its own; the entry gets another date by and by.
                if sent < length { answer.output.append(UnsafeRawBufferPointer(rebasing: bytes[sent...])) }
            }
            contentSent = max(0, length - entry.headLength)
            if sendsFile { try sendNow(entry) }
        } catch {
            throw .failed(error)
        }
    }

    /// Sends what the client takes now of a prepared answer's file.
    private func sendNow(_ entry: FileCache.Entry) throws(Errno) {
        guard let file = entry.file else { return }
        if answer.output.isEmpty {
            contentSent =
                try stream.trySendFile(file.descriptor.raw, offset: 0, count: file.firstPiece.count) ?? 0
        }
        if contentSent < file.size { rest = entry }
    }

    /// Whether `sendRest` has anything to do.
    var hasRest: Bool { rest != nil }

    /// Sends what is left of a prepared answer.
    func sendRest() async throws(StreamError) {
        guard let file = rest.take()?.file else { return }
        try await stream.write(&answer.output, more: true, timeout: settings.writeTimeout)
        _ = try await sendRange(0..<file.size, of: file.descriptor, before: contentSent)
    }

    override func send(
        _ head: ResponseHead, _ content: [UInt8], keepIn cache: FileCache
    ) async throws(StreamError) {
        if writeWhole(head) {
            keepPrepared(head, in: cache) { question, part, prepared, dateStart in
                cache.insert(
                    question, part: part, head: prepared, dateStart: dateStart, content: content.span, context
                )
            }
        }
        if method != .head {
            answer.output.append(content)
            contentSent = content.count
        }
        try await drain()
    }

    override func send(
        _ head: ResponseHead, _ file: borrowing Folder.OpenFile, keepIn cache: FileCache
    ) async throws(StreamError) {
        if writeWhole(head), let kept = cache.keep(file) {
            keepPrepared(head, in: cache) { question, part, prepared, dateStart in
                cache.insert(question, part: part, head: prepared, dateStart: dateStart, file: kept, context)
            }
        }
        if method != .head {
            try await stream.write(&answer.output, more: true, timeout: settings.writeTimeout)
            _ = try await sendRange(0..<file.size, of: file.descriptor)
        }
        try await drain()
    }

    /// Writes the head of an answer that has all its content at hand. Whether the next request may have the same.
    private func writeWhole(_ head: ResponseHead) -> Bool {
        // A client of which was to be found out whether it is there has got a part of the head already.
        let isWhole = answer.output.isEmpty && !answer.isVersionSent
        _ = writeHead(head)
        answer.markFinished()
        return isWhole && takesPreparedAnswer
    }

    /// Keeps what is written, which is `head` alone, for the next request.
    private func keepPrepared(
        _ head: ResponseHead, in cache: FileCache,
        _ insert: (borrowing FileCache.Question, Part, Span<UInt8>, Int) -> Void
    ) {
        guard let site, let part else { return }
        let dateStart = ResponseHead.dateStart(head.status)
        withHeadBytes { bytes in
            let question = FileCache.Question(
                site, bytes.extracting(self.head.path.range), bytes.extracting(preference(site).range))
            answer.output.withSpan { insert(question, part, $0, dateStart) }
        }
    }

    // MARK: An answer piece by piece

    override func sendInterim(_ head: ResponseHead) throws(StreamError) {
        guard self.head.minorVersion > 0 else { return }
        let isVersionSent = answer.takeVersionSent()
        head.writeInterim(to: &answer.output, isVersionSent: isVersionSent)
        try flushOutput()
    }

    override func open(_ head: ResponseHead) { answer.begin(writeHead(head)) }
    override var hasBegun: Bool { answer.isBegun }
    override func push(_ content: Span<UInt8>) { contentSent += answer.append(content) }
    override var waitingBytes: Int { answer.output.count }
    override func flushOutput() throws(StreamError) { try answer.flushNow(to: stream) }

    override func drain() async throws(StreamError) {
        if content.isLeft, !content.owesContinue { try await drainPassingOver() }
        try await stream.write(&answer.output, timeout: settings.writeTimeout)
    }

    /// Sends what waits while content of the request that nobody wants still comes: its client may read
    /// nothing before it has sent all.
    private func drainPassingOver() async throws(StreamError) {
        let timeout = settings.writeTimeout
        var deadline = context.loop.now + timeout
        var scratch = ByteBuffer()
        while true {
            let before = answer.output.count
            try flushOutput()
            if answer.output.isEmpty { return }
            scratch.removeAll()
            // What is wrong with it nobody wants to know; the rest waits for the client alone.
            let count = (try? readContentNow(into: &scratch, room: 65536)) ?? 0
            if !content.isLeft { return }
            if count > 0 || answer.output.count < before { deadline = context.loop.now + timeout }
            if count > 0 {
                await Task.yield()
            } else {
                deadline = try await stream.waitToWrite(until: deadline, timeout)
            }
        }
    }

    override var heldUntil: Instant? { stream.heldUntil }
    override func conclude() { if !answer.finish() { abort() } }

    override func abort() {
        answer.abort()
        keepsAlive = false
    }

    var isAborted: Bool { answer.isAborted }
    var needsReset: Bool { answer.needsReset }

    /// Drops what still waits.
    func dropOutput() { answer.output.removeAll() }

    /// Writes a final head and decides how content is delimited.
    private func writeHead(_ head: ResponseHead) -> ResponseFraming {
        status = head.status.code
        stream.setPace(part?.settings.limitRate)
        let framing = ResponseFraming(head, to: method, minorVersion: self.head.minorVersion)
        if case .untilClose = framing { keepsAlive = false }
        if content.isLeft, content.owesContinue || content.isTooMuchToPass { keepsAlive = false }
        var surroundings = ResponseHead.Surroundings(
            framing: framing,
            persistence: !keepsAlive ? .close : self.head.minorVersion == 0 ? .keepAlive : .usual,
            serverLine: settings.serverLine, siteLines: part?.fieldLines ?? [],
            siteNames: part?.fieldNames ?? [], extraLines: errorLines)
        surroundings.isVersionSent = answer.takeVersionSent()
        context.withDate { head.write(to: &answer.output, date: $0, surroundings) }
        return framing
    }
}
