package import Base
import CLinux
import Glibc

/// Tells when a processor has nothing to do.
///
/// A process that gives way to all others stays on it, and sends back what it is sent. A process, for nobody waits
/// for it: a thread would have to come to run once more before the server can end. That nothing else wanted to run
/// is likely, but not sure: one that has waited for long has its turn after all.
package final class IdleWatch: Sendable {
    let socket: FileDescriptor
    let pid: Int32

    /// Throws what kept the process from being started.
    package init(processor: Int32) throws(Errno) {
        var (socket, pid): (CInt, Int32) = (-1, -1)
        let error = gh_idle_start(processor, &socket, &pid)
        if error != 0 { throw Errno(error) }
        self.socket = FileDescriptor(owning: socket)
        self.pid = pid
    }

    /// Has the process end, which `reap` waits for. From any thread; its loop goes on without it.
    package func end() { shutdown(socket.raw, CInt(SHUT_RDWR)) }

    /// Takes note of the end of the process. Waits for it a moment only, as it gives way to all others in that, too.
    package func reap() { HelperProcess.reap(pid, within: .milliseconds(100)) }

    /// Asks to be told once, by what `wasTold` finds. False where there is nobody to ask.
    func ask() -> Bool {
        var question: UInt8 = 1
        return send(socket.raw, &question, 1, CInt(MSG_NOSIGNAL)) == 1
    }

    /// Takes the answer; nil where there will be none any more.
    func wasTold() -> Bool? {
        var answer: UInt8 = 0
        switch recv(socket.raw, &answer, 1, 0) {
        case 1: return true
        case 0: return nil
        default: return Errno.current == .wouldBlock ? false : nil
        }
    }
}
