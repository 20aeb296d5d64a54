/// Finds the name that was probably meant.
package enum NearestName {
    /// The candidate that takes the fewest single-letter changes to reach, the first of equals. Nil where
    /// all are so far away that naming one would puzzle more than help: over a third of the letters.
    static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().utf8)
        // The cost grows with the product of the lengths; no known name is as long as this.
        guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let letters = Array(candidate.lowercased().utf8)
            let limit = min(max(1, max(wanted.count, letters.count) / 3), (best?.distance ?? .max) - 1)
            guard limit >= 0, abs(letters.count - wanted.count) <= limit, letters.count <= 64 else {
                continue
            }
            let distance = distance(wanted, letters)
            if distance <= limit { best = (candidate, distance) }
        }
        return best?.name
    }

    /// Insertions, deletions, replacements and swaps of neighbours between two words.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        var row = last
        for i in a.indices {
            row[0] = i + 1
            for j in b.indices {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                    cost = min(cost, beforeLast[j - 1] + 1)
                }
                row[j + 1] = cost
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }

    /// `; did you mean `x`?`, or nothing.
    package static func hint(_ name: String, among candidates: some Sequence<String>) -> String {
        of(name, among: candidates).map { "; did you mean `\($0)`?" } ?? ""
    }
}
