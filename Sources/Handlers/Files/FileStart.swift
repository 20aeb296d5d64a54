import Base
import Glibc

/// The beginning of a file.
enum FileStart {
    /// Up to `limit` bytes, and whether that is all of the file. Waits for the disk. Nil where it cannot be read.
    static func read(_ file: borrowing FileDescriptor, _ limit: Int) -> (bytes: [UInt8], isWhole: Bool)? {
        let raw = file.raw
        var failed = false
        // One more than is wanted tells whether there is more.
        var bytes = [UInt8](unsafeUninitializedCapacity: limit + 1) { room, count in
            count = 0
            while count < room.count {
                let got = pread(raw, room.baseAddress.map { $0 + count }, room.count - count, off_t(count))
                if got < 0, Errno.current == .interrupted { continue }
                if got < 0 { failed = true }
                if got <= 0 { return }
                count += got
            }
        }
        if failed { return nil }
        let isWhole = bytes.count <= limit
        if !isWhole { bytes.removeLast() }
        return (bytes, isWhole)
    }
}
