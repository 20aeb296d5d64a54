import Base
import Glibc

/// A name in a folder and what is known of it.
struct FolderEntry: Sendable {
    /// Where its bytes stand among the folder's names.
    var name: Range<Int>
    var isFolder: Bool
    /// In bytes; a folder's means nothing.
    var size: Int
    /// Seconds since 1970.
    var modified: Int
    var isLink: Bool
    /// False where the file's mode keeps the server out.
    var isReadable: Bool
}

/// The names in a folder. All their bytes are in one array: there may be very many.
struct FolderEntries: Sendable {
    var list: [FolderEntry] = []
    var names: [UInt8] = []

    func name(_ entry: FolderEntry) -> ArraySlice<UInt8> { names[entry.name] }
}

/// Reads a folder bit by bit, on threads of the pool.
///
/// `@unchecked Sendable`: one thread at a time uses it, as who asks awaits each answer.
final class FolderReader: @unchecked Sendable {
    private let stream: OpaquePointer
    private let showsHidden: Bool
    private let refused: Set<[UInt8]>
    private(set) var entries = FolderEntries()
    /// Places in the list of those that the server may have to refuse: links, and what it may not read.
    private(set) var doubtful: [Int] = []

    /// For the folder that `descriptor` has just been opened for. `refused` are names that are passed over.
    /// Throws where the kernel has no more descriptors or memory.
    init(
        _ descriptor: borrowing FileDescriptor, showsHidden: Bool, refused: Set<[UInt8]>
    ) throws(Errno) {
        let copy = try descriptor.duplicate().release()
        // From here on the stream owns it.
        guard let stream = fdopendir(copy) else {
            let error = Errno.current
            close(copy)
            throw error
        }
        self.stream = stream
        (self.showsHidden, self.refused) = (showsHidden, refused)
    }

    deinit { closedir(stream) }

    /// Forgets what was read, and begins anew.
    func rewind() {
        rewinddir(stream)
        entries = FolderEntries()
        doubtful = []
    }

    /// Reads up to `count` more names. False when there are no more.
    func read(_ count: Int) -> Bool {
        let folder = dirfd(stream)
        for _ in 0..<count {
            guard let record = readdir(stream) else { return false }
            // No file system has longer names than the record has room for; a zero ends them.
            withUnsafeBytes(of: &record.pointee.d_name) { bytes in
                let name = bytes.prefix { $0 != 0 }
                if name.first == ASCII.dot, !showsHidden || name.count == 1 || name.elementsEqual("..".utf8) {
                    return
                }
                if !refused.isEmpty, refused.contains(Array(name)) { return }
                guard let base = bytes.baseAddress else { return }
                add(name, base.assumingMemoryBound(to: CChar.self), in: folder)
            }
        }
        return true
    }

    /// Adds a name if it is a file's or folder's. `path` is the same with a zero behind it.
    private func add(_ name: Slice<UnsafeRawBufferPointer>, _ path: UnsafePointer<CChar>, in folder: CInt) {
        var status = stat()
        guard fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
        let isLink = status.st_mode & S_IFMT == S_IFLNK
        if isLink, fstatat(folder, path, &status, 0) != 0 { return }
        let kind = status.st_mode & S_IFMT
        // Devices, pipes and sockets are not sent.
        guard kind == S_IFDIR || kind == S_IFREG else { return }
        let isFolder = kind == S_IFDIR
        // Whoever may read what all may read need not be asked.
        let wanted: mode_t = isFolder ? 0o111 : 0o444
        let isReadable =
            status.st_mode & wanted == wanted
            || faccessat(folder, path, isFolder ? X_OK : R_OK, AT_EACCESS) == 0
        if isLink || !isReadable { doubtful.append(entries.list.count) }
        let start = entries.names.count
        entries.names.append(contentsOf: name)
        entries.list.append(
            FolderEntry(
                name: start..<entries.names.count, isFolder: isFolder, size: Int(status.st_size),
                modified: status.st_mtim.tv_sec, isLink: isLink, isReadable: isReadable))
    }
}
