extension Settings {
    /// `[server]`.
    static let server: [Setting] = [
        .server("home", Values.home, \.home, .described("the file's folder"), "where relative paths start"),
        .repeatable(
            server: "listen", Values.listenAddress, .value("127.0.0.1:8080"),
            "for HTTP: `IP:PORT`, `[IPv6]:PORT`, `*:PORT`, `unix:PATH`; `proxy_protocol` may follow",
            add: { $0.listen.append($1) }),
        .server(
            "threads", Values.threads, \.threads, .value("auto"), "event-loop threads; `auto` is one per core"
        ),
        .server("user", Values.user, \.user, .described("stay"), "whom to become after binding"),
        .server("group", Values.group, \.group, .described("stay"), "the group to become after binding"),
        .server(
            "pid_file", Values.optionalNewFile, \.pidFile, .value("none"), "file for the server's process id"),
        .server(
            "error_log", Values.errorLog, \.errorLog, .value("stderr"),
            "what the server has to say: a path, `stderr`, `syslog`, or `syslog:SOCKET`"
        ).namingLog(Values.errorLog),
        .server(
            "log_level", Values.logLevel, \.logLevel, .value("info"), "the least serious thing that is logged"
        ),
        .repeatable(
            server: "include", Values.pattern, .described("none"),
            "more files, by glob, read as if they stood at the end", add: { _, _ in }),
        .server(
            "max_connections", Values.number(1...10_000_000), \.maxConnections, .value("10000"),
            "past that a new one waits in the kernel's queue"),
        .server(
            "max_connections_per_ip", Values.optionalNumber(1...1_000_000), \.maxConnectionsPerIP,
            .value("0"),
            "connections of one client at once (IPv6: of one /64); more are closed; 0 for no limit"),
        .server(
            "trusted_proxies", Values.trustedPeers, \.trustedProxies, .value("none"),
            "networks, and `unix`, whose X-Forwarded-For or Forwarded says who the client is"),
        .server(
            "shutdown_timeout", Values.time(), \.shutdownTimeout, .value("30s"),
            "for requests under way when the server stops"),
        .server(
            "header_timeout", Values.timeout, \.headerTimeout, .value("15s"), "for a whole request head: 408"),
        .server(
            "keepalive_timeout", Values.time(), \.keepaliveTimeout, .value("60s"), "idle between two requests"
        ),
        .server(
            "body_timeout", Values.timeout, \.bodyTimeout, .value("30s"),
            "between two pieces of a request body"),
        .server(
            "write_timeout", Values.timeout, \.writeTimeout, .value("60s"), "without the client taking a byte"
        ),
        .server(
            "max_header_size", Values.size(1024...(16 << 20)), \.maxHeaderSize, .value("32K"),
            "of a request head: 431; of the request line alone: 414"),
        .server(
            "server_header", Values.serverHeader, \.serverHeader, .value("full"),
            "the Server field: `full` is gatehouse/VERSION, `name` without version"),
        .server(
            "cgi_turns", Values.optionalTime, \.cgiTurns, .value("100ms"),
            "how long a script that computes keeps others of that kind waiting for it; 0 for not at all"),
    ]
}
