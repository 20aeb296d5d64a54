import TestSupport
import Testing

/// What becomes of a script's answer (RFC 3875, sections 5 and 6).
@Suite(.timeLimit(.minutes(5))) struct CacheTests {
    private static func get(_ name: String, _ fields: String = "") -> String {
        "GET /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    @Test func `caching of CGI output`() async throws {
        let scripts = [
            "x": page("echo x >>runs; echo $(wc -l <runs) $QUERY_STRING"),
            "cookie": shell(
                "echo x >>cookies; printf 'Content-Type: text/x\\nSet-Cookie: a=b\\n\\n'; wc -l <cookies"),
        ]
        try await withScripts(scripts, site: "cgi_cache = /cgi-bin 100s") { server in
            let first = try server.get("/cgi-bin/x?a=1")
            #expect(first.text == "1 a=1\n")
            #expect(first["X-Cache"] == "miss")
            let second = try server.get("/cgi-bin/x?a=1")
            #expect(second.text == "1 a=1\n")
            #expect(second["X-Cache"] == "hit")
            #expect(try server.head("/cgi-bin/x?a=1")["X-Cache"] == "hit")
            #expect(try server.get("/cgi-bin/x?b").text == "2 b\n")
            #expect(try server.post("/cgi-bin/x?a=1", "").text == "3 a=1\n")
            #expect(try server.get("/cgi-bin/x?a=1", headers: ["Cookie": "s=1"]).text == "4 a=1\n")
            #expect(try server.get("/cgi-bin/x?a=1", headers: ["Authorization": "x"]).text == "5 a=1\n")
            #expect(try server.get("/cgi-bin/cookie").text == "1\n")
            #expect(try server.get("/cgi-bin/cookie").text == "2\n")
        }
    }

    @Test func `caching: one run for all who ask at the same time`() async throws {
        let script = page("echo x >>runs; while ! [ -e go ]; do sleep 0.02; done; wc -l <runs")
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/\ncgi_cache = /cgi-bin 100s", threads: 1,
            files: ["cgi-bin/x": script, "www/a.txt": "text"]
        ) { server in
            var clients: [RawClient] = []
            for _ in 1...5 {
                let client = try server.connect()
                try client.send(Self.get("x"))
                clients.append(client)
                // The one loop takes up what comes in order, so it has the request when this is answered.
                for _ in 1...2 { #expect(try server.get("/a.txt").status == 200) }
            }
            try server.folder.write("cgi-bin/go", "")
            let answers = try clients.map { try $0.readResponse() }
            #expect(answers.map(\.text) == Array(repeating: "1\n", count: 5))
            #expect(answers.map { $0["X-Cache"] } == ["miss", "shared", "shared", "shared", "shared"])
        }
    }

    @Test func `caching: an older answer where there is no place`() async throws {
        let scripts = ["x": page("echo fine"), "slow": "#!/bin/sh\nexec sleep 60\n"]
        let site = "cgi_cache = /cgi-bin/x 300ms\ncgi_max_processes = 1\ncgi_queue_timeout = 10ms"
        try await withScripts(scripts, site: site) { server in
            #expect(try server.get("/cgi-bin/x")["X-Cache"] == "miss")
            let client = try server.connect()
            try client.send(Self.get("slow"))
            #expect(try server.staleAnswer("/cgi-bin/x").text == "fine\n")
            client.close()
        }
    }

    @Test func `caching: an answer whose script exits with 1 is not kept`() async throws {
        let site = "cgi_cache = /cgi-bin 60s\ncgi_exit_status = ignore"
        try await withScripts(["x": page("echo fine; exit 1")], site: site) { server in
            for _ in 1...2 {
                let answer = try server.get("/cgi-bin/x")
                #expect(answer.text == "fine\n")
                #expect(answer["X-Cache"] == "miss")
            }
        }
    }

    @Test func `caching: an older answer where the script fails`() async throws {
        let script = shell("[ -e fail ] && exit 1; printf 'Content-Type: text/x\\n\\nfine'")
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 300ms") { server in
            #expect(try server.get("/cgi-bin/x")["X-Cache"] == "miss")
            try server.folder.write("cgi-bin/fail", "")
            var last: RawResponse?
            let isStale = try eventually {
                last = try server.get("/cgi-bin/x")
                return last?["X-Cache"] == "stale"
            }
            #expect(isStale)
            #expect(last?.status == 200)
            #expect(last?.text == "fine")
            _ = try server.waitForError(containing: "an older answer is sent")
        }
    }

    @Test(arguments: [
        ("Cache-Control: no-store", false), ("Cache-Control: private", false),
        ("Cache-Control: max-age=0", false),
        ("Cache-Control: public, max-age=50", true), ("Vary: *", false), ("Vary: X-Lang", true),
        ("Status: 404", true), ("Status: 302\\nLocation: http://h/", false), ("Status: 500", false),
        ("ETag: \"a\"", true),
    ])
    func `caching: what the script says`(_ field: String, _ isKept: Bool) async throws {
        let script = shell(
            "echo x >>runs; printf '%b' 'Content-Type: text/x\\n\(field)\\n\\n'; echo $HTTP_X_LANG; wc -l <runs"
        )
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 100s") { server in
            let first = try server.get("/cgi-bin/x", headers: ["X-Lang": "de"])
            let second = try server.get("/cgi-bin/x", headers: ["X-Lang": "de"])
            #expect(first.text == "de\n1\n")
            #expect(second.text == (isKept ? "de\n1\n" : "de\n2\n"))
            #expect(second.status == first.status)
            #expect((second["X-Cache"] == "hit") == isKept)
            if field.hasPrefix("Vary: X") {
                #expect(try server.get("/cgi-bin/x", headers: ["X-Lang": "fr"]).text == "fr\n2\n")
                #expect(try server.get("/cgi-bin/x", headers: ["X-Lang": "de"]).text == "de\n1\n")
            }
            if field.hasPrefix("ETag") {
                let known = try server.get("/cgi-bin/x", headers: ["If-None-Match": "\"a\""])
                #expect(known.status == 304)
            }
        }
    }

    @Test func `caching of an answer whose client has left`() async throws {
        let script = shell(
            "printf 'Content-Type: text/x\\nContent-Length: 5\\n\\n'; echo >begun; while ! [ -e go ]; do sleep 0.02; done; printf 12345; echo >done"
        )
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 100s") { server in
            let client = try server.connect()
            try client.send(Self.get("x"))
            try server.waitForFile("begun")
            client.reset()
            try server.folder.write("cgi-bin/go", "")
            try server.waitForFile("done")
            let response = try server.get("/cgi-bin/x", headers: ["Host": "h"])
            #expect(response.text == "12345")
            #expect(["hit", "shared"].contains(response["X-Cache"]), "\(response)")
        }
    }

    // MARK: Only what is whole

    /// A visitor who has the page gets 304, and the run for it still fills the cache, without chunks.
    @Test(arguments: ["If-None-Match: \"a\"", "If-Match: \"b\""])
    func `a conditional request that runs the script`(_ condition: String) async throws {
        let script = prints(
            "HTTP/1.1 200 OK\\r\\nContent-Type: text/x\\r\\nETag: \"a\"\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4\\r\\nbody\\r\\n0\\r\\n\\r\\n"
        )
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 100s") { server in
            let client = try server.connect()
            try client.send(Self.get("x", condition + "\r\n"))
            let status = try client.readResponse().status
            #expect(status == (condition.hasPrefix("If-None") ? 304 : 412))
            let kept = try server.get("/cgi-bin/x", headers: ["Host": "h"])
            // The 304 may be there before the script has ended.
            #expect(["hit", "shared"].contains(kept["X-Cache"]), "\(kept)")
            #expect(kept.text == "body")
            // A kept answer meets conditions, too.
            try client.send(Self.get("x", condition + "\r\n"))
            #expect(try client.readResponse().status == status)
        }
    }

    @Test func `a conditional request whose script stops short`() async throws {
        let script = shell(
            "printf 'Content-Type: text/x\\nETag: \"a\"\\nContent-Length: 10\\n\\n12345'; [ -e more ] && printf 67890; echo >done"
        )
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 100s") { server in
            let client = try server.connect()
            try client.send(Self.get("x", "If-None-Match: \"a\"\r\n"))
            #expect(try client.readResponse().status == 304)
            _ = try server.waitForError(containing: "5 bytes shorter")
            // What the client was to have is whole, so its connection goes on.
            try server.folder.write("cgi-bin/more", "")
            try client.send(Self.get("x"))
            let response = try client.readResponse()
            #expect(response["X-Cache"] == "miss")
            #expect(response.text == "1234567890")
        }
    }

    @Test func `ranges of a kept answer`() async throws {
        let script = shell("printf 'Content-Type: text/x\\nETag: \"a\"\\n\\n0123456789'")
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 100s") { server in
            // Made anew it has no length yet, and is sent whole.
            #expect(try server.get("/cgi-bin/x", headers: ["Range": "bytes=2-4"]).text == "0123456789")
            let part = try server.get("/cgi-bin/x", headers: ["Range": "bytes=2-4"])
            #expect(part.status == 206)
            #expect(part.text == "234")
            #expect(part["Content-Range"] == "bytes 2-4/10")
            #expect(part["X-Cache"] == "hit")
            let head = try server.request("HEAD", "/cgi-bin/x", headers: ["Range": "bytes=2-4"])
            #expect(head.status == 206)
            #expect(head["Content-Range"] == "bytes 2-4/10")
            #expect(head["Content-Length"] == "3")
            for (range, condition, status) in [
                ("bytes=10-", "\"a\"", 416), ("bytes=2-4", "\"b\"", 200), ("bytes=0-1,4-5", "\"a\"", 200),
                ("bytes=-3", "\"a\"", 206),
            ] {
                let response = try server.get(
                    "/cgi-bin/x", headers: ["Range": range, "If-Range": condition])
                #expect(response.status == status, "\(range)")
                if status == 200 { #expect(response.text == "0123456789") }
            }
        }
    }

    // MARK: How long a script goes on for the cache

    private static let endless = """
        echo $$ >>pids
        while ! [ -e go ]; do sleep 0.02; done
        while :; do head -c 1000 /dev/zero; sleep 0.01; done
        """

    @Test func `an answer that outgrows its part of the cache is nobody's once its client has left`()
        async throws
    {
        try await withScripts(
            ["x": page(Self.endless)], site: "cgi_cache = /cgi-bin 100s\ncgi_cache_size = 80K"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get("x"))
            let script = try server.notedProcesses(1)
            client.reset()
            try server.folder.write("cgi-bin/go", "")
            expectEnd(of: script)
            _ = try server.waitForError(containing: "the client has gone")
        }
    }

    @Test(arguments: ["Set-Cookie: a=b", "Cache-Control: no-store", "Content-Length: 20000", "Status: 500"])
    func `an answer that may not be kept ends with its client`(_ field: String) async throws {
        let script = shell("printf 'Content-Type: text/x\\n\(field)\\n\\n'\n\(Self.endless)")
        try await withScripts(
            ["x": script], site: "cgi_cache = /cgi-bin 100s\ncgi_cache_size = 80K"
        ) { server in
            let client = try server.connect()
            try client.send(Self.get("x"))
            let script = try server.notedProcesses(1)
            _ = try client.read { $0.contains("\r\n\r\n".utf8) }
            client.reset()
            expectEnd(of: script)
        }
    }

    /// Who waits for an answer is not kept waiting for one that cannot be kept.
    @Test func `an answer that may not be kept holds nobody up`() async throws {
        let script = shell(
            "echo x >>runs; printf 'Content-Type: text/x\\nCache-Control: no-store\\n\\n'; [ $(wc -l <runs) = 1 ] && sleep 1000; echo done"
        )
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 100s") { server in
            let first = try server.connect()
            try first.send(Self.get("x"))
            _ = try first.read { $0.contains("\r\n\r\n".utf8) }
            #expect(try server.get("/cgi-bin/x", headers: ["Host": "h"]).text == "done\n")
        }
    }

    @Test func `one answer takes an eighth of the cache at most`() async throws {
        let scripts = [
            "small": page("echo x >>small-runs; head -c 9000 /dev/zero"),
            "large": page("echo x >>large-runs; head -c 11000 /dev/zero"),
        ]
        try await withScripts(scripts, site: "cgi_cache = /cgi-bin 100s\ncgi_cache_size = 80K") { server in
            for (name, count) in [("small", 9000), ("large", 11000)] {
                let answers = try (1...2).map { _ in try server.get("/cgi-bin/\(name)") }
                #expect(answers.map(\.body.count) == [count, count])
                #expect(answers.map { $0["X-Cache"] } == ["miss", name == "small" ? "hit" : "miss"])
            }
        }
    }

    // MARK: Old answers

    @Test func `while an answer is made anew, the others get the old one`() async throws {
        let script = page("echo x >>runs; [ -e slow ] && while ! [ -e go ]; do sleep 0.02; done; wc -l <runs")
        try await withScripts(["x": script], site: "cgi_cache = /cgi-bin 200ms") { server in
            #expect(try server.get("/cgi-bin/x", headers: ["Host": "h"])["X-Cache"] == "miss")
            try server.folder.write("cgi-bin/slow", "")
            // Who comes first after its time has it made anew, and waits for that.
            var clients: [RawClient] = []
            let isMade = try eventually {
                let client = try server.connect()
                try client.send(Self.get("x"))
                clients.append(client)
                return try server.folder.read("cgi-bin/runs").count == 4
            }
            #expect(isMade)
            let stale = try server.get("/cgi-bin/x", headers: ["Host": "h"])
            #expect(stale["X-Cache"] == "stale")
            #expect(stale.text == "1\n")
            #expect(stale["Age"].flatMap { Int($0) } != nil)
            try server.folder.write("cgi-bin/go", "")
            withExtendedLifetime(clients) {}
        }
    }
}
