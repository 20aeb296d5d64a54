import Glibc

extension UnsafeMutablePointer<dirent> {
    /// The name of an entry that `readdir(3)` has returned; broken UTF-8 becomes U+FFFD.
    package var name: String { String(decoding: nameBytes, as: UTF8.self) }

    package var nameBytes: [UInt8] {
        // No file system has longer names than there is room for, and a zero ends them.
        withUnsafeBytes(of: &pointee.d_name) { Array($0.prefix { $0 != 0 }) }
    }
}
