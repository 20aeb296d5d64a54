import Base

/// Makes names fit to be shown.
///
/// Of use on one thread, for one piece.
struct NameText: ~Copyable {
    private var converter: TextConverter?

    init(_ charset: String?) { converter = charset.flatMap { TextConverter(from: $0) } }

    /// The name in UTF-8; what cannot be read becomes U+FFFD.
    mutating func show(_ name: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        if Charset.isUTF8(name.span) { return name }
        if let text = converter?.convert(name.span) { return text[...] }
        return Array(String(decoding: name, as: UTF8.self).utf8)[...]
    }
}
