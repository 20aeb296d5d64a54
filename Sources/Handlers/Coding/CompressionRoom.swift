import Base
import Wire

/// The memory that answers under way may take on one loop for being compressed.
///
/// A client that reads slowly, or a script that prints for hours, keeps its compressor, or the compressed
/// file that was made for it, all the time.
/// Answers for which there is no room go out as they are.
///
/// Belongs to the loop's thread.
final class CompressionRoom {
    private var left: Int

    /// `size` in bytes.
    init(_ size: Int = 64 << 20) { left = size }

    /// A place for one compressor; nil where there is no room.
    func take(_ coding: ContentCoding) -> Place? { take(Compressor.memory(coding)) }

    /// A place for `size` bytes; nil where there is no room.
    func take(_ size: Int) -> Place? {
        guard size <= left else { return nil }
        left -= size
        return Place(self, size)
    }

    /// Gives its bytes back when it ends, on the loop's thread.
    struct Place: ~Copyable {
        private let room: CompressionRoom
        private let size: Int

        fileprivate init(_ room: CompressionRoom, _ size: Int) { (self.room, self.size) = (room, size) }

        deinit { room.left += size }
    }
}
