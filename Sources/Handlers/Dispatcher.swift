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
        switch head.form {
        case .asterisk:
            var answer = ResponseHead(.noContent)
            answer.add("Allow", "GET, HEAD, POST, OPTIONS" as StaticString)
            return try await exchange.send(answer, [])
        case .authority:
            // CONNECT is for proxies.
            return try await ErrorPage.send(
                .methodNotAllowed, fields: [("Allow", "GET, HEAD, POST, OPTIONS")], on: exchange)
        case .origin, .absolute: break
        }
        if head.method == .trace {
            return try await ErrorPage.send(
                .methodNotAllowed, fields: [("Allow", "GET, HEAD, POST, OPTIONS")], on: exchange)
        }
        let decoded = exchange.withHeadBytes { decode($0.extracting(head.path.range), exchange) }
        guard decoded else { return try await ErrorPage.send(.badRequest, on: exchange) }
        while let target = try await route(exchange, site) {
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
            return false
        }
    }

    /// Serves the exchange's path; returns the target of a local redirect.
    private static func route(_ exchange: Exchange, _ site: Site) async throws(StreamError) -> [UInt8]? {
        let part = site.part(for: exchange.path)
        exchange.part = part
        if try await exchange.refuseIfTooMany(part) { return nil }
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
                try await ErrorPage.send(
                    status, explanation: exchange.mayKnowReasons ? reason : nil, on: exchange)
                return nil
            }
        case .script(let file):
            let rest = exchange.path[prefixLength...]
            let script = Script(
                file: file, name: Array(exchange.path[..<prefixLength]),
                pathInfo: rest.isEmpty ? nil : Array(rest),
                interpreter: part.scripts.interpreter(for: Array(file.utf8)))
            return try await run(script, exchange, site, part)
        }
    }

    private static func run(
        _ script: Script, _ exchange: Exchange, _ site: Site, _ part: Part
    ) async throws(StreamError) -> [UInt8]? {
        let service = ScriptService(exchange: exchange, site: site, part: part, script: script)
        switch try await service.serve() {
        case .answered: return nil
        case .redirected(let target): return target
        }
    }
}
