import Base
import Config
import Glibc
import Net
import Wire

/// The page that shows what a folder holds.
enum DirectoryListing {
    private struct Entry: Sendable {
        var name: [UInt8]
        var isFolder: Bool
        var size: Int
        var modified: Int
        var isLink: Bool
    }

    private enum Column: String { case name, size, time }

    private struct Order {
        var column = Column.name
        var isDescending = false

        /// From a query such as `sort=size&order=desc`; anything else is passed over.
        init(_ query: [UInt8]?) {
            guard let query else { return }
            for pair in String(decoding: query, as: UTF8.self).split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1)
                guard parts.count == 2 else { continue }
                if parts[0] == "sort", let column = Column(rawValue: String(parts[1])) {
                    self.column = column
                }
                if parts[0] == "order" { isDescending = parts[1] == "desc" }
            }
        }

        func areInOrder(_ a: Entry, _ b: Entry) -> Bool {
            if a.isFolder != b.isFolder { return a.isFolder }
            switch column {
            case .size where a.size != b.size: return (a.size < b.size) != isDescending
            case .time where a.modified != b.modified: return (a.modified < b.modified) != isDescending
            default: return a.name.lexicographicallyPrecedes(b.name) != (column == .name && isDescending)
            }
        }
    }

    static func send(
        _ folder: Folder, _ relative: [UInt8].SubSequence, _ settings: PartSettings, on exchange: Exchange
    ) async throws(StreamError) {
        let opened: Folder.OpenFile
        do throws(Errno) {
            opened = try folder.open(
                relative, flags: O_RDONLY | O_DIRECTORY, symlinks: settings.symlinks,
                now: exchange.context.loop.now)
        } catch {
            exchange.log(.warning, "cannot list the folder: \(error)")
            return try await ErrorPage.send(.forbidden, on: exchange)
        }
        let raw = opened.descriptor.raw
        let showHidden = settings.serveDotfiles
        // Some folders have very many names; reading them is not the loop's work.
        guard let entries = await exchange.context.pool.run({ read(raw, showHidden: showHidden) }) else {
            exchange.log(.warning, "cannot read the folder")
            return try await ErrorPage.send(.forbidden, on: exchange)
        }
        let order = Order(exchange.query)
        let shown = entries.filter { !$0.isLink || isServed($0, folder, relative, settings, exchange) }
        let page = page(shown.sorted(by: order.areInOrder), exchange.path, order)
        var head = ResponseHead(.ok)
        head.add("Content-Type", "text/html; charset=utf-8" as StaticString)
        head.add("Cache-Control", "no-cache" as StaticString)
        try await exchange.send(head, page)
    }

    /// Whether a link leads to something that is served: what cannot be fetched is not shown.
    private static func isServed(
        _ entry: Entry, _ folder: Folder, _ relative: [UInt8].SubSequence, _ settings: PartSettings,
        _ exchange: Exchange
    ) -> Bool {
        switch settings.symlinks {
        case .deny: return false
        case .follow: return true
        case .inside:
            let opened = try? folder.open(
                relative + entry.name, flags: Folder.pathOnly, symlinks: .inside,
                now: exchange.context.loop.now)
            return opened != nil
        }
    }

    /// The folder's names with what is known of them. Nil where it cannot be read.
    private static func read(_ raw: CInt, showHidden: Bool) -> [Entry]? {
        // fdopendir takes the descriptor over, and this one has an owner.
        let copy = fcntl(raw, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0, let stream = fdopendir(copy) else { return nil }
        defer { closedir(stream) }
        var entries: [Entry] = []
        while let record = readdir(stream) {
            let name = withUnsafeBytes(of: &record.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [ASCII.dot] || name == [ASCII.dot, ASCII.dot] { continue }
            if name.first == ASCII.dot, !showHidden { continue }
            var status = stat()
            let path = name.map(CChar.init(bitPattern:)) + [0]
            if fstatat(raw, path, &status, AT_SYMLINK_NOFOLLOW) != 0 { continue }
            let isLink = status.st_mode & S_IFMT == S_IFLNK
            if isLink, fstatat(raw, path, &status, 0) != 0 { continue }
            let kind = status.st_mode & S_IFMT
            guard kind == S_IFDIR || kind == S_IFREG else { continue }
            entries.append(
                Entry(
                    name: name, isFolder: kind == S_IFDIR, size: Int(status.st_size),
                    modified: status.st_mtim.tv_sec, isLink: isLink))
        }
        return entries
    }

    private static func page(_ entries: [Entry], _ path: [UInt8], _ order: Order) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(2048 + entries.count * 160)
        let title = HTML.escape(String(decoding: path, as: UTF8.self))
        out += head(title).utf8
        out += "<table><thead><tr>".utf8
        for (column, label) in [(Column.name, "Name"), (.size, "Size"), (.time, "Modified")] {
            let isCurrent = order.column == column
            let next = isCurrent && !order.isDescending ? "desc" : "asc"
            let arrow = isCurrent ? (order.isDescending ? " \u{2193}" : " \u{2191}") : ""
            let sorted = isCurrent ? " aria-sort=\"\(order.isDescending ? "descending" : "ascending")\"" : ""
            out +=
                "<th\(sorted)><a href=\"?sort=\(column.rawValue)&amp;order=\(next)\">\(label)\(arrow)</a></th>"
                .utf8
        }
        out += "</tr></thead>\n<tbody>\n".utf8
        if path.count > 1 {
            out += "<tr class=\"up\"><td><a href=\"../\">Parent folder</a></td><td></td><td></td></tr>\n".utf8
        }
        for entry in entries { append(entry, to: &out) }
        out += "</tbody></table>\n".utf8
        if entries.isEmpty { out += "<p>This folder is empty.</p>\n".utf8 }
        out += "</main>\n</html>\n".utf8
        return out
    }

    private static func append(_ entry: Entry, to out: inout [UInt8]) {
        out += "<tr class=\"\(entry.isFolder ? "folder" : "file")\"><td><a href=\"".utf8
        // A name with a colon in front would be taken for a scheme.
        out += "./".utf8
        TargetPath.encode(entry.name.span, into: &out)
        if entry.isFolder { out.append(ASCII.slash) }
        out += "\">".utf8
        out += HTML.escape(String(decoding: entry.name, as: UTF8.self)).utf8
        if entry.isFolder { out.append(ASCII.slash) }
        out += "</a></td><td>".utf8
        if !entry.isFolder { out += readable(entry.size).utf8 }
        let time = WallClock.local(entry.modified).calendar
        var date = ByteBuffer(capacity: 24)
        date.append(decimal: time.year, width: 4)
        date.append(ASCII.dash)
        date.append(decimal: time.month, width: 2)
        date.append(ASCII.dash)
        date.append(decimal: time.day, width: 2)
        date.append(ASCII.space)
        date.append(decimal: time.hour, width: 2)
        date.append(ASCII.colon)
        date.append(decimal: time.minute, width: 2)
        out += "</td><td>".utf8
        out += date.bytes.array
        out += "</td></tr>\n".utf8
    }

    /// `812 B`, `3.4 KB`, `12 MB`.
    private static func readable(_ size: Int) -> String {
        if size < 1024 { return "\(size) B" }
        var tenths = size
        var unit = 0
        let units = ["KB", "MB", "GB", "TB", "PB", "EB"]
        while tenths >= 1024 * 1024, unit < units.count - 1 {
            tenths /= 1024
            unit += 1
        }
        let whole = tenths / 1024
        return whole < 10 ? "\(whole).\(tenths % 1024 * 10 / 1024) \(units[unit])" : "\(whole) \(units[unit])"
    }

    private static func head(_ title: String) -> String {
        """
        <!DOCTYPE html>
        <html lang="en">
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>\(title)</title>
        <style>
        :root { color-scheme: light dark; --line: #8883; --soft: #767676 }
        @media (prefers-color-scheme: dark) { :root { --soft: #a0a0a0 } }
        body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 }
        main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem }
        h1 { font-size: 1.25rem; font-weight: 600; overflow-wrap: anywhere; margin: 0 0 1rem }
        table { border-collapse: collapse; width: 100% }
        th { text-align: left; font-weight: 500; font-size: .875rem }
        th a { color: var(--soft); text-decoration: none }
        td, th { padding: .45rem .5rem; border-bottom: 1px solid var(--line); vertical-align: top }
        td:first-child { overflow-wrap: anywhere }
        td a { display: block; text-decoration: none }
        td a:hover, th a:hover { text-decoration: underline }
        tr.folder a { font-weight: 600 }
        td:nth-child(n+2), th:nth-child(n+2) { white-space: nowrap; text-align: right; font-variant-numeric: tabular-nums; color: var(--soft) }
        @media (max-width: 34rem) { td:nth-child(3), th:nth-child(3) { display: none } td { padding: .7rem .25rem } }
        </style>
        <main>
        <h1>\(title)</h1>

        """
    }
}
