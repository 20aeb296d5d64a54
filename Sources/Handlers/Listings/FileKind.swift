/// The kinds of files that a listing has pictures for, as classes of its style.
enum FileKind: String {
    case image = "img"
    case video = "vid"
    case audio = "aud"
    case archive = "zip"
    case code
    case text = "txt"
    case pdf
    case other = "bin"

    /// By media type, which may have parameters.
    static func of(_ type: String) -> FileKind {
        if type.hasPrefix("image/") { return .image }
        if type.hasPrefix("video/") { return .video }
        if type.hasPrefix("audio/") { return .audio }
        if type.hasPrefix("text/") {
            return plainText.contains(type) ? .text : .code
        }
        guard type.hasPrefix("application/") else { return .other }
        let name = type.dropFirst("application/".count)
        if name == "pdf" || name == "postscript" { return .pdf }
        if archives.contains(String(name)) { return .archive }
        if programs.contains(String(name)) || name.hasSuffix("+xml") || name.hasSuffix("+json") {
            return .code
        }
        if name == "msword" || name == "rtf" || name == "epub+zip" || name.hasPrefix("vnd.o")
            || name.hasPrefix("vnd.ms-")
        {
            return .text
        }
        return .other
    }

    private static let plainText: Set<String> = [
        "text/plain", "text/markdown", "text/csv", "text/tab-separated-values", "text/rtf", "text/calendar",
        "text/vcard", "text/x-vcard", "text/vtt",
    ]

    private static let archives: Set<String> = [
        "gzip", "zip", "zstd", "x-7z-compressed", "x-bzip", "x-bzip2", "x-xz", "x-lzma", "x-tar", "x-gtar",
        "x-gtar-compressed", "x-compress", "x-cpio", "rar", "vnd.rar", "x-rar-compressed", "java-archive",
        "vnd.android.package-archive", "vnd.debian.binary-package", "x-debian-package",
        "x-redhat-package-manager",
        "x-rpm", "x-iso9660-image", "x-apple-diskimage", "vnd.ms-cab-compressed",
    ]

    private static let programs: Set<String> = [
        "javascript", "x-javascript", "json", "xml", "xhtml+xml", "wasm", "sql", "toml", "yaml", "x-sh",
        "x-csh",
        "x-perl", "x-python", "x-ruby", "x-httpd-php", "x-tcl",
    ]
}
