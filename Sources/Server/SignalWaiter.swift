import Base
import Glibc

/// The signals that steer the server. They are blocked in every thread and taken by the main one.
struct SignalWaiter: Sendable {
    enum Event { case stop, reload, reopen, upgrade, wake, timeout }

    private static let wakeSignal = SIGALRM

    /// Blocks the signals for this thread and all that it starts; so make one before any thread.
    init() {
        var set = SignalWaiter.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
        // A script that does not read its input must not end the server.
        signal(SIGPIPE, SIG_IGN)
        // Whoever ignores it passes that on, and then no script's end could be told.
        signal(SIGCHLD, SIG_DFL)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, wakeSignal] { sigaddset(&set, number) }
        return set
    }

    /// The next signal, or `timeout` after `limit`.
    func wait(_ limit: TimeSpan? = nil) -> Event {
        var set = SignalWaiter.set
        var number: CInt
        if let limit {
            var time = timespec(
                tv_sec: Int(limit.nanoseconds / 1_000_000_000),
                tv_nsec: Int(limit.nanoseconds % 1_000_000_000))
            number = sigtimedwait(&set, nil, &time)
        } else {
            number = sigwaitinfo(&set, nil)
        }
        switch number {
        case SIGTERM, SIGINT: return .stop
        case SIGHUP: return .reload
        case SIGUSR1: return .reopen
        case SIGUSR2: return .upgrade
        case SignalWaiter.wakeSignal: return .wake
        default: return .timeout
        }
    }

    /// Has `wait` return `wake`. From any thread.
    func wake() { kill(getpid(), SignalWaiter.wakeSignal) }
}
