import Base

/// The `%` directives of Apache's log formats that an access log can be made of.
enum LogDirectives {
    /// What stands in braces between the `%` and the letter.
    private enum Argument {
        case none
        case any
        /// Nothing, or anything.
        case optional
        /// Nothing, or one of these.
        case oneOf([String])
    }

    private static let known: [UInt8: Argument] = [
        UInt8(ascii: "a"): .optional, UInt8(ascii: "A"): .none, UInt8(ascii: "b"): .none,
        UInt8(ascii: "B"): .none, UInt8(ascii: "D"): .none, UInt8(ascii: "f"): .none,
        UInt8(ascii: "h"): .none,
        UInt8(ascii: "H"): .none, UInt8(ascii: "i"): .any, UInt8(ascii: "l"): .none, UInt8(ascii: "L"): .none,
        UInt8(ascii: "m"): .none, UInt8(ascii: "p"): .oneOf(["canonical", "local", "remote"]),
        UInt8(ascii: "q"): .none, UInt8(ascii: "r"): .none, UInt8(ascii: "s"): .none,
        UInt8(ascii: "t"): .oneOf(["sec", "msec", "usec"]), UInt8(ascii: "T"): .oneOf(["s", "ms", "us"]),
        UInt8(ascii: "u"): .none, UInt8(ascii: "U"): .none, UInt8(ascii: "v"): .none,
        UInt8(ascii: "V"): .none,
        UInt8(ascii: "X"): .none, ASCII.percent: .none,
    ]

    /// Throws for the first directive that is none.
    static func check(_ format: String) throws(ValueProblem) {
        var rest = format.utf8[...]
        while let percent = rest.firstIndex(of: ASCII.percent) {
            rest = rest[percent...].dropFirst()
            // The status of the request first asked for and that of the last are the same here.
            rest = rest.drop { $0 == UInt8(ascii: "<") || $0 == UInt8(ascii: ">") }
            var argument: Substring?
            if rest.first == UInt8(ascii: "{") {
                guard let close = rest.firstIndex(of: UInt8(ascii: "}")) else {
                    throw ValueProblem("no `}` behind \(format[percent...].quoted)")
                }
                argument = Substring(rest[..<close].dropFirst())
                rest = rest[close...].dropFirst()
            }
            let letter = rest.popFirst()
            guard let letter, takes(letter, argument) else {
                let directive = String(decoding: format.utf8[percent..<rest.startIndex], as: UTF8.self)
                throw ValueProblem("\(directive.quoted) is no directive of a log format")
            }
        }
    }

    private static func takes(_ letter: UInt8, _ argument: Substring?) -> Bool {
        switch known[letter] {
        case nil: false
        case .none?: argument == nil
        case .any?: argument != nil
        case .optional?: true
        case .oneOf(let words)?: argument.map { words.contains(String($0)) } ?? true
        }
    }
}
