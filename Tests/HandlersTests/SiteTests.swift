import Base
import Config
import Handlers
import TestSupport
import Testing

private let position = SourcePosition(file: "server.ini", line: 1)

@Suite struct SiteTests {
    struct Case: CustomTestStringConvertible {
        let path: String
        /// What stands behind it, and the path as it then reads where that differs.
        let expected: String
        let rewritten: String
        init(_ path: String, _ expected: String, rewritten: String? = nil) {
            (self.path, self.expected, self.rewritten) = (path, expected, rewritten ?? path)
        }
        var testDescription: String { path }
    }

    private static func site(_ folder: ScratchFolder, root: Bool = true) throws -> Site {
        for name in ["www", "icons", "cgi-bin", "nested"] { try folder.makeFolder(name) }
        let script = try folder.script("script", "#!/bin/sh\n")
        func mapping(_ prefix: String, _ name: String) -> PrefixMapping {
            PrefixMapping(prefix: prefix, path: folder.path(name), position: position)
        }
        return makeSite("s") { config in
            if root { config.root = folder.path("www") }
            config.aliases = [mapping("/icons/", "icons"), mapping("/cgi-bin/images/", "nested")]
            config.cgi = [
                mapping("/cgi-bin/", "cgi-bin"), mapping("/git", "script"), mapping("/icons/make", "script"),
            ]
            #expect(script == folder.path("script"))
        }
    }

    /// The prefix, the kind and the folder or file of what stands behind a path.
    private static func describe(_ site: Site, _ path: inout [UInt8]) -> String {
        guard let mapping = site.mapping(for: &path) else { return "nothing" }
        func last(_ path: FilePath) -> Substring { path.description.split(separator: "/").last ?? "" }
        let kind =
            switch mapping.kind {
            case .files(let folder): "files \(last(folder.path))"
            case .scripts(let folder): "scripts \(last(folder.path))"
            case .script(let path): "script \(last(path))"
            }
        return "\(text(mapping.prefix)) \(kind)"
    }

    @Test(arguments: [
        Case("/", " files www"), Case("/a/b.html", " files www"),
        Case("/icons/x.png", "/icons files icons"), Case("/icons/", "/icons files icons"),
        Case("/icons", "/icons files icons"),
        Case("/cgi-bin/x/y", "/cgi-bin scripts cgi-bin"), Case("/cgi-bin", "/cgi-bin scripts cgi-bin"),
        Case("/git", "/git script script"), Case("/git/repo.git/info", "/git script script"),
        // At segment borders only.
        Case("/iconset", " files www"), Case("/icons.html", " files www"), Case("/github", " files www"),
        Case("/gi", " files www"),
        Case("/a/git", " files www"), Case("/cgi-bin.bak/x", " files www"), Case("/Git", " files www"),
        // The longest, whatever its kind.
        Case("/cgi-bin/images/x.png", "/cgi-bin/images files nested"),
        Case("/cgi-bin/imagesx", "/cgi-bin scripts cgi-bin"),
        Case("/icons/make", "/icons/make script script"), Case("/icons/make/x", "/icons/make script script"),
        Case("/icons/makex", "/icons files icons"),
        // Doubled slashes do not get round a prefix.
        Case("//cgi-bin/x", "/cgi-bin scripts cgi-bin", rewritten: "/cgi-bin/x"),
        Case("///cgi-bin//x", "/cgi-bin scripts cgi-bin", rewritten: "/cgi-bin//x"),
        Case("/cgi-bin//images/x", "/cgi-bin/images files nested", rewritten: "/cgi-bin/images/x"),
        Case("//git", "/git script script", rewritten: "/git"),
        Case("/cgi-bin//x", "/cgi-bin scripts cgi-bin"),
        Case("//a", " files www"),
    ]) func `what stands behind a path`(_ test: Case) throws {
        let folder = try ScratchFolder()
        let site = try Self.site(folder)
        var path = Array(test.path.utf8)
        #expect(Self.describe(site, &path) == test.expected)
        #expect(text(path) == test.rewritten)
    }

    @Test func `without a root there is what is mapped`() throws {
        let folder = try ScratchFolder()
        let site = try Self.site(folder, root: false)
        var path = Array("/a".utf8)
        #expect(Self.describe(site, &path) == "nothing")
        path = Array("/icons/a".utf8)
        #expect(Self.describe(site, &path) == "/icons files icons")
        #expect(site.documentRoot.isEmpty)
    }

    @Test func `a mapping of everything is the last to be asked`() throws {
        let folder = try ScratchFolder()
        let script = try folder.script("app", "#!/bin/sh\n")
        let site = makeSite("s") { config in
            config.root = folder.path
            config.cgi = [PrefixMapping(prefix: "/", path: script, position: position)]
            config.aliases = [PrefixMapping(prefix: "/static/", path: folder.path, position: position)]
        }
        for (path, expected) in [("/", " script app"), ("/x", " script app"), ("/static/x", "/static files")]
        {
            var path = Array(path.utf8)
            #expect(Self.describe(site, &path).hasPrefix(expected))
        }
    }

    @Test(arguments: [
        Case("/", "site"), Case("/doc", "doc"), Case("/doc/", "doc"), Case("/doc/a", "doc"),
        Case("/docs", "site"),
        Case("/doc/api", "api"), Case("/doc/api/v1", "api"), Case("/doc/apix", "doc"), Case("/a/doc", "site"),
        Case("//doc/api", "api"), Case("/doc//api", "api"), Case("/DOC", "site"),
    ]) func `the settings for a path are the longest location's`(_ test: Case) {
        let site = makeSite("s") { config in
            config.part.charset = .named("site")
            config.locations = ["/doc", "/doc/api/"].map { prefix in
                var part = PartSettings()
                part.charset = .named(prefix == "/doc" ? "doc" : "api")
                return LocationConfig(prefix: prefix, position: position, part: part)
            }
        }
        #expect(site.part(for: Array(test.path.utf8)).settings.charset == .named(test.expected))
    }
}

@Suite struct PartTests {
    private func part(_ change: (inout PartSettings) -> Void) -> Part {
        var settings = PartSettings()
        change(&settings)
        return Part(settings, accessLog: nil, scriptQueue: PlaceQueue(limit: 1, timeout: .zero))
    }

    @Test func `scripts by their ending`() {
        let part = part { settings in
            settings.cgiExtensions = [".cgi", ".pl"]
            settings.cgiInterpreters = [
                Interpreter(suffix: ".php", program: "/usr/bin/php-cgi"),
                Interpreter(suffix: ".tar.php", program: "/never"),
            ]
        }
        for path in ["/a.cgi", "/b/c.pl", "/index.php", "/.cgi"] {
            #expect(part.scripts.isScript(Array(path.utf8)), "\(path)")
        }
        for path in ["/", "", "/cgi", "/a.cgi.txt", "/a.CGI", "/a.plx", "/a.cgi/b", "/php"] {
            #expect(!part.scripts.isScript(Array(path.utf8)), "\(path)")
        }
        #expect(part.scripts.interpreter(for: Array("/x.php".utf8)) == "/usr/bin/php-cgi")
        #expect(part.scripts.interpreter(for: Array("/x.tar.php".utf8)) == "/usr/bin/php-cgi")
        #expect(part.scripts.interpreter(for: Array("/x.cgi".utf8)) == nil)
        #expect(part.scripts.areAny)
    }

    @Test func `a default page that is a script`() {
        let part = part { $0.index = ["index.html", "index.cgi"] }
        #expect(part.scripts.areAny)
        #expect(part.scripts.isScript(Array("/a/index.cgi".utf8)))
        #expect(!part.scripts.isScript(Array("/a/myindex.cgi".utf8)))
        #expect(!part.scripts.isScript(Array("/a/other.cgi".utf8)))
    }

    @Test func `no scripts`() {
        let part = part { $0.index = ["index.html"] }
        #expect(!part.scripts.areAny)
        #expect(!part.scripts.isScript(Array("/a.cgi".utf8)))
    }

    @Test func `fields for every answer`() {
        let part = part {
            $0.headers = [FieldSetting(name: "X-A", value: "b c"), FieldSetting(name: "Server", value: "")]
        }
        #expect(text(part.fieldLines) == "X-A: b c\r\nServer: \r\n")
        #expect(part.fieldNames.map { text($0) } == ["x-a", "server"])
    }
}
