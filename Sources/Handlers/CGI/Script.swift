import Base

/// A script that requests ask for by one path, with what all of them get alike.
///
/// Belongs to the loop's thread.
final class Script {
    /// Absolute path of the file.
    let file: String
    /// SCRIPT_NAME: the decoded path of the URL up to the script.
    let name: [UInt8]
    /// What follows it in the path; nil where nothing does.
    let pathInfo: [UInt8]?
    /// The program that runs it, where it does not run itself.
    let interpreter: String?

    /// The folder it stands in, which becomes its working directory.
    let folder: String
    /// The name as it is told.
    let title: String
    /// For a query that is not indexed.
    let arguments: CStringList
    /// Nil until it has been started.
    var environment: CStringList?

    init(file: String, name: [UInt8], pathInfo: [UInt8]?, interpreter: String?) {
        (self.file, self.name, self.pathInfo, self.interpreter) = (file, name, pathInfo, interpreter)
        folder = Script.folder(of: file)
        title = String(decoding: name, as: UTF8.self)
        arguments = CStringList([interpreter, file].compactMap(\.self))
    }

    private static func folder(of file: String) -> String {
        guard let slash = file.utf8.lastIndex(of: ASCII.slash), slash > file.utf8.startIndex else {
            return "/"
        }
        return String(file[..<slash])
    }

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

    /// A URL path as a file's path: `/a//b` is `/a/b`.
    static func fileName(_ path: [UInt8].SubSequence) -> String {
        String(decoding: merged(path), as: UTF8.self)
    }
}
