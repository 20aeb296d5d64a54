import TestSupport
import Testing

/// What happens on one connection beyond a single request.
@Suite(.timeLimit(.minutes(5))) struct HTTP1ConnectionTests {
    private static let files = [
        "www/a.txt": "Some text\n", "www/probe.txt": "here\n", "www/folder/index.html": "<p>Index\n",
        "cgi-bin/echo": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ncat\n",
    ]
    private static let cgi = "cgi = /cgi-bin/ cgi-bin/"
    private static let last = "GET /a.txt HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"

    @Test func `HEAD never has a body`() async throws {
        try await withServer(site: Self.cgi, files: Self.files) { server in
            let host = "Host: h\r\nConnection: close\r\n\r\n"
            let rows = [
                ("HEAD /a.txt HTTP/1.1\r\n\(host)", 200), ("HEAD /folder HTTP/1.1\r\n\(host)", 301),
                ("HEAD /folder/ HTTP/1.1\r\n\(host)", 200), ("HEAD / HTTP/1.1\r\n\(host)", 403),
                ("HEAD /none HTTP/1.1\r\n\(host)", 404), ("HEAD /%zz HTTP/1.1\r\n\(host)", 400),
                ("HEAD /cgi-bin/echo HTTP/1.1\r\n\(host)", 200),
                ("HEAD /cgi-bin/none HTTP/1.1\r\n\(host)", 404),
                ("HEAD /a.txt HTTP/1.1\r\nRange: bytes=1-2\r\n\(host)", 206),
                ("HEAD /a.txt HTTP/1.1\r\nIf-None-Match: *\r\n\(host)", 304),
                ("HEAD /a.txt HTTP/1.1\r\nIf-Match: \"x\"\r\n\(host)", 412),
                ("HEAD /a.txt HTTP/1.0\r\n\r\n", 200), ("HEAD /a.txt HTTP/1.1\r\n\r\n", 400),
                ("HEAD a.txt HTTP/1.1\r\n\(host)", 400), ("HEAD /a.txt HTTP/3.0\r\n\(host)", 505),
                ("HEAD /a.txt HTTP/1.1\r\nExpect: x\r\n\(host)", 417),
                ("HEAD /a.txt HTTP/1.1\r\nContent-Length: x\r\n\(host)", 400),
            ]
            for (request, status) in rows {
                let (response, isClosed) = try server.answer(to: request, method: "HEAD")
                #expect(response.status == status, "\(request)")
                #expect(isClosed, "\(request)")
            }
        }
    }

    @Test func `a refused request behind a HEAD has its page`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            try client.send("HEAD /a.txt HTTP/1.1\r\nHost: h\r\n\r\n\u{1}")
            #expect(try client.readResponse(to: "HEAD").status == 200)
            let refused = try client.readResponse()
            #expect(refused.status == 400)
            #expect(refused.text.contains("400"))
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `HTTP 1 dot 0 connections are kept when asked for`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                let response = try client.readResponse()
                #expect(response.status == 200)
                #expect(response["Connection"] == "keep-alive")
                #expect(response.framing == .length)
            }
            try client.send("GET /a.txt HTTP/1.0\r\n\r\n")
            #expect(try client.readResponse().text == "Some text\n")
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `a hundred requests in one go`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            let paths = (0..<100).map { $0 % 3 == 2 ? "/none" : "/a.txt?\($0)" }
            // Each with content that nobody asked for, in either framing.
            let requests = paths.enumerated().map { index, path in
                let content =
                    index % 2 == 0
                    ? "Content-Length: 4\r\n\r\nabcd"
                    : "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n"
                return "GET \(path) HTTP/1.1\r\nHost: h\r\n\(content)"
            }
            try client.send(requests.joined() + Self.last)
            for path in paths {
                #expect(try client.readResponse().status == (path == "/none" ? 404 : 200))
            }
            #expect(try client.readResponse().status == 200)
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `nothing is answered behind the last request`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            try client.send(Self.last + Self.last + Self.last)
            #expect(try client.readResponse().status == 200)
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `a request byte by byte`() async throws {
        try await withServer(site: Self.cgi, files: Self.files) { server in
            let client = try server.connect()
            let chunks = "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\nA: b\r\n\r\n"
            for byte in "\r\nPOST /cgi-bin/echo HTTP/1.1\r\nHost: h\r\n\(chunks)\(Self.last)".utf8 {
                try client.send([byte])
            }
            #expect(try client.readResponse().text == "abcde")
            #expect(try client.readResponse().text == "Some text\n")
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `100-continue is sent to who will be read`() async throws {
        try await withServer(site: Self.cgi, files: Self.files) { server in
            let client = try server.connect()
            let head = "HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-Continue\r\n\r\n"
            try client.send("POST /cgi-bin/echo \(head)")
            let interim = try client.read(until: { $0.contains("\r\n\r\n".utf8) })
            #expect(String(decoding: interim, as: UTF8.self) == "HTTP/1.1 100 Continue\r\n\r\n")
            try client.send("hello")
            #expect(try client.readResponse().text == "hello")
            // Content that is there already needs no invitation.
            try client.send("POST /cgi-bin/echo \(head)hello")
            let response = try client.readResponse()
            #expect(response.interim.isEmpty)
            #expect(response.text == "hello")
            // Nobody reads this one's content, so it is not invited, and the connection ends.
            try client.send("POST /a.txt \(head)")
            let refused = try client.readResponse()
            #expect(refused.status == 405)
            #expect(refused.interim.isEmpty)
            #expect(refused["Connection"] == "close")
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `content that is not read is passed over`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            try client.send("POST /a.txt HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
            #expect(try client.readResponse().status == 405)
            try client.send("x".times(100_000) + Self.last)
            #expect(try client.readResponse().status == 200)
            #expect(try client.expectEnd() == .eof)
        }
    }

    /// The client sees the answer though it goes on sending: no reset takes it away.
    @Test func `very much content that is not read ends the connection`() async throws {
        try await withServer(files: Self.files) { server in
            let body = [UInt8](repeating: 0x78, count: 8 << 20)
            let response = try server.request("POST", "/a.txt", body: body)
            #expect(response.status == 405)
            #expect(response["Connection"] == "close")
            let client = try server.connect()
            try client.send("POST /a.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n800000\r\n")
            _ = try client.sendSome(body)
            let chunked = try client.readResponse()
            #expect(chunked.status == 405)
            #expect(chunked["Connection"] == "close")
        }
    }

    @Test func `a client that ends its side is still answered`() async throws {
        try await withServer(site: Self.cgi, files: Self.files) { server in
            let client = try server.connect()
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".times(3))
            client.finishSending()
            for _ in 1...3 { #expect(try client.readResponse().text == "Some text\n") }
            #expect(try client.expectEnd() == .eof)
            // Half a head gets no answer.
            let half = try server.connect()
            try half.send("GET /a.txt HTTP/1.1\r\nHos")
            half.finishSending()
            #expect(try half.expectEnd() == .eof)
        }
    }

    @Test(arguments: [("full", "gatehouse/"), ("name", "gatehouse"), ("off", nil)] as [(String, String?)])
    func `the Server field`(_ setting: String, _ expected: String?) async throws {
        try await withServer(server: "server_header = \(setting)", files: Self.files) { server in
            for path in ["/a.txt", "/none"] {
                let field = try server.get(path)["Server"]
                if setting == "full" {
                    #expect(field?.wholeMatch(of: /gatehouse\/\d+\.\d+\.\d+\S*/) != nil, "\(field ?? "none")")
                } else {
                    #expect(field == expected)
                }
            }
        }
    }
}
