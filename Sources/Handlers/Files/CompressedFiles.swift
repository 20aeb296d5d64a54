import Base
import Glibc

/// Small files in a content coding, as they were made on the way, so that each is made once.
///
/// A changed file is another one. Each loop has its own, so nothing is locked.
final class CompressedFiles {
    /// A state of a file, in a coding.
    struct Key: Hashable {
        let device: UInt64
        let inode: UInt64
        let modified: Int
        let nanoseconds: Int
        let size: Int
        let coding: ContentCoding

        init(_ file: borrowing Folder.OpenFile, _ coding: ContentCoding) {
            device = UInt64(file.status.st_dev)
            inode = UInt64(file.status.st_ino)
            modified = file.modified
            nanoseconds = file.status.st_mtim.tv_nsec
            size = file.size
            self.coding = coding
        }
    }

    /// Of all of them, in bytes.
    private static let sizeLimit = 16 << 20
    private static let overhead = 128

    private var contents: [Key: [UInt8]] = [:]
    private var size = 0

    func find(_ key: Key) -> [UInt8]? { contents[key] }

    func insert(_ content: [UInt8], for key: Key) {
        if size + content.count + CompressedFiles.overhead > CompressedFiles.sizeLimit {
            contents.removeAll()
            size = 0
        }
        if let old = contents.updateValue(content, forKey: key) {
            size -= old.count + CompressedFiles.overhead
        }
        size += content.count + CompressedFiles.overhead
    }
}
