package import Base
import CLinux
import Glibc

/// A connected stream socket, TCP or Unix.
package final class SocketStream: Stream {
    let source: Source

    package init(_ descriptor: consuming FileDescriptor, waiter: Waiter) {
        source = Source(descriptor, waiter: waiter)
        super.init(waiter: waiter)
    }

    package override var isPeerDone: Bool { source.isPeerDone }
    package override var isHungUp: Bool { source.isHungUp }

    package override var mayRead: Bool { source.isReadable }

    package override func tryRead(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        let fd = source.fd
        return try source.attemptRead(room: buffer.count) { gh_recv(fd, buffer.baseAddress, buffer.count) }
    }

    package override func tryWrite(_ bytes: UnsafeRawBufferPointer, more: Bool) throws(Errno) -> Int? {
        if !more, source.gather(bytes) { return bytes.count }
        let fd = source.fd
        let flags = CInt(MSG_NOSIGNAL) | (more ? CInt(MSG_MORE) : 0)
        return try source.attemptWrite(wanted: bytes.count) {
            gh_send(fd, bytes.baseAddress, bytes.count, flags)
        }
    }

    package override func tryWrite(
        _ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer
    ) throws(Errno) -> Int? {
        if second.isEmpty { return try tryWrite(first, more: false) }
        if first.isEmpty { return try tryWrite(second, more: false) }
        let fd = source.fd
        return try source.attemptWrite(wanted: first.count + second.count) {
            withUnsafeTemporaryAllocation(of: iovec.self, capacity: 2) { parts in
                // The kernel only reads through these.
                parts.initializeElement(
                    at: 0,
                    to: iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: first.baseAddress), iov_len: first.count))
                parts.initializeElement(
                    at: 1,
                    to: iovec(
                        iov_base: UnsafeMutableRawPointer(mutating: second.baseAddress), iov_len: second.count
                    ))
                var message = msghdr()
                message.msg_iov = parts.baseAddress
                message.msg_iovlen = 2
                // sendmsg instead of writev, for MSG_NOSIGNAL.
                return sendmsg(fd, &message, CInt(MSG_NOSIGNAL))
            }
        }
    }

    package override func trySendFile(_ file: CInt, offset: Int, count: Int) throws(Errno) -> Int? {
        let fd = source.fd
        return try source.attemptWrite(wanted: count) {
            var position = off_t(offset)
            // One call moves 2 GiB at most, and a bounded piece leaves the loop to others in between.
            return sendfile(fd, file, &position, min(count, 1 << 20))
        }
    }

    package override func watch() throws(Errno) { try source.watch() }

    package override func shutdownWrite() {
        source.finishSending()
        _ = Glibc.shutdown(source.fd, CInt(SHUT_WR))
    }

    package override func close() { source.close() }

    package override func reset() {
        source.resetOnClose()
        source.close()
    }
}
