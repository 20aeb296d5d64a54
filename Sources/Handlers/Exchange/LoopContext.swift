package import Base
package import Config
import Glibc
package import Logs
package import Net

/// What all requests of one event loop share.
///
/// Belongs to the loop's thread.
package final class LoopContext {
    package let loop: EventLoop
    /// Threads for calls that may block, shared by all loops.
    package let pool: WorkerPool
    let passwordGate: PasswordGate
    let largeListings: PlaceQueue
    let compressions: PlaceQueue
    package let errorLog: ErrorLog
    /// `gatehouse/VERSION`, for scripts.
    let software = "gatehouse/\(gatehouseVersion)"
    /// How long a client may take no byte of an answer.
    package let writeTimeout: TimeSpan
    /// How long a client may take for the next piece of a request's content.
    let bodyTimeout: TimeSpan
    /// Starts scripts.
    package let starter: ProcessStarter
    let scriptTurns: ScriptTurns
    var scriptLoad: ScriptLoad {
        didSet {
            let isAll = scriptLoad.isAll
            loop.setSweep(every: scriptLoad.interval, isAll: isAll)
            starter.isBusy = isAll
        }
    }

    /// The server is ending: no new requests.
    package var isDraining = false
    package let accessLogs: AccessLogs
    let http1: HTTP1Settings
    let fileCache = FileCache()
    let knownScripts = KnownScripts()
    /// What `readPiece` has read.
    private(set) var scriptPiece = ByteBuffer()
    /// How many scripts' stderr is followed though their answers have ended.
    var lateErrors = 0
    let compressedFiles = CompressedFiles()
    let compressionRoom = CompressionRoom()
    package let trustedProxies: TrustedPeers
    /// Nil where each client may have as many connections as it likes.
    let clientConnections: ClientConnections?
    let greetingThrottle = LogThrottle()
    let charsets = CharsetCache()
    /// The one that was used last, whose memory is still near, and others.
    private var spareExchange: HTTP1Exchange?
    private var spareExchanges: [HTTP1Exchange] = []

    /// Sees what scripts are given and what they print; nil but for `gatehouse doctor`.
    package var witness: ScriptWitness?

    private let idPrefix: UInt64
    private(set) var requestCount: UInt64 = 0
    private var restingMemory: RestingMemory
    /// Grows with each exchange and connection that ends.
    private var activity: UInt64 = 0
    private var exchangesUnderWay = 0
    private var date = ByteBuffer(capacity: HTTPDate.length)
    private var dateSecond = Int.min
    private var wallClock: (seconds: Int, read: Instant) = (0, Instant(nanoseconds: .min))

    /// What the loops of a server have in common.
    package struct Shared {
        let settings: ServerSettings
        let errorLog: ErrorLog
        let pool: WorkerPool
        let passwordGate: PasswordGate
        let clientConnections: ClientConnections?
        let processors: [Int32]
        /// For scripts that compute.
        let processorQueue: ProcessorQueue
        let scriptCensus: ScriptCensus
        /// Starts and ends scripts of other users; nil where there are none.
        let keeper: Keeper?
        let saidOnce = SharedSaidOnce()
        let restingMemory = RestingMemory.Shared()
        /// Listings of folders with so many names that only a few may be in memory at once.
        let largeListings = PlaceQueue(limit: 8, timeout: .seconds(30))
        /// Files that are compressed as a whole. Some threads of the pool stay for what is done sooner.
        let compressions: PlaceQueue

        package init(
            settings: ServerSettings, errorLog: ErrorLog, pool: WorkerPool, processors: [Int32] = [0],
            loops: Int = 1, keeper: Keeper? = nil
        ) {
            scriptCensus = ScriptCensus(processors: processors.count, loops: loops)
            self.processors = processors
            processorQueue = ScriptTurns.queue(for: processors, length: settings.cgiTurns)
            self.keeper = keeper
            (self.settings, self.errorLog, self.pool) = (settings, errorLog, pool)
            passwordGate = PasswordGate(limit: pool.threadCount / 2)
            compressions = PlaceQueue(limit: pool.threadCount / 2, timeout: .seconds(10))
            clientConnections = settings.maxConnectionsPerIP.map { ClientConnections($0) }
        }
    }

    /// `spawners` start the loop's scripts, where there are any.
    package init(loop: EventLoop, spawners: [Spawner] = [], accessLogs: AccessLogs, shared: Shared) {
        self.loop = loop
        self.accessLogs = accessLogs
        (pool, passwordGate, errorLog) = (shared.pool, shared.passwordGate, shared.errorLog)
        (largeListings, compressions) = (shared.largeListings, shared.compressions)
        clientConnections = shared.clientConnections
        saidAnywhere = shared.saidOnce
        restingMemory = RestingMemory(shared.restingMemory)
        trustedProxies = shared.settings.trustedProxies
        writeTimeout = shared.settings.writeTimeout
        bodyTimeout = shared.settings.bodyTimeout
        http1 = HTTP1Settings(shared.settings)
        scriptLoad = ScriptLoad(shared.scriptCensus, now: loop.now)
        scriptTurns = ScriptTurns(shared.processorQueue, length: shared.settings.cgiTurns)
        let (pool, errorLog) = (pool, errorLog)
        starter = ProcessStarter(
            loop: loop, pool: pool, spawners: spawners, keeper: shared.keeper,
            processors: shared.processors
        ) { errorLog.write(.warning, $0) }
        // Not a secret: only different in each process and loop.
        var generator = SystemRandomNumberGenerator()
        idPrefix = generator.next() << 32
    }

    // MARK: Exchanges

    /// An exchange for a request on `stream`, with buffers.
    func takeExchange(_ stream: Stream, _ facts: Unmanaged<ConnectionFacts>) -> HTTP1Exchange {
        exchangesUnderWay += 1
        guard let exchange = spareExchange.take() ?? spareExchanges.popLast() else {
            return HTTP1Exchange(stream: stream, context: self, connection: facts.takeUnretainedValue())
        }
        exchange.attach(stream, facts)
        return exchange
    }

    /// Takes back what no request needs any more.
    func giveBack(_ exchange: consuming HTTP1Exchange) {
        exchangesUnderWay -= 1
        noteActivity()
        guard exchange.reset() else { return }
        if spareExchange == nil {
            spareExchange = exchange
        } else if spareExchanges.count < LoopContext.spareLimit {
            spareExchanges.append(exchange)
        }
    }

    private static let spareLimit = 64

    /// Something has ended: what it held may be given back when the loop comes to rest.
    package func noteActivity() { activity &+= 1 }

    /// Does what has become due; before each wait of the loop. Returns when to call again at the latest.
    package func tidy() -> Instant {
        let now = loop.now
        let due = min(accessLogs.flushIfDue(now), fileCache.closeExpired(now))
        let rest = restingMemory.tidy(now, activity: activity, isBusy: exchangesUnderWay > 0)
        return min(due, rest)
    }

    // MARK: What has been said

    /// What `logOnce` has said, here and on any loop.
    private var said = SaidOnce()
    private let saidAnywhere: SharedSaidOnce

    /// Whether `message` has not been said of `subject` yet.
    func isNews(_ message: String, about subject: String) -> Bool {
        said.isNews(message, about: subject) && saidAnywhere.isNews(message, about: subject)
    }

    // MARK: Time and names

    /// Seconds since 1970, read again when the loop's clock has moved on by 100 ms.
    var wallSeconds: Int {
        if loop.now - wallClock.read > .milliseconds(100) {
            wallClock = (WallClock.now.seconds, loop.now)
        }
        return wallClock.seconds
    }

    /// Calls `body` with the date of now as HTTP writes it.
    func withDate(_ body: (Span<UInt8>) -> Void) {
        let second = wallSeconds
        if second != dateSecond {
            date.removeAll()
            HTTPDate.append(second, to: &date)
            dateSecond = second
        }
        date.withSpan(body)
    }

    /// A number that no other request of this machine is likely to have.
    func nextRequestID() -> RequestID {
        requestCount &+= 1
        return RequestID(value: idPrefix &+ requestCount)
    }

    // MARK: Scripts' output

    private static let pieceSize = 32 * 1024

    /// Reads a piece of what a script prints into `scriptPiece`, where it is until the next one is read. Returns
    /// how much, 0 at the end, nil where there is none now.
    func readPiece(_ source: Source) throws(Errno) -> Int? {
        var isBlocked = false
        scriptPiece.removeAll()
        let count = try scriptPiece.fill(atLeast: LoopContext.pieceSize) { (room) throws(Errno) in
            guard let count = try source.read(into: room) else {
                isBlocked = true
                return 0
            }
            return count
        }
        return isBlocked ? nil : count
    }
}
