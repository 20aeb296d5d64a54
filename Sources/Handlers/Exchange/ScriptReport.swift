import Base
import Net

/// What is known of the script that made an answer.
struct ScriptReport: Sendable {
    var name: String
    var pid: Int32?
    var exit: ExitStatus? {
        didSet { if let exit { (cpu, peakMemory) = (exit.cpu, exit.peakMemory) } }
    }
    /// Processor time; of one that the server ends, what it had used by then.
    private(set) var cpu: TimeSpan?
    /// Largest resident set, in bytes.
    private(set) var peakMemory: Int?
    var firstByte: TimeSpan?

    init(name: String) { self.name = name }

    mutating func takeUsage(cpu: TimeSpan, peakMemory: Int?) {
        (self.cpu, self.peakMemory) = (cpu, peakMemory)
    }
}
