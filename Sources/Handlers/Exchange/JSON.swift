import Base

/// Text inside of JSON (RFC 8259).
enum JSON {
    /// Appends `text`, which is UTF-8, so that it can stand between quotes. No control
    /// character is left that could steer a terminal.
    static func escape(_ text: some Sequence<UInt8>, into buffer: inout ByteBuffer) {
        for byte in text {
            switch byte {
            case ASCII.quote, ASCII.backslash:
                buffer.append(ASCII.backslash)
                buffer.append(byte)
            case ..<ASCII.space, ASCII.delete:
                buffer.append("\\u00")
                buffer.append(ASCII.hexDigit(byte >> 4))
                buffer.append(ASCII.hexDigit(byte & 15))
            default: buffer.append(byte)
            }
        }
    }
}
