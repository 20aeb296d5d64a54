import Base

/// A script that requests ask for by one path, with what all of them get alike.
///
/// Belongs to the loop's thread.
final class Script {
    /// Absolute path of the file.
    let file: FilePath
    /// SCRIPT_NAME: the decoded path of the URL up to the script.
    let name: [UInt8]
    /// What follows it in the path; nil where nothing does.
    let pathInfo: [UInt8]?
    /// The program that runs it, where it does not run itself.
    let interpreter: FilePath?

    /// The folder it stands in, which becomes its working directory.
    let folder: FilePath
    /// The name as it is told.
    let title: String
    /// For a query that is not indexed.
    let arguments: CStringList
    /// Nil until it has been started.
    var environment: CStringList?

    init(file: FilePath, name: [UInt8], pathInfo: [UInt8]?, interpreter: FilePath?) {
        (self.file, self.name, self.pathInfo, self.interpreter) = (file, name, pathInfo, interpreter)
        folder = file.folder
        title = String(decoding: name, as: UTF8.self)
        var arguments = CStringList.Builder(capacity: 128)
        for path in [interpreter, file] {
            guard let bytes = path?.bytes else { continue }
            arguments.append(bytes.span)
        }
        self.arguments = arguments.finish()
    }

    /// What runs: the interpreter, or the file itself.
    var program: FilePath { interpreter ?? file }

    /// A URL path without doubled slashes. One that begins with two would, in a link, name a host.
    static func merged(_ path: [UInt8].SubSequence) -> [UInt8] {
        if !hasDoubledSlash(path) { return Array(path) }
        var result: [UInt8] = []
        for byte in path where byte != ASCII.slash || result.last != ASCII.slash { result.append(byte) }
        return result
    }

    private static func hasDoubledSlash(_ path: [UInt8].SubSequence) -> Bool {
        var last: UInt8 = 0
        for byte in path {
            if byte == ASCII.slash, last == ASCII.slash { return true }
            last = byte
        }
        return false
    }

    /// The file that a URL path names below `folder`: `/a//b` is `/a/b`.
    static func file(_ path: [UInt8].SubSequence, below folder: FilePath) -> FilePath {
        if !hasDoubledSlash(path) { return FilePath(path, below: folder) }
        return FilePath(merged(path), below: folder)
    }
}
