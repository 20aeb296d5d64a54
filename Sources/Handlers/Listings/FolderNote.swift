import Base

/// A text that a folder has to say about itself, shown with its listing.
struct FolderNote: Sendable {
    /// In UTF-8.
    let text: [UInt8]
    let isHTML: Bool
    /// More than is shown.
    let isCut: Bool

    /// Names of files above the listing, the first that exists.
    static let headers = ["HEADER.html", "HEADER.md", "HEADER.txt", "HEADER"].map { Array($0.utf8) }
    /// Below it.
    static let readmes = ["README.html", "README.md", "README.txt", "README"].map { Array($0.utf8) }

    private static let limit = 64 * 1024

    /// Reads the file. Not the loop's work. Nil where it cannot be read, or is no text.
    init?(_ file: borrowing FileDescriptor, name: [UInt8]) {
        isHTML = name.ends(with: ".html")
        guard let (bytes, isWhole) = FileStart.read(file, FolderNote.limit) else { return nil }
        isCut = !isWhole
        // A part of a page could swallow the rest of the listing.
        if isHTML, isCut { return nil }
        guard let text = FolderNote.utf8(bytes, isWhole: isWhole) else { return nil }
        self.text = text
    }

    private static func utf8(_ bytes: [UInt8], isWhole: Bool) -> [UInt8]? {
        if bytes.contains(0) { return nil }
        if Charset.isUTF8(bytes.span, isWhole: isWhole) {
            return isWhole ? bytes : Array(String(decoding: bytes, as: UTF8.self).utf8)
        }
        if let charset = Charset.detect(bytes.span, isWhole: isWhole, type: "text/plain"),
            let converter = TextConverter(from: charset), let text = converter.convert(bytes.span)
        {
            return text
        }
        return Array(String(decoding: bytes, as: UTF8.self).utf8)
    }
}
