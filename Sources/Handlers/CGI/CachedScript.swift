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
            case .woken:
                if exchange.isClientGone { throw .failed(.connectionReset) }
                if exchange.isClientDone { _ = exchange.probeClient() }
            case .timedOut: return
            case .cancelled: throw .cancelled
            }
        }
    }

    private func make(_ key: AnswerCache.Key, _ stale: KeptAnswer?) async throws(StreamError)
        -> ScriptService.Outcome
    {
        let cache = service.site.answerCache
        let loop = exchange.context.loop
        let capture = AnswerCapture(
            limit: service.site.config.cgiCacheSize / CachedScript.share, time: rule.time, stale: stale
        ) {
            cache.finish(key, nil, now: loop.now)
        }
        // Whatever happens, those who wait must be told.
        defer { if !capture.isGivenUp { cache.finish(key, kept(capture), now: loop.now) } }
        let outcome = try await service.run(capture)
        if capture.useStale, let stale { try await send(stale, "stale") }
        return outcome
    }

    /// One answer may take this part of the cache; a larger one would push out too many others.
    private static let share = 8

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
            fresh: now + lifetime, usable: CachePolicy.usable(from: now, lifetime, head),
            varying: varying,
            keySize: keyBytes().count + varying.reduce(0) { $0 + $1.name.count + $1.value.count })
    }

    private func send(_ answer: KeptAnswer, _ how: StaticString) async throws(StreamError) {
        exchange.script = nil
        var (head, content) = reply(answer)
        head.add("Age", String(max(0, Int((exchange.context.loop.now - answer.made).seconds))))
        head.add("X-Cache", how)
        try await exchange.send(head, content)
    }

    /// What conditions and a range make of a kept answer, which is all here and has a known length.
    private func reply(_ answer: KeptAnswer) -> (ResponseHead, [UInt8]) {
        let whole = ResponseHead(answer.status, lines: answer.lines, contentLength: answer.content.count)
        guard answer.status == .ok else { return (whole, answer.content) }
        let conditions = exchange.withHeadBytes {
            Conditions.evaluate(exchange.head, $0, answer.validators)
        }
        switch conditions {
        case .proceed: break
        case .notModified:
            let lines = FieldLines.withoutContentFields(answer.lines)
            return (ResponseHead(.notModified, lines: lines, contentLength: nil), [])
        case .failed: return (ResponseHead(.preconditionFailed, contentLength: 0), [])
        }
        switch exchange.withHeadBytes({ range($0, answer) }) {
        case .one(let range):
            var head = ResponseHead(.partialContent, lines: answer.lines, contentLength: range.count)
            head.add(
                "Content-Range",
                "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(answer.content.count)")
            return (head, Array(answer.content[range]))
        case .unsatisfiable:
            var head = ResponseHead(.rangeNotSatisfiable, contentLength: 0)
            head.add("Content-Range", "bytes */\(answer.content.count)")
            return (head, [])
        // Who asks for several gets the whole, as is allowed.
        case .whole, .several: return (whole, answer.content)
        }
    }

    private func range(_ bytes: Span<UInt8>, _ answer: KeptAnswer) -> RangeField.Outcome {
        guard let field = exchange.head.first(.range),
            Conditions.rangeApplies(exchange.head, bytes, answer.validators)
        else { return .whole }
        return RangeField.parse(bytes.extracting(field.range), length: answer.content.count)
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
