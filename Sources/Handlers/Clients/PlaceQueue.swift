package import Base
import Net
import Synchronization

/// How many requests do the same costly thing at once, such as to run a script of a site, and who waits
/// for a place.
///
/// Places are given in the order of arrival, but by turns among clients, so that one that asks for
/// a hundred scripts does not keep the others waiting. Shared by all loops.
package final class PlaceQueue: Sendable {
    package enum Admission: Sendable { case granted, full, timedOut, abandoned }

    private let limit: Int
    private let timeout: TimeSpan
    /// How many of the loop that gives a place may get one before who is the next.
    private let overtaking: Int
    private let state = Mutex(State())

    /// Requests that may wait at once.
    static let bound = 1024

    private struct State {
        var running = 0
        var line = FairLine<IPAddress, Ticket>()

        mutating func take(_ limit: Int) -> Bool {
            guard running < limit else { return false }
            running += 1
            return true
        }
    }

    /// One that waits. `isGranted` is read and written on its own loop only.
    private final class Ticket: @unchecked Sendable {
        let waiter: Waiter
        var isGranted = false
        init(_ waiter: Waiter) { self.waiter = waiter }

        func grant() {
            isGranted = true
            waiter.wake()
        }
    }

    /// `limit` places; one is waited for during `timeout` at most. With `overtaking`, a place rather stays on its
    /// loop, which is awake, than wakes another one: so many may get one before the next one, who is of another.
    package init(limit: Int, timeout: TimeSpan, overtaking: Int = 0) {
        self.limit = max(limit, 1)
        self.timeout = timeout
        self.overtaking = overtaking
    }

    /// Takes a place if one is free; false otherwise.
    func enterNow() -> Bool { state.withLock { $0.take(limit) } }

    /// Waits for a place. Who is `granted` one calls `leave` when it needs it no more. `abandoned`: the
    /// client has gone, or the server is ending.
    func enter(_ exchange: Exchange) async -> Admission {
        // Clients of a Unix socket count as one.
        let client = (exchange.clientAddress ?? .loopback).clientNetwork
        let ticket = Ticket(exchange.waiter)
        let immediate: Admission? = state.withLock { state in
            if state.take(limit) { return .granted }
            if state.line.count >= PlaceQueue.bound { return .full }
            state.line.append(ticket, of: client)
            return nil
        }
        if let immediate { return immediate }
        exchange.watchClient()
        let deadline = exchange.context.loop.now + timeout
        while true {
            let wakeup = await exchange.waiter.wait(until: deadline)
            if ticket.isGranted {
                if !exchange.isClientGone, wakeup != .cancelled { return .granted }
                leave()
                return .abandoned
            }
            if wakeup == .woken, !exchange.isClientGone {
                // One that has only ended its side keeps its place; one that has gone shows it now.
                if exchange.isClientDone { _ = exchange.probeClient() }
                continue
            }
            // Somebody may just be giving it a place, which then is passed on when it arrives.
            guard withdraw(ticket, client) else {
                await awaitGrant(ticket)
                if wakeup == .timedOut { return .granted }
                leave()
                return .abandoned
            }
            return wakeup == .timedOut ? .timedOut : .abandoned
        }
    }

    /// Gives the place to the next one.
    func leave() {
        let next: Ticket? = state.withLock { state in
            let next = state.line.removeFirst(overtaking: overtaking) { $0.waiter.loop.isCurrent }
            if next == nil { state.running -= 1 }
            return next
        }
        guard let next else { return }
        if next.waiter.loop.isCurrent { return next.grant() }
        next.waiter.loop.submit { next.grant() }
    }

    /// Takes a ticket out; false where its turn has come meanwhile.
    private func withdraw(_ ticket: Ticket, _ client: IPAddress) -> Bool {
        state.withLock { $0.line.remove(of: client) { $0 === ticket } }
    }

    private func awaitGrant(_ ticket: Ticket) async {
        while !ticket.isGranted {
            // A cancelled waiter no longer sleeps; let the loop run the action that is on its way.
            if await ticket.waiter.wait() == .cancelled { await Task.yield() }
        }
    }
}
