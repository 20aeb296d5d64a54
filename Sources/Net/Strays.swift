import Base
import CLinux
import Glibc

/// What a script has started that has left its group since (`setsid`), found by descent while the script is
/// there, and held to be ended with it. What has lost its parent too is known by its environment at most
/// (`Leftovers`).
///
/// Each is held by a pidfd, so that its number cannot become another's meanwhile.
package final class Strays: Sendable {
    private let processes: [CInt]

    /// Nobody needs more to serve a request; whoever has more may keep the rest.
    private static let limit = 256

    /// What descends from `leader`, the first of its group. Reads a few small files.
    package init(of leader: Int32) {
        var processes: [CInt] = []
        var ancestors = leader > 0 ? [leader] : []
        var count = 0
        while let parent = ancestors.popLast(), count < Strays.limit {
            for child in Strays.children(of: parent).prefix(Strays.limit - count) {
                count += 1
                ancestors.append(child)
                if getpgid(child) == leader { continue }
                let held = gh_pidfd_open(child)
                if held < 0 { continue }
                // It is still the same one, since its parent has not reaped it meanwhile.
                if Strays.children(of: parent).contains(child) {
                    processes.append(held)
                } else {
                    _ = FileDescriptor(owning: held)
                }
            }
        }
        self.processes = processes
    }

    deinit { for raw in processes { _ = FileDescriptor(owning: raw) } }

    /// Kills them. Those of another user are not this process's to kill.
    package func kill() { for raw in processes { _ = gh_pidfd_kill(raw) } }

    private static func children(of process: Int32) -> [Int32] {
        guard let tasks = opendir("/proc/\(process)/task") else { return [] }
        defer { closedir(tasks) }
        var result: [Int32] = []
        while let task = readdir(tasks) {
            guard let thread = Int32(task.name),
                let file = try? FileDescriptor.open("/proc/\(process)/task/\(thread)/children", O_RDONLY),
                let list = try? file.contents(limit: listLimit)
            else { continue }
            result += list.split(separator: ASCII.space).compactMap {
                Int32(String(decoding: $0, as: UTF8.self))
            }
        }
        return result
    }

    private static let listLimit = 64 * 1024
}
