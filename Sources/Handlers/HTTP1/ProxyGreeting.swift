import Base
import Config
import Net
import Wire

/// The header of the PROXY protocol at the beginning of a connection, as `listen = … proxy_protocol` wants it.
struct ProxyGreeting {
    /// The connection as the header describes it.
    let facts: ConnectionFacts
    /// What came behind the header: the beginning of the first request.
    let rest: [UInt8]

    /// Receives the header. Nil where the connection is to be closed; the log then says why, unless
    /// nothing came at all.
    static func receive(
        _ stream: Stream, _ facts: ConnectionFacts, _ context: LoopContext
    ) async -> ProxyGreeting? {
        let trusted = context.trustedProxies
        guard trusted.isEmpty || trusted.contains(facts.peer) else {
            refuse("is none of trusted_proxies and may not send a PROXY header", facts, context)
            return nil
        }
        var input = ByteBuffer()
        let deadline = context.loop.now + context.http1.headerTimeout
        while true {
            do throws(StreamError) {
                let count = try await stream.read(into: &input, atLeast: 512, until: deadline)
                guard count > 0 else {
                    // Whoever only looks whether the port is open closes without a word.
                    if !input.isEmpty {
                        refuse("begins a connection with half a PROXY header", facts, context)
                    }
                    return nil
                }
            } catch {
                if error == .timedOut {
                    refuse("sends no PROXY header within header_timeout", facts, context)
                }
                return nil
            }
            do throws(ProxyHeader.Failure) {
                guard let header = try ProxyHeader.parse(input.bytes) else { continue }
                input.consume(header.length)
                return ProxyGreeting(
                    facts: describe(header, facts, context), rest: input.bytes.array)
            } catch {
                refuse("begins a connection \(error.reason)", facts, context)
                return nil
            }
        }
    }

    private static func describe(
        _ header: ProxyHeader, _ facts: ConnectionFacts, _ context: LoopContext
    ) -> ConnectionFacts {
        guard let endpoints = header.endpoints else { return facts }
        return ConnectionFacts(
            peer: endpoints.peer, local: endpoints.local, isSecure: header.isSecure,
            trustedProxies: context.trustedProxies)
    }

    private static func refuse(_ reason: String, _ facts: ConnectionFacts, _ context: LoopContext) {
        context.greetingThrottle.write(
            "proxy_protocol: \(facts.peer) \(reason); the connection was closed", facts.peer.ip, context)
    }
}
