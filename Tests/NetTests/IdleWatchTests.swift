import Base
import Glibc
import TestSupport
import Testing

@testable import Net

/// The watch for processors that have nothing to do. Each has such a moment, however busy the tests keep them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct IdleWatchTests {
    private static let processors = Processors.usable()

    /// A loop that runs, and is watched for.
    private static func onWatchedLoop(
        _ body: @escaping @Sendable (EventLoop) async throws -> Void
    ) async throws {
        var watch: IdleWatch?
        try await onLoop(
            prepare: { watch = IdleWatch(processors: processors, loops: [$0]) }, body)
        withExtendedLifetime(watch) {}
    }

    @Test func `what is swept is looked at when a processor has nothing to do`() async throws {
        try await Self.onWatchedLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .milliseconds(1), isAll: true)
            let pipe = try SweptPipe(waiter)
            // Of the looks in this time, the last one has the processors watched, and there is none after it.
            loop.setSweep(every: .seconds(1000), isAll: true)
            #expect(await waiter.wait(until: loop.now + .milliseconds(20)) == .timedOut)
            pipe.write()
            #expect(await waiter.wait() == .woken)
            #expect(try pipe.read() == 1)
            pipe.source.close()
            waiter.end()
        }
    }

    @Test func `but not where there is something else to do`() async throws {
        try await Self.onWatchedLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .milliseconds(1), isAll: true)
            let pipe = try SweptPipe(waiter)
            loop.setSweep(every: .seconds(1000))
            #expect(await waiter.wait(until: loop.now + .milliseconds(20)) == .timedOut)
            #expect(loop.bell.lastLook == .never)
            pipe.write()
            loop.idleWatch?.arm()
            #expect(await waiter.wait(until: loop.now + .milliseconds(50)) == .timedOut)
            pipe.source.close()
            waiter.end()
        }
    }

    @Test func `of several loops, the one that has not looked for longest is hurried`() throws {
        let loops = try (0..<3).map { try EventLoop(index: $0) }
        let watch = IdleWatch(processors: Self.processors, loops: loops)
        let now = Instant.now.nanoseconds
        for (loop, age) in zip(loops, [20, 50, 30] as [Int64]) {
            loop.bell.note(look: Instant(nanoseconds: now - age * 1_000_000))
        }
        loops[0].idleWatch?.arm()
        #expect(eventually { loops[1].bell.takeHurry() })
        #expect(!loops[0].bell.takeHurry())
        #expect(!loops[2].bell.takeHurry())
        withExtendedLifetime(watch) {}
    }

    @Test func `one that has just looked is left alone for a moment`() throws {
        let loop = try EventLoop(index: 0)
        let watch = IdleWatch(processors: Self.processors, loops: [loop])
        for _ in 1...10 {
            let look = Instant.now + .milliseconds(2)
            loop.bell.note(look: look)
            loop.idleWatch?.arm()
            #expect(eventually { loop.bell.takeHurry() })
            #expect(.now >= look + IdleWatch.State.shortest)
            loop.bell.note(look: .never)
        }
        withExtendedLifetime(watch) {}
    }

    @Test func `each processor has a thread that the kernel runs last, until the watch ends`() throws {
        #expect(eventually { Self.threads().isEmpty })
        do {
            let watch = IdleWatch(processors: Self.processors, loops: [])
            let isReady = eventually {
                Self.threads().count { Self.policy($0) == Self.idle } == Self.processors.count
            }
            #expect(isReady)
            let places = try Self.threads().map { thread in
                try readText("/proc/self/task/\(thread)/status").split(separator: "\n")
                    .first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: "\t").last
            }
            #expect(Set(places) == Set(Self.processors.map { "\($0)" }))
            withExtendedLifetime(watch) {}
        }
        #expect(eventually { Self.threads().isEmpty })
    }

    @Test func `where there is no such processor, nothing is watched`() throws {
        let loop = try EventLoop(index: 0)
        let watch = IdleWatch(processors: [100_000, -1], loops: [loop])
        loop.bell.note(look: Instant(nanoseconds: 0))
        loop.idleWatch?.arm()
        #expect(eventually { Self.threads().isEmpty })
        #expect(!loop.bell.takeHurry())
        withExtendedLifetime(watch) {}
    }

    // MARK: The threads of a watch

    private static func threads() -> [String] {
        ((try? listFolder("/proc/self/task")) ?? []).filter {
            ((try? readText("/proc/self/task/\($0)/comm")) ?? "").hasPrefix("idle-")
        }
    }

    /// `SCHED_IDLE`.
    private static let idle: CInt = 5

    /// What stat has of a thread, from its state on.
    private static func fields(_ thread: String) -> [Substring] {
        let text = (try? readText("/proc/self/task/\(thread)/stat")) ?? ""
        return text.split(separator: ")").last?.split(separator: " ") ?? []
    }

    private static func policy(_ thread: String) -> CInt? {
        let fields = fields(thread)
        return fields.count > 38 ? CInt(fields[38]) : nil
    }
}
