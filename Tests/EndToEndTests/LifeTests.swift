import Glibc
import TestSupport
import Testing

/// Addresses, limits, and how the server ends.
@Suite(.timeLimit(.minutes(5))) struct LifeTests {
    private static let files = [
        "www/a.txt": "Some text\n",
        // Says that it has begun, and ends when there is a file `go`.
        "cgi-bin/wait": """
        #!/bin/sh
        printf 'Content-Type: text/plain\\n\\nbegun\\n'
        while ! [ -e ../go ]; do sleep 0.02; done
        echo ended
        """,
    ]
    private static let cgi = "cgi = /run cgi-bin"
    private static func ini(shutdown: String) -> String {
        """
        [server]
        listen = 127.0.0.1:0
        shutdown_timeout = \(shutdown)
        [site default]
        root = www
        \(cgi)

        """
    }
    private static let hasIPv6 = access("/proc/net/if_inet6", F_OK) == 0

    @Test func `a server at rest gives memory back`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            for _ in 1...2 {
                // The start's peak is over when there is an answer.
                _ = try server.resetPeakMemory()
                try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
                _ = try client.readResponse()
            }
            #expect(try eventually { try server.memoryInUse() < server.peakMemory() / 2 })
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse().text == "Some text\n")
        }
    }

    @Test func `each listener has a line and serves`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            listen = unix:web.socket
            listen = 127.0.0.2:0
            [site default]
            root = www
            log_format = "%h %A:%p %{local}p|%{remote}p"
            """
        try await withServer(ini: ini, files: Self.files) { server in
            #expect(server.listeners.map(\.scheme) == ["http", "http", "http"])
            let socket = server.folder.path("web.socket")
            #expect(server.listeners[1].description == "http://unix:\(socket)")
            for listener in 0..<3 { try #expect(server.get("/a.txt", listener: listener).status == 200) }
            _ = try server.waitForLog(containing: "127.0.0.1 127.0.0.1:\(server.port(0))")
            let local = try server.waitForLog(containing: "unix: ")
            #expect(local == "unix: unix::- -|-")
            _ = try server.waitForLog(containing: "127.0.0.1 127.0.0.2:\(server.port(2))")
            let curl = try runCommand(["curl", "-sS", "--unix-socket", socket, "http://h/a.txt"])
            #expect(curl.stdout == "Some text\n")
            try server.stop()
            #expect(!server.folder.exists("web.socket"))
        }
    }

    @Test func `a socket that a killed server left is taken over`() async throws {
        let ini = "[server]\nlisten = unix:web.socket\n[site default]\nroot = www\n"
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("www/a.txt", "x")
            let first = try ServerProcess(ini: ini, in: folder)
            // Not from one that is alive.
            let second = try runCommand(
                [ServerProcess.builtExecutable, "run", "-c", first.configuration])
            #expect(second.status == 1)
            #expect(second.stderr.contains("web.socket"))
            try #expect(first.get("/a.txt").status == 200)
            first.send(SIGKILL)
            _ = try first.waitForExit()
            #expect(folder.exists("web.socket"))
            let third = try ServerProcess(ini: ini, in: folder)
            try #expect(third.get("/a.txt").status == 200)
            try third.stop()
        }
    }

    @Test func `a successor's socket is left alone`() async throws {
        let ini = "[server]\nlisten = unix:web.socket\n[site default]\nroot = www\n"
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("www/a.txt", "x")
            let first = try ServerProcess(ini: ini, in: folder)
            unlink(folder.path("web.socket"))
            let second = try ServerProcess(ini: ini, in: folder)
            first.send(SIGTERM)
            let exit = try first.waitForExit()
            #expect(exit == .status(0))
            try #expect(second.get("/a.txt").status == 200)
            try second.stop()
            #expect(!folder.exists("web.socket"))
        }
    }

    @Test(.enabled(if: hasIPv6)) func `IPv6 and every address`() async throws {
        let ini = """
            [server]
            listen = [::1]:0
            listen = *:0
            [site default]
            root = www
            log_format = "%h %A %U"
            """
        try await withServer(ini: ini, listenerCount: 3, files: Self.files) { server in
            let lines = server.listeners.map(\.description)
            #expect(lines[0] == "http://[::1]:\(server.port(0))")
            #expect(lines[1...] == ["http://0.0.0.0:\(server.port(1))", "http://[::]:\(server.port(1))"])
            try #expect(server.get("/a.txt").status == 200)
            _ = try server.waitForLog(containing: "::1 ::1 /a.txt")
            for (host, logged) in [
                ("127.0.0.1", "127.0.0.1 127.0.0.1 /a.txt?1"), ("[::1]", "::1 ::1 /a.txt"),
                ("127.0.0.3", "127.0.0.1 127.0.0.3 /a.txt"),
            ] {
                let result = try runCommand(["curl", "-sS", "-g", "http://\(host):\(server.port(1))/a.txt"])
                #expect(result.stdout == "Some text\n", "\(host): \(result.stderr)")
                _ = try server.waitForLog(containing: logged.replacing("?1", with: ""))
            }
        }
    }

    @Test func `past max_connections a new one waits`() async throws {
        try await withServer(server: "max_connections = 3", files: Self.files) { server in
            let request = "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n"
            var open: [RawClient] = []
            for _ in 1...3 {
                let client = try server.connect()
                try client.send(request)
                #expect(try client.readResponse().status == 200)
                open.append(client)
            }
            var waiting = try (1...4).map { _ in try server.connect() }
            for client in waiting { try client.send(request) }
            #expect(try waiting[0].staysSilent(for: 0.1))
            for client in waiting.dropFirst() { #expect(client.received.isEmpty) }
            // One goes, one comes; of those that wait at different loops, any.
            open.removeAll()
            let areAllServed = try eventually {
                waiting = try waiting.filter { client in
                    if try client.staysSilent(for: 0.01) { return true }
                    #expect(try client.readResponse().status == 200)
                    client.close()
                    return false
                }
                return waiting.isEmpty
            }
            #expect(areAllServed)
            try #expect(server.get("/a.txt").status == 200)
        }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func `a request under way is finished`(_ signal: CInt) async throws {
        try await withServer(site: Self.cgi, files: Self.files) { server in
            let idle = try server.connect()
            try idle.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try idle.readResponse()
            let busy = try server.connect()
            try busy.send("GET /run/wait HTTP/1.1\r\nHost: h\r\n\r\n")
            let begun = try busy.read { $0.contains("begun".utf8) }
            server.send(signal)
            // Who asks for nothing is sent away, and nobody new comes in.
            #expect(try idle.expectEnd() == .eof)
            #expect(eventually { (try? server.connect()) == nil })
            #expect(server.process.exit == nil)
            try server.folder.write("go", "")
            let rest = try busy.readToEnd()
            #expect((begun + rest).contains("ended".utf8))
            #expect(busy.ending == .eof)
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
            _ = try server.waitForLog(containing: "/run/wait")
        }
    }

    @Test func `a second TERM stops at once`() async throws {
        try await withServer(ini: Self.ini(shutdown: "10m"), files: Self.files) { server in
            let busy = try server.connect()
            try busy.send("GET /run/wait HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try busy.read { $0.contains("begun".utf8) }
            server.send(SIGTERM)
            #expect(eventually { (try? server.connect()) == nil })
            #expect(server.process.exit == nil)
            server.send(SIGTERM)
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
            // The client can tell that it has not got everything.
            _ = try? busy.readToEnd()
            #expect(busy.ending == .reset)
        }
    }

    @Test func `shutdown_timeout ends what takes longer`() async throws {
        try await withServer(ini: Self.ini(shutdown: "300ms"), files: Self.files) { server in
            let busy = try server.connect()
            try busy.send("GET /run/wait HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try busy.read { $0.contains("begun".utf8) }
            server.send(SIGTERM)
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
        }
    }

    /// Longer than the server waits for scripts with a short time: it takes eleven seconds.
    @Test func `the end waits for the longest cgi_kill_grace`() async throws {
        let files = [
            "cgi-bin/slow": """
            #!/bin/sh
            trap 'sleep 10.5; touch ../cleaned; exit' TERM
            printf 'Content-Type: text/plain\\n\\nbegun\\n'
            while :; do sleep 0.02; done
            """
        ]
        try await withServer(
            site: "cgi = /run cgi-bin\ncgi_kill_grace = 20s", more: "[site other]\nroot = www\n", files: files
        ) { server in
            let client = try server.connect()
            try client.send("GET /run/slow HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read { $0.contains("begun".utf8) }
            server.send(SIGTERM)
            server.send(SIGTERM)
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
            #expect(server.folder.exists("cleaned"))
        }
    }

    /// Such a client holds its connection open only to be sure of its answer.
    @Test func `a refused client does not hold up the end`() async throws {
        try await withServer(ini: Self.ini(shutdown: "10m"), files: Self.files) { server in
            let client = try server.connect()
            try client.send("nonsense\r\n\r\n")
            #expect(try client.readResponse().status == 400)
            try server.stop(checkDescriptors: false)
        }
    }

    @Test func `HUP and USR2 do not end it`() async throws {
        try await withServer(files: Self.files) { server in
            server.send(SIGHUP)
            server.send(SIGUSR2)
            server.send(SIGPIPE)
            _ = try server.waitForError(containing: "HUP")
            try #expect(server.get("/a.txt").status == 200)
        }
    }
}
