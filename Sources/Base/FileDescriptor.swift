import CLinux
package import Glibc

/// The owner of one descriptor: it is closed once, when the owner ends.
package struct FileDescriptor: ~Copyable, Sendable {
    /// The number, for calls that borrow it. Never close it.
    package let raw: CInt

    /// Takes over `raw`, which nobody else may close from here on.
    package init(owning raw: CInt) { self.raw = raw }

    deinit {
        // EINTR from close(2) on Linux means closed; a second try could hit somebody else's descriptor.
        _ = Glibc.close(raw)
    }

    /// Gives the descriptor away unclosed.
    package consuming func release() -> CInt {
        let raw = self.raw
        discard self
        return raw
    }
}

extension FileDescriptor {
    /// `open(2)`, close-on-exec.
    package static func open(
        _ path: String, _ flags: CInt, mode: mode_t = 0o644
    ) throws(Errno) -> FileDescriptor {
        try owner(path.withCString { open($0, flags, mode) })
    }

    package static func open(_ path: FilePath, _ flags: CInt) throws(Errno) -> FileDescriptor {
        try owner(path.withCString { open($0, flags, 0o644) })
    }

    private static func open(
        _ path: UnsafePointer<CChar>, _ flags: CInt, _ mode: mode_t
    ) -> Result<CInt, Errno> {
        while true {
            let raw = Glibc.open(path, flags | O_CLOEXEC, mode)
            if raw >= 0 { return .success(raw) }
            let error = Errno.current
            if error != .interrupted { return .failure(error) }
        }
    }

    private static func owner(_ raw: Result<CInt, Errno>) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try raw.get())
    }

    /// A descriptor that only names a folder or file and cannot read it (`O_PATH`).
    package static func openPath(_ path: String, folder: Bool = true) throws(Errno) -> FileDescriptor {
        try open(path, gh_o_path | (folder ? O_DIRECTORY : 0))
    }

    /// A file in `folder` that has no name and is gone when it is closed.
    package static func temporaryFile(in folder: String) throws(Errno) -> FileDescriptor {
        // O_TMPFILE, whose value Glibc's module does not show.
        let tmpfile: CInt = 0o20_000_000 | O_DIRECTORY
        do throws(Errno) {
            return try open(folder, tmpfile | O_RDWR, mode: 0o600)
        } catch {
            guard error == Errno(EOPNOTSUPP) || error == .isAFolder || error == .invalid else { throw error }
        }
        // A file system without it.
        var template = Array("\(folder)/gatehouse.XXXXXX".utf8CString)
        let raw = gh_temporary_file(&template)
        if raw < 0 { throw .current }
        unlink(template)
        return FileDescriptor(owning: raw)
    }

    /// A second descriptor of the same open file.
    package borrowing func duplicate() throws(Errno) -> FileDescriptor {
        let copy = fcntl(raw, F_DUPFD_CLOEXEC, 3)
        if copy < 0 { throw .current }
        return FileDescriptor(owning: copy)
    }

    /// Both ends of a new pipe. `flags` may hold `O_NONBLOCK`, which then is set on both.
    package static func pipe(flags: CInt = 0) throws(Errno) -> PipeEnds {
        var ends: (CInt, CInt) = (-1, -1)
        let result = withUnsafeMutablePointer(to: &ends) { pair in
            // A tuple of two CInt has the layout of the array that pipe2 fills.
            pair.withMemoryRebound(to: CInt.self, capacity: 2) { gh_pipe($0, flags) }
        }
        if result < 0 { throw .current }
        return PipeEnds(
            read: FileDescriptor(owning: ends.0), write: FileDescriptor(owning: ends.1))
    }

    /// Makes `other`'s number refer to this descriptor's open file (`dup3`), in one step for everybody
    /// who uses that number.
    package borrowing func replace(_ other: borrowing FileDescriptor) throws(Errno) {
        if gh_dup_onto(raw, other.raw) < 0 { throw .current }
    }

    /// For a pipe's end or a socket, which has no other flag that could be lost.
    package borrowing func setNonBlocking() throws(Errno) {
        if fcntl(raw, F_SETFL, O_NONBLOCK) < 0 { throw .current }
    }

    package borrowing func status() throws(Errno) -> stat {
        var result = stat()
        if fstat(raw, &result) < 0 { throw .current }
        return result
    }

    /// Writes all of `bytes`, waiting where it must. For files and start-up, not for loops.
    package borrowing func writeAll(_ bytes: UnsafeRawBufferPointer) throws(Errno) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = write(raw, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else {
                let error = Errno.current
                if error != .interrupted { throw error }
            }
        }
    }
}

/// The two ends of a new pipe. What is not taken is closed.
package struct PipeEnds: ~Copyable, Sendable {
    private var readEnd: FileDescriptor?
    private var writeEnd: FileDescriptor?

    fileprivate init(read: consuming FileDescriptor, write: consuming FileDescriptor) {
        readEnd = consume read
        writeEnd = consume write
    }

    /// Gives an end out. Each can be taken once.
    package mutating func takeRead() -> FileDescriptor {
        guard let end = readEnd.take() else { preconditionFailure("the reading end was taken already") }
        return end
    }

    package mutating func takeWrite() -> FileDescriptor {
        guard let end = writeEnd.take() else { preconditionFailure("the writing end was taken already") }
        return end
    }
}
