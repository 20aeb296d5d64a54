import Glibc

extension ServerProcess {
    /// Ends the server as an operator does, and throws where it did not end well:
    ///
    /// - descriptors open that were not when it started, though it had time to become idle; but each thread
    ///   may keep a folder it has opened. After `restHere()` there is no such allowance.
    /// - not gone soon after the signal (then it is killed), another exit status than 0, a signal
    /// - processes left behind
    /// - a line on stderr that tells of a trap, a fatal error or a leak, unless it holds one of `allowed`
    ///
    /// Clients should have closed their connections.
    package func stop(
        with signal: CInt = SIGTERM, allowed: [String] = [], checkDescriptors: Bool = true,
        within seconds: Double = 30
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
        let children = children + spawners + [keeper].compactMap(\.self)
        process.send(signal)
        if let exit = process.waitForExit(until: .after(seconds)) {
            if exit != .status(0), problems.isEmpty, !isExpectedToEnd {
                problems.append("it ended with \(exit)")
            }
        } else {
            problems.append("it did not end within \(seconds) s of signal \(signal); killed")
            process.kill()
            _ = process.waitForExit(until: .after(20))
        }
        problems += leftProcesses(of: children)
        for output in [process.stdout, process.stderr] where !output.waitForEnd(until: .after(10)) {
            problems.append("somebody still holds its output")
        }
        problems += alarmingLines(allowed)
        if !problems.isEmpty {
            throw TestFailure((problems + [Self.transcript(process)]).joined(separator: "\n"))
        }
    }

    /// Says that the server has opened by now what it keeps: what it opens later and does not close is a leak.
    ///
    /// To be called when it is idle.
    package func restHere() {
        let now = openDescriptors
        descriptorsAtRest.update { $0 = DescriptorBaseline(descriptors: now, foldersKept: 0) }
    }

    private func leakedDescriptors() -> [String] {
        let baseline = descriptorsAtRest.update { $0 }
        var leaked: [String] = []
        let idle = eventually(within: 10) {
            leaked = baseline.leaked(openDescriptors)
            return leaked.isEmpty
        }
        return idle
            ? []
            : ["descriptors are open that were not when it was at rest: \(leaked.joined(separator: ", "))"]
    }

    /// Kills what is left of `children`, and what runs in the server's folder, and names it.
    private func leftProcesses(of children: [RunningProcess]) -> [String] {
        var left: [RunningProcess] = []
        let gone = eventually(within: 10) {
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

/// What a server at rest may have open.
struct DescriptorBaseline: Sendable {
    var descriptors: [CInt: String]
    /// How often one folder may be open besides.
    var foldersKept: Int

    /// What of `now` is too much, by what it stands for. Numbers say nothing: files are reopened.
    func leaked(_ now: [CInt: String]) -> [String] {
        func counted(_ descriptors: [CInt: String]) -> [String: Int] {
            var counts: [String: Int] = [:]
            for target in descriptors.values {
                // Two pipes or sockets differ in their inode's number.
                let kind = target.prefix { $0 != "[" }
                counts[kind.hasSuffix(":") ? String(kind) : target, default: 0] += 1
            }
            return counts
        }
        let before = counted(descriptors)
        return counted(now).compactMap { target, count in
            let more = count - before[target, default: 0]
            let allowed = foldersKept > 0 && isFolder(target) ? foldersKept : 0
            return more > allowed ? "\(target) (\(more) more)" : nil
        }.sorted()
    }

    private func isFolder(_ path: String) -> Bool {
        var status = stat()
        return path.hasPrefix("/") && stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}
