package import Glibc

/// A path as the kernel has it: bytes, which need not be UTF-8. One of a request names what it names in
/// whatever the file's name was written.
///
/// A zero within would end it early.
package struct FilePath: Hashable, Sendable {
    /// With the zero that system calls want at the end.
    private let storage: [UInt8]

    private init(storage: [UInt8]) { self.storage = storage }

    package init(_ bytes: some Collection<UInt8>) { self.init(bytes, below: []) }

    package init(_ text: String) { self.init(text.utf8) }

    /// `relative` below `folder`: `/srv` and `/a` are `/srv/a`.
    package init(_ relative: some Collection<UInt8>, below folder: FilePath) {
        self.init(relative, below: folder.bytes)
    }

    private init(_ relative: some Collection<UInt8>, below folder: [UInt8].SubSequence) {
        var storage: [UInt8] = []
        storage.reserveCapacity(folder.count + relative.count + 1)
        storage += folder
        storage += relative
        storage.append(0)
        self.init(storage: storage)
    }

    package var bytes: [UInt8].SubSequence { storage.dropLast() }

    /// Calls `body` with the bytes and the zero behind them.
    package func withCString<R>(_ body: (UnsafePointer<CChar>) -> R) -> R {
        storage.withUnsafeBytes { bytes in
            // There is a zero at least.
            guard let start = bytes.baseAddress else { preconditionFailure("a path without an end") }
            return body(start.assumingMemoryBound(to: CChar.self))
        }
    }

    /// The folder that it stands in.
    package var folder: FilePath {
        guard let slash = bytes.lastIndex(of: ASCII.slash), slash > 0 else { return "/" }
        return FilePath(bytes[..<slash])
    }

    package func hasSuffix(_ suffix: String) -> Bool {
        bytes.count >= suffix.utf8.count && bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
    }

    /// What of it follows `folder`, with the slash in front, and nothing where they are the same; nil where
    /// it does not lie below. Both are absolute and have no slash at their ends.
    package func rest(below folder: FilePath) -> [UInt8].SubSequence? {
        var prefix = folder.bytes
        if prefix.count == 1, prefix.first == ASCII.slash { prefix.removeLast() }
        guard bytes.starts(with: prefix) else { return nil }
        let rest = bytes[prefix.count...]
        return rest.isEmpty || rest.first == ASCII.slash ? rest : nil
    }

    // MARK: What is there

    /// What `stat(2)` says, which follows links.
    package func status() throws(Errno) -> stat {
        var status = stat()
        if withCString({ stat($0, &status) }) != 0 { throw .current }
        return status
    }

    /// The first folder on the way to it, from the top, that `refusal` has EACCES for; nil where there is none, or
    /// where it has another error for one before. `/` itself is not asked for.
    package func firstClosedFolder(_ refusal: (FilePath) -> Errno?) -> FilePath? {
        for end in bytes.indices.dropFirst() where bytes[end] == ASCII.slash {
            let folder = FilePath(bytes[..<end])
            if let error = refusal(folder) { return error == .accessDenied ? folder : nil }
        }
        return nil
    }

    /// Why `access(2)` refuses `F_OK`, `R_OK`, `W_OK` or `X_OK`; nil where it does not.
    package func refusal(of mode: CInt) -> Errno? { withCString { access($0, mode) } == 0 ? nil : .current }

    /// As `resolve`; nil where it fails.
    package var resolved: FilePath? { try? resolve() }

    /// The path without links. Throws what realpath(3) does, `.noSuchFile` where it leads nowhere.
    package func resolve() throws(Errno) -> FilePath {
        guard let pointer = withCString({ realpath($0, nil) }) else { throw .current }
        defer { free(pointer) }
        return FilePath(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
    }
}

extension FilePath: ExpressibleByStringLiteral {
    package init(stringLiteral text: String) { self.init(text) }
}

extension FilePath: CustomStringConvertible {
    /// For people: the path itself where it is UTF-8, otherwise as `VisibleText` shows it, `\xE4`.
    package var description: String {
        String(validating: bytes, as: UTF8.self) ?? VisibleText.spelled(bytes.span)
    }
}
