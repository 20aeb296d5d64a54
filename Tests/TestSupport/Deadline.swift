package import Base
import Glibc

/// What went wrong, in words: thrown, it fails the test.
package struct TestFailure: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// The moment until which something is waited for.
///
/// Those that are waited for by default are far off: a busy machine may take long, and only a test that
/// fails waits for them.
package struct Deadline: Sendable {
    package let instant: Instant

    /// So many seconds from now; more of them on a slow machine, where `TEST_PATIENCE` is set to a factor.
    package static func after(_ seconds: Double) -> Deadline {
        Deadline(instant: .now + TimeSpan(nanoseconds: Int64(seconds * patience * 1e9)))
    }

    package var hasPassed: Bool { instant <= .now }

    /// For poll(2): rounded up, and 0 when it has passed.
    package var milliseconds: CInt {
        let left = (instant - .now).nanoseconds
        return left <= 0 ? 0 : CInt(clamping: (left + 999_999) / 1_000_000)
    }

    /// How much longer than usual everything may take here.
    package static let patience: Double = getenv("TEST_PATIENCE").flatMap { Double(String(cString: $0)) } ?? 1
}

/// Asks `condition` again and again until it holds. False when it never did.
///
/// For what the kernel gives no notice of, such as `/proc` and files; pipes and sockets have poll(2).
package func eventually(within seconds: Double = 20, _ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Deadline.after(seconds)
    while true {
        if try condition() { return true }
        if deadline.hasPassed { return false }
        poll(nil, 0, 5)
    }
}

/// Waits with poll(2) until one of `events` is there, an error and a hang-up included.
///
/// Nil when the deadline passed first.
func waitFor(_ raw: CInt, _ events: CInt, until deadline: Deadline) throws(Errno) -> Int16? {
    var entry = pollfd(fd: raw, events: Int16(events), revents: 0)
    while true {
        let count = poll(&entry, 1, deadline.milliseconds)
        if count > 0 { return entry.revents }
        if count == 0 {
            if deadline.hasPassed { return nil }
        } else {
            let error = Errno.current
            if error != .interrupted { throw error }
        }
    }
}
