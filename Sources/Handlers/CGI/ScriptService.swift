import Base
import Config
import Net
import Wire

/// Answers a request by running a script (RFC 3875): receives the content, waits for a place, starts
/// the script, passes its answer on, and says what became of it.
struct ScriptService {
    enum Outcome {
        case answered
        /// The script answered with a path of this site in its place (section 6.2.2).
        case redirected([UInt8])
    }

    let exchange: Exchange
    let site: Site
    let part: Part
    let script: Script

    func serve() async throws(StreamError) -> Outcome {
        if CachedScript.allows(exchange), let rule = CachedScript.rule(for: exchange.path, part) {
            return try await CachedScript(exchange: exchange, service: self, rule: rule).serve()
        }
        return try await run(nil)
    }

    /// The script makes the page for another's error. What is reported is the script that failed.
    private var isErrorPage: Bool { exchange.errorStatus != nil && exchange.script != nil }

    /// Runs the script; `capture` gets a copy of its answer.
    func run(_ capture: AnswerCapture?) async throws(StreamError) -> Outcome {
        if !isErrorPage { exchange.script = ScriptReport(name: String(decoding: script.name, as: UTF8.self)) }
        let content: RequestContent
        do throws(RequestContent.Failure) {
            content = try await RequestContent.receive(exchange, limit: part.settings.maxBody)
        } catch {
            try await refuse(error)
            return .answered
        }
        switch await part.scriptQueue.enter(exchange) {
        case .granted: break
        case .abandoned: throw .cancelled
        case .full, .timedOut:
            exchange.log(
                .error,
                "no place to run the script: cgi_max_processes = \(part.settings.cgiMaxProcesses) of this site were running all the time"
            )
            try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
            return .answered
        }
        return try await run(content, capture)
    }

    private func refuse(_ failure: RequestContent.Failure) async throws(StreamError) {
        switch failure {
        case .content(.tooLarge):
            exchange.log(.warning, "the request is larger than max_body = \(part.settings.maxBody)")
            try await ErrorPage.send(.contentTooLarge, on: exchange)
        case .content(.malformed(let reason)):
            exchange.log(.warning, "bad request content: \(reason)")
            try await ErrorPage.send(.badRequest, on: exchange)
        case .content(.incomplete): throw .failed(.connectionReset)
        case .content(.stream(.timedOut)):
            exchange.log(.warning, "the request content did not arrive within body_timeout")
            try await ErrorPage.send(.requestTimeout, on: exchange)
        case .content(.stream(let error)): throw error
        case .storage(let reason):
            exchange.log(.error, "cannot put the request content aside in TMPDIR or /var/tmp: \(reason)")
            try await ErrorPage.send(
                reason == .noSpace ? .insufficientStorage : .internalServerError, on: exchange)
        }
    }

    private func run(
        _ content: consuming RequestContent, _ capture: AnswerCapture?
    ) async throws(StreamError) -> Outcome {
        let queue = part.scriptQueue
        let relay: ScriptRelay
        do throws(SpawnError) {
            relay = try await start(content)
        } catch {
            queue.leave()
            if capture?.stale != nil {
                exchange.log(.error, "cannot start the script (\(error.reason)); an older answer is sent")
                capture?.useStale = true
            } else {
                try await report(error)
            }
            return .answered
        }
        relay.capture = capture
        let ending = await relay.run()
        relay.close { queue.leave() }
        if !isErrorPage { exchange.script?.exit = relay.exit }
        if let capture, capture.stale != nil, !exchange.hasBegun, let reason = ending.failure {
            exchange.log(.error, "\(reason); an older answer is sent")
            capture.useStale = true
            return .answered
        }
        return try await conclude(relay, ending)
    }

    private func start(_ content: consuming RequestContent) async throws(SpawnError) -> ScriptRelay {
        var output = try pipe()
        var errors = try pipe()
        let outputEnd = output.takeRead()
        let errorEnd = errors.takeRead()
        do throws(Errno) {
            try outputEnd.setNonBlocking()
            try errorEnd.setNonBlocking()
        } catch {
            throw SpawnError(step: .streams, reason: error)
        }
        let context = exchange.context
        let plan = plan(contentLength: content.length)
        if !isErrorPage { context.witness?.plan = plan }
        let child = try await context.starter.start(
            plan, input: content.input, standardOutput: output.takeWrite(), standardError: errors.takeWrite(),
            waiter: exchange.waiter)
        if !isErrorPage { exchange.script?.pid = child.pid }
        return ScriptRelay(exchange, part, site, script, child, output: outputEnd, errors: errorEnd)
    }

    private func pipe() throws(SpawnError) -> PipeEnds {
        do throws(Errno) { return try FileDescriptor.pipe() } catch {
            throw SpawnError(step: .streams, reason: error)
        }
    }

    private func plan(contentLength: Int?) -> SpawnPlan {
        let query = exchange.query ?? []
        var arguments = CStringList()
        if let interpreter = script.interpreter { arguments.append(interpreter) }
        arguments.append(script.file)
        // An indexed query is one that reads (RFC 3875, section 4.4).
        if exchange.method == .get || exchange.method == .head {
            for word in MetaVariables.indexedArguments(query.span) { arguments.append(word.span) }
        }
        var plan = SpawnPlan(
            path: script.interpreter ?? script.file, folder: script.folder, arguments: arguments,
            environment: environment(query, contentLength: contentLength))
        plan.limits = ScriptService.limits(site.config.scriptLimits)
        plan.nice = site.config.scriptLimits.nice
        return plan
    }

    private static func limits(_ limits: ScriptLimits) -> [ResourceLimit] {
        var result: [ResourceLimit] = []
        if let cpu = limits.cpu {
            // Whole seconds, and one more until the kernel kills what does not heed SIGXCPU.
            let seconds = UInt64(max(1, (cpu.milliseconds + 999) / 1000))
            result.append(ResourceLimit(.cpuSeconds, soft: seconds, hard: seconds + 1))
        }
        if let memory = limits.memory {
            result.append(ResourceLimit(.memory, soft: UInt64(memory), hard: UInt64(memory)))
        }
        if let size = limits.fileSize {
            result.append(ResourceLimit(.fileSize, soft: UInt64(size), hard: UInt64(size)))
        }
        if let files = limits.openFiles {
            result.append(ResourceLimit(.openFiles, soft: UInt64(files), hard: UInt64(files)))
        } else if let original = ResourceLimit.originalOpenFiles {
            // The server has raised its own; select(2) in old programs fails beyond 1024.
            result.append(original)
        }
        return result
    }

    private var searchPath: String {
        part.settings.cgiEnvironment.last { $0.name == "PATH" }?.value ?? ScriptService.defaultPath
    }

    static let defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

    private func environment(_ query: [UInt8], contentLength: Int?) -> CStringList {
        let head = exchange.head
        var facts = MetaVariables.Facts()
        facts.method =
            exchange.isSentOn && exchange.method == .get ? Array("GET".utf8) : exchange.bytes(head.methodName)
        if exchange.isSentOn {
            var original: [UInt8] = []
            exchange.withHeadBytes { bytes in
                // It was decoded once already; a path that could not be is not shown.
                try? TargetPath.decode(bytes.extracting(head.path.range), into: &original)
            }
            facts.redirect = MetaVariables.Redirect(
                status: exchange.errorStatus?.code ?? 200, url: original,
                query: head.query.map { exchange.bytes($0) },
                method: exchange.bytes(head.methodName))
        }
        facts.protocolVersion = head.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
        facts.requestURI = exchange.bytes(head.path)
        if facts.requestURI.isEmpty { facts.requestURI = [ASCII.slash] }
        if let query = head.query { facts.requestURI += [ASCII.question] + exchange.bytes(query) }
        facts.queryString = query
        facts.scriptName = script.name
        facts.scriptFilename = Array(script.file.utf8)
        facts.pathInfo = script.pathInfo
        if let pathInfo = script.pathInfo { facts.pathTranslated = site.documentRoot + pathInfo }
        facts.documentRoot = site.documentRoot
        facts.serverName = serverName()
        facts.serverPort = Int(exchange.connection.local.port ?? 0)
        facts.serverAddress = exchange.connection.local.ip?.description ?? ""
        facts.serverSoftware = exchange.context.software
        facts.remoteAddress = exchange.connection.peer.ip?.description ?? ""
        facts.remotePort = Int(exchange.connection.peer.port ?? 0)
        facts.scheme = exchange.connection.isSecure ? "https" : "http"
        // Content of no bytes has a length, too, and scripts that take POST ask for it.
        facts.contentLength = contentLength ?? (!exchange.isSentOn && head.has(.contentLength) ? 0 : nil)
        facts.requestID = exchange.id.description
        let settings = part.settings.cgiEnvironment
        facts.path = searchPath
        switch part.settings.cgiPassAuthorization {
        case .yes, .auto: facts.passAuthorization = true
        case .no: facts.passAuthorization = false
        }
        var list = exchange.withHeadBytes { MetaVariables.environment(facts, head, $0) }
        if !settings.contains(where: { $0.name == "LANG" }) { list.append("LANG", "C.UTF-8") }
        for setting in settings where setting.name != "PATH" {
            list.append(name: setting.name.utf8.span, value: setting.value.utf8.span)
        }
        return list
    }

    /// The host that was asked for, without port; the site's own name where the request has none.
    private func serverName() -> [UInt8] {
        if let authority = exchange.head.authority {
            return exchange.withHeadBytes { SiteTable.host(of: $0.extracting(authority.range)).array }
        }
        if let host = site.config.hosts.first(where: { !$0.hasPrefix("*") }) { return Array(host.utf8) }
        return Array((exchange.connection.local.ip?.description ?? site.name).utf8)
    }

    // MARK: What became of it

    private func report(_ error: SpawnError) async throws(StreamError) {
        var status = Status.internalServerError
        var reason =
            switch error.step {
            case .execute: "cannot run \(script.interpreter ?? script.file): \(error.reason)"
            case .folder: "cannot enter the script's folder \(script.folder): \(error.reason)"
            default: "cannot start the script (\(error.step)): \(error.reason)"
            }
        switch (error.step, error.reason) {
        case (_, .tooManyFiles), (_, .tooManyFilesInSystem), (.clone, _): status = .serviceUnavailable
        case (.execute, .listTooLong):
            reason += "; the request's fields and query are too much for one environment"
        case (.execute, _), (.folder, _):
            let inspection = await inspect()
            if let fault = inspection.fault { reason = fault }
            if inspection.isForbidden { status = .forbidden }
        default: break
        }
        try await fail(status, reason)
    }

    /// Looks at the script's file, on a thread that may wait for the disk.
    private func inspect() async -> ScriptInspection {
        let (file, interpreter, path) = (script.file, script.interpreter, searchPath)
        return await exchange.context.pool.run {
            ScriptInspection(file: file, interpreter: interpreter, path: path)
        }
    }

    /// Says why in the log, and to those clients that may know it on the page.
    private func fail(_ status: Status, _ reason: String) async throws(StreamError) {
        exchange.log(.error, reason)
        try await ErrorPage.send(status, explanation: exchange.mayKnowReasons ? reason : nil, on: exchange)
    }

    private func conclude(_ relay: ScriptRelay, _ ending: ScriptRelay.Ending) async throws(StreamError)
        -> Outcome
    {
        switch ending {
        case .complete:
            if exchange.hasBegun { exchange.finish() }
            return .answered
        case .redirected(let target):
            return .redirected(target)
        case .file(let head):
            try await sendFile(head)
            return .answered
        case .failed(let status, let reason):
            if exchange.hasBegun {
                exchange.log(.error, reason)
                exchange.abort()
            } else {
                try await fail(status, reason)
            }
            return .answered
        case .silent(let reason):
            // A shell says 126 or 127 where it could not run what it was told to; the file may show why.
            var reason = reason
            if case .exited(126...127)? = relay.exit?.reason, let fault = await inspect().fault {
                reason = fault
            }
            try await fail(.internalServerError, reason)
            return .answered
        case .clientGone:
            throw .failed(.connectionReset)
        case .cancelled:
            throw .cancelled
        }
    }

    /// Sends the file that the script named, if it lies where scripts may have files sent from.
    private func sendFile(_ head: ScriptHead) async throws(StreamError) {
        let path = head.sendfile ?? []
        // The folder's own rules let `..` pass where links may lead anywhere.
        guard !path.split(separator: ASCII.slash).contains(where: { $0.elementsEqual("..".utf8) }) else {
            return try await fail(.internalServerError, "the script named a path with .. in X-Sendfile")
        }
        let text = String(decoding: path, as: UTF8.self)
        for folder in site.sendfileFolders {
            let prefix = Array(folder.path.utf8)
            guard path.starts(with: prefix), path.count > prefix.count, path[prefix.count] == ASCII.slash,
                !path.contains(0)
            else { continue }
            let type = site.mediaTypes.type(of: path[...])
            return try await send(
                path[prefix.count...], of: folder, FileAnswer(exchange: exchange, script: head, type: type))
        }
        try await fail(
            .internalServerError,
            "the script named \(text) in X-Sendfile, which is below no folder of cgi_sendfile")
    }

    private func send(
        _ path: [UInt8].SubSequence, of folder: Folder, _ answer: FileAnswer
    ) async throws(StreamError) {
        switch folder.opening(path, symlinks: part.settings.symlinks, now: exchange.context.loop.now) {
        case .opened(let file) where file.isRegular: try await answer.send(file)
        case .opened:
            try await fail(.internalServerError, "X-Sendfile names something that is no regular file")
        case .failed(let error):
            try await fail(
                error == .noSuchFile ? .notFound : .internalServerError,
                "cannot send \(String(decoding: path, as: UTF8.self)) below \(folder.path), which the script named in X-Sendfile: \(error)"
            )
        }
    }
}
