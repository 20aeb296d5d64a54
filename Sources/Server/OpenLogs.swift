import Base
import Config
import Glibc
import Logs

/// All logs of a configuration, each opened once however many sites write to it.
///
/// Opening is apart from serving, so that it can be done before privileges are dropped.
final class OpenLogs: Sendable {
    let writer: LogWriter
    let errorLog: ErrorLog
    private let sinks: [LogTarget: LogSink]
    private let level: LogLevel

    /// New files belong to `owner` where one is given.
    init(_ config: ServerConfig, owner: LogOwner?) throws(StartError) {
        var sinks: [LogTarget: LogSink] = [:]
        var targets = [config.server.errorLog]
        for site in config.sites {
            targets.append(site.errorLog)
            targets.append(site.part.accessLog)
            targets += site.locations.map(\.part.accessLog)
        }
        for target in targets where sinks[target] == nil {
            do throws(Errno) { sinks[target] = try LogSink(target, owner: owner) } catch {
                throw StartError(
                    "cannot open the log \(target): \(error)\(OpenLogs.advice(target, error))",
                    at: config.logPlaces[target])
            }
        }
        do throws(Errno) { writer = try LogWriter() } catch {
            throw StartError("cannot start the log thread: \(error)")
        }
        self.sinks = sinks
        level = config.server.logLevel
        errorLog = ErrorLog(sink: sinks[config.server.errorLog], writer: writer, level: level)
    }

    /// Starts the thread that writes them.
    func start() {
        let errorLog = errorLog
        writer.start { target, lines in
            errorLog.write(
                .error, "\(lines) lines of the log \(target) are lost: it took them too slowly, or not at all"
            )
        }
    }

    func sink(_ target: LogTarget) -> LogSink? { sinks[target] }

    func errorLog(_ target: LogTarget) -> ErrorLog {
        ErrorLog(sink: sinks[target], writer: writer, level: level)
    }

    /// Opens all files again, after a rotation.
    func reopen() {
        var isWhole = true
        for sink in sinks.values {
            do throws(Errno) { try sink.reopen() } catch {
                isWhole = false
                errorLog.write(.error, OpenLogs.reason(sink.target, error))
            }
        }
        if isWhole { errorLog.write(.info, "logs reopened") }
        writer.lookAgain()
    }

    /// What whoever starts the server can do about a log that cannot be opened.
    private static func advice(_ target: LogTarget, _ error: Errno) -> String {
        guard error == .accessDenied || error == .notPermitted, case .file(let path) = target else {
            return ""
        }
        let user = SystemUser.name(geteuid())
        if access(path, F_OK) == 0 {
            return "; the server is started as \(user), who may not write it: `chown \(user) \(path)`"
        }
        return
            "; the server is started as \(user), who may not make files there: `install -o \(user) -m 640 /dev/null \(path)` makes it"
    }

    private static func reason(_ target: LogTarget, _ error: Errno) -> String {
        var text = "cannot reopen the log \(target), the old one stays in use: \(error)"
        if error == .accessDenied || error == .notPermitted, case .file(let path) = target {
            let user = SystemUser.name(geteuid())
            text +=
                access(path, F_OK) == 0
                ? "; the server runs as \(user), to whom the file has to belong: `chown \(user) \(path)`, and in logrotate's settings `create 0640 \(user) …`"
                : "; the server runs as \(user), who may not make files in that folder: have logrotate make the file with `create 0640 \(user) …`, or give the folder to \(user)"
        }
        return text
    }
}
