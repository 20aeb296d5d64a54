import Base
import Glibc
import Testing
import TestSupport

/// What `/proc` says the descriptor is, nil for a closed one.
///
/// Tests run in parallel and numbers are used again, so it is what stands behind a number that counts.
private func target(_ raw: CInt) -> String? { readLink("/proc/self/fd/\(raw)") }

/// What files hold.
@Suite struct FileContentTests {
    private static let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 7) }

    private static func withFile(_ body: (borrowing FileDescriptor) throws -> Void) throws {
        let file = try FileDescriptor.temporaryFile(in: "/tmp")
        try bytes.withUnsafeBytes { try file.writeAll($0) }
        try body(file)
    }

    @Test func `a part, wherever it is`() throws {
        try Self.withFile { file in
            for (offset, count) in [(0, 0), (0, 1), (0, 200_000), (100_000, 100_000), (199_999, 1)] {
                let part = try FileDescriptor.bytes(of: file.raw, at: offset, count: count)
                #expect(part == Array(Self.bytes[offset..<offset + count]), "\(offset) \(count)")
            }
        }
    }

    @Test func `fewer bytes at the end`() throws {
        try Self.withFile { file in
            for (offset, left) in [(199_990, 10), (200_000, 0)] {
                let part = try FileDescriptor.bytes(of: file.raw, at: offset, count: 100)
                #expect(part.count == left)
            }
        }
    }

    @Test func `what cannot be read`() throws {
        let folder = try FileDescriptor.open("/", O_RDONLY)
        #expect(throws: Errno.isAFolder) { try FileDescriptor.bytes(of: folder.raw, count: 10) }
        #expect(throws: Errno.isAFolder) { try folder.contents(limit: 10) }
    }

    @Test func `all of it, up to a limit`() throws {
        try Self.withFile { file in
            lseek(file.raw, 0, SEEK_SET)
            let all = try file.contents(limit: 200_000)
            #expect(all == Self.bytes)
            lseek(file.raw, 0, SEEK_SET)
            #expect(throws: Errno.fileTooLarge) { try file.contents(limit: 199_999) }
        }
    }

    @Test func `all that a pipe holds`() throws {
        var ends = try FileDescriptor.pipe()
        let reader = ends.takeRead()
        let writer = ends.takeWrite()
        try Self.bytes.prefix(1000).withUnsafeBytes { try writer.writeAll($0) }
        _ = consume writer
        #expect(try reader.contents(limit: 1000) == Array(Self.bytes.prefix(1000)))
    }
}

@Suite struct FileDescriptorTests {
    @Test func `closed when its owner ends`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", "text")
        let raw: CInt
        do {
            let file = try FileDescriptor.open(path, O_RDONLY)
            raw = file.raw
            #expect(target(raw) == path)
        }
        #expect(target(raw) != path)
    }

    @Test func `closed once only`() async {
        // In a process of its own, where nobody else takes the number.
        await #expect(processExitsWith: .success) {
            let raw = open("/dev/null", O_RDONLY)
            let file = FileDescriptor(owning: raw)
            _ = consume file
            guard open("/dev/zero", O_RDONLY) == raw else { exit(1) }
            // A second close would have to come before here.
            exit(fcntl(raw, F_GETFD) >= 0 ? 0 : 2)
        }
    }

    @Test func `released unclosed`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", "text")
        let raw = try FileDescriptor.open(path, O_RDONLY).release()
        #expect(target(raw) == path)
        #expect(close(raw) == 0)
    }

    @Test func `opened close-on-exec`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", "text")
        let file = try FileDescriptor.open(path, O_RDONLY)
        #expect(fcntl(file.raw, F_GETFD) & FD_CLOEXEC != 0)
        let copy = try file.duplicate()
        #expect(copy.raw != file.raw)
        #expect(copy.raw >= 3)
        #expect(fcntl(copy.raw, F_GETFD) & FD_CLOEXEC != 0)
        let node = try FileDescriptor.openPath(folder.path)
        #expect(fcntl(node.raw, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `a duplicate outlives the first`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", "text")
        let first = try FileDescriptor.open(path, O_RDONLY)
        let second = try first.duplicate()
        _ = consume first
        #expect(try second.status().st_size == 4)
    }

    @Test func `errors are the system's`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", "text")
        #expect(throws: Errno.noSuchFile) { _ = try FileDescriptor.open(folder.path + "/none", O_RDONLY) }
        #expect(throws: Errno.isAFolder) { _ = try FileDescriptor.open(folder.path, O_WRONLY) }
        #expect(throws: Errno.notAFolder) { _ = try FileDescriptor.openPath(path) }
        #expect(throws: Errno.notAFolder) { _ = try FileDescriptor.temporaryFile(in: path) }
    }

    @Test func `created with the mode asked for`() throws {
        let folder = try ScratchFolder()
        let file = try FileDescriptor.open(folder.path + "/new", O_WRONLY | O_CREAT, mode: 0o600)
        #expect(try file.status().st_mode & 0o777 == 0o600)
    }

    @Test func `a path descriptor names and does not read`() throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", "text")
        let node = try FileDescriptor.openPath(path, folder: false)
        #expect(try node.status().st_size == 4)
        var byte: UInt8 = 0
        #expect(read(node.raw, &byte, 1) == -1)
    }

    @Test func `a temporary file has no name and works`() throws {
        let folder = try ScratchFolder()
        let file = try FileDescriptor.temporaryFile(in: folder.path)
        #expect(try file.status().st_nlink == 0)
        #expect(try file.status().st_mode & 0o777 == 0o600)
        #expect(try listFolder(folder.path) == [])
        let text = Array("kept".utf8)
        try text.withUnsafeBytes { try file.writeAll($0) }
        #expect(lseek(file.raw, 0, SEEK_SET) == 0)
        var back = [UInt8](repeating: 0, count: 10)
        #expect(read(file.raw, &back, 10) == 4)
        #expect(Array(back[..<4]) == text)
    }

    @Test func `a pipe carries bytes and ends`() throws {
        var ends = try FileDescriptor.pipe()
        let reading = ends.takeRead()
        let writing = ends.takeWrite()
        let text = Array("through".utf8)
        try text.withUnsafeBytes { try writing.writeAll($0) }
        _ = consume writing
        var back = [UInt8](repeating: 0, count: 20)
        #expect(read(reading.raw, &back, 20) == 7)
        #expect(Array(back[..<7]) == text)
        #expect(read(reading.raw, &back, 20) == 0)
    }

    @Test func `a pipe is close-on-exec at both ends, and not blocking where asked`() throws {
        var ends = try FileDescriptor.pipe(flags: O_NONBLOCK)
        let reading = ends.takeRead()
        let writing = ends.takeWrite()
        for raw in [reading.raw, writing.raw] {
            #expect(fcntl(raw, F_GETFD) & FD_CLOEXEC != 0)
            #expect(fcntl(raw, F_GETFL) & O_NONBLOCK != 0)
        }
        var byte: UInt8 = 0
        #expect(read(reading.raw, &byte, 1) == -1)
        #expect(Errno.current == .wouldBlock)
    }

    @Test func `an end of a pipe that is not taken is closed`() throws {
        let reading: FileDescriptor
        do {
            var ends = try FileDescriptor.pipe()
            reading = ends.takeRead()
        }
        var byte: UInt8 = 0
        #expect(read(reading.raw, &byte, 1) == 0)
    }

    @Test func `a number is given another file`() throws {
        let folder = try ScratchFolder()
        let first = try FileDescriptor.open(try folder.write("first", "1"), O_RDONLY)
        let second = try FileDescriptor.open(try folder.write("second", "2"), O_RDONLY)
        try second.replace(first)
        #expect(target(first.raw) == folder.path("second"))
        #expect(fcntl(first.raw, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func `set not to block`() throws {
        var ends = try FileDescriptor.pipe()
        let reading = ends.takeRead()
        #expect(fcntl(reading.raw, F_GETFL) & O_NONBLOCK == 0)
        try reading.setNonBlocking()
        #expect(fcntl(reading.raw, F_GETFL) & O_NONBLOCK != 0)
    }

    @Test func `writing more than a pipe holds`() async throws {
        var ends = try FileDescriptor.pipe()
        let reading = ends.takeRead()
        let writing = ends.takeWrite()
        let size = 300_000
        let readingEnd = reading.release()
        async let received = blocking {
            let reading = FileDescriptor(owning: readingEnd)
            var total = 0
            var part = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = read(reading.raw, &part, part.count)
                if count <= 0 { return total }
                total += count
            }
        }
        let writingEnd = writing.release()
        try await blocking {
            let writing = FileDescriptor(owning: writingEnd)
            let bytes = [UInt8](repeating: 0x61, count: size)
            try bytes.withUnsafeBytes { try writing.writeAll($0) }
        }
        #expect(try await received == size)
    }
}
