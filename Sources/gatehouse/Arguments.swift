import Glibc

/// The words behind a subcommand, taken one by one.
struct Arguments {
    private var words: [String]

    init(_ words: [String]) { self.words = words }

    /// The value of an option, `-c FILE`, `--config FILE` or `--config=FILE`; nil where it is not given.
    mutating func option(_ names: String...) throws(UsageError) -> String? {
        var value: String?
        var index = 0
        while index < words.count {
            let word = words[index]
            if names.contains(word) {
                guard index + 1 < words.count else { throw UsageError(message: "\(word) needs a value") }
                value = words[index + 1]
                words.removeSubrange(index...index + 1)
            } else if let name = names.first(where: { $0.hasPrefix("--") && word.hasPrefix($0 + "=") }) {
                value = String(word.dropFirst(name.count + 1))
                words.remove(at: index)
            } else {
                index += 1
            }
        }
        return value
    }

    /// Whether `--format man` is given, and then nothing else.
    mutating func asksForManual() throws(UsageError) -> Bool {
        guard let format = try option("--format") else { return false }
        guard format == "man" else { throw UsageError(message: "unknown format `\(format)`; takes man") }
        try end()
        return true
    }

    /// The next word that is no option; nil at the end.
    mutating func operand() throws(UsageError) -> String? {
        guard let word = words.first else { return nil }
        if word.hasPrefix("-"), word != "-" { throw UsageError(message: "unknown option `\(word)`") }
        return words.removeFirst()
    }

    /// The bytes of the program's argument that was read as `word`: a file's name need not be UTF-8.
    static func bytes(of word: String) -> [UInt8] {
        for index in 0..<Int(CommandLine.argc) {
            guard let start = CommandLine.unsafeArgv[index] else { continue }
            let bytes = UnsafeRawBufferPointer(start: start, count: strlen(start))
            if String(decoding: bytes, as: UTF8.self).utf8.elementsEqual(word.utf8) { return Array(bytes) }
        }
        return Array(word.utf8)
    }

    /// Throws where anything is left; `option` is what a file would have to stand behind.
    func end(filesBehind option: String? = nil) throws(UsageError) {
        guard let word = words.first else { return }
        if word.hasPrefix("-") { throw UsageError(message: "unknown option `\(word)`") }
        let hint =
            Command.named(word) != nil
            ? "; a subcommand stands first, as in `gatehouse \(word) …`"
            : option.map { "; a file is named by `\($0) FILE`" } ?? ""
        throw UsageError(message: "`\(word)` is too much\(hint)")
    }
}
