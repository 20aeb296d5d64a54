import Base
import CLinux
import Glibc

/// What spawners and idle watches have in common.
enum HelperProcess {
    /// Takes note of the end of one that is ending, so that nothing is left of it; waits for that `limit` at most.
    static func reap(_ pid: Int32, within limit: TimeSpan) {
        let pidfd = pid > 0 ? gh_pidfd_open(pid) : -1
        if pidfd < 0 { return }
        let owner = FileDescriptor(owning: pidfd)
        _ = Pidfd.hasEnded(owner.raw, within: limit)
        waitpid(pid, nil, WNOHANG)
    }
}
