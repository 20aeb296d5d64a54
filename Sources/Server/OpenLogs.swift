import Base
import Config
import Logs

/// All logs of a configuration, each opened once however many sites write to it.
///
/// Opening is apart from serving, so that it can be done before privileges are dropped.
final class OpenLogs: Sendable {
    let writer: LogWriter
    let errorLog: ErrorLog
    private let sinks: [LogTarget: LogSink]
    private let level: LogLevel

    init(_ config: ServerConfig) throws(StartError) {
        var sinks: [LogTarget: LogSink] = [:]
        var targets = [config.server.errorLog]
        for site in config.sites {
            targets.append(site.errorLog)
            targets.append(site.part.accessLog)
            targets += site.locations.map(\.part.accessLog)
        }
        for target in targets where sinks[target] == nil {
            do throws(Errno) { sinks[target] = try LogSink(target) } catch {
                throw StartError("cannot open the log \(OpenLogs.name(target)): \(error)")
            }
        }
        self.sinks = sinks
        level = config.server.logLevel
        writer = LogWriter()
        // `error_log = off` is not offered, but nothing would be lost that way either.
        guard let main = sinks[config.server.errorLog] else {
            throw StartError("the server needs an error_log")
        }
        errorLog = ErrorLog(sink: main, writer: writer, level: level)
    }

    private static func name(_ target: LogTarget) -> String {
        switch target {
        case .off: "off"
        case .standardOutput: "stdout"
        case .standardError: "stderr"
        case .file(let path): path
        }
    }

    func sink(_ target: LogTarget) -> LogSink? { sinks[target] }

    func errorLog(_ target: LogTarget) -> ErrorLog {
        guard let sink = sinks[target] else { return errorLog }
        return ErrorLog(sink: sink, writer: writer, level: level)
    }

    /// Opens all files again, after a rotation.
    func reopen() {
        var isWhole = true
        for sink in sinks.values {
            do throws(Errno) { try sink.reopen() } catch {
                isWhole = false
                errorLog.write(
                    .error,
                    "cannot reopen the log \(OpenLogs.name(sink.target)), the old one stays in use: \(error)")
            }
        }
        if isWhole { errorLog.write(.info, "logs reopened") }
    }
}
