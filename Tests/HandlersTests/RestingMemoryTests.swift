import Base
import Synchronization
import Testing

@testable import Handlers

/// When a server at rest gives memory back.
@Suite struct RestingMemoryTests {
    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64(seconds * 1e9))
    }

    /// Loops that share a count of how often it was done.
    private final class Server {
        let done = Counter()
        var loops: [RestingMemory]

        init(_ loops: Int) {
            let shared = RestingMemory.Shared { [done] in done.value.add(1, ordering: .relaxed) }
            self.loops = (0..<loops).map { _ in RestingMemory(shared) }
        }

        /// Looks at a loop, and tells when it wants to be looked at again.
        func look(_ loop: Int = 0, at seconds: Double, _ activity: UInt64, isBusy: Bool = false) -> Instant {
            loops[loop].tidy(at(seconds), activity: activity, isBusy: isBusy)
        }

        var times: Int { done.value.load(ordering: .relaxed) }
    }

    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
    }

    @Test func `two seconds after the last that it did`() {
        let server = Server(1)
        #expect(server.look(at: 1, 0) == .never)
        #expect(server.look(at: 2, 1) == Self.at(4))
        #expect(server.look(at: 3, 2) == Self.at(5))
        #expect(server.look(at: 4.9, 2) == Self.at(5))
        #expect(server.times == 0)
        #expect(server.look(at: 5, 2) == .never)
        #expect(server.times == 1)
        #expect(server.look(at: 100, 2) == .never)
        #expect(server.times == 1)
    }

    @Test func `not while something is under way`() {
        let server = Server(1)
        #expect(server.look(at: 1, 1, isBusy: true) == .never)
        #expect(server.look(at: 50, 1, isBusy: true) == .never)
        #expect(server.look(at: 60, 2) == Self.at(62))
        #expect(server.times == 0)
        #expect(server.look(at: 62, 2) == .never)
        #expect(server.times == 1)
    }

    @Test func `every half minute at most`() {
        let server = Server(1)
        _ = server.look(at: 1, 1)
        _ = server.look(at: 3, 1)
        #expect(server.look(at: 10, 2) == Self.at(12))
        #expect(server.look(at: 12, 2) == Self.at(33))
        #expect(server.times == 1)
        #expect(server.look(at: 33, 2) == .never)
        #expect(server.times == 2)
    }

    @Test func `when the last loop has come to rest`() {
        let server = Server(3)
        _ = server.look(0, at: 1, 1)
        _ = server.look(1, at: 1, 1, isBusy: true)
        #expect(server.look(0, at: 3, 1) == .never)
        #expect(server.times == 0)
        #expect(server.look(1, at: 5, 2) == Self.at(7))
        #expect(server.look(1, at: 7, 2) == .never)
        #expect(server.times == 1)
        // A loop that begins anew puts off what was left for later.
        _ = server.look(0, at: 8, 2)
        #expect(server.look(0, at: 10, 2) == Self.at(37))
        _ = server.look(2, at: 36, 1, isBusy: true)
        #expect(server.look(0, at: 37, 2) == .never)
        _ = server.look(2, at: 40, 2)
        #expect(server.look(2, at: 42, 2) == .never)
        #expect(server.times == 2)
    }
}
