import Glibc

extension ServerProcess {
    /// Ends the server as an operator does, and throws where it did not end well:
    ///
    /// - descriptors open that were not when it started, though it had time to become idle
    /// - not gone soon after the signal (then it is killed), another exit status than 0, a signal
    /// - processes left behind
    /// - a line on stderr that tells of a trap, a fatal error or a leak, unless it holds one of `allowed`
    ///
    /// Clients should have closed their connections.
    package func stop(
        with signal: CInt = SIGTERM, allowed: [String] = [], checkDescriptors: Bool = true,
        within seconds: Double = 10
    ) throws {
        isStopped = true
        var problems: [String] = []
        if isExpectedToEnd, process.exit != nil {
            // What the test has judged is not judged again.
        } else if let exit = process.exit {
            problems.append("it ended before it was asked to: \(exit)")
        } else if checkDescriptors {
            problems += leakedDescriptors()
        }
        let children = children
        process.send(signal)
        if let exit = process.waitForExit(until: .after(seconds)) {
            if exit != .status(0), problems.isEmpty, !isExpectedToEnd {
                problems.append("it ended with \(exit)")
            }
        } else {
            problems.append("it did not end within \(seconds) s of signal \(signal); killed")
            process.kill()
            _ = process.waitForExit(until: .after(5))
        }
        problems += leftProcesses(of: children)
        for output in [process.stdout, process.stderr] where !output.waitForEnd(until: .after(2)) {
            problems.append("somebody still holds its output")
        }
        problems += alarmingLines(allowed)
        if !problems.isEmpty {
            throw TestFailure((problems + [Self.transcript(process)]).joined(separator: "\n"))
        }
    }

    private func leakedDescriptors() -> [String] {
        var now = openDescriptors
        let idle = eventually {
            now = openDescriptors
            return now.count <= descriptorsAtStart.count
        }
        if idle { return [] }
        let new = now.filter { descriptorsAtStart[$0.key] != $0.value }.sorted { $0.key < $1.key }
        return [
            "\(now.count) descriptors are open, \(descriptorsAtStart.count) were at its start; new ones: "
                + new.map { "\($0.key) → \($0.value)" }.joined(separator: ", ")
        ]
    }

    /// Kills what is left of `children`, and what runs in the server's folder, and names it.
    private func leftProcesses(of children: [RunningProcess]) -> [String] {
        var left: [RunningProcess] = []
        let gone = eventually(within: 3) {
            let here = RunningProcess.all.filter { $0.folder?.hasPrefix(folder.path) ?? false }
            left = Set(children + here).filter { $0.pid != pid && $0.isRunning }.sorted { $0.pid < $1.pid }
            return left.isEmpty
        }
        if gone { return [] }
        for process in left { Glibc.kill(process.pid, SIGKILL) }
        return ["it left processes behind: \(left)"]
    }

    private func alarmingLines(_ allowed: [String]) -> [String] {
        process.stderr.lines.filter { line in
            let lower = line.lowercased()
            // "trap" at the beginning of a word: not in bootstrap.
            let trap = lower.split { !$0.isLetter }.contains { $0.hasPrefix("trap") }
            return (trap || lower.contains("fatal") || lower.contains("leak"))
                && !allowed.contains { line.contains($0) }
        }.map { "alarming: \($0)" }
    }
}
