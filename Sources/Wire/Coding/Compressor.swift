package import Base

/// Applies a content coding to a run of bytes, piece by piece.
package struct Compressor: ~Copyable {
    package enum Step: Sendable {
        /// More follows; the library may keep bytes back.
        case process
        /// All that was taken so far comes out, so that the other end can show it.
        case flush
        case finish
    }

    /// The library has no memory left, or refuses to go on.
    package struct Failure: Error, Sendable {}

    /// Bytes that one takes at most, about.
    package static func memory(_ coding: ContentCoding) -> Int {
        switch coding {
        case .gzip: 300 << 10
        case .brotli, .zstandard: 3 << 19
        }
    }

    private let stream: any CompressorStream

    /// `length`: exactly how many bytes will come, where that is known; little content needs little memory.
    package init(_ coding: ContentCoding, length: Int? = nil) throws(Failure) {
        stream =
            switch coding {
            case .gzip: try GzipStream()
            case .brotli: try BrotliStream(length: length)
            case .zstandard: try ZstandardStream(length: length)
            }
    }

    /// Takes all of `input` and appends what comes of it to `output`.
    package mutating func compress(
        _ input: Span<UInt8>, _ step: Step, into output: inout ByteBuffer
    ) throws(Failure) {
        try input.withUnsafeBytes { (bytes) throws(Failure) in
            try stream.compress(bytes, step, into: &output)
        }
    }

    /// Room that the output buffer is given at a time.
    static let pieceSize = 16 * 1024
}

/// A library's state. Ends with its last owner.
protocol CompressorStream: AnyObject {
    func compress(
        _ input: UnsafeRawBufferPointer, _ step: Compressor.Step, into output: inout ByteBuffer
    ) throws(Compressor.Failure)
}
