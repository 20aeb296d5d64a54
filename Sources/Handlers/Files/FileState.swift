import Glibc

/// What tells that a file is another one, or has another content than before.
///
/// The time of the last change of any kind is in it, which nobody can set: a copy that keeps its time
/// (`cp -p`, `rsync -t`) may have the size of the old file, too.
struct FileState: Hashable, Sendable {
    private let device, inode: UInt64
    private let size, modified, modifiedNanoseconds, changed, changedNanoseconds: Int

    init(_ status: stat) {
        (device, inode, size) = (UInt64(status.st_dev), UInt64(status.st_ino), Int(status.st_size))
        (modified, modifiedNanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        (changed, changedNanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
    }
}
