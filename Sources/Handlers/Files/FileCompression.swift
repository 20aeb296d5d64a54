import Base
import Config
import Net
import Wire

/// Makes the coded form of a file, on a thread that may take its time.
struct FileCompression {
    private let key: CompressedFiles.Key
    private let size: Int
    private let coding: ContentCoding
    private let context: LoopContext

    /// Files up to this many bytes are compressed as a whole, and kept.
    static let wholeLimit = 1 << 20
    private static let pieceSize = 128 * 1024

    init(_ file: borrowing Folder.OpenFile, _ coding: ContentCoding, _ context: LoopContext) {
        key = CompressedFiles.Key(state: FileState(file.status), coding: coding)
        size = file.size
        self.coding = coding
        self.context = context
    }

    enum Whole {
        case made([UInt8])
        /// Others are compressed, and have been for long, or there is no room.
        case busy
        /// The file has become shorter, or memory is short.
        case failed
    }

    /// All of it: what is kept, or else made, and then kept. Where it is made for this exchange, `place` is
    /// for the memory that it takes until the client has it.
    func whole(
        _ file: borrowing FileDescriptor, for exchange: Exchange, _ place: inout CompressionRoom.Place?
    ) async throws(StreamError) -> Whole {
        while true {
            if let kept = context.compressedFiles.find(key) { return .made(kept) }
            let outcome = try await context.compressedFiles.makeOnce(key) { () throws(StreamError) in
                place = context.compressionRoom.take(size)
                return place == nil ? .busy : try await make(file, for: exchange)
            }
            if let outcome { return outcome }
        }
    }

    private func make(
        _ file: borrowing FileDescriptor, for exchange: Exchange
    ) async throws(StreamError) -> Whole {
        switch await context.compressions.enter(exchange) {
        case .granted: break
        case .full, .timedOut: return .busy
        case .abandoned: throw .cancelled
        }
        defer { context.compressions.leave() }
        // The number crosses to the pool's thread; its owner outlives the call.
        let (raw, size, coding) = (file.raw, size, coding)
        let content: [UInt8]? = await context.pool.run {
            guard let plain = try? FileDescriptor.bytes(of: raw, count: size), plain.count == size else {
                return nil
            }
            return ContentEncoder.encode(plain, coding)
        }
        guard let content else { return .failed }
        context.compressedFiles.insert(content, for: key)
        return .made(content)
    }

    /// Sends it piece by piece as it is made.
    func stream(
        _ file: borrowing FileDescriptor, _ head: ResponseHead, on exchange: Exchange
    ) async throws(StreamError) {
        guard let work = Work(coding) else {
            return try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
        }
        exchange.open(head)
        var offset = 0
        while offset < size {
            let (raw, count) = (file.raw, min(FileCompression.pieceSize, size - offset))
            let (at, isLast) = (offset, offset + count == size)
            let piece = await context.pool.run { work.compress(raw, at: at, count: count, isLast: isLast) }
            guard let piece else {
                exchange.log(.warning, "the file became shorter while it was compressed; the answer was cut")
                return exchange.abort()
            }
            exchange.push(piece.span)
            try await exchange.drain()
            offset += count
        }
        exchange.conclude()
    }

    /// The compressor of one answer.
    ///
    /// `@unchecked Sendable`: one piece is made at a time, and the loop waits for it.
    private final class Work: @unchecked Sendable {
        private var compressor: Compressor

        init?(_ coding: ContentCoding) {
            guard let compressor = try? Compressor(coding) else { return nil }
            self.compressor = compressor
        }

        /// Nil where the file has not all of those bytes.
        func compress(_ file: CInt, at offset: Int, count: Int, isLast: Bool) -> [UInt8]? {
            guard let plain = try? FileDescriptor.bytes(of: file, at: offset, count: count),
                plain.count == count
            else { return nil }
            var output = ByteBuffer()
            do throws(Compressor.Failure) {
                try compressor.compress(plain.span, isLast ? .finish : .process, into: &output)
            } catch {
                return nil
            }
            return output.bytes.array
        }
    }
}
