import Base

/// Line 1 of a script as Linux reads it: `#!`, an interpreter, and all that follows as one argument (execve(2)).
struct Shebang {
    let interpreter: String
    /// Without blanks at its ends; empty for none. Blanks within it are a part of it.
    let argument: String
    /// The line ends in CR LF, and the CR belongs to the argument, or to the interpreter where there is none.
    let endsInCR: Bool

    /// Nil where `start`, the beginning of a file, has no `#!`. The interpreter may be empty.
    init?(_ start: [UInt8]) {
        guard start.starts(with: "#!".utf8) else { return nil }
        var line = start.dropFirst(2).prefix { $0 != ASCII.lf }
        while let last = line.last, ASCII.isBlank(last) { line.removeLast() }
        endsInCR = line.last == ASCII.cr
        if endsInCR { line.removeLast() }
        line = line.drop { ASCII.isBlank($0) }
        let name = line.prefix { !ASCII.isBlank($0) }
        interpreter = String(decoding: name, as: UTF8.self)
        argument = String(decoding: line[name.endIndex...].drop { ASCII.isBlank($0) }, as: UTF8.self)
    }

    /// The interpreter's own name: `perl` of `/usr/bin/perl` and of `C:\Perl\bin\perl.exe`.
    var name: String { Shebang.name(interpreter) }

    static func name(_ path: String) -> String {
        let last = path.split { $0 == "/" || $0 == "\\" }.last.map(String.init) ?? ""
        return last.lowercased().hasSuffix(".exe") ? String(last.dropLast(4)) : last
    }

    /// Whether the interpreter is named as on Windows.
    var isOfWindows: Bool { interpreter.contains("\\") || interpreter.dropFirst().hasPrefix(":/") }

    // MARK: env

    /// What env(1) is asked to run.
    enum Program {
        case named(String)
        /// Something that env takes for one name, option or setting, and that is more.
        case unsplit
        /// It finds out by itself, or there is none.
        case unknown
    }

    /// What `#!/usr/bin/env ARGUMENT` runs.
    var program: Program {
        // -S and -vS, --split-string=: env splits the rest, and takes a CR for a blank there.
        let prefixes = ["-S", "-vS", "-iS", "--split-string=", "--split-string "]
        if let prefix = prefixes.first(where: { argument.hasPrefix($0) }) {
            var words = argument.dropFirst(prefix.count).split { $0 == " " || $0 == "\t" }[...]
            while let word = words.popFirst() {
                if ["-u", "-C"].contains(word) { words = words.dropFirst() }
                if !word.hasPrefix("-"), !word.contains("=") { return .named(String(word)) }
            }
            return .unknown
        }
        if argument.contains(where: { $0 == " " || $0 == "\t" }) { return .unsplit }
        return argument.hasPrefix("-") || argument.contains("=") || argument.isEmpty
            ? .unknown : .named(argument)
    }

    /// The words of line 1, with the interpreter's name: `env`, `php`.
    var words: [String] {
        ([interpreter] + argument.split { $0 == " " || $0 == "\t" }.map(String.init)).map(Shebang.name)
    }

    /// Whether a CR at the end of the argument does no harm: Perl takes it for a blank, and env -S does.
    var mayEndInCR: Bool {
        if argument.isEmpty { return false }
        if name == "env" { if case .named = program { return argument.hasPrefix("-") } else { return false } }
        return name.hasPrefix("perl")
    }
}
