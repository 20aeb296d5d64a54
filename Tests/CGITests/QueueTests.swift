import Glibc
import TestSupport
import Testing

/// How many scripts run at once, and who is next.
@Suite(.timeLimit(.minutes(5))) struct QueueTests {
    private static func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }

    /// Notes its query, and ends when it may.
    private static let queued = page(
        "echo $QUERY_STRING >>order; while ! [ -e go ]; do sleep 0.01; done; echo done")

    /// One loop, so that requests are taken in the order in which they are sent.
    private func withQueue(
        _ site: String, more: String = "", test body: @escaping @Sendable (ServerProcess) throws -> Void
    ) async throws {
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/\n\(site)", threads: 1, more: more, files: ["www/a.txt": "text"],
            prepare: { try $0.script("cgi-bin/x", Self.queued) }, test: body)
    }

    /// Sends a request for the script and waits until the server has read it.
    private static func ask(_ server: ServerProcess, _ query: String, from source: String = "127.0.0.1")
        throws
        -> RawClient
    {
        let client = try server.connect(from: source)
        try client.send(get("/cgi-bin/x?\(query)"))
        // The loop takes up what comes in order, so it has the request when this is answered.
        for _ in 1...2 { #expect(try server.get("/a.txt").status == 200) }
        return client
    }

    private static func order(_ server: ServerProcess) throws -> [Substring] {
        try server.folder.read("cgi-bin/order").split(separator: "\n")
    }

    @Test func `concurrency limit`() async throws {
        try await withQueue("cgi_max_processes = 2") { server in
            let clients = try (1...4).map { try Self.ask(server, "\($0)") }
            #expect(eventually { (try? Self.order(server).count) == 2 })
            #expect(try Set(Self.order(server)) == ["1", "2"])
            try server.folder.write("cgi-bin/go", "")
            for client in clients { #expect(try client.readResponse().text == "done\n") }
            #expect(try Set(Self.order(server).suffix(2)) == ["3", "4"])
        }
    }

    @Test func `queue: in order, and by turns among clients`() async throws {
        try await withQueue("cgi_max_processes = 1") { server in
            var clients = [try Self.ask(server, "first")]
            try server.waitForFile("order")
            for (query, source) in [
                ("a1", "127.0.0.1"), ("a2", "127.0.0.1"), ("a3", "127.0.0.1"), ("b1", "127.0.0.2"),
                ("c1", "127.0.0.3"), ("b2", "127.0.0.2"),
            ] { clients.append(try Self.ask(server, query, from: source)) }
            #expect(try Self.order(server) == ["first"])
            try server.folder.write("cgi-bin/go", "")
            for client in clients { #expect(try client.readResponse().text == "done\n") }
            #expect(try Self.order(server) == ["first", "a1", "b1", "c1", "a2", "b2", "a3"])
        }
    }

    @Test func `queue: 503 with Retry-After after cgi_queue_timeout`() async throws {
        try await withQueue("cgi_max_processes = 1\ncgi_queue_timeout = 2s") { server in
            let first = try Self.ask(server, "1")
            try server.waitForFile("order")
            let seconds = try seconds {
                let response = try server.get("/cgi-bin/x?2")
                #expect(response.status == 503)
                #expect(response["Retry-After"].flatMap { Int($0) } != nil)
            }
            #expect(seconds > 1.9 && seconds < 4 * Deadline.patience)
            _ = try server.waitForError(
                containing:
                    "cgi_max_processes = 1 are running, and none became free within cgi_queue_timeout = 2s"
            )
            try server.folder.write("cgi-bin/go", "")
            #expect(try first.readResponse().status == 200)
            // The place is free again.
            #expect(try server.get("/cgi-bin/x?3").status == 200)
            #expect(try Self.order(server) == ["1", "3"])
        }
    }

    @Test(arguments: Leaving.allCases)
    func `queue: who has left is not served`(_ leaving: Leaving) async throws {
        try await withQueue("cgi_max_processes = 1") { server in
            let first = try Self.ask(server, "1")
            try server.waitForFile("order")
            let second = try Self.ask(server, "2")
            let third = try Self.ask(server, "3")
            second.leave(by: leaving)
            _ = try server.waitForLog(containing: "/cgi-bin/x?2 HTTP/1.1\" 499 ")
            try server.folder.write("cgi-bin/go", "")
            #expect(try first.readResponse().status == 200)
            #expect(try third.readResponse().status == 200)
            #expect(try Self.order(server) == ["1", "3"])
        }
    }

    /// A place is free when the script is gone, not when its client is.
    @Test func `queue: a script that is being ended keeps its place`() async throws {
        try await withScripts(
            ["x": page("trap '' TERM; echo $$ >>pids; while :; do sleep 1000; done"), "y": page("cat pids")],
            site: "cgi_max_processes = 1\ncgi_kill_grace = 500ms"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get("/cgi-bin/x"))
            let script = try server.notedProcesses(1)
            client.reset()
            _ = try server.waitForError(containing: "the client has gone")
            #expect(try server.get("/cgi-bin/y").status == 200)
            #expect(!script[0].isRunning)
        }
    }

    /// Two parts of a site with the same number have that number each; the rest of the site has its own.
    @Test func `queues of two locations with the same number`() async throws {
        try await withQueue(
            "cgi_max_processes = 1",
            more:
                "[location default /cgi-bin/x/a]\ncgi_max_processes = 2\n[location default /cgi-bin/x/b]\ncgi_max_processes = 2"
        ) { server in
            var clients: [RawClient] = []
            for path in ["", "", "/a", "/a", "/a", "/b", "/b", "/b"] {
                let client = try server.connect()
                try client.send(Self.get("/cgi-bin/x\(path)?\(path)"))
                for _ in 1...2 { #expect(try server.get("/a.txt").status == 200) }
                clients.append(client)
            }
            #expect(
                eventually {
                    (try? server.folder.read("cgi-bin/order").split(
                        separator: "\n", omittingEmptySubsequences: false
                    ).count) == 6
                })
            // A wait on purpose, for a script that should not start.
            _ = try server.connect().staysSilent(for: 0.2)
            let order = try server.folder.read("cgi-bin/order")
            #expect(
                order.split(separator: "\n", omittingEmptySubsequences: false).dropLast().sorted() == [
                    "", "/a", "/a", "/b", "/b",
                ])
            try server.folder.write("cgi-bin/go", "")
            for client in clients { #expect(try client.readResponse().status == 200) }
        }
    }

    /// A location that says nothing of it shares the site's places.
    @Test func `a location without a number of its own`() async throws {
        try await withQueue("cgi_max_processes = 1", more: "[location default /cgi-bin/x/a]\ncharset = off") {
            server in
            let first = try Self.ask(server, "1")
            try server.waitForFile("order")
            let second = try server.connect()
            try second.send(Self.get("/cgi-bin/x/a?2"))
            _ = try server.connect().staysSilent(for: 0.2)
            #expect(try Self.order(server) == ["1"])
            try server.folder.write("cgi-bin/go", "")
            for client in [first, second] { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test func `queue of a location is its own`() async throws {
        try await withQueue(
            "cgi_max_processes = 1", more: "[location default /cgi-bin/x/own]\ncgi_max_processes = 2"
        ) { server in
            let first = try Self.ask(server, "1")
            try server.waitForFile("order")
            let own = try server.connect()
            try own.send(Self.get("/cgi-bin/x/own?2"))
            #expect(eventually { (try? Self.order(server).count) == 2 })
            try server.folder.write("cgi-bin/go", "")
            #expect(try first.readResponse().status == 200)
            #expect(try own.readResponse().status == 200)
        }
    }
}
