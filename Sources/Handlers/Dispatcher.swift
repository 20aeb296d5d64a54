import Base
import Config
import Net
import Wire

/// Takes a request to the service that answers it.
enum Dispatcher {
    /// Local redirects that one request may take.
    private static let redirectLimit = 5

    /// Answers a request whose head has been read. `sites` are those of the address it came in on.
    static func answer(_ exchange: Exchange, sites: SiteTable) async throws(StreamError) {
        let head = exchange.head
        let site = exchange.withHeadBytes { bytes in
            sites.site(for: bytes.extracting((head.authority ?? .empty).range))
        }
        exchange.site = site
        exchange.part = site.part
        exchange.context.witness?.site = site.name
        switch head.form {
        case .asterisk:
            var answer = ResponseHead(.noContent)
            answer.add("Allow", allowed)
            return try await exchange.send(answer, [])
        // CONNECT is for proxies.
        case .authority: return try await refuseMethod(exchange)
        case .origin, .absolute: break
        }
        if head.method == .trace { return try await refuseMethod(exchange) }
        let decoded = exchange.withHeadBytes { decode($0.extracting(head.path.range), exchange) }
        guard decoded else { return try await ErrorPage.send(.badRequest, on: exchange) }
        while true {
            guard try await passes(exchange, site), let target = try await route(exchange, site) else {
                return
            }
            guard exchange.redirectCount < redirectLimit else {
                exchange.log(
                    .error,
                    "more than \(redirectLimit) local redirects, the last to \(String(decoding: target, as: UTF8.self))"
                )
                return try await ErrorPage.send(.internalServerError, on: exchange)
            }
            exchange.redirectCount += 1
            exchange.redirectedTarget = target
            let path = target.prefix { $0 != ASCII.question }
            guard decode(Array(path).span, exchange) else {
                exchange.log(
                    .error, "the script's Location is no path: \(String(decoding: target, as: UTF8.self))")
                return try await ErrorPage.send(.internalServerError, on: exchange)
            }
        }
    }

    /// What the server as a whole takes.
    private static let allowed = "GET, HEAD, POST, OPTIONS"

    private static func refuseMethod(_ exchange: Exchange) async throws(StreamError) {
        try await ErrorPage.send(.methodNotAllowed, fields: [("Allow", allowed)], on: exchange)
    }

    /// Has the page at `path` answer in the place of an error.
    static func sendErrorPage(_ path: String, _ exchange: Exchange, _ site: Site) async throws(StreamError) {
        exchange.redirectedTarget = Array(path.utf8)
        let bytes = Array(path.utf8)
        guard decode(Array(bytes.prefix { $0 != ASCII.question }).span, exchange) else {
            return try await ErrorPage.send(.internalServerError, on: exchange)
        }
        if try await route(exchange, site) != nil {
            exchange.log(.error, "the error_page \(path) answers with a local redirect, which it may not")
            try await ErrorPage.send(.internalServerError, on: exchange)
        }
    }

    private static func decode(_ raw: Span<UInt8>, _ exchange: Exchange) -> Bool {
        do throws(TargetPath.Failure) {
            try TargetPath.decode(raw, into: &exchange.path)
            return true
        } catch {
            exchange.path = Array("/".utf8)
            let what =
                switch error {
                case .badEscape: "has a `%` without two hexadecimal digits, or a zero byte"
                case .leavesRoot: "has more `..` than folders"
                }
            exchange.log(.info, "refused: the path \(what)")
            return false
        }
    }

    // MARK: Rules

    /// Asks all rules of the site about the exchange's path, in this order: redirects, which tell nothing
    /// that the configuration does not say; who may see the path; rewriting, which may look whether a file
    /// is there; and who may see the path that comes of it. False where a rule has answered.
    private static func passes(_ exchange: Exchange, _ site: Site) async throws(StreamError) -> Bool {
        exchange.part = site.part(for: exchange.path)
        if !site.config.redirects.isEmpty, try await isRedirected(exchange, site) { return false }
        guard try await admit(exchange, site) else { return false }
        if site.config.rewrites.isEmpty { return true }
        let asked = exchange.part
        guard try await rewrite(exchange, site) else { return false }
        if site.part(for: exchange.path) === asked { return true }
        return try await admit(exchange, site)
    }

    /// Whether the client may see the exchange's path, and has not asked too often; if not, it has been
    /// told so. Requests are counted first: who guesses passwords is one that asks.
    private static func admit(_ exchange: Exchange, _ site: Site) async throws(StreamError) -> Bool {
        let part = site.part(for: exchange.path)
        exchange.part = part
        if try await exchange.refuseIfTooMany(part) { return false }
        // A page for an error is shown to whom the error is shown.
        if exchange.errorStatus != nil { return true }
        return try await part.access.admit(exchange)
    }

    private static func isRedirected(_ exchange: Exchange, _ site: Site) async throws(StreamError) -> Bool {
        let path = Script.merged(exchange.path[...])
        switch Redirection.outcome(site.config.redirects, path: path, query: exchange.query) {
        case .none: return false
        case .answer(let code, let location):
            var fields: [(StaticString, String)] = []
            if let location { fields.append(("Location", String(decoding: location, as: UTF8.self))) }
            try await ErrorPage.send(Status(code) ?? .found, fields: fields, on: exchange)
        case .tooCostly(let pattern): try await giveUp(pattern, exchange)
        }
        return true
    }

    /// False where the exchange has been answered with an error.
    private static func rewrite(_ exchange: Exchange, _ site: Site) async throws(StreamError) -> Bool {
        let path = Script.merged(exchange.path[...])
        let outcome = Rewriting.outcome(site.config.rewrites, path: path) {
            site.isMissing(path, now: exchange.context.loop.now)
        }
        switch outcome {
        case .none: return true
        case .path(let path, let query):
            exchange.path = path
            guard let query else { return true }
            var target: [UInt8] = []
            TargetPath.encode(path.span, into: &target)
            if !query.isEmpty { target += [ASCII.question] + query }
            exchange.redirectedTarget = target
            return true
        case .bad: try await ErrorPage.send(.badRequest, on: exchange)
        case .tooCostly(let pattern): try await giveUp(pattern, exchange)
        }
        return false
    }

    private static func giveUp(_ pattern: String, _ exchange: Exchange) async throws(StreamError) {
        exchange.log(.error, "the pattern \(pattern) takes too many steps for this path")
        try await ErrorPage.send(.internalServerError, on: exchange)
    }

    // MARK: Services

    /// Serves the exchange's path; returns the target of a local redirect.
    private static func route(_ exchange: Exchange, _ site: Site) async throws(StreamError) -> [UInt8]? {
        let part = site.part(for: exchange.path)
        exchange.part = part
        guard let mapping = site.mapping(for: &exchange.path) else {
            try await ErrorPage.send(.notFound, on: exchange)
            return nil
        }
        let prefixLength = mapping.prefix.count
        switch mapping.kind {
        case .files(let folder):
            let files = FileService(
                exchange: exchange, site: site, part: part, folder: folder, prefixLength: prefixLength)
            switch try await files.serve() {
            case .answered: return nil
            case .script(let script): return try await run(script, exchange, site, part)
            case .elsewhere:
                guard try await admit(exchange, site) else { return nil }
                return try await route(exchange, site)
            }
        case .scripts(let folder):
            let locator = ScriptLocator(
                exchange: exchange, part: part, folder: folder, prefixLength: prefixLength)
            switch await locator.findInFolder() {
            case .found(let script): return try await run(script, exchange, site, part)
            case .folder:
                try await FolderRedirect.send(on: exchange)
                return nil
            case .refused(let status, let reason):
                try await ErrorPage.send(status, reason: reason, on: exchange)
                return nil
            }
        case .script(let file):
            let rest = exchange.path[prefixLength...]
            let script = Script(
                file: file, name: Array(exchange.path[..<prefixLength]),
                pathInfo: rest.isEmpty ? nil : Array(rest),
                interpreter: part.scripts.interpreter(for: Array(file.bytes)))
            return try await run(script, exchange, site, part)
        }
    }

    private static func run(
        _ script: Script, _ exchange: Exchange, _ site: Site, _ part: Part
    ) async throws(StreamError) -> [UInt8]? {
        // A folder's default page may stand in a location of its own, with rules of its own.
        if exchange.path.last == ASCII.slash, script.pathInfo == nil, site.part(for: script.name) !== part {
            exchange.path = script.name
            guard try await admit(exchange, site) else { return nil }
            return try await route(exchange, site)
        }
        let service = ScriptService(exchange: exchange, site: site, part: part, script: script)
        switch try await service.serve() {
        case .answered: return nil
        case .redirected(let target): return target
        }
    }
}
