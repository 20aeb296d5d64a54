package import Base
import Net
import Wire

/// Who is at the other end of a connection, and where it came in.
package final class ConnectionFacts: Sendable {
    package let peer: SocketAddress
    package let local: SocketAddress
    package let isSecure = false

    package init(peer: SocketAddress, local: SocketAddress) { (self.peer, self.local) = (peer, local) }
}

/// Why the content of a request could not be had.
enum ContentError: Error, Sendable {
    /// Longer than `max_body`.
    case tooLarge
    case malformed(StaticString)
    /// The client ended the connection before the content did.
    case incomplete
    case stream(StreamError)
}

/// One request and the way to answer it: what a service is given.
///
/// The protocol behind it is a subclass; a service knows neither the protocol nor the socket. A
/// request is answered once, by `send` or by `begin … append … finish`. Where a call throws, the
/// client is gone or the server is ending, and the service only cleans up.
///
/// All on the loop's thread.
class Exchange {
    let context: LoopContext
    /// Woken by whatever happens on the client's side. A service waits here, for its own events too.
    var waiter: Waiter
    var connection: ConnectionFacts

    // MARK: The request

    var head = RequestHead()
    /// What the places in `head` refer to. Stays where it is until the request has ended.
    var input: ByteBuffer
    /// The target's path, decoded.
    var path: [UInt8] = []
    var id = RequestID(value: 0)
    var started = Instant(nanoseconds: 0)
    /// What decides on this request, once it is known.
    var site: Site?
    var part: Part?
    /// A rule about clients or users was asked: the answer is for this client only.
    var isRestricted = false
    /// Who has shown a password that the server itself has checked.
    var user: [UInt8]?
    /// How many times a script has sent this request on to another path (RFC 3875, section 6.2.2).
    var redirectCount = 0
    /// The path and query it was sent on to, or that a `rewrite` has put in the place of the target's.
    var redirectedTarget: [UInt8]?

    /// The error in whose place a page of the site answers (`error_page`).
    var errorStatus: Status?
    /// Fields that the answer has to the error, whichever page shows it; whole lines.
    var errorLines: [UInt8] = []

    /// The request has been sent on to another path inside the server, and asks for that one with GET.
    final var isSentOn: Bool { redirectCount > 0 || errorStatus != nil }

    // MARK: What became of it, for the log

    /// Since the head was read.
    final var duration: TimeSpan { Instant.now - started }

    /// Status of the answer, 0 before there is one.
    var status = 0
    /// Bytes of content sent.
    var contentSent = 0
    var script: ScriptReport?

    init(context: LoopContext, waiter: Waiter, connection: ConnectionFacts) {
        self.context = context
        self.waiter = waiter
        self.connection = connection
        input = ByteBuffer()
    }

    /// The bytes of a place in the head.
    final func bytes(_ place: ByteRange) -> [UInt8] {
        input.all.extracting(place.range).array
    }

    /// Calls `body` with the bytes that the places in `head` refer to.
    final func withHeadBytes<R>(_ body: (Span<UInt8>) -> R) -> R { body(input.all) }

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

    // MARK: The client's state

    /// Begins to notice a client that leaves while nothing is read or written.
    func watchClient() { fatalError("abstract") }
    /// The client has ended its side. It may still read, but most that do this have gone.
    var isClientDone: Bool { fatalError("abstract") }
    /// Nothing reaches the client any more.
    var isClientGone: Bool { fatalError("abstract") }

    // MARK: The answer

    /// Answers with the head alone, or with `content`, which for HEAD is only counted.
    func send(_ head: ResponseHead, _ content: [UInt8]) async throws(StreamError) {
        fatalError("abstract")
    }

    /// Answers with a range of a file.
    func send(
        _ head: ResponseHead, file: borrowing FileDescriptor, range: Range<Int>
    ) async throws(StreamError) { fatalError("abstract") }

    /// Answers with several ranges of a file, each behind its preface, and `end` behind the last.
    func send(
        _ head: ResponseHead, file: borrowing FileDescriptor, parts: [(preface: [UInt8], range: Range<Int>)],
        end: [UInt8]
    ) async throws(StreamError) { fatalError("abstract") }

    /// Whether an answer without any regard to this request's fields would do: a plain GET or HEAD.
    var takesPreparedAnswer: Bool { fatalError("abstract") }

    /// As `send` of a whole small file, and prepares the answer for the requests to come.
    func send(
        _ head: ResponseHead, small file: borrowing FileDescriptor, size: Int, keepIn cache: FileCache
    ) async throws(StreamError) { fatalError("abstract") }

    /// Sends an interim answer (103) where the client understands one.
    func sendInterim(_ head: ResponseHead) throws(StreamError) { fatalError("abstract") }

    /// Begins an answer whose content comes piece by piece. Nothing is sent before `flushNow`.
    func begin(_ head: ResponseHead) { fatalError("abstract") }
    var hasBegun: Bool { fatalError("abstract") }
    /// Adds a piece of content.
    func append(_ content: Span<UInt8>) { fatalError("abstract") }
    /// Bytes that wait to be sent.
    var pendingBytes: Int { fatalError("abstract") }
    /// Sends what the client takes now.
    func flushNow() throws(StreamError) { fatalError("abstract") }
    /// Ends the content; what waits is sent by the connection.
    func finish() { fatalError("abstract") }
    /// Ends the connection so that the client can tell that the content is not whole.
    func abort() { fatalError("abstract") }
}

/// What is known of the script that made an answer.
struct ScriptReport: Sendable {
    var name: String
    var pid: Int32?
    var exit: ExitStatus?
    var firstByte: TimeSpan?

    init(name: String) { self.name = name }
}
