import Base
import Wire

/// A listing as a page. It needs no script and no other file, and is a plain table without its style.
enum ListingPage {
    static func appendBeginning(_ listing: Listing, _ out: inout ByteBuffer) {
        let title = Array(String(decoding: listing.path, as: UTF8.self).utf8)
        out.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        out.append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        out.append(
            "<meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n")
        out.append("<title>")
        HTML.escape(title[...], into: &out)
        out.append("</title>\n<style>\n")
        out.append(ListingStyle.sheet)
        out.append("</style>\n</head>\n<body>\n<main>\n")
        appendTrail(listing.path, &out)
        if let note = listing.header { append(note, label: "About this folder", &out) }
        out.append("<table>\n<thead><tr>")
        appendHead(.name, "Name", listing.order, &out)
        appendHead(.size, "Size", listing.order, &out)
        appendHead(.time, "Modified", listing.order, &out)
        out.append("</tr></thead>\n<tbody>\n")
        if listing.path.count > 1 {
            out.append("<tr><td class=\"up\"><a href=\"../\">Parent folder</a></td><td></td><td></td></tr>\n")
        }
    }

    /// The path as a heading in which each folder above is a link.
    private static func appendTrail(_ path: [UInt8], _ out: inout ByteBuffer) {
        out.append("<h1>")
        let segments = path.split(separator: ASCII.slash)
        if segments.isEmpty {
            return out.append("<span class=\"home\">/</span><span class=\"sep\">/</span></h1>\n")
        }
        out.append("<a class=\"home\" href=\"/\" title=\"Top folder\">/</a>")
        var url: [UInt8] = [ASCII.slash]
        for (index, segment) in segments.enumerated() {
            TargetPath.encode(segment.span, into: &url)
            url.append(ASCII.slash)
            let isLast = index == segments.count - 1
            if isLast {
                out.append("<span>")
            } else {
                out.append("<a href=\"")
                out.append(url)
                out.append("\">")
            }
            HTML.escape(Array(String(decoding: segment, as: UTF8.self).utf8)[...], into: &out)
            out.append(isLast ? "</span>" : "</a>")
            out.append("<span class=\"sep\">/</span>")
        }
        out.append("</h1>\n")
    }

    /// The head of a column: a link that sorts by it, or the other way round.
    private static func appendHead(
        _ column: ListingOrder.Column, _ label: StaticString, _ order: ListingOrder, _ out: inout ByteBuffer
    ) {
        let isCurrent = order.column == column
        out.append("<th scope=\"col\"")
        if isCurrent {
            out.append(order.isDescending ? " aria-sort=\"descending\"" : " aria-sort=\"ascending\"")
        }
        out.append("><a href=\"?sort=")
        out.append(column.rawValue)
        out.append(isCurrent && !order.isDescending ? "&amp;order=desc" : "&amp;order=asc")
        // Robots need not see the same names six times.
        out.append("\" rel=\"nofollow\">")
        out.append(label)
        out.append("</a></th>")
    }

    static func append(
        _ entry: FolderEntry, _ name: ArraySlice<UInt8>, _ types: MediaTypes, _ names: inout NameText,
        _ out: inout ByteBuffer
    ) {
        out.append("<tr><td class=\"")
        out.append(entry.isFolder ? "dir" : FileKind.of(types.type(of: name)).rawValue)
        out.append("\"><a href=\"")
        Listing.appendURL(name, isFolder: entry.isFolder, &out)
        out.append("\">")
        HTML.escape(names.show(name), into: &out)
        if entry.isFolder { out.append(ASCII.slash) }
        out.append("</a></td><td")
        if entry.isFolder {
            out.append(">")
        } else {
            if entry.size >= 1024 {
                out.append(" title=\"")
                out.append(decimal: entry.size)
                out.append(" bytes\"")
            }
            out.append(">")
            appendSize(entry.size, &out)
        }
        out.append("</td><td>")
        appendTime(entry.modified, &out)
        out.append("</td></tr>\n")
    }

    /// In the machine's own time zone, as in `ls -l`.
    private static func appendTime(_ seconds: Int, _ out: inout ByteBuffer) {
        let time = WallClock.local(seconds).calendar
        out.append(date: time)
        out.append(" <span>")
        out.append(minuteOf: time)
        out.append("</span>")
    }

    static func appendEnd(_ listing: Listing, _ out: inout ByteBuffer) {
        out.append("</tbody>\n</table>\n")
        let list = listing.entries.list
        if list.isEmpty {
            out.append("<p class=\"sum\">This folder is empty.</p>\n")
        } else {
            let folders = list.count { $0.isFolder }
            let total = list.reduce(0) { $1.isFolder ? $0 : $0.addingReportingOverflow($1.size).partialValue }
            out.append("<p class=\"sum\">")
            if folders > 0 { append(folders, "folder", &out) }
            if list.count > folders {
                if folders > 0 { out.append(", ") }
                append(list.count - folders, "file", &out)
                out.append(", ")
                appendSize(total, &out)
            }
            out.append("</p>\n")
        }
        if let note = listing.readme { append(note, label: "Read me", &out) }
        out.append("</main>\n</body>\n</html>\n")
    }

    private static func append(_ count: Int, _ noun: StaticString, _ out: inout ByteBuffer) {
        out.append(decimal: count)
        out.append(ASCII.space)
        out.append(noun)
        if count != 1 { out.append("s") }
    }

    private static func append(_ note: FolderNote, label: StaticString, _ out: inout ByteBuffer) {
        out.append("<section aria-label=\"")
        out.append(label)
        out.append(note.isHTML ? "\">\n" : "\"><pre>")
        // HTML is the site's own, like its pages.
        if note.isHTML { out.append(note.text) } else { HTML.escape(note.text[...], into: &out) }
        if !note.isHTML {
            if note.isCut { out.append("\n\u{2026}") }
            out.append("</pre>")
        }
        out.append("</section>\n")
    }

    /// `812 B`, `3.4 KB`, `12 MB`, rounded down.
    private static func appendSize(_ size: Int, _ out: inout ByteBuffer) {
        let units: [StaticString] = [" B", " KB", " MB", " GB", " TB", " PB", " EB"]
        var (whole, rest, unit) = (max(size, 0), 0, 0)
        while whole >= 1024, unit < units.count - 1 {
            (whole, rest, unit) = (whole / 1024, whole % 1024, unit + 1)
        }
        out.append(decimal: whole)
        if unit > 0, whole < 10 {
            out.append(ASCII.dot)
            out.append(decimal: rest * 10 / 1024)
        }
        out.append(units[unit])
    }
}
