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

    private var plan: ScriptPlan { ScriptPlan(exchange: exchange, site: site, part: part, script: script) }

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
        case .full:
            return try await refuseWithoutPlace(capture, "\(ScriptQueue.bound) requests wait for one already")
        case .timedOut:
            return try await refuseWithoutPlace(
                capture, "none became free within cgi_queue_timeout = \(site.config.cgiQueueTimeout)")
        }
        return try await run(content, capture)
    }

    private func refuseWithoutPlace(
        _ capture: AnswerCapture?, _ reason: String
    ) async throws(StreamError) -> Outcome {
        let limit = part.settings.cgiMaxProcesses
        exchange.log(
            .error, "no place to run the script: cgi_max_processes = \(limit) are running, and \(reason)")
        if let capture, capture.stale != nil {
            capture.useStale = true
            return .answered
        }
        try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
        return .answered
    }

    private func refuse(_ failure: RequestContent.Failure) async throws(StreamError) {
        switch failure {
        case .content(.tooLarge):
            exchange.log(.warning, "the request is larger than max_body = \(part.settings.maxBody)")
            try await ErrorPage.send(.contentTooLarge, on: exchange)
        case .content(.malformed(let reason)):
            exchange.log(.warning, "bad request content: \(reason)")
            try await ErrorPage.send(.badRequest, on: exchange)
        case .content(.incomplete):
            // The client may have ended its side alone, and still read.
            exchange.log(.info, "the client ended its side before the request's content was whole")
            try await ErrorPage.send(.badRequest, on: exchange)
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
            relay = try await start(content, capture)
        } catch {
            queue.leave()
            try await report(error, capture)
            return .answered
        }
        let ending = await relay.run()
        relay.close(after: ending) { queue.leave() }
        if case .notStarted(let error) = ending {
            try await report(error, capture)
            return .answered
        }
        if !isErrorPage { exchange.script?.exit = relay.exit }
        if let capture, capture.stale != nil, !exchange.hasBegun, let reason = ending.failure {
            exchange.log(.error, "\(reason); an older answer is sent")
            capture.useStale = true
            return .answered
        }
        return try await conclude(relay, ending)
    }

    private func start(
        _ content: consuming RequestContent, _ capture: AnswerCapture?
    ) async throws(SpawnError) -> ScriptRelay {
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
        let plan = plan.spawnPlan(contentLength: content.length)
        if !isErrorPage { context.witness?.plan = plan }
        let child = try await context.starter.start(
            plan, input: content.input, standardOutput: output.takeWrite(), standardError: errors.takeWrite(),
            waiter: exchange.waiter)
        return ScriptRelay(
            exchange, part, site, child, output: outputEnd, errors: errorEnd, capture: capture)
    }

    private func pipe() throws(SpawnError) -> PipeEnds {
        do throws(Errno) { return try FileDescriptor.pipe() } catch {
            throw SpawnError(step: .streams, reason: error)
        }
    }

    // MARK: What became of it

    private func report(_ error: SpawnError, _ capture: AnswerCapture?) async throws(StreamError) {
        if let capture, capture.stale != nil {
            exchange.log(.error, "cannot start the script (\(error.reason)); an older answer is sent")
            return capture.useStale = true
        }
        let reason =
            switch error.step {
            case .execute: "cannot run \(script.interpreter ?? script.file): \(error.reason)"
            case .folder: "cannot enter the script's folder \(script.folder): \(error.reason)"
            default: "cannot start the script (\(error.step)): \(error.reason)"
            }
        var failure = ScriptFailure(reason)
        switch (error.step, error.reason) {
        case (_, .tooManyFiles), (_, .tooManyFilesInSystem), (.clone, _): failure.status = .serviceUnavailable
        case (.execute, .listTooLong):
            failure.reason += "; the request's fields and query are too much for one environment"
        case (.execute, _), (.folder, _):
            let inspection = await inspect()
            if let fault = inspection.fault { failure.reason = fault }
            if inspection.isForbidden { failure.status = .forbidden }
        default: break
        }
        try await fail(failure)
    }

    /// Looks at the script's file, on a thread that may wait for the disk.
    private func inspect() async -> ScriptInspection {
        let (file, interpreter, path) = (script.file, script.interpreter, plan.searchPath)
        return await exchange.context.pool.run {
            ScriptInspection(file: file, interpreter: interpreter, path: path)
        }
    }

    /// Says why in the log, and to those clients that may know it on the page.
    private func fail(_ failure: ScriptFailure) async throws(StreamError) {
        exchange.log(.error, failure.reason)
        try await ErrorPage.send(
            failure.status, explanation: exchange.mayKnowReasons ? failure.reason : nil, on: exchange)
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
            do throws(NamedFile.Failure) {
                try await NamedFile(exchange: exchange, site: site, part: part, head: head).send()
            } catch {
                switch error {
                case .refused(let failure): try await fail(failure)
                case .stream(let error): throw error
                }
            }
            return .answered
        case .failed(let failure):
            if exchange.hasBegun {
                exchange.log(.error, failure.reason)
                exchange.abort()
            } else {
                try await fail(failure)
            }
            return .answered
        case .silent(let reason):
            // A shell says 126 or 127 where it could not run what it was told to; the file may show why.
            var reason = reason
            if case .exited(126...127)? = relay.exit?.reason, let fault = await inspect().fault {
                reason = fault
            }
            try await fail(ScriptFailure(reason))
            return .answered
        case .notStarted, .clientGone:
            throw .failed(.connectionReset)
        case .cancelled:
            throw .cancelled
        }
    }
}
