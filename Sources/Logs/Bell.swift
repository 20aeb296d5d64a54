import Base
import CLinux
import Glibc

/// Wakes the log thread, which otherwise sleeps until a log that takes nothing has room again.
final class Bell: Sendable {
    private let counter: FileDescriptor

    init() throws(Errno) {
        let raw = gh_eventfd()
        if raw < 0 { throw .current }
        counter = FileDescriptor(owning: raw)
    }

    func ring() {
        var one: UInt64 = 1
        _ = write(counter.raw, &one, 8)
    }

    /// Returns when it was rung, or one of the descriptors can be written to. They are looked at again
    /// once a second: what is asked for here is not what stands behind the number once a log is opened anew.
    func wait(orRoomIn descriptors: [CInt]) {
        var states = [pollfd(fd: counter.raw, events: Int16(POLLIN), revents: 0)]
        for descriptor in descriptors {
            states.append(pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0))
        }
        _ = poll(&states, nfds_t(states.count), descriptors.isEmpty ? -1 : 1000)
        var count: UInt64 = 0
        _ = read(counter.raw, &count, 8)
    }
}
