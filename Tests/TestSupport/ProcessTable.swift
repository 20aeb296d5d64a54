package import Glibc

/// One process as `/proc` shows it. Its start time tells it from a later one of the same number.
package struct RunningProcess: Hashable, Sendable, CustomStringConvertible {
    package let pid: pid_t
    package let name: String
    package let parent: pid_t
    let state: Character
    let startTime: String

    /// The process of that number now; nil where there is none.
    package init?(_ pid: pid_t) {
        // `12 (name) S 1 …`: the name may hold blanks and brackets, nothing behind it does.
        guard let text = try? readText("/proc/\(pid)/stat"), let open = text.firstIndex(of: "("),
            let close = text.lastIndex(of: ")"), open < close
        else { return nil }
        let rest = text[text.index(after: close)...].split(separator: " ")
        guard rest.count > 19, let parent = pid_t(rest[1]), let state = rest[0].first else { return nil }
        self.pid = pid
        self.parent = parent
        self.state = state
        name = String(text[text.index(after: open)..<close])
        startTime = String(rest[19])
    }

    package var description: String { "\(pid) (\(name), \(state))" }

    /// Whether it still runs. A zombie does not: it waits for a parent to take note.
    package var isRunning: Bool {
        guard let now = RunningProcess(pid) else { return false }
        return now.startTime == startTime && now.state != "Z" && now.state != "X"
    }

    /// Whether it starts scripts for a server.
    var isSpawner: Bool { name == "gh-spawner" && state != "Z" }

    /// Whether it tells a server when a processor has nothing to do.
    var isIdleWatch: Bool { name == "gh-idle" && state != "Z" }

    /// Whether it keeps the right to run scripts as other users for a server.
    var isKeeper: Bool { name == "gh-keeper" && state != "Z" }

    /// Its working directory, where that may be seen.
    var folder: String? { readLink("/proc/\(pid)/cwd") }

    /// All that there are.
    package static var all: [RunningProcess] {
        ((try? listFolder("/proc")) ?? []).compactMap { pid_t($0).flatMap { RunningProcess($0) } }
    }

    /// Children of `pid`, their children, and so on.
    static func descendants(of pid: pid_t) -> [RunningProcess] {
        let all = all
        var found: [RunningProcess] = []
        var parents: Set<pid_t> = [pid]
        while !parents.isEmpty {
            let children = all.filter { parents.contains($0.parent) }
            found += children
            parents = Set(children.map(\.pid))
        }
        return found
    }
}
