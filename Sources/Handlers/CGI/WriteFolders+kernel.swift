package import Base
package import Config
import Glibc

extension WriteFolders {
    /// What is to be said where the kernel cannot keep scripts to folders.
    package static func unavailable(_ reason: Errno) -> String {
        let why =
            reason == Errno(EOPNOTSUPP)
            ? "it was not turned on when this kernel started (its command line needs lsm=landlock,…)"
            : "this kernel has none (\(reason)); Linux 5.13 and later have it"
        return "cgi_write needs Landlock, and \(why)"
    }
}
