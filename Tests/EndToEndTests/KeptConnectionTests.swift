import Glibc
import TestSupport
import Testing

/// The same files again and again on connections that are kept: answers that may come from memory, or
/// from a file that is still open, must be those that a fresh look at the file would give.
@Suite(.timeLimit(.minutes(5))) struct KeptConnectionTests {
    private static func get(
        _ target: String, _ fields: String = "", method: String = "GET", host: String = "default"
    ) -> String {
        "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n"
    }

    /// Fields without the date, which goes on.
    private static func lasting(_ response: RawResponse) -> [String] {
        response.fields.filter { $0.name != "Date" }.map { "\($0.name): \($0.value)" }
    }

    @Test(arguments: [1, 10_000]) func `every kind of request for a file that was just sent`(
        times: Int
    ) async throws {
        let text = "0123456789".times(times)
        let site = "log_format = \"%m %U %s %B\"\nheader = X-A: b"
        try await withServer(site: site, files: ["www/a.txt": text]) { server in
            let client = try server.connect()
            func ask(_ request: String, method: String = "GET") throws -> RawResponse {
                try client.send(request)
                return try client.readResponse(to: method)
            }
            let first = try ask(Self.get("/a.txt"))
            #expect(first.text == text)
            let tag = try #require(first["ETag"])
            let date = try #require(first["Last-Modified"])
            for _ in 1...3 {
                let again = try ask(Self.get("/a.txt"))
                #expect(again.text == first.text)
                #expect(Self.lasting(again) == Self.lasting(first))
                let head = try ask(Self.get("/a.txt", method: "HEAD"), method: "HEAD")
                #expect(head.body.isEmpty)
                #expect(Self.lasting(head) == Self.lasting(first))
                try #expect(ask(Self.get("/a.txt?query")).text == first.text)
                try #expect(ask(Self.get("/a.txt", "If-None-Match: \(tag)\r\n")).status == 304)
                try #expect(ask(Self.get("/a.txt", "If-Modified-Since: \(date)\r\n")).status == 304)
                try #expect(ask(Self.get("/a.txt", "If-Match: \"x\"\r\n")).status == 412)
                let part = try ask(Self.get("/a.txt", "Range: bytes=2-4\r\n"))
                #expect(part.status == 206)
                #expect(part.text == "234")
                try #expect(ask(Self.get("/a.txt", method: "POST")).status == 405)
                try #expect(ask(Self.get("/a.txt", method: "OPTIONS")).status == 204)
                try #expect(ask(Self.get("/a.txt", method: "BREW")).status == 501)
                try #expect(ask(Self.get("/a.txt/")).status == 404)
                try #expect(ask(Self.get("/A.txt")).status == 404)
                try #expect(ask(Self.get("http://default/a.txt")).text == first.text)
                try #expect(ask(Self.get("/a.txt", "Content-Length: 3\r\n") + "abc").text == first.text)
            }
            let old = try server.connect()
            try old.send("GET /a.txt HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            #expect(try old.readResponse()["Connection"] == "keep-alive")
            try client.send(Self.get("/a.txt", "Connection: close\r\n"))
            let last = try client.readResponse()
            #expect(last["Connection"] == "close")
            #expect(last.text == first.text)
            #expect(try client.expectEnd() == .eof)
            _ = try server.waitForLog(containing: "GET /a.txt 200 \(text.utf8.count)", count: 15)
            _ = try server.waitForLog(containing: "HEAD /a.txt 200 0", count: 3)
        }
    }

    /// A loop that is busy finds both at once.
    @Test(arguments: [1, 10_000]) func `a request and the client's end in one`(times: Int) async throws {
        try await withServer(threads: 1, files: ["www/a.txt": "0123456789".times(times)]) { server in
            let client = try server.connect()
            try client.send(Self.get("/a.txt"))
            _ = try client.readResponse()
            server.send(SIGSTOP)
            try client.send(Self.get("/a.txt"))
            client.finishSending()
            server.send(SIGCONT)
            try #expect(client.readResponse().body.count == 10 * times)
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `many in one go`() async throws {
        let texts = [
            "/a.txt": "some text", "/b.txt": "0123456789".times(6000), "/c.txt": "9876543210".times(30_000),
            "/empty.txt": "",
        ]
        let files = Dictionary(uniqueKeysWithValues: texts.map { ("www\($0)", $1) })
        try await withServer(files: files) { server in
            let client = try server.connect()
            let paths = (0..<300).map { ["/a.txt", "/b.txt", "/c.txt", "/empty.txt", "/none"][$0 * 7 % 5] }
            try client.send(paths.map { Self.get($0) }.joined())
            for path in paths {
                let response = try client.readResponse()
                #expect(response.status == (path == "/none" ? 404 : 200))
                if let text = texts[path] { #expect(response.text == text) }
            }
        }
    }

    @Test func `sites and locations do not share`() async throws {
        let more = """
            [site other]
            root = other
            header = X-Site: other
            [location default /part]
            header = X-Part: yes
            [location default /part/inner]
            charset = koi8-r
            """
        let files = [
            "www/a.txt": "one", "other/a.txt": "two", "www/part/a.txt": "part",
            "www/part/inner/a.txt": "inner",
            "www/index.html": "index",
        ]
        try await withServer(more: more, files: files) { server in
            let client = try server.connect()
            for _ in 1...3 {
                for (host, target, text, type) in [
                    ("default", "/a.txt", "one", "text/plain; charset=utf-8"),
                    ("other", "/a.txt", "two", "text/plain; charset=utf-8"),
                    ("default", "/part/a.txt", "part", "text/plain; charset=utf-8"),
                    ("default", "/part/inner/a.txt", "inner", "text/plain; charset=koi8-r"),
                    ("default", "/", "index", "text/html; charset=utf-8"),
                    ("default", "/index.html", "index", "text/html; charset=utf-8"),
                    ("default", "//part//a.txt", "part", "text/plain; charset=utf-8"),
                ] {
                    try client.send(Self.get(target, host: host))
                    let response = try client.readResponse()
                    #expect(response.text == text, "\(host)\(target)")
                    #expect(response["Content-Type"] == type, "\(host)\(target)")
                    #expect(response["X-Site"] == (host == "other" ? "other" : nil), "\(host)\(target)")
                    #expect(response["X-Part"] == (text == "part" ? "yes" : nil), "\(host)\(target)")
                }
            }
        }
    }

    /// Within a second or so, and never half of the one and half of the other.
    @Test func `a change is seen`() async throws {
        let (old, new) = ("old ".times(1000), "new text ".times(1000))
        try await withServer(files: ["www/a.txt": old]) { server in
            let client = try server.connect()
            func ask() throws -> RawResponse {
                try client.send(Self.get("/a.txt"))
                return try client.readResponse()
            }
            let tag = try ask()["ETag"]
            try server.folder.write("www/new.txt", new)
            rename(server.folder.path("www/new.txt"), server.folder.path("www/a.txt"))
            let changed = try eventually {
                let response = try ask()
                #expect(response.text == (response["ETag"] == tag ? old : new))
                return response.text == new
            }
            #expect(changed)
            unlink(server.folder.path("www/a.txt"))
            #expect(try eventually { try ask().status == 404 })
        }
    }

    @Test func `the date goes on`() async throws {
        try await withServer(files: ["www/a.txt": "x"]) { server in
            let client = try server.connect()
            var dates: Set<String> = []
            let goesOn = try eventually {
                try client.send(Self.get("/a.txt"))
                let date = try client.readResponse()["Date"] ?? ""
                #expect(date.wholeMatch(of: httpDate) != nil)
                dates.insert(date)
                return dates.count == 3
            }
            #expect(goesOn)
        }
    }
}
