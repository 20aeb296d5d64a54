import Base
import Wire

/// Compresses the content of one answer on its way.
///
/// Belongs to the task of its request.
final class ContentEncoder {
    private var compressor: Compressor
    private let place: CompressionRoom.Place
    private var output = ByteBuffer()
    /// Bytes of content that went in since all that had come in went out.
    private(set) var heldBytes = 0
    /// The content cannot be made whole any more.
    private(set) var hasFailed = false

    /// Nil where there is no memory for it.
    init?(_ coding: ContentCoding, _ room: CompressionRoom) {
        guard let place = room.take(coding), let compressor = try? Compressor(coding) else { return nil }
        self.place = place
        self.compressor = compressor
    }

    /// Takes content and gives what comes of it to `push`.
    func take(_ content: Span<UInt8>, push: (Span<UInt8>) -> Void) {
        heldBytes += content.count
        run(content, .process, push)
    }

    /// Gives all that was taken to `push`, so that the client can show it.
    func flush(push: (Span<UInt8>) -> Void) { end(.flush, push) }

    /// Gives the rest to `push`.
    func finish(push: (Span<UInt8>) -> Void) { end(.finish, push) }

    private func end(_ step: Compressor.Step, _ push: (Span<UInt8>) -> Void) {
        heldBytes = 0
        let nothing: [UInt8] = []
        run(nothing.span, step, push)
    }

    private func run(_ content: Span<UInt8>, _ step: Compressor.Step, _ push: (Span<UInt8>) -> Void) {
        do throws(Compressor.Failure) {
            try compressor.compress(content, step, into: &output)
        } catch {
            hasFailed = true
        }
        output.withSpan(push)
        output.removeAll()
    }

    /// All of `content` at once; nil where there is no memory for it.
    static func encode(_ content: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
        guard var compressor = try? Compressor(coding, length: content.count) else { return nil }
        var output = ByteBuffer()
        do throws(Compressor.Failure) {
            try compressor.compress(content.span, .finish, into: &output)
        } catch {
            return nil
        }
        return output.bytes.array
    }
}
