/// A content coding that Gatehouse can apply (RFC 9110, section 8.4.1).
package enum ContentCoding: UInt8, CaseIterable, Sendable {
    case brotli, zstandard, gzip

    /// As Accept-Encoding and Content-Encoding name it.
    package var name: StaticString {
        switch self {
        case .brotli: "br"
        case .zstandard: "zstd"
        case .gzip: "gzip"
        }
    }

    /// Of a file that holds a representation in this coding, beside the file itself.
    package var suffix: StaticString {
        switch self {
        case .brotli: ".br"
        case .zstandard: ".zst"
        case .gzip: ".gz"
        }
    }
}
