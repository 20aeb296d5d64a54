import Base

/// How many servers run at once.
private let turnstile = Turnstile(6)

/// Starts a server of one site, runs `body` with it on a thread of its own, and stops it with all the
/// checks of `stop`.
///
/// `site` holds lines of `[site default]`, `server` lines of `[server]`, `more` whole sections; there are
/// `threads` event loops. The
/// site's root is `www` in the server's folder, which `files` may fill: `["www/a.txt": "text"]`. What
/// begins with `#!` is made executable. For anything else there is `prepare`.
package func withServer(
    site: String = "", server: String = "", threads: Int = 2, more: String = "",
    files: [String: String] = [:], allowed: [String] = [],
    prepare: @escaping @Sendable (ScratchFolder) throws -> Void = { _ in },
    test body: @escaping @Sendable (ServerProcess) throws -> Void
) async throws {
    let ini = """
        [server]
        listen = 127.0.0.1:0
        threads = \(threads)
        shutdown_timeout = 5s
        \(server)

        [site default]
        root = www
        \(site)

        \(more)

        """
    try await withServer(ini: ini, files: files, allowed: allowed, prepare: prepare, test: body)
}

/// Starts a server with a whole `server.ini`, runs `body` with it on a thread of its own, and stops it
/// with all the checks of `stop`.
package func withServer(
    ini: String, listenerCount: Int? = nil, files: [String: String] = [:], allowed: [String] = [],
    environment: [String: String] = [:], executable: String = ServerProcess.builtExecutable,
    prepare: @escaping @Sendable (ScratchFolder) throws -> Void = { _ in },
    test body: @escaping @Sendable (ServerProcess) throws -> Void
) async throws {
    await turnstile.enter()
    do {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            for (name, text) in files {
                try folder.write(name, text, mode: text.hasPrefix("#!") ? 0o755 : 0o644)
            }
            try prepare(folder)
            let server = try ServerProcess(
                ini: ini, in: folder, listenerCount: listenerCount, environment: environment,
                executable: executable)
            try run(body, with: server, allowed: allowed)
        }
    } catch {
        await turnstile.leave()
        throw error
    }
    await turnstile.leave()
}

private func run(_ body: (ServerProcess) throws -> Void, with server: ServerProcess, allowed: [String]) throws
{
    do {
        try body(server)
    } catch {
        // The connections of a test that broke off may still be open.
        do {
            try server.stop(allowed: allowed, checkDescriptors: false)
        } catch let later {
            throw TestFailure("\(error)\nand at the server's end: \(later)")
        }
        throw TestFailure("\(error)\n\(ServerProcess.transcript(server.process))")
    }
    // A test that has called stop by itself has had its checks.
    if !server.isStopped { try server.stop(allowed: allowed) }
}
