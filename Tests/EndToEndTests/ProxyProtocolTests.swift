import TestSupport
import Testing

/// `listen = … proxy_protocol`.
@Suite(.timeLimit(.minutes(5))) struct ProxyProtocolTests {
    private static let files = [
        "www/a.txt": "Some text\n",
        "cgi-bin/env": """
        #!/bin/sh
        printf 'Content-Type: text/plain\\n\\n'
        printf '%s|' "$REMOTE_ADDR" "$REMOTE_PORT" "$SERVER_ADDR" "$SERVER_PORT" "$REQUEST_SCHEME"
        """,
    ]

    private static func ini(_ server: String = "") -> String {
        """
        [server]
        listen = 127.0.0.1:0 proxy_protocol
        \(server)
        [site default]
        root = www
        cgi = /cgi-bin/ cgi-bin/
        log_format = %h %{remote}p %U
        """
    }

    private static let request = "GET /cgi-bin/env HTTP/1.1\r\nHost: h\r\n\r\n"
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    @Test func `the client and its requests`() async throws {
        try await withServer(ini: Self.ini(), files: Self.files) { server in
            let text = "PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\n"
            // With the request in one piece, and byte by byte.
            let whole = try server.connect()
            try whole.send(text + Self.request)
            #expect(try whole.readResponse().text == "192.0.2.1|4660|198.51.100.2|80|http|")
            try whole.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try whole.readResponse().text == "Some text\n")
            let pieces = try server.connect()
            for byte in Array(text.utf8) { try pieces.send([byte]) }
            try pieces.send(Self.request)
            #expect(try pieces.readResponse().text == "192.0.2.1|4660|198.51.100.2|80|http|")
            _ = try server.waitForLog(containing: "192.0.2.1 4660 /a.txt")

            let binary = try server.connect()
            let header: [UInt8] =
                Self.signature + [0x21, 0x11, 0, 20]
                + [192, 0, 2, 7, 198, 51, 100, 2, 0x12, 0x34, 1, 0xBB] + [0x20, 0, 5, 1, 0, 0, 0, 0]
            try binary.send(header + Array(Self.request.utf8))
            #expect(try binary.readResponse().text == "192.0.2.7|4660|198.51.100.2|443|https|")

            // The balancer's own look at the server.
            let local = try server.connect()
            try local.send(Self.signature + [0x20, 0, 0, 0] + Array(Self.request.utf8))
            #expect(
                try local.readResponse().text
                    == "127.0.0.1|\(local.localPort ?? 0)|127.0.0.1|\(server.port())|http|"
            )
        }
    }

    @Test(arguments: [
        "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", "PROXY TCP4 x y 1 2\r\n", "PROXY TCP4 192.0.2.1",
    ])
    func `no header, no connection`(_ start: String) async throws {
        try await withServer(
            ini: Self.ini("header_timeout = 1s"), files: Self.files, allowed: ["proxy_protocol:"]
        ) { server in
            let client = try server.connect()
            try client.send(start)
            #expect(try client.readToEnd(within: 12).isEmpty)
            _ = try server.waitForError(containing: "proxy_protocol: 127.0.0.1:")
            // Whoever only looks whether somebody listens is not worth a line.
            let quiet = try server.connect()
            quiet.finishSending()
            _ = try quiet.expectEnd()
            #expect(server.process.stderr.lines.count { $0.contains("proxy_protocol:") } == 1)
        }
    }

    @Test func `only from trusted proxies`() async throws {
        try await withServer(
            ini: Self.ini("trusted_proxies = 127.0.0.1"), files: Self.files, allowed: ["proxy_protocol:"]
        ) { server in
            let text =
                "PROXY TCP4 192.0.2.1 198.51.100.2 4660 80\r\nGET /cgi-bin/env HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n"
            let good = try server.connect()
            try good.send(text)
            // Whom the header names is no proxy, so what it says of itself counts for nothing.
            #expect(try good.readResponse().text.hasPrefix("192.0.2.1|"))
            let bad = try server.connect(from: "127.0.0.2")
            _ = try bad.sendSome(Array(text.utf8))
            #expect(try bad.readToEnd().isEmpty)
            _ = try server.waitForError(containing: "is none of trusted_proxies")
        }
    }
}
