import Base
import Glibc
import Testing

@testable import Config

/// One `key = value` of `[server]` or a site, and what is said of it; empty where it is good.
struct ValueCase: CustomTestStringConvertible, Sendable {
    let line: String
    let problem: String

    init(_ line: String, _ problem: String = "") { (self.line, self.problem) = (line, problem) }

    var testDescription: String { line }
}

@Suite struct ValueTests {
    static let server: [ValueCase] = [
        ValueCase("threads = auto"),
        ValueCase("threads = 8"),
        ValueCase("threads = 0", "threads: 0 is too small; minimum 1"),
        ValueCase("threads = -1", "threads: `-1` is no number; takes 1 to 1024, or `auto`"),
        ValueCase(
            "threads = 99999999999999999999", "threads: 99999999999999999999 is too large; maximum 1024"),
        ValueCase("max_connections = many", "max_connections: `many` is no number; takes 1 to 10000000"),
        ValueCase("header_timeout = 500ms"),
        ValueCase("header_timeout = 2M"),
        ValueCase(
            "header_timeout = 30", "header_timeout: `30` has no unit; takes a time such as 30s, 500ms or 2m"),
        ValueCase(
            "header_timeout = soon",
            "header_timeout: `soon` is no time; takes a time such as 30s, 500ms or 2m"),
        ValueCase(
            "header_timeout = 3w",
            "header_timeout: `w` in `3w` is no unit of time; takes a time such as 30s, 500ms or 2m"),
        ValueCase(
            "header_timeout = 1.5s",
            "header_timeout: `.5s` in `1.5s` is no unit of time; takes a time such as 30s, 500ms or 2m"),
        ValueCase(
            "header_timeout = 0",
            "header_timeout: `0` leaves no time at all; takes a time such as 30s, 500ms or 2m"),
        ValueCase("header_timeout = 366d", "header_timeout: `366d` is too long; maximum 365d"),
        ValueCase(
            "header_timeout = 9223372036854775807d",
            "header_timeout: `9223372036854775807d` is too long; maximum 365d"),
        ValueCase("shutdown_timeout = 0"),
        ValueCase("header_timeout =", "header_timeout: no value"),
        ValueCase("header_timeout = \"\"", "header_timeout: no value"),
        ValueCase("max_header_size = 64k"),
        ValueCase("max_header_size = 8192"),
        ValueCase("max_header_size = 1G", "max_header_size: `1G` is too large; maximum 16M"),
        ValueCase("max_header_size = 1023", "max_header_size: `1023` is too small; minimum 1K"),
        ValueCase(
            "max_header_size = 9223372036854775807G",
            "max_header_size: `9223372036854775807G` is too large; maximum 16M"),
        ValueCase(
            "max_header_size = 32KB",
            "max_header_size: `kb` in `32KB` is no unit of size; takes a size such as 32K, 100M or 1G"),
        ValueCase(
            "max_header_size = big", "max_header_size: `big` is no size; takes a size such as 32K, 100M or 1G"
        ),
        ValueCase("log_level = Warning"),
        ValueCase(
            "log_level = warn",
            "log_level: `warn` is unknown; takes `error`, `warning`, `info` or `debug`"),
        ValueCase(
            "log_level = debgu",
            "log_level: `debgu` is unknown; takes `error`, `warning`, `info` or `debug`; did you mean `debug`?"
        ),
        ValueCase("server_header = off"),
        ValueCase("error_log = logs/error.log"),
        ValueCase("error_log = syslog"),
        ValueCase("error_log = syslog:logs/socket"),
        ValueCase("error_log = syslog:", "error_log: no path behind `syslog:`"),
        ValueCase(
            "error_log = off", "error_log: `off` is not supported here; takes a path, `stderr`, `syslog`"),
        ValueCase("error_log = logs", "error_log: `logs` is a folder; takes a file"),
        ValueCase("error_log = none/x.log", "error_log: folder `none`: No such file or directory"),
        ValueCase("error_log = server.ini/x.log", "error_log: `server.ini` is not a folder"),
        ValueCase("pid_file = none"),
        ValueCase("pid_file = logs/pid"),
        ValueCase("pid_file = logs/", "pid_file: `logs/` is a folder; takes a file"),
        ValueCase("user = root"),
        ValueCase("user = 33", "user: no user `33` on this machine"),
        ValueCase("group = 33"),
        ValueCase("group = 4294967295", "group: no group `4294967295` on this machine"),
        ValueCase("user = nobody-of-that-name", "user: no user `nobody-of-that-name` on this machine"),
        ValueCase("group = root"),
        ValueCase("group = nobody-of-that-name", "group: no group `nobody-of-that-name` on this machine"),
        ValueCase("home = nowhere", "home: `nowhere`: No such file or directory"),
        ValueCase("home = server.ini", "home: `server.ini` is not a folder"),
        ValueCase("listen = 127.0.0.1:0"),
        ValueCase("listen = [::1]:8080"),
        ValueCase("listen = *:80"),
        ValueCase("listen = unix:logs/s"),
        ValueCase("listen = unix:", "listen: no path behind `unix:`"),
        ValueCase("listen = unix:none/s", "listen: folder `none`: No such file or directory"),
        ValueCase(
            "listen = 8080",
            "listen: `8080` is a port without an address; `*:8080` is that port on every address, `127.0.0.1:8080` for this machine only"
        ),
        ValueCase(
            "listen = [::1]",
            "listen: no port in `[::1]`; takes `IP:PORT`, `[IPv6]:PORT`, `*:PORT` or `unix:PATH`"),
        ValueCase(
            "listen = 127.0.0.1:65536", "listen: `65536` in `127.0.0.1:65536` is no port; takes 0 to 65535"),
        ValueCase("listen = 127.0.0.1:", "listen: `` in `127.0.0.1:` is no port; takes 0 to 65535"),
        ValueCase("listen = 127.0.0.1:+80", "listen: `+80` in `127.0.0.1:+80` is no port; takes 0 to 65535"),
        ValueCase(
            "listen = ::1:80", "listen: an IPv6 address stands in brackets, as `[::1]:8080`, not `::1:80`"),
        ValueCase(
            "listen = localhost:80",
            "listen: `localhost` is no IP address; takes `IP:PORT`, `[IPv6]:PORT`, `*:PORT` or `unix:PATH`"),
        ValueCase(
            "listen = [1.2.3.4]:80",
            "listen: `[1.2.3.4]` is no IP address; takes `IP:PORT`, `[IPv6]:PORT`, `*:PORT` or `unix:PATH`"),
        ValueCase(
            "listen = *:443 tls", "listen: `tls`: this version cannot speak TLS; a proxy before it can"),
        ValueCase("listen = 127.0.0.1:0 proxy_protocol"),
        ValueCase("listen = unix:logs/s PROXY_PROTOCOL"),
        ValueCase(
            "listen = *:80 proxy", "listen: unknown option `proxy` behind the address; takes `proxy_protocol`"
        ),
        ValueCase(
            "listen = *:80 proxy_protocol proxy_protocol", "listen: `proxy_protocol` stands there twice"),
        ValueCase("trusted_proxies = none"),
        ValueCase("trusted_proxies = 10.0.0.0/8 ::1 unix"),
        ValueCase(
            "trusted_proxies = balancer",
            "trusted_proxies: `balancer` is no network; takes addresses and networks such as 10.0.0.0/8 or ::1, and `unix`"
        ),
        ValueCase("max_connections_per_ip = 0"),
        ValueCase(
            "max_connections_per_ip = few", "max_connections_per_ip: `few` is no number; takes 1 to 1000000"),
    ]

    @Test(arguments: server) func `server key`(_ test: ValueCase) throws {
        let found = try ConfigFolder().problems("[server]\n\(test.line)\n[site a]\n")
        #expect(found == (test.problem.isEmpty ? [] : ["server.ini:2: \(test.problem)"]))
    }

    static let site: [ValueCase] = [
        ValueCase("cgi_user = nobody"),
        ValueCase("cgi_user = nobody:daemon"),
        ValueCase("cgi_user = NONE"),
        ValueCase("cgi_user = nosuchuser", "cgi_user: no user `nosuchuser` on this machine"),
        ValueCase("cgi_user = nobody:nosuchgroup", "cgi_user: no group `nosuchgroup` on this machine"),
        ValueCase("cgi_user = nobody:4294967295", "cgi_user: no group `4294967295` on this machine"),
        ValueCase("cgi_user = :daemon", "cgi_user: `:daemon` lacks a name; takes NAME or NAME:GROUP"),
        ValueCase("cgi_user = nobody:", "cgi_user: `nobody:` lacks a name; takes NAME or NAME:GROUP"),
        ValueCase("cgi_user = root", "cgi_user: `root` is root, whom scripts do not run as"),
        ValueCase("cgi_user = root:daemon", "cgi_user: `root:daemon` is root, whom scripts do not run as"),
        ValueCase(
            "cgi_user = nobody:0",
            "cgi_user: `nobody:0` has root's group, which scripts do not run with; takes NAME:GROUP"),
        ValueCase("cgi_write = www logs"),
        ValueCase("cgi_write = none"),
        ValueCase("cgi_write = Everywhere"),
        ValueCase("cgi_write = www none", "cgi_write: `none` stands alone, or folders do"),
        ValueCase("cgi_write = nowhere", "cgi_write: `nowhere`: No such file or directory"),
        ValueCase("cgi_write = cgi-bin/hello.cgi", "cgi_write: `cgi-bin/hello.cgi` is not a folder"),
        ValueCase("cgi_no_new_privs = no"),
        ValueCase("cgi_no_new_privs = maybe", "cgi_no_new_privs: `maybe` is neither; takes yes or no"),
        ValueCase("host = Example.org. *.example.org 192.0.2.1 [::1] a_b"),
        ValueCase("limit_requests = 10/s"),
        ValueCase("limit_requests = 100/M BURST=20"),
        ValueCase("limit_requests = none"),
        ValueCase(
            "limit_requests = 10",
            "limit_requests: `10` is no such limit; takes a number of requests in a time, as in `10/s` or `100/m burst=20`, or `none`"
        ),
        ValueCase(
            "limit_requests = 10/ms",
            "limit_requests: `10/ms` is no such limit; takes a number of requests in a time, as in `10/s` or `100/m burst=20`, or `none`"
        ),
        ValueCase(
            "limit_requests = 10/s nodelay",
            "limit_requests: `nodelay` behind the limit; takes a number of requests in a time, as in `10/s` or `100/m burst=20`, or `none`"
        ),
        ValueCase("limit_requests = 0/s", "limit_requests: 0 is too small; minimum 1"),
        ValueCase("limit_requests = 1/d burst=1000000"),
        ValueCase("limit_rate = 500K"),
        ValueCase("limit_rate = 0"),
        ValueCase("limit_rate = 1", "limit_rate: `1` is too small; minimum 128"),
        ValueCase(
            "listen = 127.0.0.1:8080 proxy_protocol",
            "listen: `proxy_protocol` behind the address; options stand behind the `listen` of [server]"),
        ValueCase("host = a.org A.ORG", "host: `a.org` stands there twice"),
        ValueCase("host = a.org:80", "host: `:` in the host name `a.org:80`; takes a name without port"),
        ValueCase(
            "host = größe.de",
            "host: host name `größe.de` is not ASCII; takes the form that begins with `xn--`"),
        ValueCase(
            "host = a.*.org",
            "host: `*` in the host name `a.*.org`; takes it as a whole first label, `*.example.org`"),
        ValueCase(
            "host = *.", "host: `*` in the host name `*.`; takes it as a whole first label, `*.example.org`"),
        ValueCase("host = a/b", "host: `a/b` is no host name"),
        ValueCase("host = [::g]", "host: `[::g]` is no IP address"),
        ValueCase("root = www"),
        ValueCase("root = none"),
        ValueCase("root = my pages"),
        ValueCase("root = \"my pages\""),
        ValueCase("root = ww", "root: `ww`: No such file or directory"),
        ValueCase("root = server.ini", "root: `server.ini` is not a folder"),
        ValueCase("index = a.html b.cgi"),
        ValueCase(
            "index = a/b.html", "index: `/` in `a/b.html`; takes names of files in the folder asked for"),
        ValueCase("index = ..", "index: `..` is no file"),
        ValueCase("listing = TRUE"),
        ValueCase("listing = maybe", "listing: `maybe` is neither; takes yes or no"),
        ValueCase("alias = /x/ www"),
        ValueCase("alias = /x \"my pages\""),
        ValueCase(
            "alias = /x my pages",
            "alias: 3 words in `/x my pages`; takes a URL prefix and a path, one with blanks in double quotes"
        ),
        ValueCase(
            "alias = /x",
            "alias: 1 word in `/x`; takes a URL prefix and a path, one with blanks in double quotes"),
        ValueCase("alias = x www", "alias: URL prefix `x` does not begin with `/`"),
        ValueCase("alias = /x server.ini", "alias: `server.ini` is not a folder"),
        ValueCase("alias = /x none", "alias: `none`: No such file or directory"),
        ValueCase(
            "cgi = /x%20y cgi-bin",
            "cgi: `%` in the URL prefix `/x%20y`; takes the decoded form, `ä` for `%C3%A4`"),
        ValueCase("cgi = /x?y cgi-bin", "cgi: URL prefix `/x?y` is more than a path"),
        ValueCase("cgi = /x//y cgi-bin", "cgi: segment `` in the URL prefix `/x//y`; no request has it"),
        ValueCase(
            "cgi = /x/../y cgi-bin", "cgi: segment `..` in the URL prefix `/x/../y`; no request has it"),
        ValueCase("cgi = / cgi-bin/hello.cgi"),
        ValueCase("cgi = /hello cgi-bin/helo.cgi", "cgi: `cgi-bin/helo.cgi`: No such file or directory"),
        ValueCase("cgi_extensions = .cgi .pl"),
        ValueCase("cgi_extensions = None"),
        ValueCase("cgi_extensions = cgi", "cgi_extensions: `cgi` is no extension; takes one such as .cgi"),
        ValueCase("cgi_extensions = .", "cgi_extensions: `.` is no extension; takes one such as .cgi"),
        ValueCase("cgi_interpreter = .sh /bin/sh"),
        ValueCase("cgi_interpreter = .sh /bin", "cgi_interpreter: `/bin` is a folder; takes a file"),
        ValueCase("cgi_interpreter = .sh none", "cgi_interpreter: `none`: No such file or directory"),
        ValueCase(
            "cgi_interpreter = /bin/sh",
            "cgi_interpreter: 1 word in `/bin/sh`; takes an extension and a program, as in `.php /usr/bin/php-cgi`"
        ),
        ValueCase("cgi_env = A=b"),
        ValueCase("cgi_env = A="),
        ValueCase("cgi_env = http_proxy=x"),
        ValueCase("cgi_env = =b", "cgi_env: `` is no name of a variable; takes `NAME=value` or `NAME`"),
        ValueCase("cgi_env = A-B=c", "cgi_env: `A-B` is no name of a variable; takes `NAME=value` or `NAME`"),
        ValueCase("cgi_env = 1A=c", "cgi_env: `1A` is no name of a variable; takes `NAME=value` or `NAME`"),
        ValueCase("cgi_env = SCRIPT_NAME=/x", "cgi_env: the server itself sets SCRIPT_NAME"),
        ValueCase("cgi_env = DOCUMENT_ROOT", "cgi_env: the server itself sets DOCUMENT_ROOT"),
        ValueCase("cgi_env = HTTP_PROXY=x", "cgi_env: the server itself sets HTTP_PROXY"),
        ValueCase("cgi_max_time = 0"),
        ValueCase(
            "cgi_on_disconnect = ignore", "cgi_on_disconnect: `ignore` is unknown; takes `kill` or `finish`"),
        ValueCase("cgi_max_processes = 0", "cgi_max_processes: 0 is too small; minimum 1"),
        ValueCase("cgi_pass_authorization = on"),
        ValueCase(
            "cgi_pass_authorization = x",
            "cgi_pass_authorization: `x` is unknown; takes `yes`, `no` or `auto`"),
        ValueCase("max_body = 0"),
        ValueCase("max_body = 1048577G", "max_body: `1048577G` is too large; maximum 1048576G"),
        ValueCase("mime_types = server.ini"),
        ValueCase("mime_types = none.types", "mime_types: `none.types`: No such file or directory"),
        ValueCase("mime = .wasm application/wasm"),
        ValueCase("mime = .x text", "mime: `text` is no media type; takes one such as text/plain"),
        ValueCase("mime = .x a/b/c", "mime: `a/b/c` is no media type; takes one such as text/plain"),
        ValueCase("charset = utf-8"),
        ValueCase("charset = Auto"), ValueCase("charset = off"),
        ValueCase(
            "charset = none", "charset: `none` is not supported; takes `auto`, a name such as utf-8, or `off`"
        ),
        ValueCase(
            "charset = a b",
            "charset: `a b` is no character set; takes `auto`, a name such as utf-8, or `off`"),
        ValueCase("compress = br zstd gzip"),
        ValueCase("compress = Off"),
        ValueCase(
            "compress = deflate",
            "compress: `deflate` is no content coding; takes `br`, `zstd`, `gzip` or `off`"),
        ValueCase("compress = gzip br gzip", "compress: `gzip` stands there twice"),
        ValueCase("compress_types = text/* application/*+json"),
        ValueCase(
            "compress_types = text",
            "compress_types: `text` is no media type; takes such as text/html, text/* or application/*+json"),
        ValueCase("compress_min = 0"),
        ValueCase("compress_min = x", "compress_min: `x` is no size; takes a size such as 32K, 100M or 1G"),
        ValueCase("symlinks = none", "symlinks: `none` is unknown; takes `inside`, `follow` or `deny`"),
        ValueCase("dotfiles = allow"),
        ValueCase("underscore_headers = pass"),
        ValueCase(
            "underscore_headers = yes", "underscore_headers: `yes` is unknown; takes `drop` or `pass`"),
        ValueCase("script_sources = none"), ValueCase("script_sources = .php .Cgi"),
        ValueCase("script_sources = php", "script_sources: `php` is no extension; takes one such as .cgi"),
        ValueCase("cgi_nproc = 50"),
        ValueCase("cgi_capture = off"), ValueCase("cgi_capture = / count=5 size=1K"),
        ValueCase(
            "cgi_capture = / count=5 count=6",
            "cgi_capture: `count=6` behind the folder; takes `count=100` and `size=64K`, each once"),
        ValueCase("cgi_capture = / count=0", "cgi_capture: 0 is too small; minimum 1"),
        ValueCase(
            "cgi_capture = / /tmp",
            "cgi_capture: `/tmp` behind the folder; takes `count=100` and `size=64K`, each once"),
        ValueCase("cgi_lenient = on"),
        ValueCase("cgi_lenient = html", "cgi_lenient: `html` is neither; takes yes or no"),
        ValueCase("cgi_isindex = off"), ValueCase("cgi_local_redirects = no"),
        ValueCase("cgi_stream_upload = yes"),
        ValueCase("header = X-Frame-Options: DENY"),
        ValueCase("header = X:"),
        ValueCase("header = X", "header: no `:` in `X`; takes `Name: value`, or `-Name`"),
        ValueCase("header = A B: c", "header: `A B` is no field name; takes `Name: value`, or `-Name`"),
        ValueCase("header = : c", "header: `` is no field name; takes `Name: value`, or `-Name`"),
        ValueCase("header = content-LENGTH: 0", "header: the server itself sets content-LENGTH"),
        ValueCase("header = Transfer-Encoding: x", "header: the server itself sets Transfer-Encoding"),
        ValueCase("header = Connection: close", "header: the server itself sets Connection"),
        ValueCase("header = Date: x", "header: the server itself sets Date"),
        ValueCase("header = X: ${CRLF}", "header: control byte in `X: a??b`"),
        ValueCase("header = -X-Powered-By"),
        ValueCase("header = -Server", "header: for the Server field there is `server_header = off`"),
        ValueCase("header = -Date", "header: the server itself sets Date"),
        ValueCase("header = -", "header: `` is no field name; takes `Name: value`, or `-Name`"),
        ValueCase("access_log = off"),
        ValueCase("access_log = Syslog"),
        ValueCase(
            "access_log = none",
            "access_log: `none` is not supported here; takes a path, `off`, `stderr`, `stdout`, `syslog`"),
        ValueCase("log_format = JSON"),
        ValueCase(
            "log_format = combind",
            "log_format: `combind` is unknown; takes `common`, `combined`, `vhost_combined`, `combined_cgi` or `json`, or directives such as %h; did you mean `combined`?"
        ),
        ValueCase(#"log_format = %h %l %u %t "%r" %>s %b "%{Referer}i" %{sec}t %{ms}T %<s %a %{c}a %%"#),
        ValueCase("log_format = %{%d/%b}t", "log_format: `%{%d/%b}t` is no directive of a log format"),
        ValueCase("log_format = %!200U", "log_format: `%!` is no directive of a log format"),
        ValueCase("log_format = %i", "log_format: `%i` is no directive of a log format"),
        ValueCase("log_format = %h %z", "log_format: `%z` is no directive of a log format"),
        ValueCase("log_format = %{Referer", "log_format: no `}` behind `%{Referer`"),
        ValueCase("log_format = %h %", "log_format: `%` is no directive of a log format"),
        ValueCase(
            "root = ${NONE}", "root: environment variable `NONE` is not set; `${NONE:-text}` gives a default"),
        ValueCase("root = ${NONE:-www}"),
    ]

    @Test(arguments: site) func `site key`(_ test: ValueCase) throws {
        let found = try ConfigFolder().problems("[site a]\n\(test.line)\n", ["CRLF": "a\r\nb"])
        #expect(found == (test.problem.isEmpty ? [] : ["server.ini:2: \(test.problem)"]))
    }

    @Test func `long paths`() throws {
        let path = String(repeating: "x/", count: 2100)
        #expect(
            try ConfigFolder().problems("[site a]\nroot = \(path)\n")
                == ["server.ini:2: root: path of 4200 bytes; maximum 4095"])
        let socket = "/tmp/" + String(repeating: "s", count: 103)
        #expect(
            try ConfigFolder().problems("[server]\nlisten = unix:\(socket)\n[site a]\n")
                == ["server.ini:2: listen: path of a socket with 108 bytes; maximum 107"])
    }

    @Test func `absolute paths`() throws {
        let folder = try ConfigFolder()
        try folder.link("current", to: "my pages")
        #expect(Paths.absolute("/a//b/./c/", from: "/x") == "/a/b/c")
        #expect(Paths.absolute(".", from: "/x") == "/x")
        #expect(Paths.absolute("/", from: "/x") == "/")
        #expect(Paths.absolute("current", from: folder.path) == folder.path + "/current")
        #expect(Paths.absolute("www/../logs", from: folder.path) == folder.path + "/logs")
        #expect(Paths.absolute("current/../logs", from: folder.path) == folder.path + "/logs")
        #expect(Paths.absolute("none/../logs", from: "/nowhere") == "/nowhere/none/../logs")
        #expect(Paths.absolute("../..", from: "/") == "/")
    }
}
