import Base
import Glibc
import Testing

@testable import Net

/// A pipe that its loop sweeps, and the end to write to.
struct SweptPipe: ~Copyable {
    let source: Source
    private let number: CInt
    private var end: FileDescriptor?

    init(_ waiter: Waiter) throws(Errno) {
        var ends = try FileDescriptor.pipe()
        let read = ends.takeRead()
        try read.setNonBlocking()
        source = Source(read, waiter: waiter)
        let write = ends.takeWrite()
        number = write.raw
        end = consume write
        source.expect(swept: true)
    }

    func write() { #expect(Glibc.write(number, "x", 1) == 1) }

    mutating func close() { end = nil }

    /// What a read finds: 0 at the end, nil where it would wait.
    func read() throws(Errno) -> Int? {
        try withUnsafeTemporaryAllocation(byteCount: 16, alignment: 1) {
            (room) throws(Errno) in try source.read(into: room)
        }
    }
}
