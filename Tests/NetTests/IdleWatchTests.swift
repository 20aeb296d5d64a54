import Base
import Glibc
import TestSupport
import Testing

@testable import Net

/// Who tells that a processor has nothing to do. Each has such a moment, however busy the tests keep them.
@Suite(.timeLimit(.minutes(5))) struct IdleWatchTests {
    private static let processors = Processors.usable()

    @Test(arguments: processors)
    func `the processor has a process that gives way to others, which ends with the watch`(
        processor: Int32
    ) throws {
        let watch = try IdleWatch(processor: processor)
        defer { end(watch) }
        #expect(watch.ask())
        #expect(eventually { watch.wasTold() == true })
        let fields = try readText("/proc/\(watch.pid)/stat").split(separator: " ")
        #expect(fields[1] == "(gh-idle)")
        #expect(fields[18] == "19", "nice")
        let allowed = try readText("/proc/\(watch.pid)/status").split(separator: "\n")
            .first { $0.hasPrefix("Cpus_allowed_list:") }?.split(separator: "\t").last
        #expect(allowed == "\(processor)")
    }

    @Test func `it tells each time that it is asked, and not else`() throws {
        let watch = try IdleWatch(processor: Self.processors[0])
        defer { end(watch) }
        for _ in 1...20 {
            #expect(watch.wasTold() == false)
            #expect(watch.ask())
            #expect(eventually { watch.wasTold() == true })
        }
        #expect(watch.wasTold() == false)
    }

    @Test(arguments: [100_000, -1] as [Int32])
    func `where there is no such processor, there is nobody to ask`(processor: Int32) throws {
        let watch = try IdleWatch(processor: processor)
        defer { end(watch) }
        #expect(eventually { watch.wasTold() == nil })
        #expect(!watch.ask())
    }

    @Test func `what is swept is looked at when a processor has nothing to do`() async throws {
        let watch = try IdleWatch(processor: Self.processors[0])
        defer { end(watch) }
        try await onLoop { loop in
            try loop.hurry(with: watch)
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .milliseconds(1), isAll: true)
            let pipe = try SweptPipe(waiter)
            // The first look has the processor watched, and there is none after it.
            loop.setSweep(every: .seconds(1000), isAll: true)
            #expect(await waiter.wait(until: loop.now + .milliseconds(20)) == .timedOut)
            pipe.write()
            #expect(await waiter.wait(until: loop.now + .seconds(60)) == .woken)
            #expect(try pipe.read() == 1)
            pipe.source.close()
            waiter.end()
        }
    }

    @Test func `a loop goes on without one that has ended`() async throws {
        let watch = try IdleWatch(processor: -1)
        defer { end(watch) }
        try await onLoop { loop in
            try loop.hurry(with: watch)
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .milliseconds(1), isAll: true)
            for _ in 1...20 {
                let pipe = try SweptPipe(waiter)
                pipe.write()
                #expect(await waiter.wait() == .woken)
                #expect(try pipe.read() == 1)
                pipe.source.close()
            }
            waiter.end()
        }
    }

    private func end(_ watch: IdleWatch) {
        watch.end()
        let isGone = eventually {
            watch.reap()
            return kill(watch.pid, 0) < 0
        }
        #expect(isGone)
    }
}
