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
    private var inMemoryAt = Instant(nanoseconds: .min)

    /// Nil where no descriptor is left for it.
    init?(_ file: borrowing Folder.OpenFile) {
        guard let copy = try? file.descriptor.duplicate() else { return nil }
        descriptor = copy
        size = file.size
        state = FileState(file.status)
    }

    /// Whether it is what it was when it was opened, under the same name, and its beginning is in memory.
    func isReady(_ now: Instant) -> Bool {
        // Who removes a file, or puts another in its place, changes it, too: it has a link less.
        guard let status = try? descriptor.status(), FileState(status) == state else { return false }
        // What was in memory in this round of the loop most likely still is.
        if inMemoryAt == now { return true }
        guard PageCache.holds(descriptor.raw, firstPiece) else { return false }
        inMemoryAt = now
        return true
    }

    /// What is sent at once, if the client takes it.
    var firstPiece: Range<Int> { 0..<min(size, Stream.pieceSize) }
}
