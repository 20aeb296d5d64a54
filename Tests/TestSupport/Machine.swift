import CLinux
import Glibc

/// What this machine lets tests do.
package enum Machine {
    /// Whether this process may become other users.
    package static let isRoot = geteuid() == 0
    /// Whether the kernel keeps processes to folders.
    package static let hasLandlock = gh_landlock_abi() > 0
}
