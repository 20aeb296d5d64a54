import Base

/// Makes a `ServerConfig` of a configuration file.
package enum ConfigLoader {
    /// Reads `file` and what it includes. `environment` is what `${NAME}` and a bare `cgi_env` look in.
    ///
    /// Looks at the file system (folders, scripts, users), and changes nothing there. Throws all problems
    /// there are, at least one.
    package static func load(
        file: String, environment: [String: String]
    ) throws(ConfigProblems) -> ServerConfig {
        var sections = SectionCollector(file: file, environment: environment)
        sections.read(file, includedFrom: nil)
        return try ConfigAssembly.config(sections)
    }

    /// What `gatehouse serve [DIR] [--listen ADDR] [--cgi DIR]` serves: one site with listings, its access
    /// log on stdout, on 127.0.0.1:8080 unless `listen` says otherwise; a port alone is one of 127.0.0.1.
    /// The scripts in `cgi` are at `/cgi-bin/`. Relative paths start at the working folder. `colours` is
    /// for an access log that a person watches.
    ///
    /// Problems stand at the words of the command, with line 0.
    package static func serve(
        folder: String = ".", listen: String? = nil, cgi: String? = nil, colours: Bool = false
    ) throws(ConfigProblems) -> ServerConfig {
        func entry(_ name: String, _ value: String, from word: String) -> INIEntry {
            INIEntry(name: name, value: value, position: SourcePosition(file: word, line: 0))
        }
        let origin = SourcePosition(file: "serve", line: 0)
        var server = INISection(name: "server", position: origin)
        if var listen {
            if !listen.isEmpty, listen.utf8.allSatisfy(ASCII.isDigit) { listen = "127.0.0.1:\(listen)" }
            server.entries.append(entry("listen", INIText.quote(listen), from: "--listen"))
        }
        var site = INISection(name: "site default", position: origin)
        site.entries = [
            entry("root", INIText.quote(Paths.absolute(folder, from: Paths.current)), from: "serve"),
            entry("index", "index.html", from: "serve"),
            entry("listing", "yes", from: "serve"),
            // Who shows a folder shows all of it.
            entry("script_sources", "none", from: "serve"),
            entry("log_format", "combined", from: "serve"),
            entry("access_log", "stdout", from: "serve"),
        ]
        if let cgi {
            let path = Paths.absolute(cgi, from: Paths.current)
            site.entries.append(entry("cgi", "/cgi-bin/ " + INIText.quote(path), from: "--cgi"))
        }
        var sections = SectionCollector(file: "", environment: [:])
        sections.take([server, site])
        var config: ServerConfig
        do throws(ConfigProblems) { config = try ConfigAssembly.config(sections) } catch {
            throw ConfigProblems(error.list.map(ConfigLoader.withoutKey))
        }
        if colours { for index in config.sites.indices { config.sites[index].logFormat = .colouredCombined } }
        return config
    }

    /// The problem without the name of a setting, which a command line does not have.
    private static func withoutKey(_ problem: ConfigProblem) -> ConfigProblem {
        for key in ["listen", "root", "cgi"] where problem.message.hasPrefix("\(key): ") {
            return ConfigProblem(problem.position, String(problem.message.dropFirst(key.utf8.count + 2)))
        }
        return problem
    }
}
