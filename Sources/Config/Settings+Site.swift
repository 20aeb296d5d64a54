extension Settings {
    /// `[site NAME]` and `[defaults]`, all but CGI. What is a `part` stands in `[location]`, too.
    static let site: [Setting] = [
        .site(
            "host", Values.hosts, \.hosts, .described("NAME"),
            "names of the site; `*.example.org` for all below example.org"),
        .repeatable(
            site: "listen", Values.plainListenAddress, .described("all of [server]'s"),
            "addresses of [server] that this site answers on, where not all", add: { $0.listen.append($1) }),
        .site(
            "root", Values.optionalFolder, \.root, .value("none"), "folder of the static files",
            place: { $0.rootPosition = $1 }),
        .part(
            "index", Values.indexNames, \.index, .value("index.html index.htm"),
            "default pages of a folder, the first that exists"),
        .part(
            "listing", Values.flag, \.listing, .value("no"),
            "a folder without a default page: its listing, else 403"),
        .repeatable(
            site: "alias", Values.alias, .described("none"),
            "`/icons/ /usr/share/icons/`: a URL prefix, and the folder behind it",
            add: { $0.aliases.append($1) }),
        .part("max_body", Values.maxBody, \.maxBody, .value("1G"), "of a request body: 413; 0 for no limit"),
        .part(
            "limit_requests", Values.requestLimit, \.requestLimit, .value("none"),
            "`10/s burst=20`: of each client (IPv6: each /64) in a time, and at once; more get 429"
        ),
        .part(
            "limit_rate", Values.optionalSize(128), \.limitRate, .value("0"),
            "bytes a second for each connection, a second's worth at once; 0 for no limit"),
        .site(
            "mime_types", Values.mediaTypesFile, \.mimeTypesFile, .value("/etc/mime.types"),
            "a file of media types and their extensions"),
        .repeatable(
            site: "mime", Values.mediaType, .described("none"),
            "`.ext type/subtype`: the media type of an extension",
            add: { $0.mime[$1.suffix] = $1.type }
        ).oneForEachFirstWord(),
        .part(
            "charset", Values.charset, \.charset, .value("auto"),
            "of text files: `auto` finds out what each is written in, a name, `off`"
        ).doubting(KnownCharsets.doubt),
        .part(
            "symlinks", Values.symlinks, \.symlinks, .value("inside"),
            "symbolic links: those that stay `inside` the root, `follow` anywhere, `deny` all"),
        .part(
            "dotfiles", Values.dotfiles, \.serveDotfiles, .value("deny"),
            "names that begin with a dot, /.well-known/ aside: `deny` is 404"),
        .repeatable(
            part: "header", Values.field, .described("none"),
            "`Name: value`: a field of each answer; `-Name`: no answer has it",
            add: { part, new in
                if new.value == nil {
                    part.headers.removeAll { $0.name.lowercased() == new.name.lowercased() }
                }
                part.headers.append(new)
            }
        ).freeText(),
        .repeatable(
            part: "cache_control", Values.cacheControl, .described("none"),
            "`image/* max-age=86400`: Cache-Control of static files; without a type, of all",
            add: { $0.cacheControl.add($1) }
        ).freeText(),
        .part(
            "compress", Values.codings, \.compression.codings, .value("off"),
            "`br zstd gzip`: codings for clients that take them, the best liked first; docs/compression.md"),
        .part(
            "compress_types", Values.mediaTypePatterns, \.compression.types, .described("text and its like"),
            "`text/* application/*+json`: media types that are compressed on the way"),
        .part(
            "compress_min", Values.size(0...(1 << 30)), \.compression.minimum, .value("1K"),
            "content of fewer bytes is sent as it is"),
        .repeatable(
            site: "error_page", Values.errorPage, .described("none"),
            "`404 /missing.html`: a status, and the file or script of this site that answers then",
            add: { $0.errorPages[$1.status] = $1.page }
        ).oneForEachFirstWord(),
        .repeatable(
            site: "redirect", Values.redirect, .described("none"),
            "`/old /new 301`: a URL prefix, `=/path` or `~pattern`, and where it is now; `/old 410`",
            add: { $0.redirects.append($1) }
        ).freeText(),
        .repeatable(
            site: "rewrite", Values.rewrite, .described("none"),
            "`^/w/(.*)$ /w.cgi/$1`: a pattern, and the path that answers; `missing ^…`: where no file is",
            add: { $0.rewrites.append($1) }
        ).freeText(),
        .part(
            "allow", Values.clients, \.allow, .value("all"),
            "networks of clients that may see it; the most specific of `allow` and `deny` decides"),
        .part("deny", Values.clients, \.deny, .value("none"), "networks of clients that may not: 403"),
        .part(
            "auth", Values.auth, \.auth, .value("off"),
            "`\"Realm\" etc/htpasswd`: only users of that file, by password: 401"),
        .part(
            "access_log", Values.accessLog, \.accessLog, .value("stdout"),
            "a line for each request: a path, `stdout`, `stderr`, `syslog`, `syslog:SOCKET`, `off`"
        ).namingLog(Values.accessLog),
        .site(
            "log_format", Values.logFormat, \.logFormat, .value("combined"),
            "`common`, `combined`, `vhost_combined`, `combined_cgi`, `json`, or Apache's `%` directives"
        ).freeText(),
        .site(
            "error_log", Values.errorLog, \.errorLog, .described("[server]'s"),
            "what goes wrong with the site's requests, and its scripts' stderr: a path, `stderr`, `syslog`"
        ).namingLog(Values.errorLog),
    ]
}
