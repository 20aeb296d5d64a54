import Base

/// HTML, as far as the server writes it itself.
enum HTML {
    /// `text` with everything escaped that means something in HTML, attributes included.
    static func escape(_ text: String) -> String {
        var result = ByteBuffer()
        escape(Array(text.utf8)[...], into: &result)
        return result.bytes.string
    }

    /// Appends `text`, escaped, byte by byte: it need not be UTF-8.
    static func escape(_ text: ArraySlice<UInt8>, into result: inout ByteBuffer) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "<"): result.append("&lt;")
            case UInt8(ascii: ">"): result.append("&gt;")
            case UInt8(ascii: "&"): result.append("&amp;")
            case ASCII.quote: result.append("&quot;")
            case UInt8(ascii: "'"): result.append("&#39;")
            default: result.append(byte)
            }
        }
    }
}
