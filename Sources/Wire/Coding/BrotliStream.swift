import Base
import CBrotli

/// Brotli's encoder (RFC 7932).
final class BrotliStream: CompressorStream {
    private let state: OpaquePointer

    /// Of 0 to 11; the last ones are for files that are compressed once and for all.
    private static let quality: UInt32 = 5
    /// 256 KB of window: more would be memory for each answer.
    private static let largestWindow: UInt32 = 18

    init(length: Int?) throws(Compressor.Failure) {
        guard let state = BrotliEncoderCreateInstance(nil, nil, nil) else { throw Compressor.Failure() }
        BrotliEncoderSetParameter(state, BROTLI_PARAM_QUALITY, BrotliStream.quality)
        var window = BrotliStream.largestWindow
        if let length {
            while window > 12, length < 1 << (window - 1) { window -= 1 }
            BrotliEncoderSetParameter(state, BROTLI_PARAM_SIZE_HINT, UInt32(clamping: length))
        }
        BrotliEncoderSetParameter(state, BROTLI_PARAM_LGWIN, window)
        self.state = state
    }

    deinit { BrotliEncoderDestroyInstance(state) }

    func compress(
        _ input: UnsafeRawBufferPointer, _ step: Compressor.Step, into output: inout ByteBuffer
    ) throws(Compressor.Failure) {
        let operation =
            switch step {
            case .process: BROTLI_OPERATION_PROCESS
            case .flush: BROTLI_OPERATION_FLUSH
            case .finish: BROTLI_OPERATION_FINISH
            }
        var next = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var left = input.count
        repeat {
            var isFine = false
            output.fill(atLeast: Compressor.pieceSize) { room in
                var place = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                var free = room.count
                isFine =
                    BrotliEncoderCompressStream(state, operation, &left, &next, &free, &place, nil) != 0
                return room.count - free
            }
            if !isFine { throw Compressor.Failure() }
        } while left > 0 || BrotliEncoderHasMoreOutput(state) != 0
    }
}
