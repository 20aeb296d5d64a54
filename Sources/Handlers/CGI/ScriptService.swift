import Base
import Config
import Logs
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
        if !isErrorPage { exchange.script = ScriptReport(name: script.title) }
        // The doctor takes everything down itself.
        exchange.record =
            isErrorPage || exchange.context.witness != nil
            ? nil : part.settings.cgiCapture.map { ScriptWitness(limit: $0.size) }
        let content: RequestContent
        do throws(RequestContent.Failure) {
            content = try await RequestContent.receive(
                exchange, limit: part.settings.maxBody, streaming: part.settings.cgiStreamUpload)
        } catch {
            try await refuse(error)
            return .answered
        }
        switch await part.scriptQueue.enter(exchange) {
        case .granted: break
        case .abandoned: throw .cancelled
        case .full:
            return try await refuseWithoutPlace(capture, "\(PlaceQueue.bound) requests wait for one already")
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
        let reason = "no place to run the script: cgi_max_processes = \(limit) are running, and \(reason)"
        exchange.log(.error, reason)
        if let capture, capture.stale != nil {
            capture.useStale = true
            return .answered
        }
        try await ErrorPage.send(
            .serviceUnavailable, reason: reason, fields: [("Retry-After", "5")], on: exchange)
        return .answered
    }

    private func refuse(_ failure: RequestContent.Failure) async throws(StreamError) {
        switch failure {
        case .content(.tooLarge):
            exchange.log(
                .warning,
                "the request is larger than max_body = \(ByteCount.spelled(part.settings.maxBody))")
            try await ErrorPage.send(.contentTooLarge, on: exchange)
        case .content(.malformed(let reason)):
            exchange.log(.warning, "bad request content: \(reason)")
            try await ErrorPage.send(.badRequest, on: exchange)
        case .content(.incomplete):
            // The client may have ended its side alone, and still read.
            exchange.log(.info, "the client ended its side before the request's content was whole")
            try await ErrorPage.send(.badRequest, on: exchange)
        case .content(.stream(.timedOut)):
            exchange.log(.warning, ScriptService.contentIsLate)
            try await ErrorPage.send(.requestTimeout, on: exchange)
        case .content(.stream(let error)): throw error
        case .storage(let reason):
            exchange.log(
                .error,
                "cannot put the request content aside in \(RequestContent.spoolFolder) (TMPDIR names another folder): \(reason)"
            )
            try await ErrorPage.send(
                reason == .noSpace ? .insufficientStorage : .internalServerError, on: exchange)
        }
    }

    private static let contentIsLate = "the request content did not arrive within body_timeout"

    private func run(
        _ content: RequestContent, _ capture: AnswerCapture?
    ) async throws(StreamError) -> Outcome {
        let queue = part.scriptQueue
        if content.isStreamed {
            do throws(StreamError) { try await exchange.sendContinue() } catch {
                queue.leave()
                throw error
            }
        }
        let turns = exchange.context.scriptTurns
        let goesOn = part.settings.cgiOnDisconnect == .finish && !content.isStreamed
        guard let turn = await turns.take(script.file, exchange, goesOn: goesOn) else {
            queue.leave()
            throw .cancelled
        }
        let feed: ContentFeed? =
            if let end = content.takeFeedEnd() { ContentFeed(exchange, end) } else { nil }
        var relay: ScriptRelay
        var ending: ScriptRelay.Ending
        var startsLeft = ScriptService.startsLimit
        do throws(SpawnError) {
            repeat {
                relay = try await start(content, feed, capture, turn)
                ending = await relay.run()
                startsLeft -= 1
            } while startsLeft > 0 && relay.mayStartAgain(after: ending)
        } catch {
            feed?.close()
            turn.end()
            queue.leave()
            try await report(error, capture)
            return .answered
        }
        // The next one may start before this one's answer is sent.
        turn.end()
        if let cost = relay.cost { turn.learn(cost) }
        // A visitor does not wait for what follows his answer; the doctor shows it.
        if exchange.context.witness != nil { await relay.waitForEnd() }
        relay.close { queue.leave() }
        if case .notStarted(let error) = ending {
            try await report(error, capture)
            return .answered
        }
        if !isErrorPage { exchange.script?.exit = relay.exit }
        if let capture, capture.stale != nil, !exchange.hasBegun, let reason = ending.failure {
            exchange.log(.error, "\(reason); an older answer is sent")
            keepRecord()
            capture.useStale = true
            return .answered
        }
        return try await conclude(relay, ending)
    }

    /// How often a start is tried where the process that was to do it has ended. A plan of which each
    /// one dies has to come to an end.
    private static let startsLimit = 3

    private func start(
        _ content: RequestContent, _ feed: ContentFeed?, _ capture: AnswerCapture?, _ turn: ScriptTurn
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
        var plan = plan.spawnPlan(contentLength: content.length)
        plan.processor = turn.startProcessor
        if !isErrorPage { exchange.witness?.plan = plan }
        if !isErrorPage, let witness = context.witness {
            let user = FileAccess(identity: plan.confinement.user?.identity)
            if let hand = user.foreignHand(script.file) { witness.took(hand) }
        }
        let child = try await context.starter.start(
            plan, input: content.input, standardOutput: output.takeWrite(), standardError: errors.takeWrite(),
            waiter: exchange.waiter)
        let running = RunningScript(
            child, output: outputEnd, errors: errorEnd, turn: turn, waiter: exchange.waiter)
        return ScriptRelay(
            exchange, part, site, running, content: content, feed: feed, capture: capture)
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
            keepRecord()
            capture.useStale = true
            return
        }
        let reason =
            switch error.step {
            case .execute where error.reason == .textBusy:
                "cannot run \(script.program): somebody has it open for writing, say for an upload; it runs when that is closed"
            case .execute: "cannot run \(script.program): \(error.reason)"
            case .folder: "cannot enter the script's folder \(script.folder): \(error.reason)"
            case .user: "cannot become \(userName) of cgi_user to run the script: \(error.reason)"
            case .privileges: "cannot set no_new_privs for the script (cgi_no_new_privs): \(error.reason)"
            case .writeRules: "cannot keep the script to the folders of cgi_write: \(error.reason)"
            case .keeper:
                "the process that runs scripts as \(userName) (gh-keeper) has ended, and only a server that is started anew can have another one"
            case .spawner:
                "cannot start the script: the processes that were to do it (gh-spawner) have ended, \(ScriptService.startsLimit) of them"
            default: "cannot start the script (\(error.step)): \(error.reason)"
            }
        var failure = ScriptFailure(reason)
        switch (error.step, error.reason) {
        case (_, .tooManyFiles), (_, .tooManyFilesInSystem), (.clone, _), (.spawner, _), (.keeper, _):
            failure.status = .serviceUnavailable
        case (.execute, .listTooLong):
            failure.reason += "; the request's fields and query are too much for one environment"
        case (.execute, _), (.folder, _):
            let inspection = await inspect()
            if exchange.context.knownScripts.forget(exchange.path, part), inspection.isMissing {
                return try await ErrorPage.send(.notFound, on: exchange)
            }
            if let fault = inspection.fault { failure.reason = fault }
            if inspection.isForbidden { failure.status = .forbidden }
        default: break
        }
        try await fail(failure)
    }

    /// Whom the script was to run as.
    private var userName: String { part.confinement.user?.identity.name ?? "the server's user" }

    /// Looks at the script's file, on a thread that may wait for the disk.
    private func inspect() async -> ScriptInspection {
        let (file, interpreter, path) = (script.file, script.interpreter, plan.searchPath)
        let user = FileAccess(identity: part.confinement.user?.identity)
        return await exchange.context.pool.run {
            ScriptInspection(file: file, interpreter: interpreter, path: path, as: user)
        }
    }

    /// The same of a script that has run, and whose client may have gone.
    private func fail(_ failure: ScriptFailure, _ relay: ScriptRelay) async throws(StreamError) {
        guard relay.isForNobody else { return try await fail(failure) }
        exchange.log(.error, failure.reason)
        keepRecord()
        throw .failed(.connectionReset)
    }

    /// Says why in the log, and to those clients that may know it on the page.
    private func fail(_ failure: ScriptFailure) async throws(StreamError) {
        exchange.log(.error, failure.reason)
        keepRecord()
        try await ErrorPage.send(failure.status, reason: failure.reason, on: exchange)
    }

    /// Has what was taken down of a script that failed written to the folder of `cgi_capture`.
    private func keepRecord() {
        guard let setting = part.settings.cgiCapture, let witness = exchange.record.take() else { return }
        let head = exchange.head
        let line = [head.methodName, head.target].map { exchange.bytes($0).span.string }
        let record = FailureRecord(
            witness,
            facts: [
                ("time", HTTPDate.bytes(exchange.context.wallSeconds).span.string),
                ("request", exchange.id.description), ("site", site.name),
                ("client", exchange.clientAddress?.description ?? "-"),
                ("asked for", line.joined(separator: " ")),
            ]
        ).bytes
        let (log, id) = (site.errorLog, exchange.id)
        exchange.context.pool.submit {
            do throws(Errno) {
                try FailureFolder(setting: setting).write(record, for: id)
            } catch {
                log.write(
                    .warning, "cannot keep what a script that failed did in \(setting.folder): \(error)")
            }
        }
    }

    /// A failure with what the script's file tells of it: of the want of a header, and of one that ended by itself.
    private func explained(_ failure: ScriptFailure, _ exit: ExitStatus?) async -> ScriptFailure {
        let (file, lacksHeader) = (script.file, failure.lacksHeader)
        let lacksRights = part.confinement.noNewPrivileges && exit?.isSuccess == false
        guard script.interpreter == nil, lacksHeader || lacksRights else { return failure }
        let user = FileAccess(identity: part.confinement.user?.identity)
        let hint = await exchange.context.pool.run {
            (lacksHeader ? ScriptInspection.headerHint(file, as: user) : nil)
                ?? (lacksRights ? SetIDProgram.loss(file, as: user) : nil)
        }
        var failure = failure
        if let hint { failure.reason += "; \(hint)" }
        return failure
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
            let failure = await explained(failure, relay.exit)
            guard exchange.hasBegun else {
                try await fail(failure, relay)
                return .answered
            }
            exchange.log(.error, failure.reason)
            keepRecord()
            exchange.breakOff()
            return .answered
        case .silent(let reason):
            // A shell says 126 or 127 where it could not run what it was told to, and env 125 where it did not
            // understand that; the file may show why.
            if case .exited(125...127)? = relay.exit?.reason, let fault = await inspect().fault {
                try await fail(ScriptFailure(fault), relay)
            } else {
                try await fail(
                    await explained(ScriptFailure(reason, lacksHeader: true), relay.exit), relay)
            }
            return .answered
        case .contentFailed(let failure):
            guard exchange.hasBegun else {
                try await refuse(failure)
                return .answered
            }
            if case .content(.stream(.timedOut)) = failure {
                exchange.log(.warning, "\(ScriptService.contentIsLate)\(exchange.cut)")
            } else {
                exchange.log(.info, "the request's content did not come whole\(exchange.cut)")
            }
            exchange.breakOff()
            return .answered
        case .notStarted, .clientGone:
            throw .failed(.connectionReset)
        case .cancelled:
            throw .cancelled
        }
    }
}
