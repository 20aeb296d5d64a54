import Base
import Config
package import Net
import Wire

/// The life of one HTTP/1.x connection: request after request until one side ends it.
///
/// The one place that knows all three layers: it reads heads from a stream, has them parsed, and
/// hands each request to the dispatcher.
///
/// What an `async` function keeps while it waits is memory of the connection, and there may be
/// thousands that wait. So what is kept stands here, waiting functions call each other over few steps,
/// and a request that can be answered at once is answered without any of them.
package final class HTTP1Connection: Attendant {
    private let context: LoopContext
    private let stream: Stream
    private let sites: SiteTable
    private var facts: ConnectionFacts
    private let takesProxyHeader: Bool
    /// Bytes of the first request that came with something else.
    private var early: [UInt8] = []
    /// A request that came while the task slept and needs it, and how far it has come.
    private var waiting: HTTP1Exchange?
    private var waitingStep = Step.served
    /// Until then a connection between two requests stays open.
    private var deadline = Instant.never
    /// The client was found gone while the task slept.
    private var isOver = false

    /// `sites` are those of the address that the connection came in on. `takesProxyHeader`: it begins
    /// with a header of the PROXY protocol.
    package init(
        context: LoopContext, stream: Stream, sites: SiteTable, facts: ConnectionFacts,
        takesProxyHeader: Bool = false
    ) {
        (self.context, self.stream, self.sites, self.facts) = (context, stream, sites, facts)
        self.takesProxyHeader = takesProxyHeader
    }

    package var waiter: Waiter { stream.waiter }
    private var settings: HTTP1Settings { context.http1 }
    private var loop: EventLoop { context.loop }

    /// How a connection is closed.
    private enum Closing {
        case plain
        /// The client may still be sending: our side is ended and its rest is read before the close.
        case lingering
        /// So that the client notices that the last answer was cut.
        case reset
    }

    package func serve() async {
        if takesProxyHeader {
            guard let greeting = await ProxyGreeting.receive(stream, facts, context) else {
                return stream.close()
            }
            (facts, early) = (greeting.facts, greeting.rest)
        }
        // A proxy's connections are those of all its clients.
        let client = facts.isFromTrustedProxy ? nil : facts.peer.ip
        if let counter = context.clientConnections, let client, !counter.take(client) {
            counter.tell(client, context)
            return stream.close()
        }
        switch await serveRequests() {
        case .plain: stream.close()
        case .lingering: await linger()
        case .reset: stream.reset()
        }
        if let counter = context.clientConnections, let client { counter.give(client) }
    }

    private func serveRequests() async -> Closing {
        deadline = loop.now + settings.headerTimeout
        while true {
            let step = waiting == nil ? nil : waitingStep
            // No buffer is held while nothing comes.
            guard let exchange = waiting.take() ?? (context.isDraining ? nil : receive()) else {
                if context.isDraining || isOver { return .plain }
                waiter.setAttendant(self)
                let wakeup = await waiter.wait(until: deadline)
                waiter.setAttendant(nil)
                if wakeup != .woken { return .plain }
                continue
            }
            let closing = await serveAll(exchange, from: step)
            context.giveBack(exchange)
            if let closing { return closing }
            deadline = loop.now + settings.keepaliveTimeout
        }
    }

    /// Serves requests that can be answered at once while the task sleeps between two of them.
    package override func attend() -> Bool {
        if context.isDraining { return false }
        guard let exchange = receive() else { return !isOver }
        let step = serveAtOnce(exchange)
        guard case .served = step, exchange.input.isEmpty else {
            (waiting, waitingStep) = (exchange, step)
            return false
        }
        context.giveBack(consume exchange)
        deadline = loop.now + settings.keepaliveTimeout
        // More has come with it, or the client's end: no event will tell of that again.
        if stream.mayRead { return false }
        uncounted(.passUnretained(waiter)) { $0.postpone(to: deadline) }
        return true
    }

    /// The first bytes of a request; nil while there are none, or where the connection `isOver`.
    private func receive() -> HTTP1Exchange? {
        guard stream.mayRead || !early.isEmpty else { return nil }
        let exchange = context.takeExchange(stream, .passUnretained(facts))
        if !early.isEmpty {
            exchange.input.append(early)
            early = []
            return exchange
        }
        do throws(StreamError) {
            let count = try uncounted(.passUnretained(exchange)) { (exchange) throws(StreamError) in
                try exchange.readNow(from: stream, atLeast: HTTP1Connection.firstRead)
            }
            if let count {
                if count > 0 { return exchange }
                isOver = true
            }
        } catch {
            isOver = true
        }
        context.giveBack(exchange)
        return nil
    }

    private static let firstRead = 8192

    /// Serves the requests whose bytes have come. Returns how to close, nil to go on.
    private func serveAll(_ exchange: HTTP1Exchange, from first: Step?) async -> Closing? {
        var served: UInt8 = 0
        var first = first
        while true {
            let step = first.take() ?? serveAtOnce(exchange)
            if case .served = step {
                // A client that always has more waiting must not keep the loop for itself.
                served &+= 1
                if served % 32 == 0 { await Task.yield() }
            } else if let closing = await serveOne(exchange, from: step) {
                return closing
            }
            if exchange.input.isEmpty { return nil }
            exchange.input.compact(to: 0)
            exchange.forget()
        }
    }

    // MARK: One request

    /// How far a request came without any waiting.
    private enum Step {
        /// It was answered, and the next may follow.
        case served
        case headIncomplete(RequestParser)
        case refused(RequestError)
        case headRead
        /// What is left to do is in the exchange.
        case answered
        case failed
    }

    /// Does all that can be done now.
    private func serveAtOnce(_ exchange: HTTP1Exchange) -> Step {
        var parser = RequestParser(limit: settings.maxHeaderSize)
        do throws(RequestError) {
            guard try exchange.parseHead(&parser) else { return .headIncomplete(parser) }
        } catch {
            return .refused(error)
        }
        begin(exchange)
        do throws(StreamError) {
            guard try exchange.answerAtOnce(sites, on: stream) else { return .headRead }
        } catch {
            return .failed
        }
        if exchange.pendingBytes > 0 || exchange.hasRest { return .answered }
        // What is prepared is for requests without content, on connections that go on.
        uncounted(.passUnretained(context.accessLogs)) { $0.write(exchange) }
        return .served
    }

    private func begin(_ exchange: HTTP1Exchange) {
        exchange.input.consume(exchange.head.end - exchange.input.start)
        exchange.beginRequest(closing: context.isDraining)
    }

    /// Does the rest of a request. Returns how to close, nil to go on.
    private func serveOne(_ exchange: HTTP1Exchange, from step: Step) async -> Closing? {
        exchange.isDispatched = true
        var mustDispatch = true
        switch step {
        case .served: return nil
        case .headRead: break
        case .answered: mustDispatch = false
        case .failed: return fail(exchange)
        case .refused(let error): return await refuse(error, exchange)
        case .headIncomplete(let parser):
            do throws(RequestError) {
                guard try await readHead(exchange, parser) else { return .plain }
            } catch {
                return await refuse(error, exchange)
            }
            begin(exchange)
        }
        do throws(StreamError) {
            if mustDispatch { try await Dispatcher.answer(exchange, sites: sites) }
            if exchange.hasRest { try await exchange.sendRest() }
            // Of a cut answer, too, the client gets all there is.
            if exchange.pendingBytes > 0 { try await exchange.drain() }
        } catch {
            return fail(exchange)
        }
        context.accessLogs.write(exchange)
        if exchange.needsReset { return .reset }
        if exchange.hasUnreadContent { await exchange.finishRequest() }
        if exchange.keepsAlive { return nil }
        return exchange.mayHaveUnreadInput ? .lingering : .plain
    }

    /// The client has gone, or takes nothing, in the middle of an answer.
    private func fail(_ exchange: HTTP1Exchange) -> Closing {
        if exchange.status == 0 { exchange.status = 499 }
        exchange.abort()
        context.accessLogs.write(exchange)
        exchange.dropOutput()
        return .reset
    }

    /// Reads until the head is whole. False where the client has gone or let the time pass silently.
    private func readHead(
        _ exchange: HTTP1Exchange, _ parser: RequestParser
    ) async throws(RequestError) -> Bool {
        var parser = parser
        let deadline = loop.now + settings.headerTimeout
        while true {
            do throws(StreamError) {
                let count = try await stream.read(into: &exchange.input, atLeast: 4096, until: deadline)
                if count == 0 { return false }
            } catch .timedOut {
                throw RequestError.timedOut
            } catch {
                return false
            }
            if try exchange.parseHead(&parser) { return true }
        }
    }

    /// Answers a request that could not be read, and closes.
    private func refuse(_ error: RequestError, _ exchange: HTTP1Exchange) async -> Closing {
        let line = firstLine(exchange)
        // Of what was read only this counts: an answer to HEAD has no content, this one neither.
        exchange.head = RequestHead(
            method: exchange.head.method == .head ? .head : .get, refused: exchange.findFirstLine())
        exchange.beginRequest(closing: true)
        exchange.site = sites.fallback
        exchange.part = sites.fallback.part
        exchange.log(.info, "refused: \(error.reason)\(line)")
        do throws(StreamError) {
            try await ErrorPage.send(error.status, on: exchange)
            try await exchange.drain()
        } catch {
            context.accessLogs.write(exchange)
            return .plain
        }
        context.accessLogs.write(exchange)
        return .lingering
    }

    /// The beginning of what came, for the log; nothing where it is no text.
    private func firstLine(_ exchange: HTTP1Exchange) -> String {
        exchange.input.withSpan { bytes in
            let end = bytes.firstIndex(of: ASCII.lf) ?? bytes.count
            var line = bytes.extracting(first: min(end, 100))
            if let last = line.indices.last, line[last] == ASCII.cr { line = line.extracting(0..<last) }
            guard let first = line.indices.first, !ASCII.isControl(line[first]) else { return "" }
            return "; the request begins with \"\(line.string)\""
        }
    }

    /// Ends our side and reads what the client still sends, for a while: closing with unread input
    /// would reset the connection, and the client could lose the answer (RFC 9112, section 9.6).
    private func linger() async {
        stream.shutdownWrite()
        var deadline = loop.now + .seconds(5)
        var scratch = ByteBuffer()
        var total = 0
        while total < 64 << 20 {
            // The server's end waits for answers, not for this.
            if context.isDraining { deadline = min(deadline, loop.now + .milliseconds(500)) }
            do throws(StreamError) {
                scratch.removeAll()
                if let count = try stream.readNow(into: &scratch, atLeast: 65536) {
                    if count == 0 { break }
                    total += count
                } else {
                    try await stream.wait(until: deadline)
                }
            } catch {
                break
            }
        }
        stream.close()
    }
}
