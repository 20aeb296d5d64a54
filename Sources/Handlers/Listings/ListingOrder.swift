import Base

/// In which order a listing shows its names: folders first, then by a column.
struct ListingOrder: Sendable {
    enum Column: String, Sendable { case name, size, time }

    var column = Column.name
    var isDescending = false

    /// From a query such as `sort=size&order=desc`, or `C=S;O=D` as Apache writes it; anything else is
    /// passed over.
    init(_ query: [UInt8]?) {
        guard let query else { return }
        let separators: [UInt8] = [UInt8(ascii: "&"), ASCII.semicolon]
        for pair in query.split(whereSeparator: separators.contains) {
            let parts = pair.split(separator: ASCII.equals, maxSplits: 1)
            guard parts.count == 2 else { continue }
            let value = String(decoding: parts[1], as: UTF8.self)
            switch String(decoding: parts[0], as: UTF8.self) {
            case "sort": if let column = Column(rawValue: value) { self.column = column }
            case "order": isDescending = value == "desc"
            case "C":
                switch value {
                case "N": column = .name
                case "M": column = .time
                case "S": column = .size
                default: break
                }
            case "O": isDescending = value == "D"
            default: break
            }
        }
    }

    func sort(_ entries: inout FolderEntries) {
        let names = entries.names
        entries.list.sort { areInOrder($0, $1, names.span) }
    }

    /// A total order, as no two names of a folder are the same.
    private func areInOrder(_ a: FolderEntry, _ b: FolderEntry, _ names: Span<UInt8>) -> Bool {
        if a.isFolder != b.isFolder { return a.isFolder }
        switch column {
        // Folders have no size that would mean anything.
        case .size where !a.isFolder && a.size != b.size: return (a.size < b.size) != isDescending
        case .time where a.modified != b.modified: return (a.modified < b.modified) != isDescending
        default:
            let isBefore = ListingOrder.precedes(names.extracting(a.name), names.extracting(b.name))
            return isBefore != (column == .name && isDescending)
        }
    }

    /// Whether `a` comes before `b` as people sort: letters whatever their case, numbers by their value.
    /// Where that makes no difference, by bytes.
    static func precedes(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        var (i, j) = (0, 0)
        while i < a.count, j < b.count {
            if ASCII.isDigit(a[i]), ASCII.isDigit(b[j]) {
                let (first, second) = (number(a, &i), number(b, &j))
                if first.count != second.count { return first.count < second.count }
                for offset in 0..<first.count {
                    let (x, y) = (a[first.lowerBound + offset], b[second.lowerBound + offset])
                    if x != y { return x < y }
                }
                continue
            }
            let (x, y) = (ASCII.lower(a[i]), ASCII.lower(b[j]))
            if x != y { return x < y }
            i += 1
            j += 1
        }
        if (i < a.count) != (j < b.count) { return j < b.count }
        for index in 0..<min(a.count, b.count) where a[index] != b[index] { return a[index] < b[index] }
        return a.count < b.count
    }

    /// The digits from `index` on without zeros in front; `index` is then behind them.
    private static func number(_ bytes: Span<UInt8>, _ index: inout Int) -> Range<Int> {
        while index < bytes.count, bytes[index] == ASCII.zero { index += 1 }
        let start = index
        while index < bytes.count, ASCII.isDigit(bytes[index]) { index += 1 }
        return start..<index
    }
}
