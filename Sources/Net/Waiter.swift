package import Base

/// Does for a sleeping task what can be done without waiting, so that the task need not be woken for it.
///
/// To wake a task and let it sleep again costs more than answering a small request does.
///
/// A class and not a protocol, so that a waiter can call one without counting it.
open class Attendant {
    public init() {}

    /// Called on the loop's thread. False: the task is needed.
    open func attend() -> Bool { fatalError("abstract") }
}

/// The place where one task sleeps.
///
/// A task has one waiter, however many things it waits for: each `Source` it uses, a queue, a
/// timer. The task looks at what it can do, does it, and when nothing is left it waits; whatever
/// happens next wakes it and it looks again. A wake with no reason costs one look.
///
/// `@unchecked Sendable`: used on its loop's thread only.
package final class Waiter: @unchecked Sendable {
    package enum Wakeup { case woken, timedOut, cancelled }

    package let loop: EventLoop
    /// The server is ending and this task should too; every further wait returns `cancelled`.
    package private(set) var isCancelled = false

    private var attendant: Unmanaged<Attendant>?
    private var continuation: UnsafeContinuation<Void, Never>?
    /// A wake came while the task was running.
    private var isPending = false
    private var didTimeOut = false
    /// It has asked the loop to be woken soon.
    var isHasty = false

    // The wheel's links. A deadline of `never` in a linked waiter means: nobody waits, unlink me later.
    var deadline = Instant.never
    var tick = 0
    var isLinked = false
    var next: Waiter?
    unowned(unsafe) var previous: Waiter?

    package init(loop: EventLoop) { self.loop = loop }

    /// Sleeps until `wake`, `cancel` or `deadline`, whichever is first.
    package func wait(until deadline: Instant = .never) async -> Wakeup {
        loop.assertOnLoop()
        if isCancelled { return .cancelled }
        if !isPending {
            if deadline != .never {
                if deadline <= loop.now { return .timedOut }
                loop.arm(self, deadline)
            }
            // Unsafe only in that nothing checks it: `resume` takes it out before it is used.
            await withUnsafeContinuation { continuation = $0 }
            self.deadline = .never
        }
        isPending = false
        if isCancelled { return .cancelled }
        if didTimeOut {
            didTimeOut = false
            return .timedOut
        }
        return .woken
    }

    /// Who is asked first when something happens to a source while the task sleeps. Set by the task round a
    /// wait, as one more async call round it would cost each sleeping connection a kilobyte; the task keeps it.
    package func setAttendant(_ attendant: Attendant?) {
        self.attendant = attendant.map(Unmanaged.passUnretained)
    }

    /// Has the sleeping task wait until `deadline` instead. For its attendant.
    package func postpone(to deadline: Instant) {
        if continuation != nil { loop.arm(self, deadline) }
    }

    /// Something has happened to a source. On the loop's thread.
    func stir() {
        if continuation != nil, let attendant, uncounted(attendant, { $0.attend() }) { return }
        wake()
    }

    /// Lets the task look again. On the loop's thread.
    package func wake() {
        loop.assertOnLoop()
        if let continuation {
            self.continuation = nil
            continuation.resume()
        } else {
            isPending = true
        }
    }

    /// Ends this and every later wait. On the loop's thread.
    package func cancel() {
        isCancelled = true
        wake()
    }

    /// The wheel's call when the deadline has passed.
    func expire() {
        if continuation == nil { return }
        didTimeOut = true
        wake()
    }

    /// Takes the waiter out of the wheel; the task's last act.
    package func end() { loop.disarm(self) }
}
