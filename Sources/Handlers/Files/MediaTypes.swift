import Base
import Glibc

/// Media types by file name extension, from a file like `/etc/mime.types`.
package final class MediaTypes: Sendable {
    private let types: [String: String]

    /// For names without a known extension.
    package static let unknown = "application/octet-stream"

    /// What pages need, for a machine without `/etc/mime.types`.
    private static let essential: [String: String] = [
        "html": "text/html", "htm": "text/html", "css": "text/css", "js": "text/javascript",
        "mjs": "text/javascript", "json": "application/json", "txt": "text/plain", "xml": "application/xml",
        "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg",
        "gif": "image/gif", "webp": "image/webp", "avif": "image/avif", "ico": "image/vnd.microsoft.icon",
        "pdf": "application/pdf", "woff": "font/woff", "woff2": "font/woff2", "wasm": "application/wasm",
        "mp4": "video/mp4", "webm": "video/webm", "mp3": "audio/mpeg", "csv": "text/csv",
        "md": "text/markdown",
        "zip": "application/zip", "gz": "application/gzip",
    ]

    /// Reads `file`; `extra` wins over it. A file that is not there is like an empty one.
    package init(file: String, extra: [String: String]) {
        var types = MediaTypes.essential
        if let text = try? MediaTypes.read(file) {
            for line in text.split(separator: UInt8(ascii: "\n")) {
                if line.first == UInt8(ascii: "#") { continue }
                let words = line.split { ASCII.isBlank($0) || $0 == ASCII.cr }
                guard let type = words.first, type.contains(ASCII.slash) else { continue }
                for word in words.dropFirst() {
                    types[String(decoding: word.map(ASCII.lower), as: UTF8.self)] = String(
                        decoding: type, as: UTF8.self)
                }
            }
        }
        // The registered type since RFC 9239; the file of some systems has the old one.
        types["js"] = "text/javascript"
        self.types = types.merging(extra) { _, ours in ours }
    }

    private static func read(_ path: String) throws(Errno) -> [UInt8] {
        try FileDescriptor.open(path, O_RDONLY).contents(limit: 4 << 20)
    }

    /// The type for a path, by what follows the last dot of its last segment.
    package func type(of path: [UInt8].SubSequence) -> String {
        guard let dot = path.lastIndex(of: ASCII.dot), path.distance(from: dot, to: path.endIndex) <= 32,
            !path[dot...].contains(ASCII.slash)
        else { return MediaTypes.unknown }
        let name = String(decoding: path[(dot + 1)...].lazy.map(ASCII.lower), as: UTF8.self)
        return types[name] ?? MediaTypes.unknown
    }
}
