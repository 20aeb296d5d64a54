import Base

/// The beginning of a file.
enum FileStart {
    /// Up to `limit` bytes, and whether that is all of the file. Waits for the disk. Nil where it cannot be read.
    static func read(_ file: borrowing FileDescriptor, _ limit: Int) -> (bytes: [UInt8], isWhole: Bool)? {
        // One more than is wanted tells whether there is more.
        guard var bytes = try? FileDescriptor.bytes(of: file.raw, count: limit + 1) else { return nil }
        let isWhole = bytes.count <= limit
        if !isWhole { bytes.removeLast() }
        return (bytes, isWhole)
    }
}
