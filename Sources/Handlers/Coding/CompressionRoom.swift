import Base
import Wire

/// The memory that the compressors of answers under way may take on one loop.
///
/// A client that reads slowly, or a script that prints for hours, keeps its compressor all the time.
/// Answers for which there is no room go out as they are.
///
/// Belongs to the loop's thread.
final class CompressionRoom {
    private var left: Int

    /// `size` in bytes.
    init(_ size: Int = 64 << 20) { left = size }

    /// A place for one compressor; nil where there is no room.
    func take(_ coding: ContentCoding) -> Place? {
        let size = Compressor.memory(coding)
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
