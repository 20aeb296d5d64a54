import Base
import Config
import Net

/// What a script writes on stderr, line by line into the site's error log as it comes.
struct ErrorOutput: ~Copyable {
    private var line = ByteBuffer()
    /// The last line that was not empty, for the diagnosis.
    private(set) var lastLine: [UInt8] = []
    private static let lineLimit = 8192

    /// Takes a piece of output.
    mutating func take(_ piece: Span<UInt8>, _ exchange: Exchange, pid: Int32?) {
        for index in piece.indices {
            let byte = piece[index]
            if byte == ASCII.lf || line.count >= ErrorOutput.lineLimit { end(exchange, pid: pid) }
            if byte != ASCII.lf, byte != ASCII.cr { line.append(byte) }
        }
    }

    /// Writes a last line that has no end.
    mutating func end(_ exchange: Exchange, pid: Int32?) {
        if line.isEmpty { return }
        let bytes = line.bytes.array
        line.removeAll()
        lastLine = bytes
        let text = String(decoding: bytes, as: UTF8.self)
        exchange.logErrorOutput(text, pid: pid)
    }
}
