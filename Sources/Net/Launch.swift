import Base
import CLinux

/// A process that a spawner has been told to start, and what comes of it.
///
/// Nothing wakes the loop for the reply: it stands in shared memory, and is there by the time that the
/// process's output can end. For who needs it before that, it is looked for every few milliseconds.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class Launch: @unchecked Sendable {
    let sent: Instant
    /// Whose process it is where it is not the server's user's.
    let user: Keeper.User?
    let mark: Mark
    /// Nil while that is not known.
    private(set) var result: Result<Int32, SpawnError>?

    let number: UInt32
    private unowned let line: SpawnerLine
    private var waiter: Waiter?

    init(_ number: UInt32, on line: SpawnerLine, user: Keeper.User?, mark: Mark, sent: Instant) {
        (self.number, self.line, self.user, self.mark, self.sent) = (number, line, user, mark, sent)
    }

    /// The process, also one that has not come to its exec yet; 0 while there is none.
    var pid: Int32 {
        switch look() {
        case .success(let pid)?: pid
        case .failure?: 0
        case nil: line.child(number)
        }
    }

    /// What has come of it by now.
    func look() -> Result<Int32, SpawnError>? {
        if result == nil { line.collect() }
        return result
    }

    /// As `look`; while there is nothing, `waiter` will be woken soon after the reply.
    func look(waking waiter: Waiter) -> Result<Int32, SpawnError>? {
        if let result = look() { return result }
        self.waiter = waiter
        line.hasten()
        return nil
    }

    /// The line's call, once.
    func settle(_ result: Result<Int32, SpawnError>) {
        self.result = result
        waiter.take()?.wake()
    }

    /// Whether somebody waits for the reply.
    var isAwaited: Bool { waiter != nil }
}
