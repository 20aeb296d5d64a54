import Base
import Config
package import Net
import Wire

/// The life of one HTTP/1.x connection: request after request until one side ends it.
///
/// The one place that knows all three layers: it reads heads from a stream, has them parsed, and
/// hands each request to the dispatcher.
package struct HTTP1Connection {
    private let context: LoopContext
    private let stream: Stream
    private let sites: SiteTable
    private let facts: ConnectionFacts
    private let takesProxyHeader: Bool

    /// `sites` are those of the address that the connection came in on. `takesProxyHeader`: it begins
    /// with a header of the PROXY protocol.
    package init(
        context: LoopContext, stream: Stream, sites: SiteTable, facts: ConnectionFacts,
        takesProxyHeader: Bool = false
    ) {
        (self.context, self.stream, self.sites, self.facts) = (context, stream, sites, facts)
        self.takesProxyHeader = takesProxyHeader
    }

    private var settings: HTTP1Settings { context.http1 }
    private var loop: EventLoop { stream.loop }

    /// How a connection is closed.
    private enum Closing {
        case plain
        /// The client may still be sending: our side is ended and its rest is read before the close.
        case lingering
        /// So that the client notices that the last answer was cut.
        case reset
    }

    package func serve() async {
        let closing = await serveClient()
        switch closing {
        case .plain: stream.close()
        case .lingering: await linger()
        case .reset: stream.reset()
        }
    }

    /// Finds out whose connection it is, and whether it may have one more.
    private func serveClient() async -> Closing {
        var (facts, rest) = (facts, [UInt8]())
        if takesProxyHeader {
            guard let greeting = await ProxyGreeting.receive(stream, facts, context) else { return .plain }
            (facts, rest) = (greeting.facts, greeting.rest)
        }
        // A proxy's connections are those of all its clients.
        guard let counter = context.clientConnections, !facts.isFromTrustedProxy,
            let client = facts.peer.ip
        else { return await serveRequests(facts, rest) }
        guard counter.take(client) else {
            counter.tell(client, context)
            return .plain
        }
        defer { counter.give(client) }
        return await serveRequests(facts, rest)
    }

    /// `early` has come already.
    private func serveRequests(_ facts: ConnectionFacts, _ early: [UInt8]) async -> Closing {
        var early = early
        var isFirst = true
        var served: UInt8 = 0
        while true {
            // No buffer is held while nothing comes.
            let timeout = isFirst ? settings.headerTimeout : settings.keepaliveTimeout
            guard let exchange = await awaitRequest(facts, &early, until: loop.now + timeout) else {
                return .plain
            }
            defer { context.giveBack(exchange) }
            isFirst = false
            repeat {
                if let closing = await serveOne(exchange) { return closing }
                // A client that always has more waiting must not keep the loop for itself.
                served &+= 1
                if served % 32 == 0 { await Task.yield() }
                exchange.input.compact(to: 0)
            } while !exchange.input.isEmpty
        }
    }

    /// Waits for the first bytes of a request; nil where the connection is to be closed.
    private func awaitRequest(
        _ facts: ConnectionFacts, _ early: inout [UInt8], until deadline: Instant
    ) async -> HTTP1Exchange? {
        while true {
            if context.isDraining { return nil }
            let exchange = context.takeExchange(stream, facts)
            if !early.isEmpty {
                exchange.input.append(early)
                early = []
                return exchange
            }
            do throws(StreamError) {
                if let count = try stream.readNow(into: &exchange.input, atLeast: HTTP1Connection.firstRead) {
                    if count > 0 { return exchange }
                    context.giveBack(exchange)
                    return nil
                }
                context.giveBack(exchange)
                try await stream.wait(until: deadline)
            } catch {
                return nil
            }
        }
    }

    private static let firstRead = 8192

    /// Serves the request whose first bytes have come. Returns how to close, nil to go on.
    private func serveOne(_ exchange: HTTP1Exchange) async -> Closing? {
        do throws(RequestError) {
            var parser = RequestParser(limit: settings.maxHeaderSize)
            if try !exchange.parseHead(&parser) {
                guard try await readHead(exchange, &parser) else { return .plain }
            }
        } catch {
            return await refuse(error, exchange)
        }
        exchange.input.consume(exchange.head.end - exchange.input.start)
        exchange.beginRequest(closing: context.isDraining)
        do throws(StreamError) {
            if try !exchange.answerAtOnce(sites) { try await Dispatcher.answer(exchange, sites: sites) }
            // Of a cut answer, too, the client gets all there is.
            if exchange.pendingBytes > 0 { try await exchange.drain() }
        } catch {
            if exchange.status == 0 { exchange.status = 499 }
            context.accessLogs.write(exchange)
            exchange.dropOutput()
            return .reset
        }
        context.accessLogs.write(exchange)
        if exchange.needsReset { return .reset }
        if exchange.hasUnreadContent { await exchange.finishRequest() }
        if exchange.keepsAlive { return nil }
        return exchange.mayHaveUnreadInput ? .lingering : .plain
    }

    /// Reads until the head is whole. False where the client has gone or let the time pass silently.
    private func readHead(
        _ exchange: HTTP1Exchange, _ parser: inout RequestParser
    ) async throws(RequestError) -> Bool {
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
        exchange.head = RequestHead(method: exchange.head.method == .head ? .head : .get)
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
            return "; it begins with \"\(line.string)\""
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
