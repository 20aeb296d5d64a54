import Base

/// A text with `$1` to `$9` in it, which stand for what a pattern's groups have captured, and `$0` for all
/// that it fits.
package struct Substitution: Sendable {
    private enum Piece: Sendable { case text([UInt8]), group(Int) }
    private let pieces: [Piece]

    /// The highest group it names; nil where it names none.
    package var highestGroup: Int? {
        pieces.compactMap { if case .group(let number) = $0 { number } else { nil } }.max()
    }

    /// A `$` before anything but a digit is itself.
    package init(_ text: some Sequence<UInt8>) {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        for byte in text {
            if literal.last == UInt8(ascii: "$"), ASCII.isDigit(byte) {
                literal.removeLast()
                if !literal.isEmpty { pieces.append(.text(literal)) }
                literal = []
                pieces.append(.group(Int(byte) - 0x30))
            } else {
                literal.append(byte)
            }
        }
        if !literal.isEmpty { pieces.append(.text(literal)) }
        self.pieces = pieces
    }

    /// The text with its groups filled in, each as `encode` makes it; one that captured nothing is empty.
    package func expand(
        _ groups: [Range<Int>?], of subject: [UInt8], encode: ([UInt8], inout [UInt8]) -> Void
    ) -> [UInt8] {
        var result: [UInt8] = []
        for piece in pieces {
            switch piece {
            case .text(let bytes): result += bytes
            case .group(let number):
                guard groups.indices.contains(number), let place = groups[number] else { continue }
                encode(Array(subject[place]), &result)
            }
        }
        return result
    }
}
