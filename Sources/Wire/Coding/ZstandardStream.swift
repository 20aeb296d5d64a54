import Base
import CZstd

/// Zstandard's encoder (RFC 8878).
final class ZstandardStream: CompressorStream {
    private let context: OpaquePointer

    private static let level: CInt = 3
    /// 256 KB: browsers take up to 8 MB (RFC 8878, section 3.1.1.1.2), which would be memory for each answer.
    private static let windowLog: CInt = 18

    init(length: Int?) throws(Compressor.Failure) {
        guard let context = ZSTD_createCCtx() else { throw Compressor.Failure() }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZstandardStream.level)
        ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, ZstandardStream.windowLog)
        if let length { ZSTD_CCtx_setPledgedSrcSize(context, UInt64(length)) }
    }

    deinit { ZSTD_freeCCtx(context) }

    func compress(
        _ input: UnsafeRawBufferPointer, _ step: Compressor.Step, into output: inout ByteBuffer
    ) throws(Compressor.Failure) {
        let directive =
            switch step {
            case .process: ZSTD_e_continue
            case .flush: ZSTD_e_flush
            case .finish: ZSTD_e_end
            }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var left = 0
        repeat {
            output.fill(atLeast: Compressor.pieceSize) { room in
                var place = ZSTD_outBuffer(dst: room.baseAddress, size: room.count, pos: 0)
                left = ZSTD_compressStream2(context, &place, &source, directive)
                return place.pos
            }
            if ZSTD_isError(left) != 0 { throw Compressor.Failure() }
            // Without a flush what is left may stay inside; the input may not.
        } while step == .process ? source.pos < source.size : left > 0
    }
}
