import Base
import Config
import Handlers
import Logs

/// A site as the configuration describes it, without a server around it.
func makeSite(_ name: String, hosts: [String] = [], _ change: (inout SiteConfig) -> Void = { _ in }) -> Site {
    var config = SiteConfig(name: name, position: SourcePosition(file: "server.ini", line: 1))
    config.hosts = hosts
    change(&config)
    // Nothing is written: the writer's thread is not started.
    guard let sink = try? LogSink(.standardError), let writer = try? LogWriter() else {
        preconditionFailure("no standard error, or no descriptor left")
    }
    return Site(
        config, errorLog: ErrorLog(sink: sink, writer: writer, level: .error),
        mediaTypes: MediaTypes(file: "", extra: [:]), answerCache: AnswerCache(limit: 0),
        makePart: { settings, _ in
            Part(settings, accessLog: nil, scriptQueue: PlaceQueue(limit: 1, timeout: .zero))
        })
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
