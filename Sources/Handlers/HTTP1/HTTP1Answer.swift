import Base
import Net
import Wire

/// The answer to an HTTP/1.x request on its way out: its framing, and the bytes that wait for the client.
struct HTTP1Answer: ~Copyable {
    private enum State {
        case none
        /// A final head has been written.
        case begun(framing: ResponseFraming)
        case finished
        case aborted(needsReset: Bool)
    }

    private var state = State.none
    /// The status line's beginning has been sent ahead, by a probe.
    private(set) var isVersionSent = false
    private var isProbed = false
    /// What is to be sent next: a head, content with its framing.
    var output = ByteBuffer()

    var isBegun: Bool {
        if case .none = state { return false }
        return true
    }

    var isAborted: Bool {
        if case .aborted = state { return true }
        return false
    }

    /// Whether the answer was cut and only a reset of the connection can tell. A missing last chunk
    /// tells as well, and then nothing that was sent is lost.
    var needsReset: Bool {
        if case .aborted(let needsReset) = state { return needsReset }
        return false
    }

    /// Makes ready for the next request's answer; what waits still goes out.
    mutating func reset() {
        state = .none
        isVersionSent = false
        isProbed = false
    }

    /// Adds a few bytes that change nothing, so that sending them tells whether the client is there.
    /// Once for each answer; false where there are none to send.
    mutating func addProbe() -> Bool {
        if isProbed { return true }
        switch state {
        case .none:
            // Every answer begins so.
            output.append(ResponseHead.version)
            isVersionSent = true
        case .begun(framing: .chunked):
            // The next chunk's size may have zeros in front, and the last one's, too.
            output.append(hex: 0)
        case .begun, .finished, .aborted: return false
        }
        isProbed = true
        return true
    }

    /// Whether the next status line has its beginning already. Asked once, when the line is written.
    mutating func takeVersionSent() -> Bool {
        defer { isVersionSent = false }
        return isVersionSent
    }

    /// The head is in `output`, and content follows piece by piece.
    mutating func begin(_ framing: ResponseFraming) { state = .begun(framing: framing) }

    /// All of the answer is in `output` or sent.
    mutating func markFinished() { state = .finished }

    /// Adds a piece of content. Returns how much of it the framing lets through.
    mutating func append(_ content: Span<UInt8>) -> Int {
        if content.isEmpty { return 0 }
        guard case .begun(let framing) = state else { return 0 }
        switch framing {
        case .none, .suppressed: return 0
        case .length(let left):
            let count = min(left, content.count)
            output.append(content.extracting(0..<count))
            state = .begun(framing: .length(left: left - count))
            return count
        case .chunked:
            output.append(hex: content.count)
            output.append("\r\n")
            output.append(content)
            output.append("\r\n")
        case .untilClose:
            output.append(content)
        }
        return content.count
    }

    /// Ends the content. False where some of a promised length is missing.
    mutating func finish() -> Bool {
        guard case .begun(let framing) = state else { return true }
        switch framing {
        case .chunked: output.append("0\r\n\r\n")
        case .length(let left) where left > 0: return false
        default: break
        }
        state = .finished
        return true
    }

    mutating func abort() {
        var needsReset = true
        if case .begun(let framing) = state {
            switch framing {
            case .length, .untilClose: break
            case .none, .suppressed, .chunked: needsReset = false
            }
        }
        state = .aborted(needsReset: needsReset)
    }

    /// Sends what the client takes now.
    mutating func flushNow(to stream: Stream) throws(StreamError) {
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
}
