import Base
import Net

/// What is known of the script that made an answer.
struct ScriptReport: Sendable {
    var name: String
    var pid: Int32?
    var exit: ExitStatus?
    var firstByte: TimeSpan?

    init(name: String) { self.name = name }
}
