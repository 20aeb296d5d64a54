import Base
import Glibc
import Net
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct EventLoopTests {
    @Test func `tasks run on the loop's thread and stay there`() async throws {
        let pool = WorkerPool(name: "test", threads: 1)
        try await onLoop { loop in
            #expect(loop.isCurrent)
            await Task.yield()
            #expect(loop.isCurrent)
            let wasThere = await pool.run { loop.isCurrent }
            #expect(!wasThere)
            #expect(loop.isCurrent)
            await onEach(10, of: loop) { _ in
                #expect(loop.isCurrent)
                await Task.yield()
                #expect(loop.isCurrent)
            }
        }
    }

    @Test func `who wants to look again soon does when it said, whoever else does before`() async throws {
        try await onLoop { loop in
            let (first, second) = (Waiter(loop: loop), Waiter(loop: loop))
            let start = loop.now
            loop.wakeSoon(first)
            while loop.now < start + .milliseconds(2) { await Task.yield() }
            let later = loop.now
            loop.wakeSoon(second)
            #expect(await first.wait() == .woken)
            #expect(await second.wait() == .woken)
            #expect(loop.now >= later + EventLoop.soon)
            first.end()
            second.end()
        }
    }

    @Test func `what other threads submit runs in their order, all of it`() async throws {
        let order = try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            let seen = Shared<[Int: [Int]]>([:])
            let count = Shared(0)
            for thread in 0..<4 {
                Thread(name: "submitter") {
                    for number in 0..<2000 {
                        loop.submit {
                            seen.value[thread, default: []].append(number)
                            count.value += 1
                            if count.value == 8000 { waiter.wake() }
                        }
                    }
                }.detach()
            }
            while count.value < 8000 { _ = await waiter.wait() }
            return seen.value
        }
        #expect(order == Dictionary(uniqueKeysWithValues: (0..<4).map { ($0, Array(0..<2000)) }))
    }

    @Test func `run returns when the loop is stopped, also before it began`() async throws {
        let loop = try EventLoop(index: 7)
        #expect(loop.index == 7)
        #expect(!loop.isCurrent)
        loop.stop()
        try await blocking { loop.run() }
        #expect(!loop.isCurrent)
    }

    @Test func `tasks that can always go on do not shut the others out`() async throws {
        try await onLoop { loop in
            let isDone = Shared(false)
            for _ in 0..<3 {
                loop.spawn { while !isDone.value { await Task.yield() } }
            }
            let waiter = Waiter(loop: loop)
            // A deadline, another thread and a descriptor.
            #expect(await waiter.wait(until: loop.now + .milliseconds(50)) == .timedOut)
            Thread(name: "waker") { loop.submit { waiter.wake() } }.detach()
            #expect(await waiter.wait() == .woken)
            let connection = try Connection(waiter)
            #expect(try connection.stream.readNow() == nil)
            try connection.send("x")
            #expect(await waiter.wait() == .woken)
            #expect(try connection.stream.readNow() == "x")
            connection.stream.close()
            isDone.value = true
            waiter.end()
        }
    }

    @Test func `what runs before a wait may say when it wants to run again`() async throws {
        let loop = try EventLoop(index: 0)
        let begin = Instant.now
        let calls = Shared(0)
        loop.beforeWait = {
            calls.value += 1
            if calls.value >= 5 { loop.stop() }
            return loop.now + .milliseconds(10)
        }
        try await blocking { loop.run() }
        loop.beforeWait = nil
        #expect(calls.value >= 5)
        #expect(Instant.now - begin >= .milliseconds(40))
    }

    // MARK: Sleeping

    @Test func `a wake before the wait is not lost, and counts once`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            waiter.wake()
            waiter.wake()
            #expect(await waiter.wait() == .woken)
            #expect(await waiter.wait(until: loop.now + .milliseconds(1)) == .timedOut)
            waiter.end()
        }
    }

    @Test func `a wake ends the wait, and its deadline is forgotten`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            for _ in 0..<100 {
                loop.submit { waiter.wake() }
                #expect(await waiter.wait(until: loop.now + .milliseconds(300)) == .woken)
            }
            // Longer than any of the deadlines above.
            #expect(await waiter.wait(until: loop.now + .milliseconds(500)) == .timedOut)
            waiter.end()
        }
    }

    @Test func `a deadline that has passed is no wait`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            #expect(await waiter.wait(until: loop.now) == .timedOut)
            #expect(await waiter.wait(until: Instant(nanoseconds: 0)) == .timedOut)
            waiter.wake()
            #expect(await waiter.wait(until: loop.now) == .woken)
            waiter.end()
        }
    }

    @Test func `cancelled, all further waits return at once`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            loop.submit { waiter.cancel() }
            #expect(!waiter.isCancelled)
            #expect(await waiter.wait() == .cancelled)
            #expect(waiter.isCancelled)
            #expect(await waiter.wait() == .cancelled)
            waiter.wake()
            #expect(await waiter.wait(until: loop.now + .seconds(100)) == .cancelled)
            waiter.end()
        }
    }

    @Test func `thousands of deadlines fire, and none before its time`() async throws {
        try await onLoop { loop in
            let fired = Shared(0)
            let start = loop.now
            await onEach(5000, of: loop) { index in
                let waiter = Waiter(loop: loop)
                let deadline = start + .milliseconds(20 + index * 7919 % 400)
                let wakeup = await waiter.wait(until: deadline)
                if Instant.now < deadline { Issue.record("early by \(deadline - .now)") }
                if wakeup != .timedOut { Issue.record("\(wakeup)") }
                fired.value += 1
                waiter.end()
            }
            #expect(fired.value == 5000)
        }
    }

    @Test func `a far deadline does not fire, and can be woken from`() async throws {
        try await onLoop { loop in
            await onEach(4, of: loop) { index in
                let waiter = Waiter(loop: loop)
                let deadline = [
                    loop.now + .seconds(20), loop.now + .seconds(1_000_000), Instant(nanoseconds: .max - 1),
                    .never,
                ][index]
                loop.spawn {
                    let other = Waiter(loop: loop)
                    _ = await other.wait(until: loop.now + .milliseconds(100))
                    other.end()
                    waiter.wake()
                }
                #expect(await waiter.wait(until: deadline) == .woken)
                waiter.end()
            }
        }
    }

    @Test func `the loop sleeps while there is nothing to do`() async throws {
        try await onLoop { loop in
            let turns = Shared(0)
            loop.beforeWait = {
                turns.value += 1
                return .never
            }
            let waiter = Waiter(loop: loop)
            #expect(await waiter.wait(until: loop.now + .milliseconds(300)) == .timedOut)
            #expect(turns.value < 20)
            loop.beforeWait = nil
            waiter.end()
        }
    }

    @Test func `a waiter that ends is held by nobody`() async throws {
        try await onLoop { loop in
            weak var gone: Waiter?
            do {
                let waiter = Waiter(loop: loop)
                gone = waiter
                loop.submit { waiter.wake() }
                _ = await waiter.wait(until: loop.now + .seconds(3600))
                waiter.end()
            }
            #expect(gone == nil)
        }
    }
}
