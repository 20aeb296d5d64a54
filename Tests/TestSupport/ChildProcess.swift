import Base
package import Glibc

/// A running program whose output is collected.
///
/// It leads a process group of its own. It does not outlive the test process, however that one ends,
/// nor this object: both kill it.
package final class ChildProcess: Sendable {
    package enum Exit: Equatable, Sendable, CustomStringConvertible {
        case status(CInt)
        case signal(CInt)

        package var description: String {
            switch self {
            case .status(let status): "exit status \(status)"
            case .signal(let signal): "signal \(signal) (\(String(cString: strsignal(signal))))"
            }
        }
    }

    package let command: [String]
    package let pid: pid_t
    package let stdout: OutputCapture
    package let stderr: OutputCapture
    /// Nil while it runs.
    private let ended: Monitor<Exit?>

    /// Starts `command`, whose first word is a path or is looked for in `PATH`.
    ///
    /// `environment` is added to that of the test process. Without `input`, standard input is empty.
    package init(
        _ command: [String], input: [UInt8] = [], in folder: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        guard let program = command.first, let path = findCommand(program) else {
            throw TestFailure("there is no command \(command.first ?? "")")
        }
        do {
            let standardIn = try FileDescriptor.temporaryFile(in: "/tmp")
            try input.withUnsafeBytes { try standardIn.writeAll($0) }
            lseek(standardIn.raw, 0, SEEK_SET)
            var out = try FileDescriptor.pipe()
            var err = try FileDescriptor.pipe()
            let outWrite = out.takeWrite()
            let errWrite = err.takeWrite()
            pid = try Spawner.spawn(
                [path] + command.dropFirst(), folder: folder, environment: environment,
                streams: [standardIn.raw, outWrite.raw, errWrite.raw])
            stdout = OutputCapture(reading: out.takeRead())
            stderr = OutputCapture(reading: err.takeRead())
        } catch {
            throw TestFailure("cannot start \(command.joined(separator: " ")): \(error)")
        }
        self.command = command
        ended = Monitor(nil)
        startThread { [pid, ended] in reap(pid, ended) }
    }

    deinit { kill() }

    /// How it ended, nil while it runs.
    package var exit: Exit? { ended.update { $0 } }

    /// Waits for its end. Nil when the deadline passed first.
    package func waitForExit(until deadline: Deadline) -> Exit? { ended.wait(until: deadline) { $0 } }

    /// Sends it a signal, unless it has ended.
    package func send(_ signal: CInt) {
        // Not reaped while the lock is held, so the number is still its own.
        ended.update { if $0 == nil { Glibc.kill(pid, signal) } }
    }

    /// Kills it with its process group.
    package func kill() {
        ended.update {
            guard $0 == nil else { return }
            Glibc.kill(-pid, SIGKILL)
            Glibc.kill(pid, SIGKILL)
        }
    }
}

/// Waits for the end of `pid` and notes it in `ended`. Runs on a thread of its own.
private func reap(_ pid: pid_t, _ ended: Monitor<ChildProcess.Exit?>) {
    var info = siginfo_t()
    while waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) < 0 && Errno.current == .interrupted {}
    ended.update {
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0 && Errno.current == .interrupted {}
        // WIFEXITED, WEXITSTATUS and WTERMSIG, which are macros.
        $0 = status & 0x7F == 0 ? .status(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }
}
