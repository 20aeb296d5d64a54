/// What a command said, and how it ended.
package struct CommandResult: Sendable {
    package let exit: ChildProcess.Exit
    package let output: [UInt8]
    package let stderr: String

    /// The exit status; 128 and the signal's number, as shells say it, after a signal.
    package var status: CInt {
        switch exit {
        case .status(let status): status
        case .signal(let signal): 128 + signal
        }
    }
    package var stdout: String { String(decoding: output, as: UTF8.self) }
}

/// Runs a command to its end: `try runCommand(["curl", "-s", url])`.
///
/// Throws when there is no such command, and when it takes too long: then it is killed.
package func runCommand(
    _ command: [String], input: [UInt8] = [], in folder: String? = nil, environment: [String: String] = [:],
    within seconds: Double = 60
) throws -> CommandResult {
    let process = try ChildProcess(command, input: input, in: folder, environment: environment)
    let deadline = Deadline.after(seconds)
    guard let exit = process.waitForExit(until: deadline),
        process.stdout.waitForEnd(until: deadline), process.stderr.waitForEnd(until: deadline)
    else {
        process.kill()
        let words = command.joined(separator: " ")
        let what = process.exit == nil ? "takes" : "has ended and left a process with its output, after"
        throw TestFailure(
            """
            \(words): \(what) more than \(seconds) s
            stdout: \(process.stdout.text)
            stderr: \(process.stderr.text)
            """)
    }
    return CommandResult(exit: exit, output: process.stdout.bytes, stderr: process.stderr.text)
}

/// Whether `PATH` has such a command: `@Test(.enabled(if: commandExists("h2load")))`.
package func commandExists(_ name: String) -> Bool { findCommand(name) != nil }
