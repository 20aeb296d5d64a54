import Base
import Glibc
import Testing

@testable import Config

@Suite struct LoaderTests {
    let folder: ConfigFolder

    init() throws { folder = try ConfigFolder() }

    private func config(_ text: String, _ environment: [String: String] = [:]) throws -> ServerConfig {
        try folder.load(text, environment).get()
    }

    @Test func `built in defaults are those of the structs`() throws {
        let config = try config("[site a]\n")
        #expect(config.file == folder.path + "/server.ini")
        var server = ServerSettings()
        server.home = folder.path
        server.listen = [ListenAddress(.address(.ip(.loopback, port: 8080)))]
        var site = SiteConfig(name: "a", position: SourcePosition(file: config.file, line: 1))
        site.hosts = ["a"]
        // Neither struct is Equatable; their descriptions show every member.
        #expect("\(config.server)" == "\(server)")
        #expect(config.sites.map { "\($0)" } == ["\(site)"])
    }

    @Test func `every default in the table parses`() throws {
        let context = ValueContext(fileFolder: "/", home: "/", environment: [:])
        for setting in Settings.all {
            guard case .value(let text) = setting.default else { continue }
            let value = SettingValue(text, at: nil, in: context)
            var server = ServerSettings()
            var site = SiteConfig(name: "", position: SourcePosition(file: "", line: 0))
            #expect(throws: Never.self, "\(setting.name)") {
                try server.set(setting, to: value)
                try site.set(setting, to: value)
            }
            // A default of a key that adds would stay beside what a file sets.
            if setting.isRepeatable { #expect(setting.sections == .server, "\(setting.name)") }
        }
    }

    /// What a second value of one subject does, and what is doubtful about a value, is the setting's to say.
    @Test func `warnings`() throws {
        let config = try config(
            """
            [site a]
            cgi_env = A=1
            cgi_env = "A = 2"
            cgi_env = B=1
            cgi_env = B
            cgi_env = A="3"
            cgi_env = C=1
            cgi_env = C
            charset = uft-8
            [location a /x]
            cgi_env = A=4
            charset = latin1
            """, ["C": "3"])
        #expect(
            config.warnings.map { folder.shortened($0.description) } == [
                "server.ini:3: cgi_env: `A` takes the place of the one at line 2",
                "server.ini:6: cgi_env: `A` takes the place of the one at line 3",
                "server.ini:8: cgi_env: `C` takes the place of the one at line 7",
                "server.ini:9: charset: `uft-8` is a name that no browser knows; did you mean `utf-8`?",
            ])
        // A name that the server's environment does not have takes nothing's place.
        #expect(
            config.sites[0].part.cgiEnvironment.map { "\($0.name)=\($0.value)" } == ["B=1", "A=3", "C=3"])
    }

    @Test func `a whole server`() throws {
        let config = try config(
            """
            [SERVER]
            Listen = *:80
            listen = [::1]:8080
            listen = unix:logs/socket
            threads = 4
            user = root
            group = root
            pid_file = logs/pid
            error_log = logs/error.log
            log_level = debug
            max_connections = 20
            shutdown_timeout = 1m
            header_timeout = 2h
            keepalive_timeout = 0
            body_timeout = 500ms
            write_timeout = 1d
            max_header_size = 8K
            server_header = name
            [site a]
            """)
        let server = config.server
        #expect(
            server.listen.map(\.host) == [
                .any(port: 80), .address(.ip(try #require(IPAddress("::1")), port: 8080)),
                .address(.unix(folder.path + "/logs/socket")),
            ])
        #expect(server.threads == 4)
        #expect(server.user == "root" && server.group == "root")
        #expect(server.pidFile == folder.path + "/logs/pid")
        #expect(server.errorLog == .file(folder.path + "/logs/error.log"))
        #expect(config.sites.first?.errorLog == server.errorLog)
        #expect(server.logLevel == .debug)
        #expect(server.maxConnections == 20)
        #expect(server.shutdownTimeout == .seconds(60) && server.headerTimeout == .seconds(7200))
        #expect(server.keepaliveTimeout == .zero && server.bodyTimeout == .milliseconds(500))
        #expect(server.writeTimeout == .seconds(86400))
        #expect(server.maxHeaderSize == 8192)
        #expect(server.serverHeader == .name)
    }

    @Test func `a whole site`() throws {
        let site = try #require(
            config(
                #"""
                [site Example]
                host = Example.org *.Example.net. [::1]
                listen = 127.0.0.1:8080
                root = my pages
                index = a.html b.cgi
                listing = on
                alias = /icons/ www
                cgi = /cgi-bin/ cgi-bin/
                cgi = /hello cgi-bin/hello.cgi
                cgi_extensions = .cgi .pl
                cgi_interpreter = .sh /bin/sh
                cgi_interpreter = .py /bin/true
                cgi_interpreter = .sh /bin/false
                cgi_env = A=b c
                cgi_env = B="d ; e"
                cgi_env = "C=f ; g"
                cgi_env = PATH
                cgi_env = NOT_SET
                cgi_env = A=h
                cgi_timeout = 1s
                cgi_idle_timeout = 2s
                cgi_max_time = 3s
                cgi_kill_grace = 4s
                cgi_on_disconnect = finish
                cgi_linger = 5s
                cgi_max_processes = 6
                cgi_queue_timeout = 7s
                cgi_pass_authorization = no
                max_body = 0
                mime_types = server.ini
                mime = .WASM application/wasm
                charset = utf-8
                symlinks = follow
                dotfiles = allow
                header = X-A: "b ; c"
                header = X-A: d
                cache_control = max-age=60, public
                access_log = logs/a.log
                log_format = "%h \"%r\""
                error_log = stderr
                """#, ["PATH": "/bin"]
            ).sites.first)
        #expect(site.name == "Example")
        #expect(site.hosts == ["example.org", "*.example.net", "[::1]"])
        #expect(site.listen.count == 1)
        #expect(site.root == folder.path + "/my pages")
        #expect(site.aliases.map { [$0.prefix, $0.path] } == [["/icons", folder.path + "/www"]])
        #expect(
            site.cgi.map { [$0.prefix, $0.path] } == [
                ["/cgi-bin", folder.path + "/cgi-bin"], ["/hello", folder.path + "/cgi-bin/hello.cgi"],
            ])
        #expect(site.cgi.map(\.position.line) == [8, 9])
        #expect(site.cgiKillGrace == .seconds(4) && site.cgiLinger == .seconds(5))
        #expect(site.cgiQueueTimeout == .seconds(7))
        #expect(site.mimeTypesFile == folder.path + "/server.ini")
        #expect(site.mime == ["wasm": "application/wasm"])
        #expect(
            site.logFormat.items == [
                .plain(.address), .text(Array(" \"".utf8)), .plain(.requestLine), .text(Array("\"".utf8)),
            ])
        #expect(site.errorLog == .standardError)
        let part = site.part
        #expect(part.index == ["a.html", "b.cgi"])
        #expect(part.listing)
        #expect(part.cgiExtensions == [".cgi", ".pl"])
        #expect(
            part.cgiInterpreters.map { [$0.suffix, $0.program] } == [
                [".py", "/bin/true"], [".sh", "/bin/false"],
            ])
        #expect(
            part.cgiEnvironment.map { "\($0.name)=\($0.value)" } == [
                "B=d ; e", "C=f ; g", "PATH=/bin", "A=h",
            ])
        #expect(part.cgiTimeout == .seconds(1) && part.cgiIdleTimeout == .seconds(2))
        #expect(part.cgiMaxTime == .seconds(3))
        #expect(part.cgiOnDisconnect == .finish)
        #expect(part.cgiMaxProcesses == 6)
        #expect(part.cgiPassAuthorization == .no)
        #expect(part.maxBody == .max)
        #expect(part.charset == .named("utf-8"))
        #expect(part.symlinks == .follow)
        #expect(part.serveDotfiles)
        #expect(part.headers.map { "\($0.name)=\($0.value ?? "-")" } == [#"X-A="b ; c""#, "X-A=d"])
        #expect(part.cacheControl.value(path: [], type: "text/css") == "max-age=60, public")
        #expect(part.accessLog == .file(folder.path + "/logs/a.log"))
    }

    @Test func `inheritance`() throws {
        let config = try config(
            """
            [site a]
            header = X: site
            cgi = /cgi cgi-bin/hello.cgi
            cgi_env = A=site
            index = a.html
            [location a /one/]
            header = X: location
            cgi_env = A=location
            listing = no
            [location A /two]
            cgi_extensions = none
            [location a /]
            [site b]
            listing = no
            [defaults]
            header = X: defaults
            listing = yes
            index = d.html
            cgi_extensions = .cgi
            cgi_env = A=defaults
            cgi_env = B=defaults
            cgi = /cgi cgi-bin
            cgi = /other cgi-bin
            root = www
            """)
        #expect(config.sites.map(\.name) == ["a", "b"])
        let (a, b) = try (#require(config.sites.first), #require(config.sites.last))
        #expect(a.part.headers.map(\.value) == ["defaults", "site"])
        #expect(a.part.listing && a.part.index == ["a.html"])
        #expect(a.part.cgiEnvironment.map(\.value) == ["defaults", "site"])
        #expect(a.cgi.map(\.prefix) == ["/other", "/cgi"])
        #expect(a.cgi.last?.path == folder.path + "/cgi-bin/hello.cgi")
        #expect(a.root == folder.path + "/www" && b.root == a.root)
        #expect(a.locations.map(\.prefix) == ["/one", "/two", "/"])
        #expect(a.locations.map(\.position.line) == [6, 10, 12])
        let parts = a.locations.map(\.part)
        #expect(parts.map { $0.headers.map(\.value) }.first == ["defaults", "site", "location"])
        #expect(parts.map(\.listing) == [false, true, true])
        #expect(parts.map(\.cgiExtensions) == [[".cgi"], [], [".cgi"]])
        #expect(parts.map { $0.cgiEnvironment.last?.value } == ["location", "site", "site"])
        #expect(!b.part.listing && b.part.index == ["d.html"] && b.hosts == ["b"])
        #expect(b.cgi.map(\.prefix) == ["/cgi", "/other"])
        #expect(b.position.line == 13)
    }

    @Test func `paths start at home`() throws {
        try folder.write(
            "etc/server.ini", "[server]\nhome = ..\n[site a]\nroot = www\naccess_log = logs/../logs/x\n")
        let config = try folder.read(folder.path + "/etc/server.ini").get()
        #expect(config.server.home == folder.path)
        #expect(config.sites.first?.root == folder.path + "/www")
        #expect(config.sites.first?.part.accessLog == .file(folder.path + "/logs/x"))
        try folder.write("etc/plain.ini", "[site a]\nroot = ../www\n")
        let plain = try folder.read(folder.path + "/etc/plain.ini").get()
        #expect(plain.server.home == folder.path + "/etc")
        #expect(plain.sites.first?.root == folder.path + "/www")
        try folder.write("etc/absolute.ini", "[server]\nhome = \(folder.path)/www/\n[site a]\nroot = .\n")
        let absolute = try folder.read(folder.path + "/etc/absolute.ini").get()
        #expect(absolute.sites.first?.root == folder.path + "/www")
    }

    @Test func `variables`() throws {
        let config = try config(
            "[server]\nhome = ${HOME_DIR}\nlisten = ${BIND:-127.0.0.1:1234}\n[site a]\nroot = ${ROOT}\nindex = ${PAGES}\n",
            ["HOME_DIR": folder.path, "ROOT": "my pages", "PAGES": "a.html b.html"])
        #expect(config.server.listen == [ListenAddress(.address(.ip(.loopback, port: 1234)))])
        #expect(config.sites.first?.root == folder.path + "/my pages")
        #expect(config.sites.first?.part.index == ["a.html", "b.html"])
    }

    @Test func `includes are read in order`() throws {
        try folder.makeFolder("sites")
        try folder.makeFolder("sites/folder")
        try folder.write("sites/2.ini", "[site c]\n[defaults]\nlisting = yes\n")
        try folder.write("sites/1.ini", "[site b]\n[location a /x]\nlisting = no\n")
        try folder.write("extra.ini", "[site d]\nroot = www\n")
        let config = try config(
            "[server]\ninclude = sites/*.ini\ninclude = extra.ini\ninclude = sites/*/none/*.ini\n[site a]\n")
        #expect(config.sites.map(\.name) == ["a", "b", "c", "d"])
        #expect(config.sites.map(\.part.listing) == [true, true, true, true])
        #expect(config.sites.first?.locations.map(\.part.listing) == [false])
        #expect(config.sites.last?.position == SourcePosition(file: folder.path + "/extra.ini", line: 1))
        #expect(config.sites.last?.root == folder.path + "/www")
    }

    @Test func `relative file names`() throws {
        #expect(Paths.folder(of: "server.ini") == Paths.current)
        #expect(Paths.folder(of: "etc/server.ini") == Paths.absolute("etc", from: Paths.current))
        #expect(Paths.folder(of: "/server.ini") == "/")
    }

    @Test func `the demo site is good`() throws {
        let repository = Paths.absolute("../..", from: Paths.folder(of: #filePath))
        let config = try folder.read(repository + "/etc/server.ini").get()
        #expect(config.server.home == repository)
        #expect(config.sites.first?.root == repository + "/www")
    }

    @Test func `serve without a file`() throws {
        let config = try ConfigLoader.serve(
            folder: folder.path + "/my pages", listen: "[::1]:0", cgi: folder.path + "/cgi-bin/")
        #expect(config.file.isEmpty)
        #expect(
            config.server.listen == [ListenAddress(.address(.ip(try #require(IPAddress("::1")), port: 0)))])
        let site = try #require(config.sites.first)
        #expect(config.sites.count == 1)
        #expect(site.root == folder.path + "/my pages")
        #expect(site.cgi.map { [$0.prefix, $0.path] } == [["/cgi-bin", folder.path + "/cgi-bin"]])
        #expect(site.part.listing && site.part.index == ["index.html"])
        #expect(site.part.accessLog == .standardOutput && site.logFormat == .combined)

        let plain = try ConfigLoader.serve()
        #expect(plain.server.listen == [ListenAddress(.address(.ip(.loopback, port: 8080)))])
        #expect(plain.sites.first?.root == Paths.current)
        #expect(plain.sites.first?.cgi.isEmpty == true)
    }

    @Test func `serve takes names as they are`() throws {
        let name = #"a "b" ${C} ; $${D} \"#
        try folder.makeFolder(name)
        let config = try ConfigLoader.serve(folder: folder.path + "/" + name, cgi: folder.path + "/" + name)
        #expect(config.sites.first?.root == folder.path + "/" + name)
        #expect(config.sites.first?.cgi.first?.path == folder.path + "/" + name)
    }

    @Test func `serve takes a port alone`() throws {
        let config = try ConfigLoader.serve(listen: "8000")
        #expect(config.server.listen == [ListenAddress(.address(.ip(.loopback, port: 8000)))])
    }

    @Test func `serve says what is wrong`() throws {
        do throws(ConfigProblems) {
            _ = try ConfigLoader.serve(folder: "/nowhere", listen: "x", cgi: "/no")
            Issue.record("it was taken")
        } catch {
            #expect(
                error.list.map(\.description) == [
                    "--listen: no port in `x`; takes `IP:PORT`, `[IPv6]:PORT`, `*:PORT` or `unix:PATH`",
                    "serve: `/nowhere`: No such file or directory",
                    "--cgi: `/no`: No such file or directory",
                ])
        }
    }

    @Test(.timeLimit(.minutes(1))) func `ten thousand sites`() throws {
        var text = "[defaults]\nroot = www\n"
        for number in 0..<10_000 {
            text += "[site s\(number).example.org]\nhost = s\(number).example.org *.s\(number).example.org\n"
            text += "cgi = /cgi-bin/ cgi-bin/\naccess_log = logs/\(number).log\n"
            text += "[location s\(number).example.org /x]\nlisting = yes\n"
        }
        let start = Instant.now
        let config = try config(text)
        print("10 000 sites: \((Instant.now - start).milliseconds) ms")
        #expect(config.sites.count == 10_000)
        #expect(config.sites.last?.locations.count == 1)
    }
}
