import Base
import Glibc
import TestSupport
import Testing

@testable import Net

/// Sources that the loop looks at from time to time.
@Suite(.timeLimit(.minutes(5))) struct SweepTests {
    @Test func `what happens to it is told of with the next look, and not before`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .milliseconds(8))
            let start = loop.now
            var pipe = try SweptPipe(waiter)
            pipe.write()
            #expect(await waiter.wait() == .woken)
            #expect(loop.now >= start + .milliseconds(8))
            #expect(try pipe.read() == 1)
            #expect(try pipe.read() == nil)
            pipe.close()
            #expect(await waiter.wait() == .woken)
            #expect(try pipe.read() == 0)
            // Its end is told of once.
            #expect(await waiter.wait(until: loop.now + .milliseconds(30)) == .timedOut)
            pipe.source.close()
            waiter.end()
        }
    }

    @Test func `where there is no sweep, it is watched`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: nil)
            let pipe = try SweptPipe(waiter)
            pipe.write()
            #expect(await waiter.wait() == .woken)
            #expect(try pipe.read() == 1)
            pipe.source.close()
            waiter.end()
        }
    }

    @Test func `when there is no sweep any more, it is watched`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .seconds(1000))
            let before = try SweptPipe(waiter)
            let after = try SweptPipe(waiter)
            before.write()
            #expect(await waiter.wait(until: loop.now + .milliseconds(30)) == .timedOut)
            loop.setSweep(every: nil)
            #expect(await waiter.wait() == .woken)
            #expect(try before.read() == 1)
            after.write()
            #expect(await waiter.wait() == .woken)
            #expect(try after.read() == 1)
            before.source.close()
            after.source.close()
            waiter.end()
        }
    }

    @Test func `what is not young any more is watched`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.setSweep(every: .milliseconds(5))
            let pipe = try SweptPipe(waiter)
            #expect(await waiter.wait(until: loop.now + Sweep.youth + .milliseconds(30)) == .timedOut)
            loop.setSweep(every: .seconds(1000))
            pipe.write()
            #expect(await waiter.wait() == .woken)
            #expect(try pipe.read() == 1)
            pipe.source.close()
            waiter.end()
        }
    }

    @Test func `one that is closed is forgotten, also where another has its number`() throws {
        var ends = try FileDescriptor.pipe()
        let (read, write) = (ends.takeRead().release(), ends.takeWrite().release())
        defer {
            close(read)
            close(write)
        }
        var sweep = Sweep()
        // However long this takes, they stay young.
        let now = Instant.now
        sweep.interval = .milliseconds(5)
        sweep.add(read, 1, every: .milliseconds(5), now: now)
        sweep.add(read, 2, every: .milliseconds(5), now: now)
        #expect(Glibc.write(write, "x", 1) == 1)
        for _ in 1...2 {
            let finding = sweep.look(now: now) { $0 == 2 }
            #expect(finding.events.map(\.token) == [2])
            #expect(finding.grown.isEmpty)
        }
        #expect(sweep.removeAll() == [2])
        #expect(sweep.next == .never)
    }

    @Test func `a look that is hurried comes soon, and less soon where that was in vain`() throws {
        var ends = try FileDescriptor.pipe()
        let (read, write) = (ends.takeRead().release(), ends.takeWrite().release())
        defer {
            close(read)
            close(write)
        }
        var sweep = Sweep()
        var now = Instant.now
        sweep.hurry(now: now)
        #expect(sweep.next == .never)
        sweep.interval = .seconds(1000)
        func hurried() -> Int {
            let last = now
            sweep.hurry(now: now)
            now = sweep.next
            return (now - last).microseconds
        }
        sweep.add(read, 1, every: .seconds(1000), now: now)
        // It stays young for all of this.
        let pauses = (1...6).map { _ in
            defer { _ = sweep.look(now: now) { _ in true } }
            return hurried()
        }
        #expect(pauses == [500, 1000, 2000, 4000, 8000, 8000])
        #expect(Glibc.write(write, "x", 1) == 1)
        #expect(hurried() == 8000)
        #expect(sweep.look(now: now) { _ in true }.events.map(\.token) == [1])
        #expect(hurried() == 500)
        // One that comes by itself is as good as any.
        #expect(sweep.look(now: now) { _ in true }.events.count == 1)
        now = now + .milliseconds(3)
        sweep.hurry(now: now)
        #expect(sweep.next == now)
    }

    @Test func `many at once are all told of, some that end and some that go on`() async throws {
        try await onLoop { loop in
            loop.setSweep(every: .milliseconds(3))
            await onEach(200, of: loop) { number in
                let waiter = Waiter(loop: loop)
                do throws(Errno) {
                    var pipe = try SweptPipe(waiter)
                    for _ in 0..<number % 4 {
                        pipe.write()
                        #expect(await waiter.wait() == .woken)
                        #expect(try pipe.read() == 1)
                    }
                    pipe.close()
                    while try pipe.read() != 0 { _ = await waiter.wait() }
                    pipe.source.close()
                } catch {
                    Issue.record(error)
                }
                waiter.end()
            }
        }
    }
}
