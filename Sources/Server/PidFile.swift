import Base
package import Glibc

/// The file that holds the server's process id, for `gatehouse stop` and for service managers.
package struct PidFile {
    private let path: String

    /// Writes this process's id. Refuses where the file names another process that is alive.
    init(_ path: String) throws(StartError) {
        self.path = path
        if let pid = PidFile.read(path), pid != getpid(), kill(pid, 0) == 0 {
            throw StartError("\(path) names process \(pid), which is running; is it another gatehouse?")
        }
        do throws(Errno) {
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_TRUNC)
            let text = Array("\(getpid())\n".utf8)
            try text.span.withUnsafeBytes { (bytes) throws(Errno) in try file.writeAll(bytes) }
        } catch {
            throw StartError("cannot write pid_file \(path): \(error)")
        }
    }

    func remove() { unlink(path) }

    /// The process id in the file; nil where there is none.
    package static func read(_ path: String) -> pid_t? {
        guard let file = try? FileDescriptor.open(path, O_RDONLY) else { return nil }
        var buffer = ByteBuffer()
        _ = buffer.fill(atLeast: 32) { max(0, Glibc.read(file.raw, $0.baseAddress, $0.count)) }
        guard let number = ASCII.decimal(buffer.bytes.trimmingLineEnd()), number > 1 else { return nil }
        return pid_t(exactly: number)
    }
}

extension Span where Element == UInt8 {
    @_lifetime(copy self)
    fileprivate func trimmingLineEnd() -> Span<UInt8> {
        var end = count
        while end > 0, self[end - 1] == ASCII.lf || self[end - 1] == ASCII.cr { end -= 1 }
        return extracting(0..<end).trimmingBlanks()
    }
}
