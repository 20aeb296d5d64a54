import Base
import Config
import Net
import Wire

/// Passes a running script's output on to the client and watches over both.
///
/// Everything it waits for wakes the same waiter: output, stderr, the script's end, the client. Each
/// round does what can be done now and then sleeps until the nearest deadline.
final class ScriptRelay {
    enum Ending {
        case complete
        case redirected([UInt8])
        /// A file is to be sent in the place of content.
        case file(ScriptHead)
        /// Status for a client that has had nothing yet, and the reason for the log.
        case failed(Status, String)
        /// It ended without a header; the reason for the log.
        case silent(String)
        case clientGone
        case cancelled

        /// Why the script gave no answer.
        var failure: String? {
            switch self {
            case .failed(_, let reason), .silent(let reason): reason
            case .complete, .redirected, .file, .clientGone, .cancelled: nil
            }
        }
    }

    private let exchange: Exchange
    private let part: Part
    private let site: Site
    private let script: Script

    private var child: ChildProcess?
    private let pid: Int32
    private let output: Source
    private let errors: Source
    private(set) var exit: ExitStatus?
    /// Gets a copy of the answer, for the cache. The script then goes on without its client.
    var capture: AnswerCapture?

    /// Output up to the end of the script's header.
    private var header = ByteBuffer()
    private var piece = ByteBuffer()
    private var errorOutput = ErrorOutput()

    private enum Phase {
        case header
        /// `left`: what is missing of a promised length.
        case content(left: Int?)
        /// The client is to have no more of it.
        case discard
    }
    private var phase = Phase.header
    /// The client has gone, and the script goes on, for the cache or because it is to finish.
    private var isAlone = false
    /// The status that was begun.
    private var answered: Status?
    private var lacksType = false
    /// Takes apart the chunks that the script makes itself.
    private var chunks: ChunkedDecoder?
    private var redirect: [UInt8]?
    private var file: ScriptHead?
    private var isOutputDone = false
    private var isErrorDone = false
    private var surplus = 0

    // Deadlines start from these.
    private let started: Instant
    private var lastOutput: Instant?
    private var exited: Instant?
    private var outputEnded: Instant?
    private var clientLeft: Instant?
    private var lastTaken: Instant

    /// Output that may wait for the client before the script is no longer read.
    private static let pendingLimit = 64 * 1024
    private static let pieceSize = 32 * 1024
    /// A client that has ended its side may still read; one that is gone looks the same for a while.
    private static let halfClosedGrace = TimeSpan.milliseconds(500)

    init(
        _ exchange: Exchange, _ part: Part, _ site: Site, _ script: Script, _ child: consuming ChildProcess,
        output: consuming FileDescriptor, errors: consuming FileDescriptor
    ) {
        self.exchange = exchange
        self.part = part
        self.site = site
        self.script = script
        pid = child.pid
        self.child = consume child
        self.output = Source(output, waiter: exchange.waiter)
        self.errors = Source(errors, waiter: exchange.waiter)
        started = exchange.context.loop.now
        lastTaken = started
    }

    private var now: Instant { exchange.context.loop.now }

    /// Runs until the answer is whole or cannot become so.
    func run() async -> Ending {
        exchange.watchClient()
        while true {
            var hasProgress = readErrors()
            let hasRead = readOutput()
            if hasRead { hasProgress = true }
            watchChild()
            // What comes with the next look, the end above all, goes with it in one call.
            let mayWait = hasRead && exchange.pendingBytes < ScriptRelay.pieceSize
            if phaseFailure == nil, !mayWait, flush() { hasProgress = true }
            if let ending = ending() {
                drainErrors()
                return ending
            }
            if exchange.waiter.isCancelled {
                mustEnd = true
                return .cancelled
            }
            if hasProgress {
                // A script that always has more leaves the loop to others between two pieces.
                await Task.yield()
                continue
            }
            switch await exchange.waiter.wait(until: deadline) {
            case .woken, .timedOut: break
            case .cancelled:
                // The server leaves nothing behind.
                mustEnd = true
                return .cancelled
            }
        }
    }

    /// Ends what still runs. `then` is called when the script has left the system.
    func close(then: @escaping @Sendable () -> Void) {
        defer {
            output.close()
            errors.close()
        }
        guard let child = child.take() else { return then() }
        if exit != nil {
            // What it left behind after a regular end may go on; nobody waits for it.
            return then()
        }
        if mustEnd {
            // Whoever tidies up at TERM may print something, and shall not end of that.
            child.end(grace: site.config.cgiKillGrace, holding: [output, errors], then: then)
        } else {
            child.leave(until: part.settings.cgiMaxTime.map { started + $0 }, then: then)
        }
    }

    // MARK: One round

    private var phaseFailure: Ending?
    private var mustEnd = false

    private func readErrors() -> Bool {
        if isErrorDone { return false }
        piece.removeAll()
        do throws(Errno) {
            guard let count = try read(errors) else { return false }
            if count == 0 { isErrorDone = true }
        } catch {
            isErrorDone = true
        }
        piece.withSpan {
            errorOutput.take($0, exchange, pid: pid)
            exchange.context.witness?.took(errors: $0)
        }
        return true
    }

    /// What is there when the answer has ended; a line may have come with the script's last breath.
    private func drainErrors() {
        // What a pipe holds, and no more: a script may never stop complaining.
        for _ in 0..<4 where !readErrors() { break }
        errorOutput.end(exchange, pid: pid)
    }

    /// Reads a piece into `piece`; nil when there is none now.
    private func read(_ source: Source) throws(Errno) -> Int? {
        var isBlocked = false
        let count = try piece.fill(atLeast: ScriptRelay.pieceSize) { (room) throws(Errno) in
            guard let count = try source.read(into: room) else {
                isBlocked = true
                return 0
            }
            return count
        }
        return isBlocked ? nil : count
    }

    private func readOutput() -> Bool {
        if isOutputDone || phaseFailure != nil { return false }
        if isHeldBack { return false }
        piece.removeAll()
        let count: Int
        do throws(Errno) {
            guard let read = try read(output) else { return false }
            count = read
        } catch {
            count = 0
        }
        if count == 0 {
            isOutputDone = true
            outputEnded = now
            return true
        }
        if lastOutput == nil, exchange.errorStatus == nil { exchange.script?.firstByte = .now - started }
        lastOutput = now
        if let witness = exchange.context.witness { piece.withSpan { witness.took(output: $0) } }
        switch phase {
        case .header:
            piece.withUnsafeBytes { header.append($0) }
            readHeader()
        case .content, .discard:
            piece.withSpan { take($0) }
        }
        return true
    }

    /// Takes what the script printed behind its header.
    private func take(_ printed: Span<UInt8>) {
        guard var decoder = chunks else { return passOn(printed) }
        var content = ByteBuffer()
        do throws(ChunkedDecoder.Failure) {
            _ = try decoder.decode(printed, into: &content)
        } catch {
            return fail(.internalServerError, "the script says that it makes chunks, and prints none\(cut)")
        }
        chunks = decoder
        content.withSpan { passOn($0) }
    }

    private func passOn(_ content: Span<UInt8>) {
        if case .header = phase { return }
        if redirect == nil, file == nil { capture?.take(content) }
        switch phase {
        case .header, .discard: return
        case .content(nil): send(content)
        case .content(let left?):
            let taken = min(left, content.count)
            send(content.extracting(first: taken))
            surplus += content.count - taken
            phase = .content(left: left - taken)
        }
    }

    private func send(_ content: Span<UInt8>) {
        if !isAlone { exchange.append(content) }
    }

    private func readHeader() {
        let head: ScriptHead
        let bodyStart: Int
        do throws(ScriptHead.Failure) {
            guard
                let found = try header.withSpan({ (bytes) throws(ScriptHead.Failure) in
                    try ScriptHead.parse(bytes)
                })
            else { return }
            (head, bodyStart) = found
        } catch {
            return fail(.internalServerError, ScriptRelay.describe(error))
        }
        header.consume(bodyStart)
        if let status = head.status, status.isInformational { return passInterim(status, head) }
        if !head.stripped.isEmpty {
            let names = head.stripped.joined(separator: ", ")
            exchange.log(.warning, "the script's \(names) is the server's to say and was left out", pid: pid)
        }
        if let location = head.location, head.status == nil, isLocal(location),
            head.fieldCount <= (head.hasContentType ? 2 : 1)
        {
            redirect = location
            phase = .discard
        } else if head.sendfile != nil {
            file = head
            phase = .discard
        } else {
            begin(head)
        }
        header.withSpan { take($0) }
        header = ByteBuffer()
    }

    /// Begins the answer that a script's header announces.
    private func begin(_ head: ScriptHead) {
        // An error page keeps the error's status unless the script says another.
        let status = head.status ?? exchange.errorStatus ?? (head.location == nil ? .ok : .found)
        answered = status
        lacksType = !head.hasContentType && !status.isWithoutContent && head.location == nil
        capture?.begin(head, status)
        switch condition(status, head) {
        case .proceed:
            let length = head.isChunked ? nil : head.contentLength
            if head.isChunked, !status.isWithoutContent { chunks = ChunkedDecoder() }
            var answer = ResponseHead(status, lines: head.lines, contentLength: length)
            answer.reason = head.reason
            if capture != nil { answer.add("X-Cache", "miss" as StaticString) }
            exchange.begin(answer)
            phase = status.isWithoutContent ? .discard : .content(left: length)
        case .notModified:
            exchange.begin(
                ResponseHead(.notModified, lines: head.linesWithoutContentFields, contentLength: nil))
            phase = .discard
        case .failed:
            exchange.begin(ResponseHead(.preconditionFailed, contentLength: 0))
            phase = .discard
        }
    }

    /// Whether the script's own validators make the whole answer unnecessary.
    private func condition(_ status: Status, _ head: ScriptHead) -> Conditions.Outcome {
        guard status == .ok, exchange.method == .get || exchange.method == .head,
            !head.entityTag.isEmpty || head.lastModified != nil
        else { return .proceed }
        let validators = Validators(entityTag: head.entityTag, lastModified: head.lastModified)
        return exchange.withHeadBytes { Conditions.evaluate(exchange.head, $0, validators) }
    }

    /// Passes 103 on; the final header is still to come.
    private func passInterim(_ status: Status, _ head: ScriptHead) {
        guard status == .earlyHints else {
            return fail(
                .internalServerError, "the script answered with status \(status.code), which ends no request")
        }
        try? exchange.sendInterim(ResponseHead(status, lines: head.lines, contentLength: nil))
        readHeader()
    }

    /// A path of this site, and no network-path reference to another.
    private func isLocal(_ location: [UInt8]) -> Bool {
        location.first == ASCII.slash && (location.count == 1 || location[1] != ASCII.slash)
    }

    private func watchChild() {
        guard exit == nil, let status = child?.poll() else { return }
        exit = status
        exited = now
        if let witness = exchange.context.witness, witness.exit == nil {
            witness.exit = status
            witness.duration = .now - started
        }
    }

    /// Whether bytes went to the client.
    private func flush() -> Bool {
        guard exchange.hasBegun, !isAlone else { return false }
        let before = exchange.pendingBytes
        if before == 0 { return false }
        do throws(StreamError) { try exchange.flushNow() } catch {
            clientLeft = .init(nanoseconds: 0)
            return false
        }
        if exchange.pendingBytes == before { return false }
        lastTaken = now
        // While the client was behind, the script could not print.
        if before >= ScriptRelay.pendingLimit { lastOutput = now }
        return true
    }

    // MARK: Ends

    private func fail(_ status: Status, _ reason: String) {
        mustEnd = true
        phaseFailure = .failed(status, reason)
    }

    /// How it ended, nil while it goes on.
    private func ending() -> Ending? {
        if let phaseFailure { return phaseFailure }
        if let ending = clientEnding() { return ending }
        if let ending = timeOut() { return ending }
        if !isOutputDone {
            guard let exited, now >= exited + site.config.cgiLinger else { return nil }
            exchange.log(
                .info,
                "the script has ended, but something it started keeps its stdout open; the answer ends here (cgi_linger)",
                pid: pid)
            isOutputDone = true
            outputEnded = now
        }
        if exit == nil, let outputEnded, now < outputEnded + site.config.cgiLinger { return nil }
        return conclusion()
    }

    /// All output is here, and the exit status too unless the script works on behind a closed stdout.
    private func conclusion() -> Ending {
        if exit?.isSuccess ?? true, !isAlone {
            if let redirect { return .redirected(redirect) }
            if let file { return .file(file) }
        }
        if case .header = phase { return .silent(missingHeader()) }
        if let exit, !exit.isSuccess {
            if case .exited = exit.reason, let answered, answered.isError {
                // It said itself that something failed, and ends accordingly.
                exchange.log(
                    .warning, "the script \(ScriptRelay.describe(exit)) after its answer of \(answered.code)",
                    pid: pid)
                return .complete
            }
            if case .content(let left?) = phase, left == 0 {
                exchange.log(
                    .warning, "the script \(ScriptRelay.describe(exit)) after a whole answer", pid: pid)
                return .complete
            }
            return .failed(
                .internalServerError,
                "the script \(ScriptRelay.describe(exit))\(limitHint(exit)); the answer was cut after \(exchange.contentSent) bytes of content"
            )
        }
        if case .content(let left?) = phase, left > 0, exchange.method != .head {
            return .failed(
                .internalServerError,
                "the script's answer is \(left) bytes shorter than its Content-Length; the connection was cut"
            )
        }
        if let chunks, !chunks.isDone, exchange.method != .head {
            return .failed(.internalServerError, "the script's last chunk is missing\(cut)")
        }
        if lacksType, exchange.contentSent > 0 {
            exchange.log(.warning, "the script's answer has no Content-Type", pid: pid)
        }
        if surplus == 0 { capture?.complete() }
        if isAlone { return .clientGone }
        if surplus > 0 {
            exchange.log(
                .warning,
                "the script's answer is \(surplus) bytes longer than its Content-Length; they were not sent",
                pid: pid)
        }
        return .complete
    }

    private func missingHeader() -> String {
        errorOutput.end(exchange, pid: pid)
        let how = exit.map { ScriptRelay.describe($0) + limitHint($0) } ?? "closed its output"
        var text = "the script \(how) "
        if header.isEmpty {
            text += "without any output"
        } else {
            text += "after \(header.count) bytes without the empty line that ends a header; they begin with: "
            text += ScriptRelay.quote(header.bytes.extracting(first: 60))
        }
        let lastLine = errorOutput.lastLine
        if !lastLine.isEmpty {
            text += "; its last words on stderr: " + ScriptRelay.quote(lastLine.span.extracting(first: 200))
        }
        return text
    }

    private func clientEnding() -> Ending? {
        if isAlone { return nil }
        if exchange.isClientGone || clientLeft?.nanoseconds == 0 { return leave() }
        if exchange.isClientDone {
            guard let left = clientLeft else {
                clientLeft = now
                return nil
            }
            if now >= left + ScriptRelay.halfClosedGrace { return leave() }
        }
        if exchange.hasBegun, exchange.pendingBytes > 0, now >= lastTaken + exchange.context.writeTimeout {
            return leave()
        }
        return nil
    }

    private func leave() -> Ending? {
        if capture != nil || part.settings.cgiOnDisconnect == .finish {
            isAlone = true
            return nil
        }
        mustEnd = true
        if exit == nil {
            exchange.log(.info, "the client has gone; the script and all it started are ended", pid: pid)
        }
        return .clientGone
    }

    private func timeOut() -> Ending? {
        guard exit == nil else { return nil }
        let settings = part.settings
        if let total = settings.cgiMaxTime, now >= started + total {
            mustEnd = true
            return .failed(
                .gatewayTimeout,
                "the script ran longer than cgi_max_time = \(total) and was ended\(cut)")
        }
        if isOutputDone { return nil }
        if let lastOutput {
            if !isHeldBack, now >= lastOutput + settings.cgiIdleTimeout {
                mustEnd = true
                return .failed(
                    .gatewayTimeout,
                    "the script printed nothing for cgi_idle_timeout = \(settings.cgiIdleTimeout) and was ended\(cut)"
                )
            }
        } else if now >= started + settings.cgiTimeout {
            mustEnd = true
            return .failed(
                .gatewayTimeout,
                "the script printed nothing within cgi_timeout = \(settings.cgiTimeout) and was ended"
            )
        }
        return nil
    }

    private var cut: String {
        exchange.hasBegun
            ? "; the answer was cut after \(exchange.contentSent) bytes of content"
            : ""
    }

    /// The client is behind, so the script is not read and may not be blamed for silence.
    private var isHeldBack: Bool {
        !isAlone && exchange.hasBegun && exchange.pendingBytes >= ScriptRelay.pendingLimit
    }

    private var deadline: Instant {
        let settings = part.settings
        var result = Instant.never
        if exit == nil {
            if let total = settings.cgiMaxTime { result = min(result, started + total) }
            if !isOutputDone {
                if let lastOutput {
                    if !isHeldBack { result = min(result, lastOutput + settings.cgiIdleTimeout) }
                } else {
                    result = min(result, started + settings.cgiTimeout)
                }
            } else if let outputEnded {
                result = min(result, outputEnded + site.config.cgiLinger)
            }
        } else if !isOutputDone, let exited {
            result = min(result, exited + site.config.cgiLinger)
        }
        if let clientLeft, !isAlone { result = min(result, clientLeft + ScriptRelay.halfClosedGrace) }
        if !isAlone, exchange.hasBegun, exchange.pendingBytes > 0 {
            result = min(result, lastTaken + exchange.context.writeTimeout)
        }
        return result
    }

    // MARK: Words

    private static func describe(_ failure: ScriptHead.Failure) -> String {
        switch failure {
        case .notAField(let line):
            "the script printed something that is no header: \(quote(line.span)); a script prints its header first (Content-Type: text/html, say), then an empty line, then the page"
        case .tooLong:
            "the script's header is longer than \(ScriptHead.limit) bytes, or has no empty line at its end"
        case .badStatus(let value): "the script's Status is none: \(quote(value.span))"
        case .badContentLength(let value): "the script's Content-Length is no number: \(quote(value.span))"
        }
    }

    static func describe(_ exit: ExitStatus) -> String {
        switch exit.reason {
        case .exited(let code): "exited with status \(code)"
        case .signal(let number, let dumped):
            "was killed by \(Signal.name(number))\(dumped ? " (core dumped)" : "")"
        }
    }

    /// Which of our limits a signal tells of.
    private func limitHint(_ exit: ExitStatus) -> String {
        let limits = site.config.scriptLimits
        switch exit.reason {
        case .signal(24, _):
            return limits.cpu == nil ? "" : ", the limit cgi_cpu = \(limits.cpu ?? .zero)"
        case .signal(25, _):
            return limits.fileSize == nil ? "" : ", the limit cgi_file_size = \(limits.fileSize ?? 0)"
        case .signal(9, _):
            guard let cpu = limits.cpu, exit.cpu >= cpu else { return "" }
            return ", the limit cgi_cpu = \(cpu)"
        case .signal(6, _), .signal(11, _), .exited:
            // "Out of memory!", "MemoryError", "Cannot allocate memory": every language has its words.
            let words = String(decoding: errorOutput.lastLine, as: UTF8.self)
            guard let memory = limits.memory, exit.peakMemory > memory / 2 || words.contains("emory") else {
                return ""
            }
            return " (cgi_memory = \(memory) may be too little)"
        default: return ""
        }
    }

    private static func quote(_ bytes: Span<UInt8>) -> String { "\"" + bytes.string + "\"" }
}
