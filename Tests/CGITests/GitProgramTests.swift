import Glibc
import TestSupport
import Testing

/// Where Debian has them.
private enum Program {
    static let backend = "/usr/lib/git-core/git-http-backend"
    static let gitweb = "/usr/lib/cgi-bin/gitweb.cgi"
    static let cgit = "/usr/lib/cgit/cgit.cgi"
}

/// Git's own CGI program and two that show repositories, as Debian packages them, unmodified, over the settings
/// that the documentation shows.
@Suite(.timeLimit(.minutes(5))) struct GitProgramTests {
    /// Nothing of the user's own Git settings counts.
    private static let gitEnvironment = [
        "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0", "GIT_AUTHOR_NAME": "A U Thor", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A U Thor", "GIT_COMMITTER_EMAIL": "a@example.org",
        "GIT_AUTHOR_DATE": "2020-01-02T03:04:05Z", "GIT_COMMITTER_DATE": "2020-01-02T03:04:05Z",
    ]

    @discardableResult
    private static func git(_ arguments: [String], in folder: String) throws -> String {
        let result = try runCommand(["git"] + arguments, in: folder, environment: gitEnvironment, within: 30)
        if result.status != 0 {
            throw TestFailure("git \(arguments.joined(separator: " ")): \(result.stderr)\(result.stdout)")
        }
        return result.stdout
    }

    /// `git/project.git` with two commits, one of them large.
    private static func makeRepository(_ folder: ScratchFolder) throws {
        try folder.makeFolder("work")
        let work = folder.path("work")
        try git(["init", "-q", "-b", "main"], in: work)
        try folder.write("work/readme.txt", "A <readme> of the project\n")
        try git(["add", "."], in: work)
        try git(["commit", "-q", "-m", "First commit"], in: work)
        // What does not shrink when it is packed.
        var state: UInt64 = 1
        let noise = (0..<300_000).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(state >> 56)
        }
        try folder.write("work/noise.bin", noise)
        try git(["add", "."], in: work)
        try git(["commit", "-q", "-m", "Second commit"], in: work)
        try folder.makeFolder("git")
        try git(["clone", "-q", "--bare", "work", "git/project.git"], in: folder.path)
        try git(["config", "http.receivepack", "true"], in: folder.path("git/project.git"))
        try folder.write("git/project.git/description", "A project for tests\n")
    }

    @Test(.enabled(if: isInstalled(Program.backend), "git is not installed"))
    func `git http-backend`() async throws {
        try await withServer(
            site: "cgi = /git \(Program.backend)",
            more: """
                [location default /git]
                cgi_env                = GIT_PROJECT_ROOT=${GIT_ROOT}
                cgi_env                = GIT_HTTP_EXPORT_ALL=1
                cgi_pass_authorization = yes
                """,
            repositories: Self.makeRepository
        ) { server in
            let folder = server.folder.path
            let url = server.url("/git/project.git")
            try Self.git(["clone", "-q", url, "clone"], in: folder)
            #expect(try server.folder.read("clone/readme.txt") == "A <readme> of the project\n")
            #expect(
                try Self.git(["log", "--format=%s"], in: "\(folder)/clone") == "Second commit\nFirst commit\n"
            )

            // The first version of the protocol has other requests.
            try Self.git(["-c", "protocol.version=0", "clone", "-q", url, "old"], in: folder)
            try Self.git(["clone", "-q", "--depth", "1", url, "shallow"], in: folder)
            #expect(try Self.git(["rev-list", "--count", "HEAD"], in: "\(folder)/shallow") == "1\n")
            try Self.git(["fetch", "-q", "--unshallow"], in: "\(folder)/shallow")
            #expect(try Self.git(["rev-list", "--count", "HEAD"], in: "\(folder)/shallow") == "2\n")

            // With such a buffer everything is sent in chunks, after a first request that probes.
            for (number, setting) in ["http.postBuffer=1", "http.postBuffer=10000000"].enumerated() {
                var state = UInt64(number + 7)
                let noise = (0..<400_000).map { _ in
                    state = state &* 6_364_136_223_846_793_005 &+ 1
                    return UInt8(state >> 56)
                }
                try server.folder.write("clone/pushed\(number)", noise)
                try Self.git(["add", "."], in: "\(folder)/clone")
                try Self.git(["commit", "-q", "-m", "Pushed \(number)"], in: "\(folder)/clone")
                try Self.git(["-c", setting, "push", "-q", "origin", "main"], in: "\(folder)/clone")
                let top = try Self.git(["log", "-1", "--format=%s", "main"], in: "\(folder)/git/project.git")
                #expect(top == "Pushed \(number)\n")
            }
            try Self.git(["pull", "-q"], in: "\(folder)/old")
            try Self.git(["fsck", "--strict"], in: "\(folder)/git/project.git")
            _ = try server.waitForLog(containing: "POST /git/project.git/git-receive-pack HTTP/1.1\" 200 ")
            #expect(!server.process.stderr.text.contains(" error "), "\(server.process.stderr.text)")

            // The simple protocol's files, and what is not there.
            #expect(try server.get("/git/project.git/HEAD").text == "ref: refs/heads/main\n")
            #expect(try server.get("/git/none.git/HEAD").status == 404)
        }
    }

    @Test(.enabled(if: isInstalled(Program.gitweb), "gitweb is not installed"))
    func `gitweb`() async throws {
        try await withServer(
            site: """
                cgi     = /gitweb \(Program.gitweb)
                alias   = /gitweb/static /usr/share/gitweb/static
                cgi_env = GITWEB_CONFIG=${GIT_ROOT}/gitweb.conf
                """,
            repositories: { folder in
                try Self.makeRepository(folder)
                let settings = """
                    our $projectroot = "\(folder.path("git"))";
                    our @stylesheets = ("/gitweb/static/gitweb.css");
                    $feature{'pathinfo'}{'default'} = [1];
                    1;

                    """
                try folder.write("git/gitweb.conf", settings)
            }
        ) { server in
            let list = try server.get("/gitweb")
            #expect(list.status == 200)
            #expect(list.text.contains("A project for tests"))
            #expect(list["Content-Type"]?.contains("html") == true)
            for (path, words) in [
                ("/gitweb?p=project.git;a=summary", "Second commit"),
                ("/gitweb/project.git/shortlog", "First commit"),
                ("/gitweb?p=project.git;a=blob;f=readme.txt", "A&nbsp;&lt;readme&gt;&nbsp;of"),
                ("/gitweb?p=project.git;a=blob_plain;f=readme.txt", "A <readme> of the project"),
                ("/gitweb/project.git/commitdiff_plain/HEAD", "Subject: Second commit"),
                ("/gitweb?p=project.git;a=rss", "<rss"), ("/gitweb/static/gitweb.css", "body"),
            ] {
                let response = try server.get(path)
                #expect(response.status == 200, "\(path)")
                #expect(response.text.contains(words), "\(path): \(response)")
            }
            #expect(try server.get("/gitweb?p=none.git").status == 404)
            let archive = try server.get("/gitweb?p=project.git;a=snapshot;h=HEAD;sf=tgz")
            #expect(archive.body.starts(with: [0x1F, 0x8B]))
            // Its own If-Modified-Since.
            let feed = try server.get("/gitweb?p=project.git;a=rss")
            let modified = try #require(feed["Last-Modified"])
            let again = try server.get(
                "/gitweb?p=project.git;a=rss", headers: ["If-Modified-Since": modified])
            #expect(again.status == 304)
        }
    }

    @Test(.enabled(if: isInstalled(Program.cgit), "cgit is not installed"))
    func `cgit`() async throws {
        try await withServer(
            site: """
                cgi     = /cgit \(Program.cgit)
                alias   = /cgit-css /usr/share/cgit
                cgi_env = CGIT_CONFIG=${GIT_ROOT}/cgitrc
                """,
            repositories: { folder in
                try Self.makeRepository(folder)
                let settings =
                    "css=/cgit-css/cgit.css\nvirtual-root=/cgit\nscan-path=\(folder.path("git"))\nsnapshots=tar.gz\n"
                try folder.write("git/cgitrc", settings)
            }
        ) { server in
            for (path, words) in [
                ("/cgit/", "A project for tests"), ("/cgit/project.git/", "Second commit"),
                ("/cgit/project.git/log/?qt=grep&q=First", "First commit"),
                ("/cgit/project.git/tree/readme.txt", "A &lt;readme&gt; of the project"),
                ("/cgit/project.git/plain/readme.txt", "A <readme> of the project"),
                ("/cgit-css/cgit.css", "cgit"),
            ] {
                let response = try server.get(path)
                #expect(response.status == 200, "\(path)")
                #expect(response.text.contains(words), "\(path): \(response)")
            }
            #expect(try server.get("/cgit/none/").status == 404)
            let head = try server.head("/cgit/project.git/")
            #expect(head.status == 200)
            // The clone protocol of its own.
            try Self.git(["clone", "-q", server.url("/cgit/project.git"), "clone"], in: server.folder.path)
            #expect(server.folder.exists("clone/readme.txt"))
        }
    }
}

/// Starts a server with `GIT_ROOT` in its environment, the folder in which `repositories` makes them.
private func withServer(
    site: String, more: String = "", repositories: @escaping @Sendable (ScratchFolder) throws -> Void,
    test body: @escaping @Sendable (ServerProcess) throws -> Void
) async throws {
    // Made first, for the server's environment has to name it.
    let root = try await blocking {
        let folder = try ScratchFolder()
        try repositories(folder)
        return folder
    }
    let ini = """
        [server]
        listen = 127.0.0.1:0
        [site default]
        root = www
        \(site)
        \(more)

        """
    try await withServer(
        ini: ini, environment: ["GIT_ROOT": root.path("git"), "HOME": "/nonexistent"],
        prepare: { try $0.link("git", to: root.path("git")) }, test: body)
}
