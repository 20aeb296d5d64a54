import Base
import Glibc

/// What `gatehouse check` finds in a folder of scripts.
struct ScriptFolder {
    /// Files that can be run or look like scripts, in order. Others are passed over: data often lies beside
    /// its script.
    private(set) var scripts: [FilePath] = []
    /// Links to scripts, and to folders that have some, outside the folder.
    private(set) var strays: [Link] = []
    /// Links that lead nowhere.
    private(set) var dangling: [FilePath] = []

    struct Link {
        let path: FilePath
        /// Where it leads, without any other link.
        let target: FilePath
        let isFolder: Bool
    }

    /// Scripts looked at in one folder and those below it.
    private static let limit = 10_000

    init(_ path: FilePath) {
        let real = path.resolved ?? path
        var folders = [path]
        while let folder = folders.popLast(), scripts.count < ScriptFolder.limit {
            for file in ScriptFolder.files(folder) {
                var status = stat()
                guard file.withCString({ lstat($0, &status) }) == 0 else { continue }
                switch status.st_mode & S_IFMT {
                case S_IFDIR: folders.append(file)
                case S_IFREG: if ScriptFolder.isScript(file, status) { scripts.append(file) }
                case S_IFLNK: take(link: file, outside: real)
                default: break
                }
            }
        }
        scripts.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        dangling.sort { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        strays.sort { $0.path.bytes.lexicographicallyPrecedes($1.path.bytes) }
    }

    private mutating func take(link: FilePath, outside real: FilePath) {
        do throws(Errno) {
            let target = try link.resolve()
            if let link = ScriptFolder.stray(link, to: target, outside: real) { strays.append(link) }
        } catch {
            // What may not be looked at may be there.
            if error != .accessDenied { dangling.append(link) }
        }
    }

    /// What stands in one folder, but for hidden names, which no request reaches.
    private static func files(_ folder: FilePath) -> [FilePath] {
        guard let stream = folder.withCString({ opendir($0) }) else { return [] }
        defer { closedir(stream) }
        var found: [FilePath] = []
        while let record = readdir(stream) {
            let name = record.nameBytes
            if name.first != ASCII.dot { found.append(FilePath([ASCII.slash] + name, below: folder)) }
        }
        return found
    }

    /// What a link is, if it leads outside `real` to what looks like scripts. Data may lie anywhere.
    private static func stray(_ link: FilePath, to target: FilePath, outside real: FilePath) -> Link? {
        guard target.rest(below: real) == nil, let status = try? target.status() else { return nil }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        let hasScript =
            isFolder
            ? files(target).contains { file in (try? file.status()).map { isScript(file, $0) } ?? false }
            : isScript(target, status)
        return hasScript ? Link(path: link, target: target, isFolder: isFolder) : nil
    }

    private static func isScript(_ file: FilePath, _ status: stat) -> Bool {
        guard status.st_mode & S_IFMT == S_IFREG else { return false }
        if status.st_mode & 0o111 != 0 { return true }
        guard let descriptor = try? FileDescriptor.open(file, O_RDONLY | O_NONBLOCK) else { return false }
        var start: (UInt8, UInt8) = (0, 0)
        return read(descriptor.raw, &start, 2) == 2 && start == (UInt8(ascii: "#"), UInt8(ascii: "!"))
    }
}
