import Base
import Config
import Handlers
import Net
import Wire

/// The life of one HTTP/1.x connection: request after request until one side ends it.
///
/// The one place that knows all three layers: it reads heads from a stream, has them parsed, and
/// hands each request to the dispatcher.
struct HTTP1Connection {
    let worker: Worker
    let stream: Stream
    let sites: SiteTable
    let facts: ConnectionFacts

    private var settings: HTTP1Settings { worker.http1 }
    private var loop: EventLoop { stream.loop }

    /// How a connection is closed.
    private enum Closing {
        case plain
        /// The client may still be sending: our side is ended and its rest is read before the close.
        case lingering
        /// So that the client notices that the last answer was cut.
        case reset
    }

    func serve() async {
        let closing = await serveRequests()
        switch closing {
        case .plain: stream.close()
        case .lingering: await linger()
        case .reset: stream.reset()
        }
    }

    private func serveRequests() async -> Closing {
        var isFirst = true
        while true {
            // No buffer is held while nothing comes.
            let timeout = isFirst ? settings.headerTimeout : settings.keepaliveTimeout
            guard let exchange = await awaitRequest(until: loop.now + timeout) else { return .plain }
            defer { worker.giveBack(exchange) }
            isFirst = false
            repeat {
                if let closing = await serveOne(exchange) { return closing }
                exchange.input.compact(to: 0)
            } while !exchange.input.isEmpty
        }
    }

    /// Waits for the first bytes of a request; nil where the connection is to be closed.
    private func awaitRequest(until deadline: Instant) async -> HTTP1Exchange? {
        while true {
            if worker.isDraining { return nil }
            let exchange = worker.takeExchange(stream, facts)
            do throws(StreamError) {
                if let count = try stream.readNow(into: &exchange.input, atLeast: HTTP1Connection.firstRead) {
                    if count > 0 { return exchange }
                    worker.giveBack(exchange)
                    return nil
                }
                worker.giveBack(exchange)
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
            guard try await readHead(exchange) else { return .plain }
        } catch {
            return await refuse(error, exchange)
        }
        exchange.input.consume(exchange.head.end - exchange.input.start)
        exchange.beginRequest(closing: worker.isDraining)
        do throws(StreamError) {
            try await Dispatcher.answer(exchange, sites: sites)
            // Of a cut answer, too, the client gets all there is.
            try await exchange.drain()
        } catch {
            if exchange.status == 0 { exchange.status = 499 }
            worker.log(exchange)
            exchange.dropOutput()
            return .reset
        }
        worker.log(exchange)
        if exchange.needsReset { return .reset }
        await exchange.finishRequest()
        if exchange.keepsAlive { return nil }
        return exchange.mayHaveUnreadInput ? .lingering : .plain
    }

    /// Reads until the head is whole. False where the client has gone or let the time pass silently.
    private func readHead(_ exchange: HTTP1Exchange) async throws(RequestError) -> Bool {
        var parser = RequestParser(limit: settings.maxHeaderSize)
        let deadline = loop.now + settings.headerTimeout
        while true {
            if try parser.parse(exchange.input.all, from: exchange.input.start, into: &exchange.head) {
                return true
            }
            do throws(StreamError) {
                let count = try await stream.read(into: &exchange.input, atLeast: 4096, until: deadline)
                if count == 0 { return false }
            } catch .timedOut {
                throw RequestError.timedOut
            } catch {
                return false
            }
        }
    }

    /// Answers a request that could not be read, and closes.
    private func refuse(_ error: RequestError, _ exchange: HTTP1Exchange) async -> Closing {
        // Of what was read only this counts: an answer to HEAD has no content, this one neither.
        exchange.head = RequestHead(method: exchange.head.method == .head ? .head : .get)
        exchange.beginRequest(closing: true)
        exchange.site = sites.fallback
        exchange.part = sites.fallback.part
        exchange.log(.info, "refused: \(error.reason)")
        do throws(StreamError) {
            try await ErrorPage.send(error.status, on: exchange)
            try await exchange.drain()
        } catch {
            worker.log(exchange)
            return .plain
        }
        worker.log(exchange)
        return .lingering
    }

    /// Ends our side and reads what the client still sends, for a while: closing with unread input
    /// would reset the connection, and the client could lose the answer (RFC 9112, section 9.6).
    private func linger() async {
        stream.shutdownWrite()
        let deadline = loop.now + .seconds(5)
        var scratch = ByteBuffer()
        var total = 0
        while total < 64 << 20 {
            do throws(StreamError) {
                scratch.removeAll()
                let count = try await stream.read(into: &scratch, atLeast: 65536, until: deadline)
                if count == 0 { break }
                total += count
            } catch {
                break
            }
        }
        stream.close()
    }
}
