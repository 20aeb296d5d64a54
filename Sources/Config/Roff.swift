/// Text as the manual pages have it (man(7)).
package enum Roff {
    /// The head of a page.
    package static func title(_ name: String, section: Int, source: String, manual: String) -> String {
        ".TH \(name.uppercased()) \(section) \"\" \"\(source)\" \"\(manual)\"\n"
    }

    package static func section(_ title: String) -> String { ".SH \(title)\n" }

    package static func subsection(_ title: String) -> String { ".SS \(text(title))" }

    /// A term and what it means, which stands indented below it.
    package static func item(_ term: String, _ meaning: String) -> String {
        ".TP\n.B \(text(term))\(text(meaning))"
    }

    /// Running text. What stands in backquotes is bold.
    package static func text(_ text: String) -> String { lines(text, isCode: false) }

    /// Lines that stay as they are.
    package static func verbatim(_ text: String) -> String {
        ".nf\n\(lines(text, isCode: true)).fi\n"
    }

    private static func lines(_ text: String, isCode: Bool) -> String {
        var result = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: !isCode) {
            // At the beginning of a line these make a request of it.
            if line.first == "." || line.first == "'" { result += "\\&" }
            var isBold = false
            for character in line {
                switch character {
                case "`" where !isCode:
                    isBold.toggle()
                    result += isBold ? "\\fB" : "\\fR"
                case "\\": result += "\\e"
                case "-": result += "\\-"
                case "`": result += "\\(ga"
                case "'": result += "\\(aq"
                case "~": result += "\\(ti"
                case "^": result += "\\(ha"
                case "\"": result += "\\(dq"
                default: result.append(character)
                }
            }
            result += "\n"
        }
        return result
    }
}
