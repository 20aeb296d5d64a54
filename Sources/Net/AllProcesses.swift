import Base
import Glibc

/// The processes of the machine, as far as the server may see them.
enum AllProcesses {
    /// Calls `body` with the number of each, those that have ended and wait for their parent to take note
    /// included. Takes a while where there are many.
    static func forEach(_ body: (Int32) -> Void) throws(Errno) {
        guard let folder = opendir("/proc") else { throw .current }
        defer { closedir(folder) }
        while let record = readdir(folder) {
            if let pid = Int32(record.name) { body(pid) }
        }
    }
}
