import Base
import Config
import Net
import Wire

/// How a script is started for a request: its arguments, environment and limits.
struct ScriptPlan {
    let exchange: Exchange
    let site: Site
    let part: Part
    let script: Script

    func spawnPlan(contentLength: Int?) -> SpawnPlan {
        let query = exchange.query ?? []
        var plan = SpawnPlan(
            path: script.program, folder: script.folder, arguments: arguments(query),
            environment: environment(query, contentLength: contentLength))
        plan.limits = common.limits
        plan.nice = site.config.scriptLimits.nice
        plan.confinement = part.confinement
        return plan
    }

    private func arguments(_ query: [UInt8]) -> CStringList {
        // An indexed query is one that reads (RFC 3875, section 4.4).
        guard !query.isEmpty, part.settings.cgiIsindex, exchange.method == .get || exchange.method == .head
        else { return script.arguments }
        let words = MetaVariables.indexedArguments(query.span)
        if words.isEmpty { return script.arguments }
        var arguments = CStringList.Builder(capacity: 256)
        arguments.append(script.arguments)
        for word in words { arguments.append(word.span) }
        return arguments.finish()
    }

    /// What all plans of a part have in common.
    struct Common {
        let environment: CStringList
        let limits: [ResourceLimit]
    }

    private var common: Common {
        if let common = part.commonPlan { return common }
        var settings = part.settings.cgiEnvironment.filter { $0.name != "PATH" }.map { ($0.name, $0.value) }
        if !settings.contains(where: { $0.0 == "LANG" }) { settings.append(("LANG", "C.UTF-8")) }
        let documentRoot = site.documentRoot
        let common = Common(
            environment: MetaVariables.common(
                path: searchPath, serverSoftware: exchange.context.software,
                documentRoot: documentRoot.span, settings: settings),
            limits: ScriptPlan.limits(site.config.scriptLimits))
        part.commonPlan = common
        return common
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
        if let processes = limits.processes {
            result.append(
                ResourceLimit(.processes, soft: UInt64(processes), hard: UInt64(processes)))
        }
        if let files = limits.openFiles {
            result.append(ResourceLimit(.openFiles, soft: UInt64(files), hard: UInt64(files)))
        } else if let original = ResourceLimit.originalOpenFiles {
            // The server has raised its own; select(2) in old programs fails beyond 1024.
            result.append(original)
        }
        return result
    }

    /// Where a script's PATH has it look for programs.
    var searchPath: String { ScriptPlan.searchPath(part.settings) }

    static func searchPath(_ settings: PartSettings) -> String {
        settings.cgiEnvironment.last { $0.name == "PATH" }?.value
            ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    }

    /// The part of the environment that all requests for the script get alike.
    private var scriptEnvironment: CStringList {
        if let environment = script.environment { return environment }
        let (filename, name) = (script.file, script.name)
        let environment = MetaVariables.ofScript(
            common.environment, filename: filename, name: name.span, pathInfo: script.pathInfo,
            documentRoot: site.documentRoot)
        script.environment = environment
        return environment
    }

    private func environment(_ query: [UInt8], contentLength: Int?) -> CStringList {
        let head = exchange.head
        let facts = facts(query, contentLength: contentLength)
        let common = scriptEnvironment
        let (list, refused) = exchange.withHeadBytes {
            MetaVariables.environment(common, facts, head, $0)
        }
        for (name, why) in refused {
            let rule =
                switch why {
                case .name where facts.passUnderscores: "its name makes no variable, or another field's"
                case .name: "only letters, digits and dashes make a variable"
                case .proxy: "programs take HTTP_PROXY for a setting (httpoxy)"
                case .function: "its value begins like a function of the shell (Shellshock)"
                }
            exchange.logOnce(
                .info, "a request's field \(ScriptWords.quote(name.span)) is not passed on: \(rule)",
                about: "fields")
        }
        return list
    }

    private func facts(_ query: [UInt8], contentLength: Int?) -> MetaVariables.Facts {
        let head = exchange.head
        var facts = MetaVariables.Facts()
        if exchange.isSentOn, exchange.method == .get { facts.method = "GET" }
        facts.redirect = redirect
        facts.protocolVersion = head.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
        facts.queryString = query
        facts.serverName = serverName()
        facts.serverPort = exchange.serverPort
        facts.serverAddress = exchange.connection.local.ip
        facts.remoteAddress = exchange.clientAddress
        facts.remotePort = exchange.clientPort
        facts.isSecure = exchange.isSecure
        // Content of no bytes has a length, too, and scripts that take POST ask for it.
        facts.contentLength = contentLength ?? (!exchange.isSentOn && head.has(.contentLength) ? 0 : nil)
        facts.requestID = exchange.id.value
        if let user = exchange.user {
            facts.remoteUser = String(decoding: user, as: UTF8.self)
            facts.authType = "Basic"
        }
        facts.passAuthorization = passesAuthorization
        facts.passUnderscores = part.settings.passesUnderscores
        return facts
    }

    /// The request as it was made, where it has been sent on to this script.
    private var redirect: MetaVariables.Redirect? {
        guard exchange.isSentOn else { return nil }
        let head = exchange.head
        var original: [UInt8] = []
        exchange.withHeadBytes { bytes in
            // It was decoded once already; a path that could not be is not shown.
            try? TargetPath.decode(bytes.extracting(head.path.range), into: &original)
        }
        return MetaVariables.Redirect(
            status: exchange.errorStatus?.code ?? 200, url: original,
            query: head.query.map { exchange.bytes($0) }, method: exchange.bytes(head.methodName))
    }

    private var passesAuthorization: Bool {
        switch part.settings.cgiPassAuthorization {
        case .yes: true
        // A password that the server has checked is none of the script's business.
        case .auto: exchange.user == nil
        case .no: false
        }
    }

    /// The host that was asked for, without port; the site's own name where the request has none.
    private func serverName() -> [UInt8] {
        if let authority = exchange.head.authority {
            return exchange.withHeadBytes { SiteTable.host(of: $0.extracting(authority.range)).array }
        }
        if let host = site.config.hosts.first(where: { !$0.hasPrefix("*") }) { return Array(host.utf8) }
        return Array((exchange.connection.local.ip?.description ?? site.name).utf8)
    }
}
