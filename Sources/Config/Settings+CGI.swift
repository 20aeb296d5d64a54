extension Settings {
    /// What a site and its locations say of scripts.
    static let cgi: [Setting] = [
        .repeatable(
            site: "cgi", Values.scripts, .described("none"),
            "`/cgi-bin/ cgi-bin/`: a URL prefix, and the folder of scripts or the one script behind it",
            add: { $0.cgi.append($1) }),
        .part(
            "cgi_extensions", Values.extensions, \.cgiExtensions, .value("none"),
            "`.cgi .pl`: such files are run where they stand below `root` or an `alias`"),
        .repeatable(
            part: "cgi_interpreter", Values.interpreter, .described("none"),
            "`.php /usr/bin/php-cgi`: files that end so are run by that program",
            add: { part, new in
                // A second program for an ending takes the place of the first.
                part.cgiInterpreters.removeAll { $0.suffix == new.suffix }
                part.cgiInterpreters.append(new)
            }),
        .part(
            "script_sources", Values.sourceExtensions, \.scriptSources,
            .value(".cgi .fcgi .php .pl"),
            "files that end so are not sent where nothing runs them: 403; or `none`"),
        .repeatable(
            part: "cgi_env", Values.environmentSetting, .described("none"),
            "`NAME=value` for the scripts; a bare `NAME` passes the server's own",
            add: { part, new in
                guard let new else { return }
                part.cgiEnvironment.removeAll { $0.name == new.name }
                part.cgiEnvironment.append(new)
            }
        ).freeText().lastForEach { (try? Values.environmentSetting.parse($0))?.name },
        .part(
            "cgi_timeout", Values.timeout, \.cgiTimeout, .value("60s"),
            "for a script's first byte of output: 504"),
        .part(
            "cgi_idle_timeout", Values.timeout, \.cgiIdleTimeout, .value("60s"),
            "between two pieces of a script's output"),
        .part(
            "cgi_max_time", Values.optionalTime, \.cgiMaxTime, .value("0"),
            "for a script in all; 0 for no limit"),
        .site(
            "cgi_kill_grace", Values.time(), \.cgiKillGrace, .value("3s"),
            "between TERM and KILL for a script that is ended"),
        .part(
            "cgi_on_disconnect", Values.onDisconnect, \.cgiOnDisconnect, .value("kill"),
            "when the client is gone: `kill` the script, or let it `finish`"),
        .part(
            "cgi_exit_status", Values.exitStatusRule, \.cgiExitStatus, .value("cut"),
            "a status other than 0: `cut` the answer, cut it if `stderr` has words too, or `ignore`"
        ),
        .site(
            "cgi_linger", Values.time(), \.cgiLinger, .value("1s"),
            "for a child that holds the output open when the script has exited"),
        .part(
            "cgi_max_processes", Values.number(1...100_000), \.cgiMaxProcesses, .value("64"),
            "scripts of the site or location at once; more wait"),
        .site(
            "cgi_queue_timeout", Values.time(), \.cgiQueueTimeout, .value("30s"),
            "for a request that waits for its script to start: 503"),
        .part(
            "cgi_pass_authorization", Values.passAuthorization, \.cgiPassAuthorization, .value("auto"),
            "give scripts the Authorization field; `auto` where the site does not check it itself"),
        .part(
            "cgi_isindex", Values.flag, \.cgiIsindex, .value("yes"),
            "words of a query without `=` are a script's arguments, too"),
        .part(
            "cgi_lenient", Values.flag, \.cgiLenient, .value("no"),
            "send a script's output without a header as a page, HTML or plain text; else 500"),
        .part(
            "cgi_local_redirects", Values.flag, \.cgiLocalRedirects, .value("yes"),
            "answer with the page that a script's `Location: /path` names; else 302"),
        .part(
            "cgi_stream_upload", Values.flag, \.cgiStreamUpload, .value("no"),
            "a script gets the request body as it arrives; else it starts when all is there"),
        .part(
            "underscore_headers", Values.underscores, \.passesUnderscores, .value("drop"),
            "request fields with `_` in their names: `drop` them, or `pass` them to scripts"),
        .part(
            "cgi_user", Values.scriptUser, \.cgiUser, .value("none"),
            "`NAME`, `NAME:GROUP`: whom scripts run as; `none` for the server's user; docs/cgi.md"),
        .part(
            "cgi_write", Values.writeFolders, \.cgiWrite, .value("everywhere"),
            "the only folders that scripts may write to; `none` for no folder; docs/cgi.md"),
        .part(
            "cgi_no_new_privs", Values.flag, \.cgiNoNewPrivileges, .value("yes"),
            "setuid and setgid programs (sendmail, sudo) give scripts no more rights; `no` lets them"),
        .site(
            "cgi_cpu", Values.optionalTime, \.scriptLimits.cpu, .value("0"),
            "processor time of a script, whole seconds; 0 for no limit"),
        .site(
            "cgi_memory", Values.optionalSize(1 << 20), \.scriptLimits.memory, .value("0"),
            "address space of each process of a script; 0 for no limit"),
        .site(
            "cgi_open_files", Values.optionalNumber(8...1_000_000), \.scriptLimits.openFiles, .value("0"),
            "descriptors of each process of a script; 0 for what the server was started with"),
        .site(
            "cgi_file_size", Values.optionalSize(1), \.scriptLimits.fileSize, .value("0"),
            "of a file that a script writes; 0 for no limit"),
        .site(
            "cgi_nproc", Values.optionalNumber(1...1_000_000), \.scriptLimits.processes, .value("0"),
            "processes and threads of the user that scripts run as; 0 for no limit"),
        .site(
            "cgi_nice", Values.number(0...19), \.scriptLimits.nice, .value("0"),
            "how far scripts stand back behind other programs: 0 to 19"),
        .site(
            "cgi_errors_to", Values.networks, \.cgiErrorsTo, .value("127.0.0.0/8 ::1"),
            "networks that see on the error page why a script failed; `none` for nobody"),
        .repeatable(
            site: "cgi_sendfile", Values.folder, .described("none"),
            "a folder whose files scripts may send by X-Sendfile, X-Accel-Redirect, X-LIGHTTPD-send-file",
            add: { $0.cgiSendfile.append($1) }),
        .repeatable(
            part: "cgi_cache", Values.cacheRule, .described("none"),
            "`/cgi-bin/report.cgi 10s`: a URL prefix, and how long a GET's answer serves the next ones",
            add: { part, new in
                part.cgiCache.removeAll { $0.prefix == new.prefix }
                part.cgiCache.append(new)
            }
        ).oneForEachFirstWord(),
        .part(
            "cgi_capture", Values.capture, \.cgiCapture, .value("off"),
            "`FOLDER count=100 size=64K`: keeps what scripts that fail got and printed"
        ),
        .site(
            "cgi_cache_size", Values.size(0...(1 << 40)), \.cgiCacheSize, .value("32M"),
            "for all kept answers of the site's scripts"),
    ]
}
