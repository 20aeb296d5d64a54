import Base
import Config
import Net
import Wire

/// One request and the way to answer it: what a service is given.
///
/// The protocol behind it is a subclass; a service knows neither the protocol nor the socket. A
/// request is answered once, by `send` or by `begin … append … finish`. Where a call throws, the
/// client is gone or the server is ending, and the service only cleans up.
///
/// All on the loop's thread.
class Exchange {
    let context: LoopContext
    // Both belong to the connection, which outlives every request of its own; counting them for each
    // would be much of what a small one costs.
    /// Woken by whatever happens on the client's side. A service waits here, for its own events too.
    final unowned(unsafe) var waiter: Waiter
    final var connectionReference: Unmanaged<ConnectionFacts>
    final var connection: ConnectionFacts { connectionReference.takeUnretainedValue() }

    // MARK: The client

    /// What a trusted proxy said of the client; nil where none stands between.
    final var forwarded: ForwardedClient?

    /// Who asks: the client that a trusted proxy names, or else the peer; nil for one at a Unix socket.
    final var clientAddress: IPAddress? {
        if let forwarded { return forwarded.address }
        return uncounted(connectionReference) { $0.peerIP }
    }

    /// Where it is known; 0 otherwise.
    final var clientPort: Int {
        if let forwarded { return Int(forwarded.port) }
        return Int(connection.peer.port ?? 0)
    }

    /// Whether the client speaks to this server, or to the proxy before it, by TLS.
    final var isSecure: Bool { forwarded?.isSecure ?? connection.isSecure }

    /// The port that the client asked: behind a trusted proxy that names the scheme, and on a Unix socket, the
    /// Host's or the scheme's own.
    final var serverPort: Int {
        if forwarded?.isSecure == nil, let port = connection.local.port { return Int(port) }
        return withHeadBytes { bytes in
            Forwarding.port(of: bytes.extracting((head.authority ?? .empty).range)) ?? (isSecure ? 443 : 80)
        }
    }

    // MARK: The request

    final var head = RequestHead()
    /// What the places in `head` refer to. Stays where it is until the request has ended.
    final var input: ByteBuffer
    /// The target's path, decoded.
    final var path: [UInt8] = []
    final var id = RequestID(value: 0)
    final var started = Instant(nanoseconds: 0)
    /// What decides on this request, once it is known.
    final var site: Site? {
        get { siteReference?.takeUnretainedValue() }
        set { siteReference = newValue.map(Unmanaged.passUnretained) }
    }
    final var part: Part? {
        get { partReference?.takeUnretainedValue() }
        set { partReference = newValue.map(Unmanaged.passUnretained) }
    }
    // Sites and their parts live as long as the server.
    final var siteReference: Unmanaged<Site>?
    final var partReference: Unmanaged<Part>?

    /// Number of the log that takes the request's line, once that is known.
    final var accessLog: Int? {
        guard let partReference else { return nil }
        return uncounted(partReference) { $0.accessLog }
    }
    /// More is done for the request than to send what is prepared, and so more may be left to forget.
    final var isDispatched = false
    /// A rule about clients or users was asked: the answer is for this client only.
    final var isRestricted = false
    /// Who has shown a password that the server itself has checked.
    final var user: [UInt8]?
    /// The `limit_requests` that has counted the request.
    final var countedBy: RequestLimiter?
    /// How many times a script has sent this request on to another path (RFC 3875, section 6.2.2).
    final var redirectCount = 0
    /// The path and query it was sent on to, or that a `rewrite` has put in the place of the target's.
    final var redirectedTarget: [UInt8]?

    /// The error in whose place a page of the site answers (`error_page`).
    final var errorStatus: Status?
    /// Fields that the answer has to the error, whichever page shows it; whole lines.
    final var errorLines: [UInt8] = []

    /// The request has been sent on to another path inside the server, and asks for that one with GET.
    final var isSentOn: Bool { redirectCount > 0 || errorStatus != nil }

    // MARK: What became of it, for the log

    /// Since the head was read.
    final var duration: TimeSpan { Instant.now - started }

    /// Status of the answer, 0 before there is one.
    final var status = 0
    /// Bytes of content sent.
    final var contentSent = 0
    final var script: ScriptReport?
    /// Takes down what passes between the server and the request's script, where it is kept if it fails.
    final var record: ScriptWitness?
    final var witness: ScriptWitness? { record ?? context.witness }

    /// Compresses the content of an answer that has begun, where it is compressed.
    private var encoder: ContentEncoder?

    init(context: LoopContext, waiter: Waiter, connection: ConnectionFacts) {
        self.context = context
        self.waiter = waiter
        connectionReference = .passUnretained(connection)
        input = ByteBuffer()
    }

    /// Makes ready for a request whose head has been read. Nothing of another one is left: see `forget`.
    final func startRequest() {
        id = context.nextRequestID()
        started = context.loop.now
        findClient()
    }

    /// Lets go of all that was found out about the last request and of what its answer needed. An exchange
    /// that waits for its next request holds nothing but its buffers.
    final func forget() {
        siteReference = nil
        partReference = nil
        status = 0
        contentSent = 0
        if forwarded != nil { forwarded = nil }
        if !isDispatched { return }
        isDispatched = false
        isRestricted = false
        user = nil
        countedBy = nil
        redirectCount = 0
        redirectedTarget = nil
        errorStatus = nil
        errorLines = []
        script = nil
        record = nil
        encoder = nil
    }

    /// The bytes of a place in the head.
    final func bytes(_ place: ByteRange) -> [UInt8] {
        withHeadBytes { $0.extracting(place.range).array }
    }

    /// The first field of that name.
    @inline(__always) final func first(_ id: FieldName) -> ByteRange? { head.has(id) ? found(id) : nil }

    private final func found(_ id: FieldName) -> ByteRange? {
        // Not the head's own `first`: the compiler would copy the head for it.
        let fields = head.fields
        for index in fields.indices where fields[index].id == id { return fields[index].value }
        return nil
    }

    /// Calls `body` with the bytes that the places in `head` refer to.
    final func withHeadBytes<R>(_ body: (Span<UInt8>) -> R) -> R { input.withAll(body) }

    /// The method as it counts now: a request that was sent on is a GET, or a HEAD as before.
    final var method: Method {
        if isSentOn { return head.method == .head ? .head : .get }
        return head.method
    }

    /// The query as sent, nil without one.
    final var query: [UInt8]? {
        if let redirectedTarget {
            return redirectedTarget.firstIndex(of: ASCII.question).map {
                Array(redirectedTarget[($0 + 1)...])
            }
        }
        return head.query.map { bytes($0) }
    }

    // MARK: The content of the request

    /// How the content is delimited; `none` also where the request was sent on.
    var framing: BodyFraming { isSentOn ? .none : head.framing }

    /// Tells a client that waits for it (`Expect: 100-continue`) to send its content.
    func sendContinue() async throws(StreamError) { fatalError("abstract") }

    /// Appends what has come of the content to `buffer`, `room` bytes at most. Waits for the first
    /// byte. 0 at the end of the content.
    func readContent(into buffer: inout ByteBuffer, room: Int) async throws(ContentError) -> Int {
        fatalError("abstract")
    }

    /// As `readContent`, of content whose length is known and without waiting: nil where nothing is here now.
    func readContentNow(into buffer: inout ByteBuffer, room: Int) throws(ContentError) -> Int? {
        fatalError("abstract")
    }

    // MARK: The client's state

    /// Begins to notice a client that leaves while nothing is read or written.
    func watchClient() { fatalError("abstract") }
    /// The client has ended its side. Whether it has gone or still reads cannot be told from that.
    var isClientDone: Bool { fatalError("abstract") }
    /// Sends bytes that change nothing of the answer, once; a client that has gone then shows as gone.
    /// False where no such bytes can be sent now.
    func probeClient() -> Bool { fatalError("abstract") }
    /// Nothing reaches the client any more.
    var isClientGone: Bool { fatalError("abstract") }

    // MARK: The answer

    /// Answers with the head alone, or with `content`, which for HEAD is only counted.
    final func send(_ head: ResponseHead, _ content: [UInt8]) async throws(StreamError) {
        var head = head
        if head.contentLength == nil, !head.status.isWithoutContent { head.contentLength = content.count }
        guard let coding = negotiateCoding(&head) else { return try await transmit(head, content) }
        guard content.count > Exchange.wholeLimit else {
            guard let coded = ContentEncoder.encode(content, coding) else {
                return try await transmit(head, content)
            }
            head.apply(coding)
            head.contentLength = coded.count
            return try await transmit(head, coded)
        }
        begin(head, coding)
        for start in stride(from: 0, to: content.count, by: Exchange.wholeLimit) {
            append(content.span.extracting(start..<min(start + Exchange.wholeLimit, content.count)))
            try await drain()
            await Task.yield()
        }
        finish()
    }

    /// Content up to this many bytes is compressed in one go, which takes a millisecond or two.
    private static let wholeLimit = 128 * 1024

    /// Begins an answer whose content comes piece by piece. Nothing is sent before `flushNow`.
    final func begin(_ head: ResponseHead) {
        var head = head
        let coding = negotiateCoding(&head)
        begin(head, coding)
    }

    private func begin(_ head: ResponseHead, _ coding: ContentCoding?) {
        var head = head
        if let coding {
            if method != .head { encoder = ContentEncoder(coding, context.compressionRoom) }
            if method == .head || encoder != nil { head.apply(coding) }
        }
        open(head)
    }

    /// Adds a piece of content.
    final func append(_ content: Span<UInt8>) {
        guard let encoder else { return push(content) }
        encoder.take(content) { push($0) }
        if encoder.hasFailed { abort() }
    }

    /// Bytes that wait to be sent.
    final var pendingBytes: Int { waitingBytes + (encoder?.heldBytes ?? 0) }

    /// Sends what the client takes now. All that was appended is in it.
    final func flushNow() throws(StreamError) {
        if let encoder, encoder.heldBytes > 0 { encoder.flush { push($0) } }
        try flushOutput()
    }

    /// Ends the content; what waits is sent by the connection.
    final func finish() {
        if let encoder {
            encoder.finish { push($0) }
            self.encoder = nil
            if encoder.hasFailed { return abort() }
        }
        conclude()
    }

    /// Ends an answer that cannot become whole, so that the client can tell. What was appended is sent before.
    final func breakOff() {
        if let encoder, encoder.heldBytes > 0 { encoder.flush { push($0) } }
        abort()
    }

    /// In which coding the answer goes out; nil for as it is. Where the request had a say in that, the
    /// head says so (RFC 9110, section 12.5.5).
    private func negotiateCoding(_ head: inout ResponseHead) -> ContentCoding? {
        guard let compression = part?.settings.compression, compression.fits(head) else { return nil }
        head.add("Vary", "Accept-Encoding" as StaticString)
        return acceptableCodings.first
    }

    /// Those of the site's codings that the client takes, the best first.
    final var acceptableCodings: [ContentCoding] {
        guard let codings = part?.settings.compression.codings, !codings.isEmpty else { return [] }
        return withHeadBytes { ContentCoding.acceptable(codings, head, $0) }
    }

    // MARK: The protocol's part of the answer

    /// Answers with the head and with `content`, which for HEAD is only counted.
    func transmit(_ head: ResponseHead, _ content: [UInt8]) async throws(StreamError) {
        fatalError("abstract")
    }

    /// As `send` of content, and prepares the answer for the requests to come.
    func send(
        _ head: ResponseHead, _ content: [UInt8], keepIn cache: FileCache
    ) async throws(StreamError) { fatalError("abstract") }

    /// Answers with a whole file, and prepares the answer for the requests to come.
    func send(
        _ head: ResponseHead, _ file: borrowing Folder.OpenFile, keepIn cache: FileCache
    ) async throws(StreamError) { fatalError("abstract") }

    /// Answers with a range of a file.
    func send(
        _ head: ResponseHead, file: borrowing FileDescriptor, range: Range<Int>
    ) async throws(StreamError) { fatalError("abstract") }

    /// Answers with several ranges of a file, each behind its preface, and `end` behind the last.
    func send(
        _ head: ResponseHead, file: borrowing FileDescriptor, parts: [(preface: [UInt8], range: Range<Int>)],
        end: [UInt8]
    ) async throws(StreamError) { fatalError("abstract") }

    /// Sends an interim answer (103) where the client understands one.
    func sendInterim(_ head: ResponseHead) throws(StreamError) { fatalError("abstract") }

    /// Begins an answer whose content is pushed.
    func open(_ head: ResponseHead) { fatalError("abstract") }
    /// A final answer has been begun or sent.
    var hasBegun: Bool { fatalError("abstract") }
    /// Adds a piece of content as it is to be sent.
    func push(_ content: Span<UInt8>) { fatalError("abstract") }
    /// Bytes that were pushed and not taken by the client.
    var waitingBytes: Int { fatalError("abstract") }
    /// Where `limit_rate` holds back what waits: when more may be sent. Nil while it is the client that is waited for.
    var heldUntil: Instant? { fatalError("abstract") }
    /// Sends what the client takes now.
    func flushOutput() throws(StreamError) { fatalError("abstract") }
    /// Sends all that waits.
    func drain() async throws(StreamError) { fatalError("abstract") }
    /// Ends what `open` began.
    func conclude() { fatalError("abstract") }
    /// Ends the connection so that the client can tell that the content is not whole.
    func abort() { fatalError("abstract") }
}
