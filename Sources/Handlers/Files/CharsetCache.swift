import Base
import Glibc
import Net

/// The character sets of text files, found out once for each state of a file.
///
/// Belongs to the loop's thread.
final class CharsetCache {
    private struct Key: Hashable {
        let state: FileState
        /// The same text may be served as HTML and as plain text.
        let type: String
    }

    private var known: [Key: String?] = [:]

    private static let limit = 4096
    /// Bytes of a file that are looked at.
    private static let reach = 64 * 1024

    /// The character set of an open file of media type `type`, nil where it is not to be told. A file
    /// that is not known yet is read by a thread of `pool`.
    func charset(
        of file: borrowing Folder.OpenFile, type: String, _ pool: WorkerPool
    ) async -> String? {
        let key = Key(state: FileState(file.status), type: type)
        if let charset = known[key] { return charset }
        let charset: String? =
            if let copy = try? file.descriptor.duplicate().release() {
                await pool.run {
                    let file = FileDescriptor(owning: copy)
                    guard let (bytes, isWhole) = FileStart.read(file, CharsetCache.reach) else { return nil }
                    return Charset.detect(bytes.span, isWhole: isWhole, type: type)
                }
            } else {
                nil
            }
        // What is asked for comes back at once.
        if known.count >= CharsetCache.limit { known.removeAll(keepingCapacity: true) }
        known[key] = .some(charset)
        return charset
    }
}
