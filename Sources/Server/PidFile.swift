package import Base
import CLinux
package import Glibc

/// The file that holds the server's process id, for `gatehouse stop` and for service managers.
///
/// The server keeps the file locked for as long as it lives. A number in a file that nobody has locked
/// says nothing: its process has ended, and another may have got the number since.
package struct PidFile: ~Copyable {
    private let path: String
    private let file: FileDescriptor

    /// Takes the file and writes this process's id. Throws where another server has it.
    init(_ path: String) throws(StartError) {
        self.path = path
        file = try PidFile.taken(path)
    }

    private static func taken(_ path: String) throws(StartError) -> FileDescriptor {
        do throws(Errno) {
            let file = try locked(path)
            guard ftruncate(file.raw, 0) == 0 else { throw .current }
            let text = Array("\(getpid())\n".utf8)
            try text.span.withUnsafeBytes { (bytes) throws(Errno) in try file.writeAll(bytes) }
            return file
        } catch {
            throw refusal(path, error)
        }
    }

    /// The file, open and locked. Another server may remove it between the two, and then it is not
    /// the one at the path any more.
    private static func locked(_ path: String) throws(Errno) -> FileDescriptor {
        while true {
            // A link could have somebody else's file overwritten; a pipe would wait for a reader.
            let file = try FileDescriptor.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
            let status = try file.status()
            guard status.st_mode & S_IFMT == S_IFREG else { throw .invalid }
            guard gh_lock_file(file.raw) == 0 else { throw .current }
            if isAt(path, status) { return file }
        }
    }

    private static func isAt(_ path: String, _ status: stat) -> Bool {
        var now = stat()
        return lstat(path, &now) == 0 && now.st_dev == status.st_dev && now.st_ino == status.st_ino
    }

    private static func refusal(_ path: String, _ error: Errno) -> StartError {
        switch error {
        case .wouldBlock, .accessDenied:
            guard let file = try? FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK),
                gh_file_is_locked(file.raw) == 1
            else { break }
            let name = number(in: file).map { "process \($0)" } ?? "another process"
            return StartError("the server of pid_file \(path) is running already: \(name)")
        case .tooManyLinks: return StartError("pid_file \(path) is a symbolic link; it has to be a file")
        case .invalid: return StartError("pid_file \(path) is no regular file")
        default: break
        }
        return StartError("cannot write pid_file \(path): \(error)")
    }

    /// Empties the file, and removes it where the user that the server has become may do that.
    borrowing func remove() {
        _ = ftruncate(file.raw, 0)
        if let status = try? file.status(), PidFile.isAt(path, status) { unlink(path) }
    }

    /// Why the server of a pid_file cannot be told.
    package enum Absence: Error {
        /// There is no file, or nothing in it.
        case noFile
        /// The file is left from a server that did not end by itself.
        case ended(pid_t)
        case unreadable(Errno)
    }

    /// The process of the running server that holds the file.
    package static func holder(of path: String) throws(Absence) -> pid_t {
        let file: FileDescriptor
        do throws(Errno) {
            file = try FileDescriptor.open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
        } catch {
            throw error == .noSuchFile ? .noFile : .unreadable(error)
        }
        let isLocked = gh_file_is_locked(file.raw)
        if isLocked < 0 { throw .unreadable(.current) }
        guard let number = number(in: file) else { throw .noFile }
        guard isLocked == 1 else { throw .ended(number) }
        return number
    }

    private static func number(in file: borrowing FileDescriptor) -> pid_t? {
        let raw = file.raw
        var buffer = ByteBuffer()
        _ = buffer.fill(atLeast: 32) { max(0, Glibc.read(raw, $0.baseAddress, $0.count)) }
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
