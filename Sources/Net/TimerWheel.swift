package import Base

/// Deadlines of sleeping tasks, 32 ms apart.
///
/// Most deadlines are never reached: they are moved on with each byte that comes. So moving one on
/// is a store and nothing else; the waiter stays in the slot of its earlier deadline and is
/// looked at when that comes. Arming is O(1) without allocation.
package struct TimerWheel {
    private static let tickNanoseconds: Int64 = 32_000_000
    private static let slotCount = 512

    private var slots = [Waiter?](repeating: nil, count: slotCount)
    private var occupied = [UInt64](repeating: 0, count: slotCount / 64)
    /// The last tick that was looked at.
    private var current: Int

    package init(now: Instant) { current = Int(now.nanoseconds / TimerWheel.tickNanoseconds) }

    /// Wakes `waiter` at `deadline` or up to a tick later.
    package mutating func arm(_ waiter: Waiter, _ deadline: Instant) {
        waiter.deadline = deadline
        let tick = TimerWheel.tick(of: deadline)
        if waiter.isLinked {
            if waiter.tick <= tick { return }
            unlink(waiter)
        }
        link(waiter, tick)
    }

    package mutating func remove(_ waiter: Waiter) {
        waiter.deadline = .never
        if waiter.isLinked { unlink(waiter) }
    }

    /// Fires what is due.
    package mutating func advance(to now: Instant) {
        let target = Int(now.nanoseconds / TimerWheel.tickNanoseconds)
        // After a long sleep of the machine one full turn sees every slot.
        if target - current > TimerWheel.slotCount { current = target - TimerWheel.slotCount }
        while current < target {
            current += 1
            let slot = current % TimerWheel.slotCount
            guard occupied[slot / 64] & (1 << UInt64(slot % 64)) != 0 else { continue }
            var waiter = slots[slot]
            slots[slot] = nil
            occupied[slot / 64] &= ~(1 << UInt64(slot % 64))
            while let this = waiter {
                waiter = this.next
                this.next = nil
                this.previous = nil
                this.isLinked = false
                if this.deadline <= now {
                    this.deadline = .never
                    this.expire()
                } else if this.deadline != .never {
                    link(this, TimerWheel.tick(of: this.deadline))
                }
            }
        }
    }

    /// When the next occupied slot is due; `never` if there is none.
    package var nextDeadline: Instant {
        let first = (current + 1) % TimerWheel.slotCount
        var distance = 0
        while distance < TimerWheel.slotCount {
            let slot = (first + distance) % TimerWheel.slotCount
            let word = occupied[slot / 64] >> UInt64(slot % 64)
            if word != 0 {
                let tick = current + 1 + distance + word.trailingZeroBitCount
                return Instant(nanoseconds: Int64(tick) * TimerWheel.tickNanoseconds)
            }
            distance += 64 - slot % 64
        }
        return .never
    }

    private static func tick(of deadline: Instant) -> Int {
        let (sum, overflow) = deadline.nanoseconds.addingReportingOverflow(tickNanoseconds - 1)
        return Int((overflow ? Int64.max : sum) / tickNanoseconds)
    }

    private mutating func link(_ waiter: Waiter, _ wanted: Int) {
        // What lies beyond a turn of the wheel is looked at once a turn.
        let tick = min(max(wanted, current + 1), current + TimerWheel.slotCount)
        let slot = tick % TimerWheel.slotCount
        waiter.tick = tick
        waiter.isLinked = true
        waiter.previous = nil
        waiter.next = slots[slot]
        waiter.next?.previous = waiter
        slots[slot] = waiter
        occupied[slot / 64] |= 1 << UInt64(slot % 64)
    }

    private mutating func unlink(_ waiter: Waiter) {
        let slot = waiter.tick % TimerWheel.slotCount
        waiter.next?.previous = waiter.previous
        if let previous = waiter.previous {
            previous.next = waiter.next
        } else {
            slots[slot] = waiter.next
            if slots[slot] == nil { occupied[slot / 64] &= ~(1 << UInt64(slot % 64)) }
        }
        waiter.next = nil
        waiter.previous = nil
        waiter.isLinked = false
    }
}
