import Base
import Glibc
import Net

/// Passes a request's content on to its script's stdin as it arrives (`cgi_stream_upload`).
///
/// Belongs to the task of its request.
final class ContentFeed {
    private enum State {
        case passing
        /// The script has all of it, or reads no more.
        case done
        case failed(RequestContent.Failure)
    }

    private var state = State.passing
    private let exchange: Exchange
    /// The script's stdin, as it is written to. Its end tells the script that the content is whole.
    let input: Source
    /// What the script is to have next.
    private var buffer = ByteBuffer()
    /// What comes behind that, where the client had to be let go on.
    private var spool: Spool?
    private var hasAllArrived = false

    /// When a piece of it came last.
    private(set) var lastArrival: Instant
    /// When the script took a piece last.
    private(set) var lastTaken: Instant?

    private static let pieceSize = 64 * 1024

    init(_ exchange: Exchange, _ end: consuming FileDescriptor) {
        self.exchange = exchange
        input = Source(end, waiter: exchange.waiter)
        lastArrival = exchange.context.loop.now
    }

    /// Why the script cannot have all of it.
    var failure: RequestContent.Failure? {
        if case .failed(let failure) = state { return failure }
        return nil
    }

    /// Some of it has not come yet, and the script may want it.
    var isAwaited: Bool {
        if case .passing = state { return !hasAllArrived }
        return false
    }

    /// The script has taken all that came, and it is the client that is waited for.
    var isWaitingForClient: Bool { isAwaited && buffer.isEmpty && spool?.isEmpty != false }

    /// Gives what is left of it up: nobody reads it any more.
    func close() {
        if case .passing = state { state = .done }
        input.close()
    }

    /// Does what can be done now. Returns whether anything could.
    ///
    /// - Parameter readsAhead: the client is to be let go on though the script takes nothing: it reads its
    ///   answer when all is sent, and the script may wait for that.
    func step(readsAhead: Bool) -> Bool {
        switch state {
        case .passing: break
        case .done: return readsAhead && passOver()
        case .failed: return false
        }
        do throws(RequestContent.Failure) {
            var hasProgress = buffer.isEmpty ? try refill() : false
            if try passOn() { hasProgress = true }
            if buffer.isEmpty, hasAllArrived, spool?.isEmpty != false { close() }
            if readsAhead, isAwaited, !buffer.isEmpty, try readAhead() { hasProgress = true }
            return hasProgress
        } catch {
            state = .failed(error)
            return true
        }
    }

    private func refill() throws(RequestContent.Failure) -> Bool {
        buffer.removeAll()
        if spool?.isEmpty == false {
            do throws(Errno) { try spool?.read(into: &buffer, ContentFeed.pieceSize) } catch {
                throw .storage(error)
            }
            return true
        }
        return try receive(into: &buffer)
    }

    private func receive(into buffer: inout ByteBuffer) throws(RequestContent.Failure) -> Bool {
        if hasAllArrived { return false }
        let count: Int?
        do throws(ContentError) {
            count = try exchange.readContentNow(into: &buffer, room: ContentFeed.pieceSize)
        } catch {
            throw .content(error)
        }
        guard let count else { return false }
        if let witness = exchange.witness, count > 0 {
            buffer.withSpan { witness.took(content: $0.extracting(($0.count - count)...)) }
        }
        if count == 0 {
            hasAllArrived = true
        } else {
            lastArrival = exchange.context.loop.now
        }
        return true
    }

    private func passOn() throws(RequestContent.Failure) -> Bool {
        if buffer.isEmpty { return false }
        let count: Int?
        do throws(Errno) {
            count = try buffer.withUnsafeBytes { (bytes) throws(Errno) in try input.write(bytes) }
        } catch {
            // The script has closed its stdin: it wants no more.
            close()
            buffer.removeAll()
            return true
        }
        guard let count else { return false }
        buffer.consume(count)
        lastTaken = exchange.context.loop.now
        return true
    }

    /// Drops what comes for a script that wants no more.
    private func passOver() -> Bool {
        if hasAllArrived { return false }
        var piece = ByteBuffer()
        do throws(ContentError) {
            guard let count = try exchange.readContentNow(into: &piece, room: ContentFeed.pieceSize) else {
                return false
            }
            if count > 0 {
                lastArrival = exchange.context.loop.now
                return true
            }
        } catch {
            // Nobody misses it; whether the client still reads is seen by who sends to it.
        }
        hasAllArrived = true
        return false
    }

    private func readAhead() throws(RequestContent.Failure) -> Bool {
        var piece = ByteBuffer()
        guard try receive(into: &piece), !piece.isEmpty else { return false }
        do throws(Errno) {
            if spool == nil { spool = Spool(try RequestContent.openSpool()) }
            try spool?.append(piece)
        } catch {
            throw .storage(error)
        }
        return true
    }
}

/// Content that waits in a file without a name, first in, first out.
private struct Spool: ~Copyable {
    private let file: FileDescriptor
    private var start = 0
    private var end = 0

    init(_ file: consuming FileDescriptor) { self.file = file }

    var isEmpty: Bool { start == end }

    mutating func append(_ piece: borrowing ByteBuffer) throws(Errno) {
        // Where all was read, the room on the disk is given back.
        if isEmpty, end > 0, ftruncate(file.raw, 0) == 0 { (start, end) = (0, 0) }
        if lseek(file.raw, off_t(end), SEEK_SET) < 0 { throw .current }
        try piece.withUnsafeBytes { (bytes) throws(Errno) in try file.writeAll(bytes) }
        end += piece.count
    }

    mutating func read(into buffer: inout ByteBuffer, _ room: Int) throws(Errno) {
        let wanted = min(room, end - start)
        let count = try buffer.fill(atLeast: wanted) { (place) throws(Errno) in
            let count = pread(file.raw, place.baseAddress, min(wanted, place.count), off_t(start))
            if count < 0 { throw .current }
            return count
        }
        // Nobody else could have shortened it.
        if count == 0 { throw .invalid }
        start += count
    }
}
