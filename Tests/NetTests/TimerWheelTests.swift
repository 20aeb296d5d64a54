import Base
import Net
import Testing

private let tick = 32_000_000

/// A clock that is set by hand, a wheel that follows it, and tasks that sleep in it.
///
/// `@unchecked Sendable`: used on its loop's thread only.
private final class Clock: @unchecked Sendable {
    let loop: EventLoop
    var now: Int
    var wheel: TimerWheel
    /// Which sleeper was woken by its deadline, in order.
    var fired: [Int] = []
    var sleepers: [Waiter] = []

    init(_ loop: EventLoop, at now: Int = 1_000_000 * tick + 12345) {
        self.loop = loop
        self.now = now
        wheel = TimerWheel(now: Instant(nanoseconds: Int64(now)))
    }

    /// Lets `count` more tasks sleep.
    func add(_ count: Int) async {
        for _ in 0..<count {
            let index = sleepers.count
            let waiter = Waiter(loop: loop)
            sleepers.append(waiter)
            loop.spawn {
                while true {
                    switch await waiter.wait() {
                    case .timedOut: self.fired.append(index)
                    case .woken: break
                    case .cancelled: return
                    }
                }
            }
        }
        await settle()
    }

    /// Lets all tasks that can go on go to sleep again.
    func settle() async { for _ in 0..<3 { await Task.yield() } }

    func arm(_ index: Int, at deadline: Int) { wheel.arm(sleepers[index], instant(deadline)) }
    func arm(_ index: Int, in span: Int) { arm(index, at: now + span) }
    func remove(_ index: Int) { wheel.remove(sleepers[index]) }

    /// Sets the clock on, and returns who was woken.
    func advance(_ span: Int) async -> [Int] {
        now += span
        fired = []
        wheel.advance(to: instant(now))
        await settle()
        return fired
    }

    /// Wakes all for good.
    func end() async {
        for (index, waiter) in sleepers.enumerated() {
            remove(index)
            waiter.cancel()
        }
        await settle()
    }

    private func instant(_ nanoseconds: Int) -> Instant { Instant(nanoseconds: Int64(nanoseconds)) }
}

/// The tick at which a deadline is due.
private func due(_ deadline: Int) -> Int { (deadline + tick - 1) / tick }

/// Runs `body` with a clock of its own.
private func withClock(_ body: @escaping @Sendable (Clock) async -> Void) async throws {
    try await onLoop { loop in
        let clock = Clock(loop)
        await body(clock)
        await clock.end()
    }
}

@Suite(.timeLimit(.minutes(5))) struct TimerWheelTests {
    @Test func `fires at the deadline or up to a tick later, never before`() async throws {
        try await withClock { clock in
            await clock.add(1)
            for span in [1, 1000, tick - 1, tick, tick + 1, 10 * tick, 511 * tick, 512 * tick] {
                clock.arm(0, in: span)
                let last = due(clock.now + span) * tick
                #expect(await clock.advance(span - 1) == (clock.now >= last ? [0] : []))
                #expect(clock.wheel.nextDeadline.nanoseconds <= last)
                #expect(await clock.advance(last - clock.now) == [0], "\(span)")
                #expect(clock.wheel.nextDeadline == .never)
            }
        }
    }

    @Test func `fires once`() async throws {
        try await withClock { clock in
            await clock.add(1)
            clock.arm(0, in: tick)
            #expect(await clock.advance(2 * tick) == [0])
            for _ in 0..<1100 { #expect(await clock.advance(tick) == []) }
        }
    }

    @Test func `a deadline that has passed fires with the next tick`() async throws {
        try await withClock { clock in
            await clock.add(2)
            clock.arm(0, in: -5 * tick)
            clock.arm(1, in: 0)
            #expect(await clock.advance(tick).sorted() == [0, 1])
        }
    }

    @Test func `moved on, it fires at the later deadline only`() async throws {
        try await withClock { clock in
            await clock.add(1)
            // As with each byte that comes: every tick the deadline moves on by one.
            clock.arm(0, in: 10 * tick)
            for _ in 0..<2000 {
                #expect(await clock.advance(tick) == [])
                clock.arm(0, in: 10 * tick)
            }
            #expect(await clock.advance(10 * tick - 1) == [])
            #expect(await clock.advance(tick + 1) == [0])
        }
    }

    @Test func `moved up, it fires at the earlier deadline only`() async throws {
        try await withClock { clock in
            await clock.add(1)
            clock.arm(0, in: 1000 * tick)
            clock.arm(0, in: 100 * tick)
            clock.arm(0, in: 3 * tick)
            #expect(await clock.advance(2 * tick) == [])
            #expect(await clock.advance(2 * tick) == [0])
            #expect(await clock.advance(2000 * tick) == [])
        }
    }

    @Test func `moved on, then up, then on`() async throws {
        try await withClock { clock in
            await clock.add(1)
            for (span, expected) in [(5, []), (50, []), (2, []), (30, [])] as [(Int, [Int])] {
                clock.arm(0, in: span * tick)
                #expect(await clock.advance(tick) == expected)
            }
            #expect(await clock.advance(28 * tick) == [])
            #expect(await clock.advance(2 * tick) == [0])
        }
    }

    @Test func `taken out, it does not fire`() async throws {
        try await withClock { clock in
            // Neighbours in one slot: the first, the last and one between.
            await clock.add(5)
            for removed in 0..<5 {
                for index in 0..<5 { clock.arm(index, in: 3 * tick) }
                clock.remove(removed)
                clock.remove(removed)
                #expect(await clock.advance(4 * tick).sorted() == [0, 1, 2, 3, 4].filter { $0 != removed })
            }
            for index in 0..<5 { clock.arm(index, in: 3 * tick) }
            for index in 0..<5 { clock.remove(index) }
            #expect(clock.wheel.nextDeadline == .never)
            #expect(await clock.advance(1000 * tick) == [])
        }
    }

    @Test func `far deadlines take many turns of the wheel`() async throws {
        try await withClock { clock in
            await clock.add(3)
            let hour = 3600 * 1_000_000_000
            clock.arm(0, in: hour)
            clock.arm(1, in: 24 * hour)
            clock.arm(2, at: Int.max - 1)
            #expect(await clock.advance(hour - 2 * tick) == [])
            #expect(await clock.advance(4 * tick) == [0])
            // As the loop does it: from one wake-up to the next.
            var wakeUps = 0
            var fired: [Int] = []
            while fired.isEmpty, wakeUps < 10000 {
                let next = Int(clock.wheel.nextDeadline.nanoseconds)
                #expect(next > clock.now)
                fired = await clock.advance(next - clock.now)
                wakeUps += 1
            }
            #expect(fired == [1])
            #expect(wakeUps < 6000)
            #expect(await clock.advance(1000 * hour) == [])
        }
    }

    @Test func `after a long sleep of the machine all fire that are due`() async throws {
        try await withClock { clock in
            await clock.add(1000)
            for index in 0..<1000 { clock.arm(index, in: index * tick) }
            #expect(await clock.advance(900 * tick).count >= 900)
            #expect(await clock.advance(100_000 * tick).count <= 100)
            #expect(clock.wheel.nextDeadline == .never)
        }
    }

    /// Thousands of deadlines that are set, moved and taken back, against a table of what is due.
    @Test(arguments: 1...3) func `does what a sorted list would`(_ seed: Int) async throws {
        try await withClock { clock in
            let count = 5000
            await clock.add(count)
            var random = UInt64(seed)
            func next(_ bound: Int) -> Int {
                random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return Int((random >> 33) % UInt64(bound))
            }
            var deadlines = [Int: Int]()
            for _ in 0..<300 {
                for _ in 0..<next(60) {
                    let index = next(count)
                    switch next(10) {
                    case 0:
                        clock.remove(index)
                        deadlines[index] = nil
                    case 1:
                        // Beyond a turn.
                        deadlines[index] = clock.now + next(2000 * tick)
                    default:
                        deadlines[index] = clock.now + next(100 * tick)
                    }
                    if let deadline = deadlines[index] { clock.arm(index, at: deadline) }
                }
                if let earliest = deadlines.values.map(due).min() {
                    #expect(
                        clock.wheel.nextDeadline.nanoseconds <= max(earliest, clock.now / tick + 1) * tick)
                }
                let fired = await clock.advance(next(20) == 0 ? next(700 * tick) : next(4 * tick))
                let current = clock.now / tick
                #expect(Set(fired).count == fired.count)
                #expect(fired.allSatisfy { (deadlines[$0] ?? .max) <= clock.now }, "never early")
                let late = deadlines.filter { due($0.value) < current && !fired.contains($0.key) }
                #expect(late.isEmpty, "none is forgotten")
                for index in fired { deadlines[index] = nil }
            }
        }
    }

    @Test func `those of one advance fire in the order of their ticks`() async throws {
        try await withClock { clock in
            await clock.add(500)
            for index in 0..<500 { clock.arm(index, in: (index * 7919 % 500) * tick + 1) }
            let fired = await clock.advance(501 * tick)
            #expect(fired.map { $0 * 7919 % 500 } == Array(0..<500))
        }
    }
}
