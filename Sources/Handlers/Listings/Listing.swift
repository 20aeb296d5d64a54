import Base
import Wire

/// What a folder holds, read and sorted, in the form in which it is to be shown.
///
/// It is written piece by piece, so that even of a hundred thousand names only a little is in memory
/// as text.
struct Listing: Sendable {
    /// The forms it has, the one for people first.
    enum Form: Int, CaseIterable, Sendable {
        case html, json, text

        static let types = ["text/html", "application/json", "text/plain"]

        /// What a client asks for; a page where it asks for nothing that there is.
        init(_ accepted: AcceptedTypes) {
            self = accepted.best(of: Form.types).flatMap(Form.init(rawValue:)) ?? .html
        }

        var contentType: StaticString {
            switch self {
            case .html: "text/html; charset=utf-8"
            case .json: "application/json"
            case .text: "text/plain; charset=utf-8"
            }
        }
    }

    let form: Form
    let order: ListingOrder
    /// The folder's decoded URL path.
    let path: [UInt8]
    let entries: FolderEntries
    let mediaTypes: MediaTypes
    /// What names are written in that are not UTF-8, nil where that is not known.
    let nameCharset: String?
    /// Shown above and below the names.
    var header: FolderNote?
    var readme: FolderNote?

    /// Sorts, and finds out how the names are written. Not the loop's work. `refused` are places in the
    /// list that are left out.
    init(
        _ entries: FolderEntries, without refused: Set<Int>, form: Form, order: ListingOrder, path: [UInt8],
        mediaTypes: MediaTypes
    ) {
        var entries = entries
        if !refused.isEmpty {
            let all = entries.list
            entries.list = all.indices.filter { !refused.contains($0) }.map { all[$0] }
        }
        order.sort(&entries)
        (self.entries, self.form, self.order, self.path) = (entries, form, order, path)
        self.mediaTypes = mediaTypes
        nameCharset = Listing.charset(of: entries)
    }

    /// Bytes after which a piece ends.
    private static let pieceSize = 64 * 1024

    /// The piece that begins with entry number `start`, and where the next one begins; nil when it is
    /// the last.
    func piece(from start: Int) -> (bytes: [UInt8], next: Int?) {
        var out = ByteBuffer(capacity: min(Listing.pieceSize + 4096, 4096 + entries.list.count * 256))
        var names = NameText(nameCharset)
        if start == 0 { appendBeginning(&out) }
        var index = start
        while index < entries.list.count, out.count < Listing.pieceSize {
            append(entries.list[index], isFirst: index == 0, &names, &out)
            index += 1
        }
        if index < entries.list.count { return (out.bytes.array, index) }
        appendEnd(&out)
        return (out.bytes.array, nil)
    }

    private func appendBeginning(_ out: inout ByteBuffer) {
        switch form {
        case .html: ListingPage.appendBeginning(self, &out)
        case .json: out.append("[")
        case .text: break
        }
    }

    private func append(
        _ entry: FolderEntry, isFirst: Bool, _ names: inout NameText, _ out: inout ByteBuffer
    ) {
        let name = entries.name(entry)
        switch form {
        case .html: ListingPage.append(entry, name, mediaTypes, &names, &out)
        case .json:
            out.append(isFirst ? "\n" : ",\n")
            Listing.appendJSON(entry, name, &names, &out)
        case .text:
            // As `ls` does: no name may look like two, or steer a terminal.
            for byte in name { out.append(ASCII.isControl(byte) ? ASCII.question : byte) }
            if entry.isFolder { out.append(ASCII.slash) }
            out.append(ASCII.lf)
        }
    }

    private func appendEnd(_ out: inout ByteBuffer) {
        switch form {
        case .html: ListingPage.appendEnd(self, &out)
        case .json: out.append("\n]\n")
        case .text: break
        }
    }

    /// An object with the members that nginx's `autoindex_format json` has. A name that is not UTF-8 can
    /// only be shown, so `url` says how to ask for it.
    private static func appendJSON(
        _ entry: FolderEntry, _ name: ArraySlice<UInt8>, _ names: inout NameText, _ out: inout ByteBuffer
    ) {
        let shown = names.show(name)
        out.append("{ \"name\":\"")
        JSON.escape(shown, into: &out)
        out.append(
            entry.isFolder
                ? "\", \"type\":\"directory\", \"mtime\":\"" : "\", \"type\":\"file\", \"mtime\":\"")
        HTTPDate.append(entry.modified, to: &out)
        out.append("\"")
        if !entry.isFolder {
            out.append(", \"size\":")
            out.append(decimal: entry.size)
        }
        if shown != name {
            out.append(", \"url\":\"")
            appendURL(name, isFolder: entry.isFolder, &out)
            out.append("\"")
        }
        out.append(" }")
    }

    /// A link to a name in this folder.
    static func appendURL(_ name: ArraySlice<UInt8>, isFolder: Bool, _ out: inout ByteBuffer) {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(name.count * 3)
        TargetPath.encode(name.span, into: &escaped)
        // A name with a colon in it would be taken for a scheme.
        out.append("./")
        out.append(escaped)
        if isFolder { out.append(ASCII.slash) }
    }

    /// What the names that are not UTF-8 are written in, taken together: one alone says too little.
    private static func charset(of entries: FolderEntries) -> String? {
        var sample: [UInt8] = []
        for entry in entries.list {
            let name = entries.name(entry)
            if Charset.isUTF8(name.span) { continue }
            sample += name
            sample.append(ASCII.lf)
            if sample.count > 16 * 1024 { break }
        }
        return sample.isEmpty ? nil : Charset.guess(sample.span)
    }
}
