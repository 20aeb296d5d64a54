package import Config
import Base
import Logs

extension Exchange {
    /// Writes a line to the site's error log, with the request's id, its client and, if there is one, its script.
    package final func log(_ level: LogLevel, _ message: String, pid: Int32? = nil) {
        let log = site?.errorLog ?? context.errorLog
        guard log.isLogged(level) else { return }
        let client = connection.peer.ip.map(\.description)
        log.write(
            level, message,
            LogContext(
                site: site?.name, script: script?.name, pid: pid ?? script?.pid, requestID: id.description,
                client: client))
    }
}
