/// One thing that is wrong with a configuration.
package struct ConfigProblem: Hashable, Sendable, CustomStringConvertible {
    /// Line 0 where the problem is the file itself.
    package var position: SourcePosition
    /// What is wrong and what would be right, one line without a period.
    package var message: String

    package init(_ position: SourcePosition, _ message: String) {
        (self.position, self.message) = (position, message)
    }

    /// `FILE:LINE: message`.
    package var description: String {
        position.line > 0 ? "\(position): \(message)" : "\(position.file): \(message)"
    }
}

/// Everything that is wrong with a configuration, in the order of its files and lines; never empty.
package struct ConfigProblems: Error, Sendable {
    package let list: [ConfigProblem]
    /// `[server] pid_file`, where that could be read all the same: a server that has read an earlier state of
    /// the file can be found by it.
    package let pidFile: String?

    init(_ list: [ConfigProblem], pidFile: String? = nil) { (self.list, self.pidFile) = (list, pidFile) }
}

extension SourcePosition: CustomStringConvertible {
    /// `FILE:LINE`.
    package var description: String { "\(file):\(line)" }
}

/// Why a value cannot be taken, without the position and the key it stands at.
struct ValueProblem: Error, Equatable {
    let message: String
    /// What is wrong in a file that the value names, each with its own place; then they stand for `message`.
    var details: [ConfigProblem] = []

    init(_ message: String) { self.message = message }
}

extension StringProtocol {
    /// The text as messages quote it: in backquotes, on one line, not over 80 characters of it.
    var quoted: String {
        var shown = "`"
        for scalar in unicodeScalars.prefix(80) {
            // A line break in a value from the environment must not look like a second message.
            shown.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? "?" : scalar)
        }
        if unicodeScalars.dropFirst(80).first != nil { shown += "…" }
        return shown + "`"
    }
}
