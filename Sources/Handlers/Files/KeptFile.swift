import Base
import Glibc
import Net

/// A file that stays open for a moment, so that it can be sent again without being looked for.
///
/// Belongs to the loop's thread.
final class KeptFile {
    let descriptor: FileDescriptor
    let size: Int
    private let state: FileState
    private var lookedAt = Instant(nanoseconds: .min)

    /// Nil where no descriptor is left for it.
    init?(_ file: borrowing Folder.OpenFile) {
        guard let copy = try? file.descriptor.duplicate() else { return nil }
        descriptor = copy
        size = file.size
        state = FileState(file.status)
    }

    /// Whether it is what it was when it was opened, under the same name, and its beginning is in memory.
    /// The kernel is asked once in each round of the loop.
    func isReady(_ now: Instant) -> Bool {
        if lookedAt == now { return true }
        // Who removes a file, or puts another in its place, changes it, too: it has a link less.
        guard let status = try? descriptor.status(), FileState(status) == state,
            PageCache.holds(descriptor.raw, firstPiece)
        else { return false }
        lookedAt = now
        return true
    }

    /// What is sent at once, if the client takes it.
    var firstPiece: Range<Int> { 0..<min(size, Stream.pieceSize) }
}
