import Base
import Net
import Wire

/// The content of an HTTP/1.x request on its way in (RFC 9112, sections 6 and 7).
struct HTTP1Content: ~Copyable {
    private enum State {
        case length(left: Int)
        case chunked
        /// Whole, or given up.
        case done
    }

    private var state = State.done
    private var decoder = ChunkedDecoder()
    /// Raw bytes of a chunked request between the socket and the decoder.
    private var staging = ByteBuffer()
    /// The client waits for a word before it sends (`Expect: 100-continue`).
    private(set) var owesContinue = false
    /// Bytes of it that somebody has read.
    private var taken = 0
    /// The connection can carry nothing after this.
    private(set) var isBroken = false

    /// Makes ready for the content of the request with that head, of which `arrived` bytes are there.
    mutating func begin(_ head: RequestHead, arrived: Int) {
        owesContinue = head.expectsContinue
        isBroken = false
        taken = 0
        switch head.framing {
        case .none:
            state = .done
            owesContinue = false
        case .length(let length):
            state = .length(left: length)
            // Who has sent all of it waits for no word.
            if length <= arrived { owesContinue = false }
        case .chunked:
            state = .chunked
            decoder = ChunkedDecoder()
        }
    }

    mutating func removeAll() { staging.removeAll() }
    var capacity: Int { staging.capacity }

    /// Some of it has not been read yet.
    var isLeft: Bool {
        if case .done = state { return false }
        return true
    }

    /// More of it is left than is received only to keep the connection.
    var isTooMuchToPass: Bool {
        switch state {
        case .length(let left): left > HTTP1Content.passOverLimit
        case .chunked: taken >= HTTP1Content.passOverLimit
        case .done: false
        }
    }

    /// Whether anything is to be done before the next request can be read.
    var needsEnding: Bool { isLeft || owesContinue || !staging.isEmpty }

    /// The client has been told, or need not be told any more.
    mutating func tookContinue() { owesContinue = false }

    /// Appends what has come to `buffer`, `room` bytes at most; `input` holds what was read with the
    /// head. 0 at the end. Each piece may take `timeout`.
    mutating func read(
        from stream: Stream, _ input: inout ByteBuffer, into buffer: inout ByteBuffer, room: Int,
        timeout: TimeSpan
    ) async throws(ContentError) -> Int {
        do throws(ContentError) {
            let count = try await readAny(from: stream, &input, into: &buffer, room: room, timeout)
            taken += count
            return count
        } catch {
            take(error)
            throw error
        }
    }

    /// As `read`, of what is here now of content whose length is known; nil where nothing is.
    mutating func readNow(
        from stream: Stream, _ input: inout ByteBuffer, into buffer: inout ByteBuffer, room: Int
    ) throws(ContentError) -> Int? {
        do throws(ContentError) {
            let count = try readLength(from: stream, &input, into: &buffer, room: room)
            taken += count ?? 0
            return count
        } catch {
            take(error)
            throw error
        }
    }

    private mutating func take(_ error: ContentError) {
        switch error {
        case .stream, .incomplete: isBroken = true
        case .malformed, .tooLarge: break
        }
    }

    private mutating func readAny(
        from stream: Stream, _ input: inout ByteBuffer, into buffer: inout ByteBuffer, room: Int,
        _ timeout: TimeSpan
    ) async throws(ContentError) -> Int {
        if case .chunked = state {
            return try await readChunked(from: stream, &input, into: &buffer, room: room, timeout)
        }
        let deadline = stream.loop.now + timeout
        while true {
            if let count = try readLength(from: stream, &input, into: &buffer, room: room) { return count }
            do throws(StreamError) { try await stream.wait(until: deadline) } catch { throw .stream(error) }
        }
    }

    /// Content whose length is known: nil where nothing of it is here now, 0 where there is no more.
    private mutating func readLength(
        from stream: Stream, _ input: inout ByteBuffer, into buffer: inout ByteBuffer, room: Int
    ) throws(ContentError) -> Int? {
        guard case .length(let left) = state else { return 0 }
        let wanted = min(left, room)
        var count = min(wanted, input.count)
        if count > 0 {
            input.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            input.consume(count)
        } else {
            guard let read = try HTTP1Content.receiveNow(from: stream, into: &buffer, atMost: wanted) else {
                return nil
            }
            count = read
            if count == 0 {
                state = .done
                throw .incomplete
            }
        }
        state = left == count ? .done : .length(left: left - count)
        return count
    }

    private mutating func readChunked(
        from stream: Stream, _ input: inout ByteBuffer, into buffer: inout ByteBuffer, room: Int,
        _ timeout: TimeSpan
    ) async throws(ContentError) -> Int {
        while true {
            if staging.isEmpty, !input.isEmpty {
                staging.removeAll()
                input.withUnsafeBytes { staging.append($0) }
                input.consume(input.count)
            }
            if !staging.isEmpty {
                let before = buffer.count
                try decode(into: &buffer, room: room)
                if decoder.isDone { state = .done }
                if buffer.count > before || decoder.isDone { return buffer.count - before }
            }
            staging.removeAll()
            if try await HTTP1Content.receive(from: stream, into: &staging, atMost: 65536, timeout) == 0 {
                state = .done
                throw .incomplete
            }
        }
    }

    private mutating func decode(into buffer: inout ByteBuffer, room: Int) throws(ContentError) {
        var decoder = self.decoder
        defer { self.decoder = decoder }
        do throws(ChunkedDecoder.Failure) {
            let used = try staging.withSpan { (bytes) throws(ChunkedDecoder.Failure) in
                try decoder.decode(bytes, into: &buffer, room: room)
            }
            staging.consume(used)
        } catch {
            state = .done
            isBroken = true
            switch error {
            case .malformed(let reason): throw .malformed(reason)
            case .tooLong: throw .malformed("a chunk's size line or the trailers are too long")
            }
        }
    }

    private static func receive(
        from stream: Stream, into buffer: inout ByteBuffer, atMost: Int, _ timeout: TimeSpan
    ) async throws(ContentError) -> Int {
        let deadline = stream.loop.now + timeout
        while true {
            if let count = try receiveNow(from: stream, into: &buffer, atMost: atMost) { return count }
            do throws(StreamError) { try await stream.wait(until: deadline) } catch { throw .stream(error) }
        }
    }

    private static func receiveNow(
        from stream: Stream, into buffer: inout ByteBuffer, atMost: Int
    ) throws(ContentError) -> Int? {
        do throws(StreamError) {
            return try stream.readNow(into: &buffer, atLeast: min(atMost, 65536), atMost: atMost)
        } catch {
            throw .stream(error)
        }
    }

    /// Passes over what nobody has read, so that the next request can follow. What is too much, or
    /// would have to be waited for because it was never invited, breaks the connection.
    mutating func passOver(
        from stream: Stream, _ input: inout ByteBuffer, keepsAlive: Bool, timeout: TimeSpan
    ) async {
        if owesContinue {
            isBroken = true
            state = .done
        }
        var passed = 0
        var scratch = ByteBuffer()
        while keepsAlive, !isBroken, isLeft {
            do throws(ContentError) {
                scratch.removeAll()
                passed += try await read(from: stream, &input, into: &scratch, room: 65536, timeout: timeout)
            } catch {
                isBroken = true
            }
            if passed > HTTP1Content.passOverLimit { isBroken = true }
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
}
