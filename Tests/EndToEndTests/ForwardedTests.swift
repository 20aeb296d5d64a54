import TestSupport
import Testing

/// Clients behind proxies: `trusted_proxies`. On this machine 127.0.0.1 is the proxy, 127.0.0.2 is none.
@Suite(.timeLimit(.minutes(5))) struct ForwardedTests {
    private static let files = [
        "www/a.txt": "Some text\n",
        "cgi-bin/env": """
        #!/bin/sh
        printf 'Content-Type: text/plain\\n\\n'
        printf '%s|' "$REMOTE_ADDR" "$REMOTE_PORT" "$REQUEST_SCHEME" "$HTTPS" "$SERVER_PORT"
        echo "$HTTP_X_FORWARDED_FOR"
        """,
        "cgi-bin/fails": "#!/bin/sh\necho oops >&2\n",
    ]
    private static let site = "cgi = /cgi-bin/ cgi-bin/\nlog_format = %h %a %{c}a %U"

    @Test func `what scripts are told`() async throws {
        try await withServer(
            site: Self.site, server: "trusted_proxies = 127.0.0.1 10.0.0.0/8", files: Self.files
        ) { server in
            func env(_ headers: KeyValuePairs<String, String>, from source: String? = nil) throws -> String {
                try server.request("GET", "/cgi-bin/env", headers: headers, from: source).text
            }
            #expect(
                try env(["Host": "h", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"])
                    == "192.0.2.1||https|on|443|192.0.2.1\n")
            #expect(
                try env(["Host": "h:8443", "Forwarded": "for=\"[2001:db8::1]:4711\";proto=https"])
                    == "2001:db8::1|4711|https|on|8443|\n")
            #expect(
                try env([
                    "Host": "h", "X-Forwarded-For": "198.51.100.9, 192.0.2.1, 10.0.0.3",
                    "X-Forwarded-Proto": "http",
                ])
                    == "192.0.2.1||http||80|198.51.100.9, 192.0.2.1, 10.0.0.3\n")
            // From anybody else they are what they are: fields.
            let spoofed = try env(
                ["Host": "h", "X-Forwarded-For": "192.0.2.1", "X-Forwarded-Proto": "https"], from: "127.0.0.2"
            )
            #expect(spoofed.hasPrefix("127.0.0.2|"))
            #expect(spoofed.hasSuffix("|http||\(server.port())|192.0.2.1\n"))
        }
    }

    @Test func `two fields that differ are told once`() async throws {
        try await withServer(
            site: Self.site, server: "trusted_proxies = 127.0.0.1", threads: 1, files: Self.files
        ) { server in
            for _ in 1...3 {
                let text = try server.request(
                    "GET", "/cgi-bin/env",
                    headers: [
                        "Host": "h", "X-Forwarded-For": "192.0.2.1", "Forwarded": "for=198.51.100.9",
                    ]
                ).text
                #expect(text.hasPrefix("192.0.2.1|"))
            }
            let line = try server.waitForError(containing: "name different clients")
            #expect(line.contains(" warning client=192.0.2.1 "), "\(line)")
            try server.stop()
            #expect(server.process.stderr.lines.count { $0.contains("name different clients") } == 1)
        }
    }

    /// A request on a kept connection has a client of its own, also where its answer was prepared.
    @Test func `the access log`() async throws {
        try await withServer(site: Self.site, server: "trusted_proxies = 127.0.0.0/8", files: Self.files) {
            server in
            let client = try server.connect()
            for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
                try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: \(address)\r\n\r\n")
                #expect(try client.readResponse().status == 200)
            }
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try client.readResponse().status == 200)
            _ = try server.waitForLog(containing: "127.0.0.1 127.0.0.1 127.0.0.1 /a.txt")
            #expect(
                server.process.stdout.lines.prefix(3) == [
                    "192.0.2.1 192.0.2.1 127.0.0.1 /a.txt", "192.0.2.2 192.0.2.2 127.0.0.1 /a.txt",
                    "192.0.2.3 192.0.2.3 127.0.0.1 /a.txt",
                ])
        }
    }

    @Test func `why a script failed is for clients here, not for the proxy's`() async throws {
        try await withServer(
            site: Self.site, server: "trusted_proxies = 127.0.0.1", files: Self.files,
            allowed: ["fails", "oops"]
        ) { server in
            #expect(try server.get("/cgi-bin/fails").text.contains("without any output"))
            let far = try server.get("/cgi-bin/fails", headers: ["X-Forwarded-For": "192.0.2.1"])
            #expect(!far.text.contains("without any output"))
            _ = try server.waitForError(containing: "client=192.0.2.1")
        }
    }

    @Test func `a proxy at a Unix socket`() async throws {
        let ini = """
            [server]
            listen = unix:socket
            trusted_proxies = unix
            [site default]
            root = www
            \(Self.site)
            """
        try await withServer(ini: ini, files: Self.files) { server in
            let answer = try server.get("/cgi-bin/env", headers: ["X-Forwarded-For": "192.0.2.1"])
            #expect(answer.text.hasPrefix("192.0.2.1||http|"))
        }
    }

    @Test func `kept answers of scripts are kept for each scheme`() async throws {
        try await withServer(
            site: Self.site + "\ncgi_cache = /cgi-bin/ 1m", server: "trusted_proxies = 127.0.0.1",
            files: Self.files
        ) { server in
            let first = try server.get("/cgi-bin/env", headers: ["Host": "h"])
            let second = try server.get(
                "/cgi-bin/env", headers: ["Host": "h", "X-Forwarded-Proto": "https"])
            #expect(first.text.contains("|http||"))
            #expect(second.text.contains("|https|on|443|"))
        }
    }
}
