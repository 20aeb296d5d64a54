import Base

/// Text from outside on its way into a log.
enum LogText {
    /// Quotes, backslashes and all that is not ASCII's own text escaped, as Apache does, so that a line stays
    /// a line and a terminal only shows it.
    static func appendQuoted(_ text: Span<UInt8>, to line: inout ByteBuffer) {
        var plain = 0
        var index = endOfPlain(text, from: 0)
        while index < text.count {
            let byte = text[index]
            line.append(text.extracting(plain..<index))
            index += 1
            plain = index
            line.append(ASCII.backslash)
            if byte == ASCII.quote || byte == ASCII.backslash {
                line.append(byte)
            } else {
                line.append(UInt8(ascii: "x"))
                line.append(ASCII.hexDigit(byte >> 4))
                line.append(ASCII.hexDigit(byte & 15))
            }
            index = endOfPlain(text, from: index)
        }
        line.append(text.extracting(plain...))
    }

    /// Where the next byte stands that has to be escaped.
    private static func endOfPlain(_ text: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while let eight = text.eightBytes(at: index) {
            let first = marks(eight).first
            index &+= first
            if first < 8 { return index }
        }
        // The last eight once more, of which those before `index` are plain.
        if index > start, let eight = text.eightBytes(at: text.count &- 8) {
            return text.count &- 8 &+ marks(eight).first
        }
        while index < text.count {
            let byte = text[index]
            if byte < ASCII.space || byte >= ASCII.delete || byte == ASCII.quote || byte == ASCII.backslash {
                break
            }
            index &+= 1
        }
        return index
    }

    @inline(__always) private static func marks(_ eight: EightBytes) -> EightBytes.Marks {
        eight.below(ASCII.space) | eight.equal(ASCII.quote) | eight.equal(ASCII.backslash)
            | eight.deleteOrBeyond
    }
}
