import Base
import Config
import Glibc
import Synchronization

/// The folder of `cgi_capture`: a file for each of the last failures, named by the request.
struct FailureFolder: Sendable {
    let setting: CaptureSetting

    /// Threads that write at the same time would count each other's files.
    private static let turn = Mutex(())

    /// Writes a record for that request, readable by the server's user alone; before that, the oldest go
    /// where there are as many as there may be. Waits for the disk.
    func write(_ record: [UInt8], for request: RequestID) throws(Errno) {
        try FailureFolder.turn.withLock { (_) throws(Errno) in
            try makeRoom()
            let path = "\(setting.folder)/\(request)\(FailureFolder.ending)"
            let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            do throws(Errno) {
                try record.span.withUnsafeBytes { (bytes) throws(Errno) in try file.writeAll(bytes) }
            } catch {
                // Half a record on a full disk is of no use.
                unlink(path)
                throw error
            }
        }
    }

    private static let ending = ".txt"

    private func makeRoom() throws(Errno) {
        guard let folder = opendir(setting.folder) else { throw .current }
        defer { closedir(folder) }
        var records: [(name: String, changed: Int)] = []
        while let entry = readdir(folder) {
            let name = entry.name
            var status = stat()
            guard FailureFolder.isRecord(name),
                fstatat(dirfd(folder), name, &status, AT_SYMLINK_NOFOLLOW) == 0
            else { continue }
            records.append((name, status.st_mtim.tv_sec))
        }
        let surplus = records.count - setting.count + 1
        guard surplus > 0 else { return }
        // Of one second's, those of the smaller number are older.
        for record in records.sorted(by: { ($0.changed, $0.name) < ($1.changed, $1.name) }).prefix(surplus) {
            unlinkat(dirfd(folder), record.name, 0)
        }
    }

    /// A file that this made, and nobody else: 16 digits and the ending.
    private static func isRecord(_ name: String) -> Bool {
        name.utf8.count == 16 + ending.utf8.count && name.hasSuffix(ending)
            && name.utf8.prefix(16).allSatisfy { ASCII.hexValue($0) != nil }
    }
}
