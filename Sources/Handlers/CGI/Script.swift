import Base

/// A script that a request asks for.
package struct Script: Sendable {
    /// Absolute path of the file.
    package var file: String
    /// SCRIPT_NAME: the decoded path of the URL up to the script.
    package var name: [UInt8]
    /// What follows it in the path; nil where nothing does.
    package var pathInfo: [UInt8]?
    /// The program that runs it, where it does not run itself.
    package var interpreter: String?

    /// The folder it stands in, which becomes its working directory.
    var folder: String {
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
