import Base

/// The media types that a client asks for (Accept; RFC 9110, section 12.5.1).
package struct AcceptedTypes: Sendable {
    private struct Range: Sendable {
        /// In lower case, `*` included.
        var type: [UInt8]
        var subtype: [UInt8]
        /// In thousandths.
        var weight: Int
    }

    private var ranges: [Range] = []

    /// Members that are read; a longer list is cut.
    private static let limit = 64

    package init() {}

    /// Reads all Accept fields of `head`. Members that are none are passed over.
    package init(_ head: RequestHead, _ bytes: Span<UInt8>) {
        for field in head.fields where field.id == .accept { add(bytes.extracting(field.value.range)) }
    }

    /// Reads one more field. Members that are none are passed over.
    package mutating func add(_ value: Span<UInt8>) {
        var list = QualityList(value)
        while ranges.count < AcceptedTypes.limit, let member = list.next() {
            let name = member.value
            guard let slash = name.firstIndex(of: ASCII.slash), slash > 0, slash + 1 < name.count else {
                continue
            }
            ranges.append(
                Range(
                    type: name.extracting(0..<slash).array.map(ASCII.lower),
                    subtype: name.extracting((slash + 1)...).array.map(ASCII.lower), weight: member.quality))
        }
    }

    /// The index of the best of `offers`, which are types in lower case as `text/html`, the preferred
    /// first. Nil where the client takes none of them, or has not said what it takes.
    ///
    /// Of two that are wanted as much the one wins that is named more exactly: a program that asks for
    /// `application/json, */*` is not after a page.
    package func best(of offers: [String]) -> Int? {
        var best: (index: Int, weight: Int, exactness: Int)?
        for (index, offer) in offers.enumerated() {
            let (weight, exactness) = match(Array(offer.utf8))
            if weight == 0 { continue }
            if let best, (best.weight, best.exactness) >= (weight, exactness) { continue }
            best = (index, weight, exactness)
        }
        return best?.index
    }

    /// The weight of the range that fits `offer` most exactly, and how exactly it does.
    private func match(_ offer: [UInt8]) -> (weight: Int, exactness: Int) {
        let parts = offer.split(separator: ASCII.slash, maxSplits: 1)
        guard let type = parts.first, let subtype = parts.last else { return (0, 0) }
        var found = (weight: 0, exactness: 0)
        for range in ranges {
            let exactness: Int
            if range.type.elementsEqual(type) {
                if range.subtype.elementsEqual(subtype) {
                    exactness = 3
                } else if range.subtype == [ASCII.asterisk] {
                    exactness = 2
                } else {
                    continue
                }
            } else if range.type == [ASCII.asterisk], range.subtype == [ASCII.asterisk] {
                exactness = 1
            } else {
                continue
            }
            if exactness > found.exactness { found = (range.weight, exactness) }
        }
        return found
    }
}
