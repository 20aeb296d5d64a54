import Base
import Config
import Net
import Wire

/// What becomes of a script's output: its header begins the answer, and what follows is passed on as
/// that header says.
///
/// Belongs to the task of its request.
final class ScriptAnswer {
    enum Phase {
        case header
        /// `left`: what is missing of a promised length.
        case content(left: Int?)
        /// The client is to have no more of it.
        case discard
        /// A path of this site answers in its place.
        case redirect([UInt8])
        /// A file is to be sent in the place of content.
        case file(ScriptHead)
    }

    private(set) var phase = Phase.header
    /// The status that was begun.
    private(set) var status: Status?
    /// The head of the answer, while nothing has to go out: a script that fails before its first content
    /// has an error page in its place.
    private var head: ResponseHead?
    /// Content that waits with the head: while its length can still be left out, it is to be seen whether it is
    /// the promised one.
    private var held = ByteBuffer()
    /// Content that is not waited with any more.
    private static let heldLimit = 32 * 1024
    /// The answer sends the client elsewhere, with or without content.
    private var isRedirection = false
    /// Some content has come. The exchange may still hold it, to compress it.
    private var hasContent = false
    /// The client has been told that it needs no content; what comes is for the cache alone.
    private var isUnasked = false
    /// Bytes beyond the promised length.
    private(set) var surplus = 0
    /// Gets a copy of the answer, for the cache.
    private let capture: AnswerCapture?
    /// The client has gone; what it was to have is dropped.
    var isAlone = false

    private let exchange: Exchange
    /// For the log.
    var pid: Int32?
    /// Output up to the end of the script's header.
    private var header = ByteBuffer()
    private var lacksType = false
    /// Interim answers that were passed on.
    private(set) var interimCount = 0
    /// Interim answers that a script may give.
    private static let interimLimit = 16
    /// Takes apart the chunks that the script makes itself.
    private var chunks: ChunkedDecoder?

    init(_ exchange: Exchange, capture: AnswerCapture?) {
        (self.exchange, self.capture) = (exchange, capture)
    }

    /// The cache still waits for this answer.
    var isWanted: Bool { capture.map { !$0.isGivenUp } ?? false }

    /// Calls `body` with what came of a header that is not whole.
    func withHeader<R>(_ body: (Span<UInt8>) -> R) -> R { header.withSpan(body) }

    /// Takes what the script printed.
    func take(_ printed: Span<UInt8>) throws(ScriptFailure) {
        guard case .header = phase else { return try takeContent(printed) }
        // Most headers come in one piece.
        if header.isEmpty, case let (head, bodyStart)?? = try? ScriptHead.parse(printed),
            head.status?.isInformational != true, !head.isEmptyLine
        {
            begin(head)
            return try takeContent(printed.extracting(bodyStart...))
        }
        header.append(printed)
        guard let head = try readHeader() else { return }
        begin(head)
        var rest = ByteBuffer()
        swap(&rest, &header)
        try rest.withSpan { (content) throws(ScriptFailure) in try takeContent(content) }
    }

    // MARK: The header

    /// The final header, nil while it is not whole. Those of interim answers are passed on.
    private func readHeader() throws(ScriptFailure) -> ScriptHead? {
        while let head = try nextHead() {
            guard let status = head.status, status.isInformational else { return head }
            guard status == .earlyHints else {
                throw ScriptFailure("the script answered with status \(status.code), which ends no request")
            }
            interimCount += 1
            if interimCount > ScriptAnswer.interimLimit {
                throw ScriptFailure(
                    "the script gave more than \(ScriptAnswer.interimLimit) interim answers (Status: 103)")
            }
            try? exchange.sendInterim(ResponseHead(status, lines: head.lines, contentLength: nil))
        }
        return nil
    }

    private func nextHead() throws(ScriptFailure) -> ScriptHead? {
        do throws(ScriptHead.Failure) {
            guard
                let (head, bodyStart) = try header.withSpan({ (bytes) throws(ScriptHead.Failure) in
                    try ScriptHead.parse(bytes)
                })
            else { return nil }
            // Where that is enough to be a page, the empty line is a part of it.
            if head.isEmptyLine, isLenient { return pageHead(isWhole: false) }
            header.consume(bodyStart)
            return head
        } catch {
            if let head = pageHead(isWhole: false) { return head }
            throw ScriptFailure(error)
        }
    }

    /// Output without a header may be a page.
    private var isLenient: Bool { exchange.part?.settings.cgiLenient == true && interimCount == 0 }

    /// Where a site is lenient: a header for output that has none, nil for output that may have one.
    private func pageHead(isWhole: Bool) -> ScriptHead? {
        guard let settings = exchange.part?.settings, isLenient else { return nil }
        return header.withSpan { output in
            guard ScriptHead.isMissing(in: output, isWhole: isWhole) else { return nil }
            let head = ScriptHead(forPage: output) { type in
                switch settings.charset {
                case .off: nil
                case .named(let name): name
                case .auto: Charset.detect(output, isWhole: isWhole, type: type)
                }
            }
            warnOnce(
                "the script printed no header; what it printed is sent as \(head.contentType.span.string) (cgi_lenient)"
            )
            return head
        }
    }

    /// All output is here, and the header is not whole. False where there is nothing to send.
    func takePage() -> Bool {
        guard let head = pageHead(isWhole: true) ?? emptyHead() else { return false }
        begin(head)
        var page = ByteBuffer()
        swap(&page, &header)
        page.withSpan { passOn($0) }
        return true
    }

    /// The empty line that is all of the header; nil where there is none.
    private func emptyHead() -> ScriptHead? {
        guard let (head, bodyStart) = header.withSpan({ ScriptHead.emptyLine(in: $0) }) else { return nil }
        header.consume(bodyStart)
        return head
    }

    private func begin(_ head: ScriptHead) {
        if !head.stripped.isEmpty {
            let names = head.stripped.joined(separator: ", ")
            warnOnce("left out of the script's header, because the server itself says it: \(names)")
        }
        if let value = head.wrongLength {
            warnOnce(
                "left out of the script's header: Content-Length, which is \(ScriptWords.quote(value.span)), no number or another than before",
                as: "Content-Length")
        }
        if !head.empty.isEmpty {
            let names = head.empty.joined(separator: ", ")
            warnOnce("left out of the script's header, because it says nothing: \(names)")
        }
        if let location = head.location, head.status == nil, ScriptAnswer.isLocal(location),
            exchange.part?.settings.cgiLocalRedirects != false,
            head.fieldCount <= (head.hasContentType ? 2 : 1)
        {
            phase = .redirect(location)
            capture?.giveUp()
        } else if head.sendfile != nil {
            phase = .file(head)
            capture?.giveUp()
        } else {
            beginAnswer(head)
        }
    }

    /// Says once of the script what it does wrong; `key` stands for a message that is not always the same.
    private func warnOnce(_ message: String, as key: String? = nil) {
        guard let script = exchange.script?.name else { return }
        exchange.logOnce(.warning, message, as: key, about: script, pid: pid)
    }

    /// A path of this site, and no network-path reference to another. A fragment is for the client alone.
    private static func isLocal(_ location: [UInt8]) -> Bool {
        location.first == ASCII.slash && (location.count == 1 || location[1] != ASCII.slash)
            && !location.contains(UInt8(ascii: "#"))
    }

    private func beginAnswer(_ head: ScriptHead) {
        // An error page keeps the error's status unless the script says another.
        let status = head.status ?? exchange.errorStatus ?? (head.location == nil ? .ok : .found)
        self.status = status
        lacksType =
            !head.hasContentType && !status.isWithoutContent && head.location == nil && head.empty.isEmpty
        capture?.begin(head, status)
        let length = head.isChunked ? nil : head.contentLength
        if head.isChunked, !status.isWithoutContent { chunks = ChunkedDecoder() }
        isRedirection = head.location != nil && status.isRedirection
        phase = status.isWithoutContent ? .discard : .content(left: length)
        switch condition(status, head) {
        case .proceed:
            var answer = ResponseHead(status, lines: head.lines, contentLength: length)
            answer.reason = head.reason
            if capture != nil { answer.add("X-Cache", "miss" as StaticString) }
            self.head = answer
        case .notModified:
            isUnasked = true
            self.head = ResponseHead(
                .notModified, lines: FieldLines.withoutContentFields(head.lines), contentLength: nil)
        case .failed:
            isUnasked = true
            self.head = ResponseHead(.preconditionFailed, contentLength: 0)
        }
    }

    /// There is a head that nothing of has gone out, so that another answer can take its place.
    var holdsHead: Bool { head != nil }

    /// Begins the answer where its head was held back.
    func begin() {
        guard let head = head.take() else { return }
        exchange.begin(head)
        if held.isEmpty { return }
        held.withSpan { exchange.append($0) }
        held = ByteBuffer()
    }

    /// All output is here. What came of content is sent, whatever the script's end will say of it.
    func endOutput() {
        if hasContent { begin() }
    }

    /// Whether the script's own validators make the whole answer unnecessary.
    private func condition(_ status: Status, _ head: ScriptHead) -> Conditions.Outcome {
        guard status == .ok, exchange.method == .get || exchange.method == .head,
            !head.entityTag.isEmpty || head.lastModified != nil
        else { return .proceed }
        let validators = Validators(entityTag: head.entityTag, lastModified: head.lastModified)
        return exchange.withHeadBytes { Conditions.evaluate(exchange.head, $0, validators) }
    }

    // MARK: The content

    private func takeContent(_ printed: Span<UInt8>) throws(ScriptFailure) {
        guard var decoder = chunks else { return passOn(printed) }
        var content = ByteBuffer()
        do throws(ChunkedDecoder.Failure) {
            _ = try decoder.decode(printed, into: &content)
        } catch {
            let fault =
                switch error {
                case .malformed(let fault): fault.description
                case .tooLong: "the line of a chunk's size, or a trailer, is too long"
                }
            throw ScriptFailure(
                "the script says that it makes chunks itself (Transfer-Encoding: chunked), and \(fault)\(exchange.cut)"
            )
        }
        chunks = decoder
        content.withSpan { passOn($0) }
    }

    private func passOn(_ content: Span<UInt8>) {
        switch phase {
        case .header, .redirect, .file: return
        case .discard: capture?.take(content)
        case .content(nil):
            capture?.take(content)
            send(content)
        case .content(let left?):
            capture?.take(content)
            if content.count > left, head != nil, !isUnasked {
                dropLength()
                return send(content)
            }
            let taken = min(left, content.count)
            hold(content.extracting(first: taken))
            surplus += content.count - taken
            phase = .content(left: left - taken)
        }
    }

    /// There is more content than was promised, and the client does not know of the promise.
    private func dropLength() {
        head?.contentLength = nil
        phase = .content(left: nil)
        capture?.giveUp()
        warnOnce("the script's answer is longer than its Content-Length, which is left out")
    }

    /// As `send`, of content with a promised length.
    private func hold(_ content: Span<UInt8>) {
        if head == nil || isAlone || isUnasked || held.count + content.count > ScriptAnswer.heldLimit {
            return send(content)
        }
        if content.isEmpty { return }
        hasContent = true
        held.append(content)
    }

    private func send(_ content: Span<UInt8>) {
        if isAlone || isUnasked || content.isEmpty { return }
        hasContent = true
        begin()
        exchange.append(content)
    }

    // MARK: The end

    /// What is missing of content that has ended, nil if nothing is.
    var gap: String? {
        if exchange.method == .head { return nil }
        if case .content(let left?) = phase, left > 0 {
            return
                "the script's answer is \(left) bytes shorter than its Content-Length\(exchange.cut)"
        }
        if let chunks, !chunks.isDone { return "the script's last chunk is missing\(exchange.cut)" }
        return nil
    }

    /// The client has all that it is to have, or will have with the head.
    var isWhole: Bool {
        if isUnasked || exchange.method == .head && exchange.hasBegun { return true }
        return switch phase {
        case .content(let left?): left == 0
        case .content(nil): isRedirection && !hasContent
        case .discard, .redirect: true
        case .header, .file: false
        }
    }

    /// Nobody is to have what comes now: a HEAD, a 304, or content beyond its length.
    var isSettled: Bool {
        if isWanted { return false }
        return switch phase {
        case .header: false
        // What comes while the head is held may show that the length is wrong.
        case .content(let left): isUnasked || left == 0 && head == nil || exchange.method == .head
        case .discard, .redirect, .file: true
        }
    }

    /// The output has ended. `isKept`: well enough for the cache.
    func complete(isKept: Bool) {
        if lacksType, exchange.contentSent > 0 {
            exchange.log(.warning, "the script's answer has no Content-Type", pid: pid)
        }
        if surplus == 0, isKept { capture?.complete() }
        if surplus > 0, !isAlone {
            exchange.log(
                .warning,
                "the script's answer is \(surplus) bytes longer than its Content-Length; they were not sent",
                pid: pid)
        }
    }
}

extension Exchange {
    /// For the log: how much of an answer came before its end.
    final var cut: String {
        hasBegun ? "; the answer was cut after \(contentSent) bytes of content" : ""
    }
}
