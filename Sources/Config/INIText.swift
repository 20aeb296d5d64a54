import Base

/// What stands in a value: comments, double quotes, `${NAME}`.
///
/// A quote opens at the start of a word or behind `=`, and closes at the next one without a backslash
/// before it; elsewhere a quote is a letter like any other. `\"` and `\\` stand for themselves in quotes.
enum INIText {
    static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, ASCII.isBlank(first) { bytes.removeFirst() }
        while let last = bytes.last, ASCII.isBlank(last) { bytes.removeLast() }
        return Substring(bytes)
    }

    /// The part before a `;` that follows a blank.
    static func beforeComment(_ text: Substring) -> Substring {
        var afterBlank = false
        for index in text.utf8.indices {
            let byte = text.utf8[index]
            if byte == ASCII.semicolon, afterBlank { return text[..<index] }
            afterBlank = ASCII.isBlank(byte)
        }
        return text
    }

    /// The value without the comment behind it; a `;` between quotes begins none.
    static func withoutComment(_ value: String) throws(ValueProblem) -> String {
        // Nearly all values have neither.
        guard value.utf8.contains(where: { $0 == ASCII.semicolon || $0 == ASCII.quote }) else { return value }
        var previous = ASCII.space
        var index = value.utf8.startIndex
        while index < value.utf8.endIndex {
            let byte = value.utf8[index]
            if byte == ASCII.semicolon, ASCII.isBlank(previous) {
                return String(trimmed(value[..<index]))
            }
            if opensQuote(byte, after: previous) {
                guard let close = closingQuote(value[...], from: index) else {
                    throw ValueProblem("no closing double quote in \(value[index...].quoted)")
                }
                index = close
            }
            previous = byte
            index = value.utf8.index(after: index)
        }
        return value
    }

    private static func opensQuote(_ byte: UInt8, after previous: UInt8) -> Bool {
        byte == ASCII.quote && (ASCII.isBlank(previous) || previous == ASCII.equals)
    }

    /// The quote that closes the one at `open`.
    private static func closingQuote(_ text: Substring, from open: String.Index) -> String.Index? {
        var escaped = false
        for index in text.utf8[open...].indices.dropFirst() {
            let byte = text.utf8[index]
            if escaped {
                escaped = false
            } else if byte == ASCII.backslash {
                escaped = true
            } else if byte == ASCII.quote {
                return index
            }
        }
        return nil
    }

    /// Whether all of the text is one pair of quotes and what is in it.
    static func isQuoted(_ text: Substring) -> Bool {
        guard text.utf8.first == ASCII.quote, let close = closingQuote(text, from: text.startIndex) else {
            return false
        }
        return text.utf8.index(after: close) == text.endIndex
    }

    /// The text as one value: without quotes where they enclose all of it, variables replaced.
    static func whole(_ text: Substring, _ environment: [String: String]) throws(ValueProblem) -> String {
        var scanner = Scanner(text: text, environment: environment)
        return isQuoted(text) ? try scanner.quoted() : try scanner.rest()
    }

    /// The text as a list: words between blanks. Quotes keep blanks in a word, and may stand around a part
    /// of it only. Blanks in a variable's value separate words, too, unless it stands in quotes.
    static func words(_ text: String, _ environment: [String: String]) throws(ValueProblem) -> [String] {
        var scanner = Scanner(text: text[...], environment: environment)
        return try scanner.words()
    }

    /// The form in which `text` stands for itself in a value.
    static func quote(_ text: String) -> String {
        var result: [UInt8] = [ASCII.quote]
        var previous: UInt8 = 0
        for byte in text.utf8 {
            if byte == ASCII.quote || byte == ASCII.backslash { result.append(ASCII.backslash) }
            // `$${` is a `${` that names no variable.
            if byte == openBrace, previous == dollar { result.insert(dollar, at: result.count - 1) }
            result.append(byte)
            previous = byte
        }
        result.append(ASCII.quote)
        return String(decoding: result, as: UTF8.self)
    }

    private static let dollar = UInt8(ascii: "$")
    private static let openBrace = UInt8(ascii: "{")
    private static let closeBrace = UInt8(ascii: "}")

    /// Goes through a value from left to right.
    private struct Scanner {
        /// What is not yet read.
        private var bytes: Substring.UTF8View
        private let environment: [String: String]

        init(text: Substring, environment: [String: String]) {
            (bytes, self.environment) = (text.utf8, environment)
        }

        /// All of it, quotes as letters.
        mutating func rest() throws(ValueProblem) -> String {
            guard bytes.contains(dollar) else { return String(Substring(bytes)) }
            var result: [UInt8] = []
            while let byte = bytes.popFirst() {
                if byte == dollar { result += try variable() } else { result.append(byte) }
            }
            return String(decoding: result, as: UTF8.self)
        }

        /// What one pair of quotes encloses.
        mutating func quoted() throws(ValueProblem) -> String {
            bytes = bytes.dropFirst()
            return try String(decoding: quotedPart(), as: UTF8.self)
        }

        mutating func words() throws(ValueProblem) -> [String] {
            var words: [String] = []
            // Nil between words: a pair of quotes makes an empty word, an empty variable makes none.
            var word: [UInt8]?
            func end() {
                if let bytes = word { words.append(String(decoding: bytes, as: UTF8.self)) }
                word = nil
            }
            func add(_ byte: UInt8) {
                if ASCII.isBlank(byte) { return end() }
                if word == nil { word = [] }
                word?.append(byte)
            }
            var previous = ASCII.space
            while let byte = bytes.popFirst() {
                if opensQuote(byte, after: previous) {
                    word = try (word ?? []) + quotedPart()
                } else if byte == dollar {
                    for byte in try variable() { add(byte) }
                } else {
                    add(byte)
                }
                previous = byte
            }
            end()
            return words
        }

        /// What stands before the closing quote.
        private mutating func quotedPart() throws(ValueProblem) -> [UInt8] {
            var result: [UInt8] = []
            while let byte = bytes.popFirst() {
                switch byte {
                case ASCII.quote: return result
                case ASCII.backslash:
                    if let next = bytes.first, next == ASCII.quote || next == ASCII.backslash {
                        bytes = bytes.dropFirst()
                        result.append(next)
                    } else {
                        result.append(byte)
                    }
                case dollar: result += try variable()
                default: result.append(byte)
                }
            }
            throw ValueProblem("no closing double quote")
        }

        /// What a `$`, already read, and the text behind it stand for.
        private mutating func variable() throws(ValueProblem) -> [UInt8] {
            if bytes.starts(with: [dollar, openBrace]) {
                bytes = bytes.dropFirst(2)
                return [dollar, openBrace]
            }
            guard bytes.first == openBrace else { return [dollar] }
            guard let close = bytes.firstIndex(of: closeBrace) else {
                throw ValueProblem("no `}` behind \("$\(Substring(bytes))".quoted)")
            }
            let inside = Substring(bytes[..<close].dropFirst())
            bytes = bytes[close...].dropFirst()
            return try Array(value(of: inside).utf8)
        }

        private func value(of inside: Substring) throws(ValueProblem) -> String {
            let name = Substring(inside.utf8.prefix { ASCII.isAlphanumeric($0) || $0 == ASCII.underscore })
            let rest = inside[name.endIndex...]
            guard let first = name.utf8.first, !ASCII.isDigit(first), rest.isEmpty || rest.hasPrefix(":-")
            else {
                throw ValueProblem(
                    "\("${\(inside)}".quoted) names no variable; takes `${NAME}` or `${NAME:-text}`, and `$${` for a plain `${`"
                )
            }
            let value = environment[String(name)]
            // As in a shell, an empty variable counts as unset where there is a text for that case.
            if !rest.isEmpty { return value.flatMap { $0.isEmpty ? nil : $0 } ?? String(rest.dropFirst(2)) }
            guard let value else {
                throw ValueProblem(
                    "environment variable `\(name)` is not set; `${\(name):-text}` gives a default")
            }
            return value
        }
    }
}
