import CLinux
import Glibc

/// What this machine lets tests do.
package enum Machine {
    /// Whether this process may become other users.
    package static let isRoot = geteuid() == 0
    /// Whether the kernel keeps processes to folders.
    package static let hasLandlock = gh_landlock_abi() > 0
    /// Whether this process may have a process 1 of its own, as in a container.
    package static let hasNamespaces =
        (try? runCommand(["unshare", "-pf", "--mount-proc", "true"]).status) == 0
}
