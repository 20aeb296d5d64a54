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

    package var loop: EventLoop { waiter.loop }

    /// The peer has said that it sends no more. It may still read.
    package var isPeerDone: Bool { fatalError("abstract") }
    /// The connection is gone in both directions.
    package var isHungUp: Bool { fatalError("abstract") }

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

    /// Sleeps until something happens or `timeout` passes.
    package final func wait(_ timeout: TimeSpan) async throws(StreamError) {
        try await wait(until: loop.now + timeout)
    }

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

    /// Reads what there is now; nil when there is nothing.
    package final func readNow(into buffer: inout ByteBuffer, atLeast room: Int = 1) throws(StreamError)
        -> Int?
    {
        do throws(Errno) {
            var isBlocked = false
            let count = try buffer.fill(atLeast: room) { (place) throws(Errno) in
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
                try await wait(until: deadline)
            }
        }
        buffer.removeAll()
    }

    package final func writeNow(_ buffer: borrowing ByteBuffer, more: Bool = false) throws(StreamError)
        -> Int?
    {
        do throws(Errno) {
            return try buffer.withUnsafeBytes { (bytes) throws(Errno) in try tryWrite(bytes, more: more) }
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
            do throws(Errno) {
                count = try head.withUnsafeBytes { (first) throws(Errno) in
                    try body.span.extracting(sent...).withUnsafeBytes { (second) throws(Errno) in
                        try tryWrite(first, second)
                    }
                }
            } catch {
                throw .failed(error)
            }
            guard let count else {
                try await wait(until: deadline)
                continue
            }
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
            do throws(Errno) {
                taken = try trySendFile(file, offset: position, count: held - position)
            } catch {
                throw .failed(error)
            }
            switch taken {
            case nil:
                try await wait(until: deadline)
                hasWaited = true
            case 0?: return
            case let taken?:
                sent += taken
                deadline = loop.now + timeout
                // A reader as fast as the disk would keep the loop for itself.
                if sent < count { await Task.yield() }
            }
        }
    }

    private static let pieceSize = 1 << 20
}
