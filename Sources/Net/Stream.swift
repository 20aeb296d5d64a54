package import Base

/// Why a stream did not do what was asked.
package enum StreamError: Error, Equatable {
    /// The time allowed passed.
    case timedOut
    /// The server is ending.
    case cancelled
    case failed(Errno)
}

/// A two-way run of bytes: a socket, later TLS on one.
///
/// Subclasses give the calls that try; what waits is built on those here. All on the loop's thread.
package class Stream {
    /// The task's place to sleep, the same for everything that the connection uses.
    package let waiter: Waiter

    package init(waiter: Waiter) { self.waiter = waiter }

    private var pace: Pace?
    /// When what the pace holds back may go on; nil where it was the peer that took no more.
    package private(set) var heldUntil: Instant?

    /// Has all that is written through the calls that wait, or by `writeNow`, go out at `rate` bytes a
    /// second; nil for as fast as the peer takes it. The same rate again goes on with what was used up.
    package final func setPace(_ rate: Int?) {
        if rate == pace?.rate { return }
        pace = rate.map { Pace(rate: $0, now: loop.now) }
        heldUntil = nil
    }

    /// So many of `wanted` bytes may go out now.
    private func allowance(_ wanted: Int) -> Int {
        if pace == nil { return wanted }
        heldUntil = nil
        let now = loop.now
        let allowed = pace?.allowance(wanted, now) ?? wanted
        if allowed == 0, wanted > 0 { heldUntil = pace?.due(wanted, now) }
        return allowed
    }

    /// Sleeps until more can be written. Returns the deadline that holds from now on: of a peer that is
    /// not let have anything nobody can say that it takes nothing.
    package final func waitToWrite(
        until deadline: Instant, _ timeout: TimeSpan
    ) async throws(StreamError) -> Instant {
        guard let heldUntil else {
            try await wait(until: deadline)
            return deadline
        }
        if await waiter.wait(until: heldUntil) == .cancelled { throw .cancelled }
        return loop.now + timeout
    }

    package var loop: EventLoop { waiter.loop }

    /// The peer has said that it sends no more. It may still read.
    package var isPeerDone: Bool { fatalError("abstract") }
    /// The connection is gone in both directions.
    package var isHungUp: Bool { fatalError("abstract") }

    /// Whether a call that reads may find something.
    package var mayRead: Bool { fatalError("abstract") }

    /// Bytes read; 0 at the end, nil when there are none now.
    package func tryRead(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        fatalError("abstract")
    }

    /// Bytes taken, nil when the peer takes none now. `more`: what follows is sent together with it.
    package func tryWrite(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(Errno) -> Int? {
        fatalError("abstract")
    }

    /// As `tryWrite`, of two runs of bytes one behind the other.
    package func tryWrite(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) throws(Errno) -> Int? {
        fatalError("abstract")
    }

    /// Bytes of `file` from `offset` taken; 0 when the file has no more there.
    package func trySendFile(_ file: CInt, offset: Int, count: Int) throws(Errno) -> Int? {
        fatalError("abstract")
    }

    /// Begins to notice a peer that leaves, without reading.
    package func watch() throws(Errno) { fatalError("abstract") }
    /// Ends our side; what was written still arrives.
    package func shutdownWrite() { fatalError("abstract") }
    package func close() { fatalError("abstract") }
    /// Closes so that the peer sees a reset, which no peer takes for a regular end.
    package func reset() { fatalError("abstract") }

    // MARK: Waiting

    /// Sleeps until something happens or `deadline` passes.
    package final func wait(until deadline: Instant) async throws(StreamError) {
        switch await waiter.wait(until: deadline) {
        case .woken: return
        case .timedOut: throw .timedOut
        case .cancelled: throw .cancelled
        }
    }

    /// Reads what there is into the room of `buffer`, waiting for a first byte. 0 at the end.
    package final func read(
        into buffer: inout ByteBuffer, atLeast room: Int = 1, until deadline: Instant
    ) async throws(StreamError) -> Int {
        while true {
            if let count = try readNow(into: &buffer, atLeast: room) { return count }
            try await wait(until: deadline)
        }
    }

    /// Reads what there is now, `atMost` bytes of it; nil when there is nothing.
    package final func readNow(
        into buffer: inout ByteBuffer, atLeast room: Int = 1, atMost: Int = .max
    ) throws(StreamError) -> Int? {
        do throws(Errno) {
            var isBlocked = false
            let count = try buffer.fill(atLeast: room) { (place) throws(Errno) in
                let place = UnsafeMutableRawBufferPointer(
                    start: place.baseAddress, count: min(place.count, atMost))
                guard let count = try tryRead(into: place) else {
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

    /// Writes all of `buffer` and empties it. `timeout` is for each time that the peer takes nothing.
    package final func write(
        _ buffer: inout ByteBuffer, more: Bool = false, timeout: TimeSpan
    ) async throws(StreamError) {
        var deadline = loop.now + timeout
        while !buffer.isEmpty {
            if let count = try writeNow(buffer, more: more) {
                buffer.consume(count)
                deadline = loop.now + timeout
            } else {
                // Whatever else wakes the task, such as bytes from the client, does not move it on.
                deadline = try await waitToWrite(until: deadline, timeout)
            }
        }
        buffer.removeAll()
    }

    package final func writeNow(_ buffer: borrowing ByteBuffer, more: Bool = false) throws(StreamError)
        -> Int?
    {
        do throws(Errno) {
            let allowed = allowance(buffer.count)
            if allowed == 0, !buffer.isEmpty { return nil }
            let count = try buffer.withUnsafeBytes { (bytes) throws(Errno) in
                try tryWrite(UnsafeRawBufferPointer(rebasing: bytes.prefix(allowed)), more: more)
            }
            pace?.take(count ?? 0)
            return count
        } catch {
            throw .failed(error)
        }
    }

    /// Writes `head` and then `body` from `offset` on.
    package final func write(
        _ head: inout ByteBuffer, _ body: [UInt8], from offset: Int = 0, timeout: TimeSpan
    ) async throws(StreamError) {
        var sent = offset
        var deadline = loop.now + timeout
        while !head.isEmpty || sent < body.count {
            let count: Int?
            let allowed = allowance(head.count + body.count - sent)
            let piece = min(body.count - sent, max(allowed - head.count, 0))
            do throws(Errno) {
                count =
                    allowed == 0
                    ? nil
                    : try head.withUnsafeBytes { (first) throws(Errno) in
                        try body.span.extracting(sent..<sent + piece).withUnsafeBytes {
                            (second) throws(Errno) in
                            try tryWrite(UnsafeRawBufferPointer(rebasing: first.prefix(allowed)), second)
                        }
                    }
            } catch {
                throw .failed(error)
            }
            guard let count else {
                deadline = try await waitToWrite(until: deadline, timeout)
                continue
            }
            pace?.take(count)
            deadline = loop.now + timeout
            let ofHead = min(count, head.count)
            head.consume(ofHead)
            sent += count - ofHead
        }
        head.removeAll()
    }

    /// Sends `count` bytes of `file` from `offset`. `sent` counts them, also where this throws; it stays
    /// less where the file has become shorter. What is not in memory is read by a thread of `pool`.
    package final func sendFile(
        _ file: CInt, offset: Int, count: Int, sent: inout Int, pool: WorkerPool, timeout: TimeSpan
    ) async throws(StreamError) {
        sent = 0
        var deadline = loop.now + timeout
        // What lies before it was in memory when it was looked at.
        var held = offset
        var hasWaited = false
        while sent < count {
            let position = offset + sent
            // While a slow client was waited for, it may have been dropped.
            if position >= held || hasWaited {
                if position >= held { held = position + min(count - sent, Stream.pieceSize) }
                hasWaited = false
                let piece = position..<held
                if !PageCache.holds(file, piece) {
                    await pool.run { PageCache.load(file, piece) }
                    deadline = loop.now + timeout
                }
            }
            let taken: Int?
            let allowed = allowance(held - position)
            do throws(Errno) {
                taken = allowed == 0 ? nil : try trySendFile(file, offset: position, count: allowed)
            } catch {
                throw .failed(error)
            }
            switch taken {
            case nil:
                deadline = try await waitToWrite(until: deadline, timeout)
                hasWaited = true
            case 0?: return
            case let taken?:
                sent += taken
                pace?.take(taken)
                deadline = loop.now + timeout
                // A reader as fast as the disk would keep the loop for itself.
                if sent < count { await Task.yield() }
            }
        }
    }

    /// So much of a file is looked at and sent before others have their turn.
    package static let pieceSize = 1 << 20
}
