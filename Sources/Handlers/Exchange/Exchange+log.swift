import Config
import Base
import Logs

extension Exchange {
    /// Writes a line to the site's error log, with the request's id, its client and, if there is one, its script.
    final func log(_ level: LogLevel, _ message: String, pid: Int32? = nil) {
        let log = site?.errorLog ?? context.errorLog
        guard log.isLogged(level) else { return }
        let client = clientAddress?.description
        log.write(
            level, message,
            LogContext(
                site: site?.name, script: script?.name, pid: pid ?? script?.pid, requestID: id.description,
                client: client))
    }

    /// Whether the client is one of those that may see why a script failed (`cgi_errors_to`).
    final var mayKnowReasons: Bool {
        guard let site, let address = clientAddress else { return false }
        return site.config.cgiErrorsTo.contains { $0.contains(address) }
    }
}
