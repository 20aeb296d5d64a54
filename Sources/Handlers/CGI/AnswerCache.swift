import Base
import Net
import Synchronization
import Wire

/// A script's whole answer, kept to answer others with.
struct KeptAnswer: Sendable {
    var status: Status
    /// The script's fields as lines.
    var lines: [UInt8]
    var content: [UInt8]
    var validators: Validators
    var made: Instant
    /// Until when it is served as it is.
    var fresh: Instant
    /// Until when it may stand in while a new one is made, or when that fails.
    var usable: Instant
    /// The request fields that the answer depends on (Vary), in lower case, with their values.
    var varying: [(name: [UInt8], value: [UInt8])]

    /// With what it is found by; each key's bytes are bounded by `max_header_size`.
    var keySize = 0
    var size: Int { lines.count + content.count + keySize + 512 }
}

/// Kept answers of a site's scripts, and the scripts that are just making new ones (`cgi_cache`).
///
/// One script runs for any number of requests for the same thing at the same time. Shared by all loops.
package final class AnswerCache: Sendable {
    enum Lookup {
        case kept(KeptAnswer, isStale: Bool)
        /// Nobody makes this answer yet: run the script and tell `finish`. `stale` stands in if it fails.
        case make(stale: KeptAnswer?)
        /// Somebody makes it: wait until the ticket is done, and look again.
        case wait(Ticket)
        /// There is nothing, and this request is not one to make it.
        case nothing
    }

    private let limit: Int
    private let state = Mutex(State())

    private struct State {
        var answers: [Key: [KeptAnswer]] = [:]
        var used: [Key: Instant] = [:]
        /// Who waits for an answer that is being made, by what it is.
        var makers: [Key: [Ticket]] = [:]
        var size = 0
    }

    /// One that waits for an answer that is being made.
    ///
    /// `@unchecked Sendable`: `isDone` is read and written on the waiter's loop only.
    final class Ticket: @unchecked Sendable {
        let waiter: Waiter
        fileprivate(set) var isDone = false
        init(_ waiter: Waiter) { self.waiter = waiter }
    }

    struct Key: Hashable, Sendable {
        /// Host and target as sent.
        let bytes: [UInt8]
    }

    /// `limit` in bytes for all kept answers.
    package init(limit: Int) { self.limit = limit }

    /// What there is for `key`. `waiter` is woken when the answer that is being made is there; nil for
    /// a request that only takes what there is. `value` gives the request's value of a field.
    func look(_ key: Key, now: Instant, waiter: Waiter?, value: ([UInt8]) -> [UInt8]) -> Lookup {
        state.withLock { state in
            var stale: KeptAnswer?
            if let answer = state.answers[key]?.first(where: { AnswerCache.fits($0, value) }),
                now < answer.usable
            {
                state.used[key] = now
                if now < answer.fresh { return .kept(answer, isStale: false) }
                stale = answer
            }
            guard let waiter else { return stale.map { .kept($0, isStale: true) } ?? .nothing }
            if state.makers[key] == nil {
                state.makers[key] = []
                return .make(stale: stale)
            }
            if let stale { return .kept(stale, isStale: true) }
            let ticket = Ticket(waiter)
            state.makers[key]?.append(ticket)
            return .wait(ticket)
        }
    }

    private static func fits(_ answer: KeptAnswer, _ value: ([UInt8]) -> [UInt8]) -> Bool {
        answer.varying.allSatisfy { value($0.name) == $0.value }
    }

    /// Ends the making of an answer. Nil: it is none that may be kept; who waits runs the script itself.
    func finish(_ key: Key, _ answer: KeptAnswer?, now: Instant) {
        let tickets = state.withLock { state in
            if let answer, answer.size <= limit {
                AnswerCache.keep(answer, key, &state, limit: limit, now: now)
            }
            return state.makers.removeValue(forKey: key) ?? []
        }
        for ticket in tickets {
            ticket.waiter.loop.submit {
                ticket.isDone = true
                ticket.waiter.wake()
            }
        }
    }

    private static func keep(_ answer: KeptAnswer, _ key: Key, _ state: inout State, limit: Int, now: Instant)
    {
        var variants = state.answers[key] ?? []
        variants.removeAll { old in
            let isReplaced =
                zip(old.varying, answer.varying).allSatisfy { $0 == $1 }
                && old.varying.count == answer.varying.count
            if isReplaced || now >= old.usable {
                state.size -= old.size
                return true
            }
            return false
        }
        // A client can choose the values of a varying field, so their number is bounded.
        if variants.count >= 16 { state.size -= variants.removeFirst().size }
        variants.append(answer)
        state.answers[key] = variants
        state.used[key] = now
        state.size += answer.size
        while state.size > limit, let oldest = state.used.min(by: { $0.value < $1.value })?.key {
            for old in state.answers.removeValue(forKey: oldest) ?? [] { state.size -= old.size }
            state.used[oldest] = nil
        }
    }
}
