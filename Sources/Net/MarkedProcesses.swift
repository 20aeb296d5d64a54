import Base
import CLinux
import Glibc

/// A look at all processes for those that carry certain marks, wherever they have gone.
///
/// Each is held by a pidfd before anything is done to it, so that its number cannot become another's
/// meanwhile.
enum MarkedProcesses {
    /// Marks have this bit, which tells them from a limit that somebody has set.
    static let markBit: UInt64 = 1 << 60
    /// What has got TERM has this one as well, and so has what it starts to tidy up.
    static let toldBit: UInt64 = 1 << 61

    /// Tells or kills what is looked for, until nothing new is found, for a process may just be starting
    /// another one. Whether there is anything left for each search that may be signalled.
    ///
    /// For a thread that may take its time.
    static func look(_ searches: [gh_search]) -> [Bool] {
        var look = Look(searches)
        for _ in 0..<passLimit where !look.pass() { break }
        return look.found
    }

    private static let passLimit = 8
}

private struct Look {
    private let searches: [gh_search]
    private var places: [UInt64: Int] = [:]
    /// Those that have got TERM, for those whose mark cannot be replaced.
    private var told: Set<Int32> = []
    private(set) var found: [Bool] = []

    /// How long killed processes are waited for. One that the kernel holds may take for ever.
    private static let killTime = TimeSpan.milliseconds(50)
    /// How many of them, as each is a descriptor.
    private static let heldLimit = 64

    init(_ searches: [gh_search]) {
        self.searches = searches
        for (place, search) in searches.enumerated() { places[search.mark] = place }
    }

    /// Looks at all processes once. Whether there was one to be told or killed.
    mutating func pass() -> Bool {
        found = searches.map { _ in false }
        var hasActed = false
        var killed: [CInt] = []
        defer { Look.wait(for: killed) }
        do throws(Errno) {
            try AllProcesses.forEach { pid in
                if look(at: pid, &killed) { hasActed = true }
            }
        } catch {
            let isShort = Look.isShortage(error)
            found = searches.map { _ in isShort }
        }
        return hasActed
    }

    /// Whether it was told or killed.
    private mutating func look(at pid: Int32, _ killed: inout [CInt]) -> Bool {
        guard let place = place(of: gh_mark_of(pid)) else { return false }
        let raw = gh_pidfd_open(pid)
        if raw < 0 {
            if Look.isShortage(.current) { found[place] = true }
            return false
        }
        let process = FileDescriptor(owning: raw)
        // The number may have been another's before it was held.
        let mark = gh_mark_of(pid)
        guard self.place(of: mark) == place, !Pidfd.hasEnded(raw) else { return false }
        let search = searches[place]
        if search.purpose == GH_SEARCH_KILL {
            guard gh_pidfd_signal(raw, SIGKILL) == 0 else { return false }
            found[place] = true
            if killed.count < Look.heldLimit { killed.append(process.release()) }
            return true
        }
        guard getpgid(pid) != search.group, gh_pidfd_signal(raw, 0) == 0 else { return false }
        found[place] = true
        guard search.purpose == GH_SEARCH_TELL, mark & MarkedProcesses.toldBit == 0, told.insert(pid).inserted
        else {
            return false
        }
        // What it starts when it gets the signal has the new mark.
        gh_replace_mark(pid, mark, mark | MarkedProcesses.toldBit)
        _ = gh_pidfd_signal(raw, SIGTERM)
        return true
    }

    /// Of the search that a process with this mark is meant by.
    private func place(of mark: UInt64) -> Int? {
        guard mark & MarkedProcesses.markBit != 0 else { return nil }
        return places[mark & ~MarkedProcesses.toldBit]
    }

    /// Whether another look may have the descriptor that this one could not get.
    private static func isShortage(_ error: Errno) -> Bool {
        error == .tooManyFiles || error == .tooManyFilesInSystem
    }

    private static func wait(for killed: [CInt]) {
        let deadline = Instant.now + killTime
        for raw in killed {
            _ = Pidfd.hasEnded(raw, within: max(.zero, deadline - .now))
            _ = FileDescriptor(owning: raw)
        }
    }
}
