import Base
import Config
import Glibc
import Handlers
import Logs
import Net
import Wire

/// One event loop with everything that serves on it: sites, listeners, connections, its share of
/// the access logs. Nothing of it is shared with other loops but what is made for that.
///
/// `@unchecked Sendable`: made on the main thread, used on its loop's thread from `run` on.
final class Worker: @unchecked Sendable {
    let loop: EventLoop
    let context: LoopContext
    private var isDraining: Bool { context.isDraining }

    private let limit: ConnectionLimit
    private var endpoints: [Endpoint] = []
    /// The waiters of all connections, to wake the quiet ones at the end.
    private var connections: [ObjectIdentifier: Waiter] = [:]

    init(loop: EventLoop, context: LoopContext, limit: ConnectionLimit) {
        self.loop = loop
        self.context = context
        self.limit = limit
        loop.whenChildrenEnded = { [unowned self] in self.tellIfDrained() }
        loop.beforeWait = { context.tidy() }
    }

    // MARK: Accepting

    /// An address that is listened on, and what is served there.
    private struct Endpoint {
        let listener: Listener
        let waiter: Waiter
        let address: SocketAddress
        let sites: SiteTable
        let takesProxyHeader: Bool
    }

    /// Accepts on `socket` and serves its connections with `sites`. Before `run` or on the loop's thread.
    func listen(
        _ socket: consuming FileDescriptor, address: SocketAddress, sites: SiteTable, takesProxyHeader: Bool
    ) {
        let waiter = Waiter(loop: loop)
        let number = endpoints.count
        endpoints.append(
            Endpoint(
                listener: Listener(socket, waiter: waiter), waiter: waiter, address: address, sites: sites,
                takesProxyHeader: takesProxyHeader))
        connections[ObjectIdentifier(waiter)] = waiter
        loop.spawn { [self] in
            await accept(number)
            endpoints[number].listener.close()
            ended(waiter)
        }
    }

    private func accept(_ number: Int) async {
        let waiter = endpoints[number].waiter
        while !isDraining {
            guard limit.take() else {
                // The kernel's queue holds new ones until a connection ends.
                limit.wakeWhenFree(waiter)
                _ = await waiter.wait()
                continue
            }
            do throws(Errno) {
                if let (descriptor, peer) = try endpoints[number].listener.tryAccept() {
                    serve(descriptor, peer, number)
                } else {
                    limit.give()
                    _ = await waiter.wait()
                }
            } catch {
                limit.give()
                await recover(from: error, waiter)
            }
        }
    }

    private func recover(from error: Errno, _ waiter: Waiter) async {
        switch error {
        case .tooManyFiles, .tooManyFilesInSystem, Errno(ENOMEM), Errno(ENOBUFS):
            context.errorLog.write(.error, "cannot accept connections for a second: \(error)")
            _ = await waiter.wait(until: loop.now + .seconds(1))
        default:
            // The connection went away before it was accepted.
            break
        }
    }

    private func serve(_ descriptor: CInt, _ peer: SocketAddress, _ number: Int) {
        let endpoint = endpoints[number]
        let waiter = Waiter(loop: loop)
        connections[ObjectIdentifier(waiter)] = waiter
        // A socket bound to every address is asked where the client really came in.
        let isWildcard = endpoint.address.ip == .anyIPv4 || endpoint.address.ip == .anyIPv6
        let local =
            isWildcard ? ListeningSocket.localAddress(descriptor) ?? endpoint.address : endpoint.address
        let connection = HTTP1Connection(
            context: context, stream: SocketStream(FileDescriptor(owning: descriptor), waiter: waiter),
            sites: endpoint.sites,
            facts: ConnectionFacts(peer: peer, local: local, trustedProxies: context.trustedProxies),
            takesProxyHeader: endpoint.takesProxyHeader)
        loop.spawn { [self] in
            await connection.serve()
            limit.give()
            ended(connection.waiter)
        }
    }

    private func ended(_ waiter: Waiter) {
        connections[ObjectIdentifier(waiter)] = nil
        waiter.end()
        context.noteActivity()
        tellIfDrained()
    }

    // MARK: Ending

    /// Called on the loop's thread when, after `drain`, the last connection has ended and the last
    /// script that had to be ended is gone.
    var drained: () -> Void = {}

    private func tellIfDrained() {
        guard isDraining, connections.isEmpty, loop.childrenEnding == 0 else { return }
        context.accessLogs.flush()
        drained()
    }

    /// Accepts no more, closes quiet connections, lets requests under way end. On the loop's thread.
    func drain() {
        context.isDraining = true
        for waiter in connections.values { waiter.wake() }
        tellIfDrained()
    }

    /// Lets the loop return. From any thread.
    func stop() {
        loop.submit { self.context.starter.close() }
        loop.stop()
    }

    /// Ends what is still under way. On the loop's thread.
    func cancel() {
        context.isDraining = true
        for waiter in connections.values { waiter.cancel() }
    }
}
