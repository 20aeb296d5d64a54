import Base
import CZlib

/// zlib's state, as gzip writes it (RFC 1952).
final class GzipStream: CompressorStream {
    /// zlib keeps the address of its stream, which therefore stays in one place.
    private let stream: UnsafeMutablePointer<z_stream>

    /// Between the fastest and what doubles the time for a few percent.
    private static let level: CInt = 5
    /// 32 KB of window, and 16 for a gzip header and trailer.
    private static let windowBits: CInt = 15 + 16
    private static let memoryLevel: CInt = 8

    init() throws(Compressor.Failure) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let result = deflateInit2_(
            stream, GzipStream.level, Z_DEFLATED, GzipStream.windowBits, GzipStream.memoryLevel,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, CInt(MemoryLayout<z_stream>.size))
        guard result == Z_OK else {
            stream.deallocate()
            throw Compressor.Failure()
        }
        self.stream = stream
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func compress(
        _ input: UnsafeRawBufferPointer, _ step: Compressor.Step, into output: inout ByteBuffer
    ) throws(Compressor.Failure) {
        let flush =
            switch step {
            case .process: Z_NO_FLUSH
            case .flush: Z_SYNC_FLUSH
            case .finish: Z_FINISH
            }
        var rest = input
        repeat {
            // Its counts have 32 bits.
            let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            // zlib does not write to its input; C before `const` says so nowhere.
            stream.pointee.next_in = UnsafeMutablePointer(
                mutating: piece.baseAddress?.assumingMemoryBound(to: UInt8.self))
            stream.pointee.avail_in = CUnsignedInt(piece.count)
            try run(rest.isEmpty ? flush : Z_NO_FLUSH, into: &output)
        } while !rest.isEmpty
    }

    private func run(_ flush: CInt, into output: inout ByteBuffer) throws(Compressor.Failure) {
        while true {
            var result = Z_OK
            output.fill(atLeast: Compressor.pieceSize) { room in
                stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = CUnsignedInt(clamping: room.count)
                let before = stream.pointee.avail_out
                result = deflate(stream, flush)
                return Int(before - stream.pointee.avail_out)
            }
            if result == Z_STREAM_ERROR { throw Compressor.Failure() }
            if flush == Z_FINISH ? result == Z_STREAM_END : stream.pointee.avail_out > 0 { return }
        }
    }
}
