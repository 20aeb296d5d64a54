/// Names that other servers have for what a setting says here, for those who come from there.
enum ForeignNames {
    /// The setting that `name`, in lower case, is here, as messages quote it; nil for none.
    static func setting(for name: String) -> String? {
        guard let own = table[name] else { return nil }
        return own.split(separator: " ").map { "`\($0)`" }.joined(separator: " or ")
    }

    /// Directives of Apache, nginx and lighttpd; docs/from-apache.md has them all.
    private static let table: [String: String] = [
        "accesslog.filename": "access_log", "adddefaultcharset": "charset", "addhandler": "cgi_extensions",
        "addtype": "mime", "alias.url": "alias", "authuserfile": "auth", "auth_basic": "auth",
        "auth_basic_user_file": "auth", "autoindex": "listing", "cgi.assign": "cgi cgi_interpreter",
        "client_max_body_size": "max_body", "customlog": "access_log", "dir-listing.activate": "listing",
        "directoryindex": "index", "document-root": "root", "document_root": "root", "documentroot": "root",
        "errordocument": "error_page", "errorlog": "error_log", "expires": "cache_control",
        "fastcgi_cache": "cgi_cache", "fastcgi_param": "cgi_env",
        "fastcgi_read_timeout": "cgi_timeout cgi_idle_timeout", "fastcgi_pass": "cgi cgi_interpreter",
        "gzip": "compress", "gzip_types": "compress_types", "index-file.names": "index",
        "keepalivetimeout": "keepalive_timeout", "limitrequestbody": "max_body", "logformat": "log_format",
        "loglevel": "log_level", "mimetype.assign": "mime", "passenv": "cgi_env", "pidfile": "pid_file",
        "port": "listen", "redirectmatch": "redirect", "rewriterule": "rewrite", "rlimitcpu": "cgi_cpu",
        "rlimitmem": "cgi_memory", "rlimitnproc": "cgi_nproc", "scriptalias": "cgi",
        "server.document-root": "root", "server.errorlog": "error_log",
        "server.error-handler-404": "error_page", "server.port": "listen", "server.username": "user",
        "server_name": "host", "serveralias": "host", "servername": "host", "servertokens": "server_header",
        "server_tokens": "server_header", "set_real_ip_from": "trusted_proxies", "setenv": "cgi_env",
        "suexecusergroup": "cgi_user", "timeout": "cgi_timeout", "try_files": "rewrite",
        "typesconfig": "mime_types", "url.redirect": "redirect", "url.rewrite-once": "rewrite",
        "worker_processes": "threads", "xsendfilepath": "cgi_sendfile",
    ]
}
