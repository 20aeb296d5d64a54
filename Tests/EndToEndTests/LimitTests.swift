import TestSupport
import Testing

/// What one client may have: connections, requests, bytes a second.
@Suite(.timeLimit(.minutes(5))) struct LimitTests {
    private static let files = [
        "www/a.txt": "Some text\n", "www/part/a.txt": "Some text\n",
        "www/large.bin": String(repeating: "0123456789abcdef", count: 20_000),
        "www/small.bin": String(repeating: "0123456789abcdef", count: 2_500),
        "cgi-bin/large": """
        #!/bin/sh
        printf 'Content-Type: text/plain\\n\\n'
        head -c 320000 /dev/zero
        """,
    ]

    private static func seconds(_ body: () throws -> Void) throws -> Double {
        try ContinuousClock().measure(body) / .seconds(1)
    }

    // MARK: max_connections_per_ip

    @Test func `connections of one client`() async throws {
        try await withServer(
            server: "max_connections_per_ip = 2", files: Self.files, allowed: ["max_connections_per_ip"]
        ) { server in
            func ask(_ client: RawClient) throws {
                try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
            let (first, second) = (try server.connect(), try server.connect())
            try ask(first)
            try ask(second)
            let third = try server.connect()
            #expect(try third.readToEnd().isEmpty)
            _ = try server.waitForError(containing: "max_connections_per_ip = 2")
            // Another client has places of its own.
            try ask(try server.connect(from: "127.0.0.2"))
            // A place that was given back can be taken again.
            first.close()
            var isServed = false
            while !isServed {
                let next = try server.connect()
                _ = try next.sendSome(
                    Array("GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n".utf8))
                isServed = try !next.readToEnd().isEmpty
            }
        }
    }

    @Test func `a trusted proxy has as many as it likes`() async throws {
        try await withServer(
            server: "max_connections_per_ip = 1\ntrusted_proxies = 127.0.0.1", files: Self.files
        ) { server in
            let clients = try (0..<3).map { _ in try server.connect() }
            for client in clients {
                try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
        }
    }

    // MARK: limit_requests

    @Test func `requests of one client`() async throws {
        try await withServer(
            site: "limit_requests = 1/m burst=3", server: "trusted_proxies = 127.0.0.1", files: Self.files,
            allowed: ["limit_requests"]
        ) { server in
            func statuses(_ address: String, _ count: Int) throws -> [Int] {
                let client = try server.connect()
                return try (0..<count).map { _ in
                    try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: \(address)\r\n\r\n")
                    return try client.readResponse().status
                }
            }
            #expect(try statuses("192.0.2.1", 5) == [200, 200, 200, 429, 429])
            // On another loop, too.
            for _ in 0..<4 { #expect(try statuses("192.0.2.1", 1) == [429]) }
            #expect(try statuses("192.0.2.2", 1) == [200])
            // A /64 is one client.
            #expect(try statuses("2001:db8::1", 2) == [200, 200])
            #expect(try statuses("2001:db8::2", 2) == [200, 429])
            let refused = try server.get("/a.txt", headers: ["X-Forwarded-For": "192.0.2.1"])
            let wait = try #require(refused["Retry-After"].flatMap { Int($0) })
            #expect((50...60).contains(wait))
            _ = try server.waitForError(containing: "client=192.0.2.1")
        }
    }

    @Test func `tokens come back, and a location has its own`() async throws {
        try await withServer(
            site: "limit_requests = 5/s burst=1",
            more: """
                [location default /part]
                limit_requests = none
                """, files: Self.files, allowed: ["limit_requests"]
        ) { server in
            #expect(try server.get("/a.txt").status == 200)
            for _ in 0..<5 { #expect(try server.get("/part/a.txt").status == 200) }
            var waits = 0
            let seconds = try Self.seconds {
                while try server.get("/a.txt").status == 429 { waits += 1 }
            }
            #expect(waits == 0 || seconds < 2 * Deadline.patience)
        }
    }

    @Test func `who guesses passwords is counted`() async throws {
        // Of `ann`: `myPassword`.
        let users = "ann:$2y$04$isdNVLZh0N4mBW3QOjN/BO2ghfApAEMm/OTPABCVhok2XJPGi4FRO\n"
        let more = """
            [location default /closed]
            deny = all
            limit_requests = 1/m burst=2
            """
        try await withServer(
            site: "auth = M etc/htpasswd\nlimit_requests = 1/m burst=3", more: more,
            files: ["etc/htpasswd": users, "www/a": "secret", "www/closed/a": "secret"]
        ) { server in
            let wrong: KeyValuePairs = ["Authorization": "Basic YW5uOng="]
            let statuses = try (0..<5).map { _ in try server.get("/a", headers: wrong).status }
            #expect(statuses == [401, 401, 401, 429, 429])
            // The right one, too, has to wait.
            let right: KeyValuePairs = ["Authorization": "Basic YW5uOm15UGFzc3dvcmQ="]
            try #expect(server.get("/a", headers: right).status == 429)
            let refused = try (0..<4).map { _ in try server.get("/closed/a").status }
            #expect(refused == [403, 403, 429, 429])
        }
    }

    @Test func `a request counts once`() async throws {
        let site = """
            limit_requests = 1/m burst=3
            rewrite = ^/b$ /part/b
            index = a.txt
            """
        let more = "[location default /part]\nallow = all\n[location default /folder/a.txt]\nallow = all\n"
        let files = ["www/part/b": "b", "www/folder/a.txt": "a"]
        try await withServer(site: site, more: more, files: files) { server in
            let statuses = try ["/b", "/folder/", "/b", "/b"].map { try server.get($0).status }
            #expect(statuses == [200, 200, 200, 429])
        }
    }

    // MARK: limit_rate

    @Test(arguments: ["/large.bin", "/cgi-bin/large"])
    func `bytes a second`(_ path: String) async throws {
        // 320000 bytes at 160000 a second, the first second's at once: a second.
        try await withServer(
            site: "limit_rate = 160000\ncgi = /cgi-bin/ cgi-bin/", server: "write_timeout = 500ms",
            files: Self.files
        ) { server in
            let seconds = try Self.seconds {
                let answer = try server.get(path)
                #expect(answer.status == 200)
                #expect(answer.body.count == 320_000)
            }
            #expect(seconds > 0.8 && seconds < 5 * Deadline.patience)
        }
    }

    /// What one answer has used up the next one lacks, small files included.
    @Test func `answers one after the other`() async throws {
        try await withServer(site: "limit_rate = 40000", files: Self.files) { server in
            let client = try server.connect()
            let seconds = try Self.seconds {
                for _ in 0..<3 {
                    try client.send("GET /small.bin HTTP/1.1\r\nHost: h\r\n\r\n")
                    #expect(try client.readResponse().body.count == 40_000)
                }
            }
            #expect(seconds > 1.7 && seconds < 8 * Deadline.patience)
        }
    }

    /// A client that takes nothing is cut off as ever.
    @Test func `write_timeout holds beside it`() async throws {
        try await withServer(
            site: "limit_rate = 100M", server: "write_timeout = 1s",
            files: ["www/large.bin": String(repeating: "0123456789abcdef", count: 2_000_000)]
        ) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try server.waitForLog(containing: "/large.bin")
        }
    }
}
