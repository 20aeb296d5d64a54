import Base
import Config
import Net
import Wire

/// Answers from the cache where `cgi_cache` allows it, and has the script run where it must.
struct CachedScript {
    let exchange: Exchange
    let service: ScriptService
    let rule: CacheRule

    /// The rule for a path: the longest prefix that fits.
    static func rule(for path: [UInt8], _ part: Part) -> CacheRule? {
        part.settings.cgiCache
            .filter { Site.isPrefix($0.prefix == "/" ? [] : Array($0.prefix.utf8), of: path) }
            .max { $0.prefix.utf8.count < $1.prefix.utf8.count }
    }

    /// Whether a request may be answered from a cache at all. What a client shows who it is with is for it alone.
    static func allows(_ exchange: Exchange) -> Bool {
        !exchange.isSentOn && (exchange.method == .get || exchange.method == .head)
            && exchange.framing == .none && !exchange.head.has(.authorization) && !exchange.head.has(.cookie)
    }

    func serve() async throws(StreamError) -> ScriptService.Outcome {
        let cache = service.site.answerCache
        let key = AnswerCache.Key(bytes: keyBytes())
        var hasWaited = false
        exchange.watchClient()
        while true {
            let now = exchange.context.loop.now
            // The answer to a HEAD has no content to keep.
            let waiter = exchange.method == .get ? exchange.waiter : nil
            switch cache.look(key, now: now, waiter: waiter, value: requestValue) {
            case .kept(let answer, let isStale):
                try await send(answer, isStale ? "stale" : hasWaited ? "shared" : "hit")
                return .answered
            case .make(let stale):
                return try await make(key, stale)
            case .nothing:
                return try await service.run(nil)
            case .wait(let ticket):
                if hasWaited {
                    // What was made could not be kept, so each needs its own.
                    return try await service.run(nil)
                }
                hasWaited = true
                try await wait(for: ticket)
            }
        }
    }

    private func wait(for ticket: AnswerCache.Ticket) async throws(StreamError) {
        let deadline = exchange.context.loop.now + service.part.settings.cgiTimeout
        while !ticket.isDone {
            switch await exchange.waiter.wait(until: deadline) {
            case .woken: if exchange.isClientGone { throw .failed(.connectionReset) }
            case .timedOut: return
            case .cancelled: throw .cancelled
            }
        }
    }

    private func make(_ key: AnswerCache.Key, _ stale: KeptAnswer?) async throws(StreamError)
        -> ScriptService.Outcome
    {
        let capture = AnswerCapture(limit: service.site.config.cgiCacheSize, stale: stale)
        let cache = service.site.answerCache
        // Whatever happens, those who wait must be told.
        defer { cache.finish(key, kept(capture), now: exchange.context.loop.now) }
        let outcome = try await service.run(capture)
        if capture.useStale, let stale { try await send(stale, "stale") }
        return outcome
    }

    /// The captured answer as it may be kept; nil where it may not.
    private func kept(_ capture: AnswerCapture) -> KeptAnswer? {
        guard capture.isWhole, let head = capture.head, let status = capture.status,
            let lifetime = CachePolicy.lifetime(status, head, time: rule.time)
        else { return nil }
        let now = exchange.context.loop.now
        let varying = CachePolicy.varying(head).map { (name: $0, value: requestValue($0)) }
        return KeptAnswer(
            status: status, lines: head.lines, content: capture.content,
            validators: Validators(entityTag: head.entityTag, lastModified: head.lastModified), made: now,
            fresh: now + lifetime, usable: CachePolicy.usable(from: now, lifetime),
            varying: varying,
            keySize: keyBytes().count + varying.reduce(0) { $0 + $1.name.count + $1.value.count })
    }

    private func send(_ answer: KeptAnswer, _ how: StaticString) async throws(StreamError) {
        exchange.script = nil
        let conditions = exchange.withHeadBytes { Conditions.evaluate(exchange.head, $0, answer.validators) }
        var head = ResponseHead(answer.status, lines: answer.lines, contentLength: answer.content.count)
        if answer.status == .ok, conditions == .notModified {
            head = ResponseHead(.notModified, lines: answer.lines, contentLength: nil)
        }
        head.add("Age", String(max(0, Int((exchange.context.loop.now - answer.made).seconds))))
        head.add("X-Cache", how)
        try await exchange.send(head, head.status == .notModified ? [] : answer.content)
    }

    /// Scheme, host and target. Scripts that send clients to https answer each scheme in another way.
    private func keyBytes() -> [UInt8] {
        var key: [UInt8] = exchange.isSecure ? [ASCII.plus] : [ASCII.space]
        key += exchange.head.authority.map { exchange.bytes($0).map(ASCII.lower) } ?? []
        key.append(ASCII.space)
        key += exchange.bytes(exchange.head.path)
        if let query = exchange.head.query { key += [ASCII.question] + exchange.bytes(query) }
        return key
    }

    /// The value of a request field, all of that name joined.
    private func requestValue(_ name: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        exchange.withHeadBytes { bytes in
            for field in exchange.head.fields
            where bytes.extracting(field.name.range).array.map(ASCII.lower) == name {
                if !result.isEmpty { result.append(ASCII.comma) }
                result += bytes.extracting(field.value.range).array
            }
        }
        return result
    }
}

/// Takes a copy of a script's answer on its way.
///
/// Belongs to the task of its request.
final class AnswerCapture {
    private let limit: Int
    /// There is an older answer to give in the place of an error.
    let stale: KeptAnswer?
    /// An error was held back; the older answer is to be sent.
    var useStale = false
    private(set) var head: ScriptHead?
    private(set) var status: Status?
    private(set) var content: [UInt8] = []
    private var isTooLarge = false
    private var isComplete = false

    init(limit: Int, stale: KeptAnswer?) {
        self.limit = limit
        self.stale = stale
    }

    func begin(_ head: ScriptHead, _ status: Status) { (self.head, self.status) = (head, status) }

    func take(_ piece: Span<UInt8>) {
        if isTooLarge { return }
        if content.count + piece.count > limit {
            isTooLarge = true
            content = []
            return
        }
        piece.withUnsafeBufferPointer { content.append(contentsOf: $0) }
    }

    func complete() { isComplete = true }

    /// All of the answer is here.
    var isWhole: Bool { isComplete && !isTooLarge }
}
