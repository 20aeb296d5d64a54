import Base
import Glibc
import Net
import TestSupport
import Testing

@Suite struct PageCacheTests {
    @Test func `what was dropped is not held until it is loaded`() throws {
        let folder = try ScratchFolder()
        let bytes = [UInt8](repeating: 7, count: 4 << 20)
        let path = try folder.write("file", bytes)
        let file = try FileDescriptor.open(path, O_RDONLY)
        #expect(PageCache.holds(file.raw, 0..<bytes.count))
        // Only what is on the disk can be dropped.
        try #require(fdatasync(file.raw) == 0)
        try #require(posix_fadvise(file.raw, 0, 0, CInt(POSIX_FADV_DONTNEED)) == 0)
        // A file system in memory has nothing to drop it to.
        guard !PageCache.holds(file.raw, 2 << 20..<3 << 20) else { return }
        PageCache.load(file.raw, 2 << 20..<3 << 20)
        #expect(PageCache.holds(file.raw, 2 << 20..<3 << 20))
    }

    @Test func `behind the end there is nothing to wait for`() throws {
        let folder = try ScratchFolder()
        let file = try FileDescriptor.open(folder.write("file", "text"), O_RDONLY)
        #expect(PageCache.holds(file.raw, 0..<1))
        #expect(PageCache.holds(file.raw, 100..<200))
        PageCache.load(file.raw, 100..<200)
        var room = [UInt8](repeating: 0, count: 10)
        let count = room.withUnsafeMutableBytes { PageCache.read(file.raw, into: $0) }
        #expect(count == 4)
        #expect(Array(room.prefix(4)) == Array("text".utf8))
    }
}
