import Config
import Base
import Logs

extension Exchange {
    /// Writes a line to the site's error log, with the request's id, its client and, if there is one, its script.
    final func log(_ level: LogLevel, _ message: String, pid: Int32? = nil) {
        witness?.took(message, isError: level == .error)
        write(level, message, pid: pid)
    }

    /// Writes a line that a script has written on stderr.
    final func logErrorOutput(_ line: String, pid: Int32?) {
        write(.error, ScriptWords.errorOutput(line), pid: pid)
    }

    private func write(_ level: LogLevel, _ message: String, pid: Int32?) {
        let log = site?.errorLog ?? context.errorLog
        if log.isLogged(level) { log.write(level, message, logContext(pid: pid)) }
    }

    private func logContext(pid: Int32?) -> LogContext {
        LogContext(
            site: site?.name, script: script?.name, pid: pid ?? script?.pid, requestID: id.description,
            client: clientAddress?.description)
    }

    /// Writes such lines when the request is long over.
    final func laterLog(pid: Int32?) -> @Sendable (LogLevel, String) -> Void {
        let (log, logContext) = (site?.errorLog ?? context.errorLog, logContext(pid: pid))
        return { level, message in log.write(level, message, logContext) }
    }

    /// As `log`, but only the first time that the loop says this of `subject`. For what is wrong again
    /// and again, with each request. `key` stands for a message that is not always the same.
    final func logOnce(
        _ level: LogLevel, _ message: String, as key: String? = nil, about subject: String, pid: Int32? = nil
    ) {
        guard context.isNews(key ?? message, about: "\(site?.name ?? "") \(subject)") else { return }
        log(level, message, pid: pid)
    }

    /// Whether the client is one of those that may see why a script failed (`cgi_errors_to`).
    final var mayKnowReasons: Bool {
        guard let site, let address = clientAddress else { return false }
        return site.config.cgiErrorsTo.contains { $0.contains(address) }
    }
}
