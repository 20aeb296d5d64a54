import Base
import CLinux
import Glibc

/// What the kernel keeps of files in memory.
///
/// A call that reads a file never says EAGAIN: where the disk is needed it waits, and with it the loop
/// and all its connections. So a loop asks first, and has a thread of the pool wait.
package enum PageCache {
    /// Whether `range` of a file is in memory, as far as its two ends tell: what is read, and what is
    /// dropped, comes in long runs.
    package static func holds(_ file: CInt, _ range: Range<Int>) -> Bool {
        holds(file, range.upperBound - 1) && holds(file, range.lowerBound)
    }

    private static func holds(_ file: CInt, _ offset: Int) -> Bool {
        var byte: UInt8 = 0
        // At the end of the file, or in front of an error, there is nothing to wait for.
        return gh_pread_now(file, &byte, 1, Int64(offset)) >= 0 || Errno.current != .wouldBlock
    }

    /// Reads `range` of a file into memory, and has the kernel begin with what follows it. Waits for the
    /// disk: for threads of the pool. An error is left to whoever reads then.
    package static func load(_ file: CInt, _ range: Range<Int>) {
        _ = posix_fadvise(file, off_t(range.lowerBound), off_t(range.count * 2), CInt(POSIX_FADV_WILLNEED))
        withUnsafeTemporaryAllocation(byteCount: 64 * 1024, alignment: 16) { scratch in
            var offset = range.lowerBound
            while offset < range.upperBound {
                let count = pread(
                    file, scratch.baseAddress, min(scratch.count, range.upperBound - offset), off_t(offset))
                if count <= 0 { return }
                offset += count
            }
        }
    }

    /// Reads from the beginning of a file what is in memory; 0 where nothing is.
    package static func read(_ file: CInt, into buffer: UnsafeMutableRawBufferPointer) -> Int {
        max(0, gh_pread_now(file, buffer.baseAddress, buffer.count, 0))
    }
}
