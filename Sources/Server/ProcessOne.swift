import CLinux
import Glibc

/// The server as process 1, as a container's only command is.
package enum ProcessOne {
    /// Where this is process 1, goes on in a child, and has process 1 be no more than an init: what scripts
    /// leave behind becomes its child and would stay a zombie. Elsewhere nothing happens.
    ///
    /// To be called first of all, while there is one thread and little memory.
    package static func standAside() {
        // Without a child it serves all the same.
        guard getpid() == 1, gh_go_on_below_init() == 0 else { return }
        // What was meant for process 1 is meant for the server.
        if getenv("LISTEN_PID").map({ String(cString: $0) }) == "1" {
            setenv("LISTEN_PID", "\(getpid())", 1)
        }
    }
}
