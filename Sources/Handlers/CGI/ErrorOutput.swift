import Base
import Config
import Net

/// What a script writes on stderr, line by line into the site's error log as it comes.
struct ErrorOutput: ~Copyable {
    private var line = ByteBuffer()
    /// The last line that said something, for the diagnosis.
    private(set) var lastLine: [UInt8] = []
    private static let lineLimit = 8192

    /// Takes a piece of output. `write` gets each line.
    mutating func take(_ piece: Span<UInt8>, _ write: (String) -> Void) {
        for index in piece.indices {
            let byte = piece[index]
            if byte == ASCII.lf || line.count >= ErrorOutput.lineLimit { end(write) }
            if byte != ASCII.lf, byte != ASCII.cr { line.append(byte) }
        }
    }

    /// Writes a last line that has no end.
    mutating func end(_ write: (String) -> Void) {
        if line.isEmpty { return }
        let bytes = line.bytes.array
        line.removeAll()
        if lastLine.isEmpty || !ErrorOutput.isAftermath(bytes) { lastLine = bytes }
        write(String(decoding: bytes, as: UTF8.self))
    }

    /// Whether a line is one of those that Perl, PHP, Node.js or Java write behind the one that says what
    /// is wrong.
    static func isAftermath(_ line: [UInt8]) -> Bool {
        let words = line.drop { ASCII.isBlank($0) }
        let isIndented = words.count < line.count
        let starts = [
            "BEGIN failed--compilation aborted", "Compilation failed in require", "Node.js v", "Stack trace:",
        ]
        if starts.contains(where: { words.starts(with: $0.utf8) }) { return true }
        if isIndented, words.starts(with: "at ".utf8) || words.starts(with: "thrown in ".utf8) { return true }
        if words.first == UInt8(ascii: "#"), let digit = words.dropFirst().first, ASCII.isDigit(digit) {
            return true
        }
        return words.starts(with: "Execution of ".utf8)
            && words.suffix(34).elementsEqual("aborted due to compilation errors.".utf8)
    }
}
