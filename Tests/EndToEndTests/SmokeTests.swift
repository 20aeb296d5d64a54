import TestSupport
import Testing

/// The first things a user would try.
@Suite(.timeLimit(.minutes(5))) struct SmokeTests {
    static let files = [
        "www/hello.txt": "Hello, world\n",
        "www/page.html": "<!DOCTYPE html><title>Page</title>\n",
        "cgi-bin/query": """
        #!/bin/sh
        printf 'Content-Type: text/plain\\r\\n\\r\\n'
        printf '%s %s\\n' "$REQUEST_METHOD" "$QUERY_STRING"
        """,
    ]

    @Test func `a static file`() async throws {
        try await withServer(files: Self.files) { server in
            let text = try server.get("/hello.txt")
            #expect(text.status == 200)
            #expect(text.text == "Hello, world\n")
            #expect(text.framing == .length)
            #expect(text["Content-Type"]?.hasPrefix("text/plain") == true)
            #expect(text["Last-Modified"]?.wholeMatch(of: httpDate) != nil)
            #expect(text["Date"]?.wholeMatch(of: httpDate) != nil)
            let page = try server.get("/page.html")
            #expect(page["Content-Type"]?.hasPrefix("text/html") == true)
        }
    }

    @Test func `what is not there`() async throws {
        try await withServer(files: Self.files) { server in
            for path in [
                "/none", "/hello.txt/", "/hello.txt/none", "/../server.ini", "/%2e%2e/server.ini", "/.hidden",
            ] {
                let response = try server.get(path)
                #expect(
                    response.status == 404
                        || (path.contains("..") || path.contains("%2e")) && response.status == 400)
                #expect(!response.body.isEmpty, "\(path) has an error page")
            }
        }
    }

    @Test func `HEAD is GET without the body`() async throws {
        try await withServer(files: Self.files) { server in
            let got = try server.get("/hello.txt")
            let head = try server.head("/hello.txt")
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            func lasting(_ response: RawResponse) -> [String] {
                response.fields.filter { $0.name.lowercased() != "date" }.map { "\($0.name): \($0.value)" }
            }
            #expect(lasting(head) == lasting(got))
            #expect(head["Content-Length"] == "13")
        }
    }

    @Test func `two requests on one connection`() async throws {
        try await withServer(files: Self.files) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send("GET /hello.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let response = try client.readResponse()
                #expect(response.status == 200)
                #expect(response.text == "Hello, world\n")
            }
            try client.send("GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            #expect(try client.readResponse().status == 404)
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `requests sent at once are answered in order`() async throws {
        try await withServer(site: "cgi = /cgi-bin/ cgi-bin/", files: Self.files) { server in
            let client = try server.connect()
            let paths = ["/cgi-bin/query?1", "/hello.txt", "/none", "/cgi-bin/query?4"]
            try client.send(paths.map { "GET \($0) HTTP/1.1\r\nHost: localhost\r\n\r\n" }.joined())
            var answers: [String] = []
            for _ in paths {
                let response = try client.readResponse()
                answers.append(response.status == 200 ? response.text : "\(response.status)")
            }
            #expect(answers == ["GET 1\n", "Hello, world\n", "404", "GET 4\n"])
        }
    }

    @Test func `a CGI script sees its query`() async throws {
        try await withServer(site: "cgi = /cgi-bin/ cgi-bin/", files: Self.files) { server in
            let response = try server.get("/cgi-bin/query?name=a%20b&x=1")
            #expect(response.status == 200)
            #expect(response["Content-Type"]?.hasPrefix("text/plain") == true)
            #expect(response.text == "GET name=a%20b&x=1\n")
            #expect(try server.get("/cgi-bin/none").status == 404)
        }
    }

    @Test func `curl gets along with it`() async throws {
        try await withServer(files: Self.files) { server in
            let result = try runCommand(
                [
                    "curl", "-sS", "-w", "%{http_code} %{num_connects} ", server.url("/hello.txt"),
                    server.url("/hello.txt"),
                ])
            #expect(result.status == 0, "\(result.stderr)")
            #expect(result.stdout == "Hello, world\n200 1 Hello, world\n200 0 ")
        }
    }

    @Test func `the access log is there soon, in combined form`() async throws {
        try await withServer(files: Self.files) { server in
            _ = try server.get(
                "/hello.txt?a=b", headers: ["User-Agent": "Smoke/1.0", "Referer": "http://example.org/"])
            let line = try server.waitForLog(containing: "/hello.txt?a=b", within: 1)
            let combined =
                #/
                127\.0\.0\.1\ -\ -\ \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\ [+-]\d{4}\]\ 
                "GET\ /hello\.txt\?a=b\ HTTP/1\.1"\ 200\ 13\ "http://example\.org/"\ "Smoke/1\.0"
                /#
            #expect(line.wholeMatch(of: combined) != nil, "\(line)")
        }
    }

    @Test(arguments: [15, 2]) func `TERM and INT end it well`(_ signal: CInt) async throws {
        // That the status is 0 and nothing is left behind is among the checks of stop.
        try await withServer(files: Self.files) { server in
            _ = try server.get("/hello.txt")
            try server.stop(with: signal)
        }
    }
}
