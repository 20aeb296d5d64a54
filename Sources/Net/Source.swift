package import Base
import CLinux
import Glibc

/// One descriptor on a loop: its owner, what is known of its readiness, and the task behind it.
///
/// Calls are tried first; only one that would block waits. The descriptor is registered with epoll
/// when that first happens, edge-triggered and once for both directions. What is sure to wait is `expect`ed.
///
/// `@unchecked Sendable`: used on its loop's thread only.
package final class Source: @unchecked Sendable {
    package let waiter: Waiter
    /// A read may succeed. False only after one would have blocked and no event came since, or while it is put off.
    package private(set) var isReadable = true
    package private(set) var isWritable = true
    /// The peer has ended its side (FIN), or the writing end of a pipe is closed.
    package private(set) var isPeerDone = false
    /// Neither direction works any more: reset, or the reading end of our pipe is closed.
    package private(set) var isHungUp = false

    static let readingInterest = UInt32(GH_IN.rawValue | GH_RDHUP.rawValue)

    /// All has been read from a pipe that nobody can write to any more.
    private var isDrained = false
    /// The loop has a piece that is still to be sent.
    var isGathered = false
    /// What the kernel did not take of such a piece, which comes before all else.
    private var unsent: [UInt8] = []
    /// Some of such a piece is lost, and nothing may follow it.
    private var isBroken = false

    private var descriptor: FileDescriptor?
    private let raw: CInt
    private var token: UInt64?

    package init(_ descriptor: consuming FileDescriptor, waiter: Waiter) {
        self.waiter = waiter
        raw = descriptor.raw
        self.descriptor = consume descriptor
    }

    deinit {
        assert(descriptor == nil, "descriptor \(raw) was left open")
    }

    package var isOpen: Bool { descriptor != nil }

    /// The descriptor for calls that borrow it; -1 once closed.
    package var fd: CInt { descriptor == nil ? -1 : raw }

    package func close() {
        finishSending()
        if let token { waiter.loop.unregister(token) }
        token = nil
        descriptor = nil
    }

    /// Takes the descriptor off this loop and away from this source, unclosed; -1 if it has none.
    func moveOut() -> CInt {
        finishSending()
        guard let descriptor = descriptor.take() else { return -1 }
        if let token { waiter.loop.unregister(token, removing: raw) }
        token = nil
        return descriptor.release()
    }

    /// The same for an owner of its own; nil where it is closed.
    package func take() -> FileDescriptor? {
        let raw = moveOut()
        return raw < 0 ? nil : FileDescriptor(owning: raw)
    }

    /// For calls outside `read` and `write` that would have blocked.
    func markUnreadable() { isReadable = false }

    /// Begins to watch the descriptor of a pipe that nobody can have written to yet. The event comes
    /// even where somebody has. Where it is `swept`, events may come later (`EventLoop.setSweep`).
    package func expect(swept: Bool = false) {
        if swept, token == nil, descriptor != nil {
            token = waiter.loop.registerSwept(self, fd: raw)
        }
        // Where it cannot be watched, the first read says why.
        guard (try? watch(onlyReading: true)) != nil else { return }
        isReadable = false
    }

    /// Nothing is read of what is not watched yet, and nothing that happens to it is told, until `lookAgain`.
    package func putOff() {
        assert(token == nil, "descriptor \(raw) is watched")
        isReadable = false
    }

    /// Has the next read ask the kernel, whatever the events have told.
    package func lookAgain() { isReadable = true }

    /// Begins to watch the descriptor, so that the flags above follow it. Done by itself on the
    /// first call that would block. `onlyReading` spares the events of a socket that is always writable.
    package func watch(onlyReading: Bool = false) throws(Errno) {
        if token != nil || descriptor == nil { return }
        let interest = Source.readingInterest | (onlyReading ? 0 : UInt32(GH_OUT.rawValue))
        token = try waiter.loop.register(self, fd: raw, interest: interest)
    }

    /// The loop's call where it cannot watch what it has swept: the next read tries it again, and says why not.
    func isNotWatched() {
        if let token { waiter.loop.unregister(token) }
        token = nil
        isReadable = true
        waiter.stir()
    }

    /// The loop's call for an event.
    func take(_ events: UInt32) {
        if events & UInt32(GH_IN.rawValue | GH_RDHUP.rawValue | GH_HUP.rawValue | GH_ERR.rawValue) != 0 {
            isReadable = true
        }
        if events & UInt32(GH_OUT.rawValue | GH_HUP.rawValue | GH_ERR.rawValue) != 0 {
            isWritable = true
            _ = sendUnsent()
        }
        if events & UInt32(GH_RDHUP.rawValue | GH_HUP.rawValue) != 0 { isPeerDone = true }
        if events & UInt32(GH_HUP.rawValue | GH_ERR.rawValue) != 0 { isHungUp = true }
        waiter.stir()
    }

    /// `read(2)` for pipes and the like. Nil: it would block. 0: the end.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int? {
        if isDrained { return 0 }
        let count = try attemptRead(room: buffer.count) {
            Glibc.read(raw, buffer.baseAddress, buffer.count)
        }
        // Nobody was left to write before that read, and it has left nothing.
        if isHungUp, let count, count > 0, count < buffer.count { isDrained = true }
        return count
    }

    /// `write(2)`. Nil: it would block.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int? {
        try attemptWrite(wanted: bytes.count) { Glibc.write(raw, bytes.baseAddress, bytes.count) }
    }

    /// Has the peer of a socket see a reset at `close`.
    func resetOnClose() {
        if descriptor == nil { return }
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(raw, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    // MARK: Pieces that leave with others'

    /// Takes a small piece of what a socket is to send, which leaves soon with those of others; false where it has
    /// to be sent by itself. The kernel has nothing else to send here, so it takes all of it as a rule.
    func gather(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard waiter.loop.sweepIsAll, isWritable, !isGathered, !isBroken, unsent.isEmpty, descriptor != nil,
            bytes.count <= Outbox.pieceSize, gh_has_nothing_to_send(raw)
        else { return false }
        isGathered = waiter.loop.gather(bytes, for: self)
        return isGathered
    }

    /// Sends what was gathered, before anything that comes behind it.
    private func sendGathered() {
        if isGathered { waiter.loop.sendGathered() }
    }

    /// The same before the end. What the kernel does not take even then is lost, which the peer is to see.
    func finishSending() {
        sendGathered()
        if !sendUnsent() { breakOff() }
    }

    /// The loop's call where the kernel did not take all of a piece: `rest` is sent as soon as it takes more. Nil:
    /// the connection has failed.
    func keep(_ rest: [UInt8]?) {
        guard let rest else { return breakOff() }
        unsent = rest
        isWritable = false
        do throws(Errno) { try watch() } catch { breakOff() }
    }

    /// Whether nothing is kept any more.
    private func sendUnsent() -> Bool {
        if unsent.isEmpty { return true }
        let count = unsent.withUnsafeBytes { gh_send(raw, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        if count < 0, Errno.current != .wouldBlock, Errno.current != .interrupted {
            breakOff()
            return true
        }
        unsent.removeFirst(max(0, count))
        isWritable = unsent.isEmpty
        return isWritable
    }

    /// Nothing more can be sent, and some of what should have been is lost: the peer sees a reset.
    private func breakOff() {
        isBroken = true
        unsent = []
        resetOnClose()
        (isReadable, isWritable, isPeerDone, isHungUp) = (true, true, true, true)
        waiter.wake()
    }

    /// Runs a call that reads. A call that got less than there was room for has emptied the
    /// kernel's buffer, so with the next byte an event will come and the next call can be spared.
    @inline(__always)
    func attemptRead(room: Int, _ call: () -> Int) throws(Errno) -> Int? {
        if !isReadable { return nil }
        guard descriptor != nil else { throw Errno(EBADF) }
        if isBroken { throw .connectionReset }
        while true {
            let count = call()
            if count > 0 {
                if count < room, token != nil, !isPeerDone { isReadable = false }
                return count
            }
            if count == 0 { return 0 }
            let error = Errno.current
            if error == .interrupted { continue }
            if error != .wouldBlock { throw error }
            isReadable = false
            try watch()
            // Watching may find it ready at once; then the event comes with the next wait.
            return nil
        }
    }

    @inline(__always)
    func attemptWrite(wanted: Int, _ call: () -> Int) throws(Errno) -> Int? {
        if !isWritable { return nil }
        guard descriptor != nil else { throw Errno(EBADF) }
        sendGathered()
        if !sendUnsent() { return nil }
        if isBroken { throw .connectionReset }
        while true {
            let count = call()
            if count >= 0 { return count }
            let error = Errno.current
            if error == .interrupted { continue }
            if error != .wouldBlock { throw error }
            isWritable = false
            try watch()
            return nil
        }
    }
}
