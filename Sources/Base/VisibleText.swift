/// Bytes from outside as a text that shows all of them.
package enum VisibleText {
    /// The text that the bytes spell. What leaves no mark on a screen, steers a terminal or is no UTF-8 is
    /// escaped byte by byte: `\xEF\xBB\xBF` for a byte order mark.
    package static func spelled(_ bytes: Span<UInt8>) -> String {
        var result = String.UnicodeScalarView()
        var parser = Unicode.UTF8.ForwardParser()
        let array = bytes.array
        var iterator = array.makeIterator()
        var index = 0
        while true {
            switch parser.parseScalar(from: &iterator) {
            case .valid(let encoded):
                let scalar = Unicode.UTF8.decode(encoded)
                let end = index + encoded.count
                if isVisible(scalar) { result.append(scalar) } else { escape(array[index..<end], &result) }
                index = end
            case .error(let count):
                escape(array[index..<index + count], &result)
                index += count
            case .emptyInput: return String(result)
            }
        }
    }

    private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 32 && scalar.value < 127 }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .spaceSeparator, .surrogate, .privateUse,
            .unassigned:
            false
        default: !scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    private static func escape(_ bytes: ArraySlice<UInt8>, _ text: inout String.UnicodeScalarView) {
        for byte in bytes {
            text.append(contentsOf: "\\x".unicodeScalars)
            text.append(Unicode.Scalar(ASCII.hexDigit(byte >> 4)))
            text.append(Unicode.Scalar(ASCII.hexDigit(byte & 15)))
        }
    }
}
