import Glibc
import TestSupport
import Testing

/// Files in content codings (RFC 9110, sections 8.4 and 12.5.3), as clients take them.
@Suite(.timeLimit(.minutes(5))) struct CompressionTests {
    private static let text = String(repeating: "All work and no play makes a dull page.\n", count: 100)

    private static func read(_ url: String, _ coding: String) throws -> CommandResult {
        try runCommand(["curl", "-sS", "--compressed", "-H", "Accept-Encoding: \(coding)", url])
    }

    @Test(arguments: ["br", "zstd", "gzip"]) func `made on the way`(_ coding: String) async throws {
        let text = CompressionTests.text
        try await withServer(site: "compress = br zstd gzip", files: ["www/a.txt": text]) { server in
            // Made, found among those made, and prepared.
            for _ in 0..<3 {
                let answer = try server.get("/a.txt", headers: ["Accept-Encoding": coding])
                #expect(answer.status == 200)
                #expect(answer["Content-Encoding"] == coding)
                #expect(answer["Vary"] == "Accept-Encoding")
                #expect(answer["Content-Type"] == "text/plain; charset=utf-8")
                #expect(answer["Accept-Ranges"] == nil)
                #expect(answer.body.count < text.utf8.count / 5)
                #expect(answer["Content-Length"] == "\(answer.body.count)")
                let head = try server.head("/a.txt", headers: ["Accept-Encoding": coding])
                #expect(head["Content-Length"] == "\(answer.body.count)")
                #expect(head["Content-Encoding"] == coding)
                try #expect(CompressionTests.read(server.url("/a.txt"), coding).stdout == text)
            }
            let plain = try server.get("/a.txt")
            #expect(plain["Content-Encoding"] == nil)
            #expect(plain["Vary"] == "Accept-Encoding")
            #expect(plain["Accept-Ranges"] == "bytes")
            #expect(plain.text == text)
        }
    }

    @Test func `prepared for each preference`() async throws {
        try await withServer(site: "compress = gzip", files: ["www/a.txt": CompressionTests.text]) { server in
            let client = try server.connect()
            for coding in ["gzip", "identity", "gzip", "identity", "br", "gzip"] {
                try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(coding)\r\n\r\n")
                let answer = try client.readResponse(to: "GET")
                #expect(answer["Content-Encoding"] == (coding == "gzip" ? "gzip" : nil), "\(coding)")
                #expect((answer.text == CompressionTests.text) == (coding != "gzip"), "\(coding)")
                try client.send("HEAD /a.txt HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(coding)\r\n\r\n")
                let head = try client.readResponse(to: "HEAD")
                #expect(head["Content-Length"] == "\(answer.body.count)", "\(coding)")
            }
        }
    }

    @Test func `each form has its own tag`() async throws {
        try await withServer(site: "compress = gzip", files: ["www/a.txt": CompressionTests.text]) { server in
            let plain = try #require(server.get("/a.txt")["ETag"])
            let coded = try #require(server.get("/a.txt", headers: ["Accept-Encoding": "gzip"])["ETag"])
            #expect(plain != coded)
            #expect(coded.hasSuffix("-gzip\""))
            let rows: [(tag: String, coding: String, status: Int)] = [
                (coded, "gzip", 304), (coded, "identity", 200), (plain, "gzip", 200),
                (plain, "identity", 304),
            ]
            for row in rows {
                let answer = try server.get(
                    "/a.txt", headers: ["Accept-Encoding": row.coding, "If-None-Match": row.tag])
                #expect(answer.status == row.status, "\(row)")
                #expect(answer["Vary"] == "Accept-Encoding", "\(row)")
            }
        }
    }

    @Test func `ranges are of the file as it is`() async throws {
        try await withServer(site: "compress = gzip", files: ["www/a.txt": CompressionTests.text]) { server in
            let coded = try #require(server.get("/a.txt", headers: ["Accept-Encoding": "gzip"])["ETag"])
            let part = try server.get("/a.txt", headers: ["Accept-Encoding": "gzip", "Range": "bytes=4-7"])
            #expect(part.status == 206)
            #expect(part.text == "work")
            #expect(part["Content-Encoding"] == nil)
            // What the client has is another form, so it gets all of this one.
            let all = try server.get(
                "/a.txt", headers: ["Accept-Encoding": "gzip", "Range": "bytes=4-7", "If-Range": coded])
            #expect(all.status == 200)
            #expect(all.text == CompressionTests.text)
        }
    }

    @Test func `what is sent as it is`() async throws {
        let files = [
            "www/small.txt": "x", "www/a.png": CompressionTests.text, "www/a.csv": CompressionTests.text,
            "www/off/a.txt": CompressionTests.text, "www/a.events": CompressionTests.text,
        ]
        try await withServer(
            site: """
                compress = gzip
                compress_types = text/* application/x-thing
                mime = .events text/event-stream
                mime = .csv application/csv
                """, more: "[location default /off]\ncompress = off\n", files: files
        ) { server in
            for path in ["/small.txt", "/a.png", "/a.csv", "/off/a.txt", "/a.events"] {
                let answer = try server.get(path, headers: ["Accept-Encoding": "gzip"])
                #expect(answer.status == 200, "\(path)")
                #expect(answer["Content-Encoding"] == nil, "\(path)")
                #expect(answer["Vary"] == nil, "\(path)")
            }
        }
    }

    @Test func `files beside the file`() async throws {
        let files = [
            "www/a.txt": "plain", "www/a.txt.gz": "as gzip", "www/a.txt.br": "as brotli",
            "www/a.txt.zst": "as zstd", "www/b.png": "plain", "www/b.png.gz": "as gzip", "www/c.txt": "new",
            "www/c.txt.gz": "old", "www/d.txt": "plain",
        ]
        try await withServer(
            site: "compress = br zstd gzip", files: files,
            prepare: { folder in
                try folder.setTime("www/c.txt.gz", 784_111_777)
                try folder.makeFolder("www/d.txt.gz")
            }
        ) { server in
            let rows: [(path: String, accept: String, text: String, coding: String?, varies: Bool)] = [
                ("/a.txt", "gzip, br, zstd", "as brotli", "br", true),
                ("/a.txt", "gzip, zstd", "as zstd", "zstd", true),
                ("/a.txt", "gzip, br;q=0.5", "as gzip", "gzip", true),
                ("/a.txt", "deflate", "plain", nil, true), ("/a.txt", "*", "as brotli", "br", true),
                ("/b.png", "gzip, br", "as gzip", "gzip", true), ("/b.png", "br", "plain", nil, true),
                ("/c.txt", "gzip", "new", nil, false), ("/d.txt", "gzip", "plain", nil, false),
                ("/a.txt.gz", "gzip", "as gzip", nil, false),
            ]
            for row in rows + rows {
                let answer = try server.get(row.path, headers: ["Accept-Encoding": row.accept])
                #expect(answer.text == row.text, "\(row)")
                #expect(answer["Content-Encoding"] == row.coding, "\(row)")
                #expect((answer["Vary"] == "Accept-Encoding") == row.varies, "\(row)")
                if row.coding != nil {
                    #expect(
                        answer["Content-Type"]
                            == (row.path == "/b.png" ? "image/png" : "text/plain; charset=utf-8"))
                }
            }
        }
    }

    @Test(arguments: ["br", "zstd", "gzip"]) func `a large file goes out in pieces`(_ coding: String)
        async throws
    {
        let text = String(repeating: CompressionTests.text, count: 600)
        try await withServer(site: "compress = br zstd gzip", files: ["www/a.txt": text]) { server in
            let answer = try server.get("/a.txt", headers: ["Accept-Encoding": coding])
            #expect(answer["Content-Encoding"] == coding)
            #expect(answer["Transfer-Encoding"] == "chunked")
            #expect(answer.body.count < 200_000)
            let read = try CompressionTests.read(server.url("/a.txt"), coding)
            #expect(read.stdout == text)
            let head = try server.head("/a.txt", headers: ["Accept-Encoding": coding])
            #expect(head["Content-Encoding"] == coding)
            #expect(head["Content-Length"] == nil)
        }
    }

    @Test func `a file of any time`() async throws {
        // The one file system whose times have no end.
        let path = "/dev/shm/gatehouse-test-\(getpid())"
        defer { for name in ["/a.txt", "/a.txt.gz", ""] { remove(path + name) } }
        try await withServer(
            site: "compress = gzip\nsymlinks = follow\nlisting = yes",
            prepare: { folder in
                mkdir(path, 0o755)
                for name in ["a.txt", "a.txt.gz"] {
                    let file = open("\(path)/\(name)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
                    defer { close(file) }
                    _ = write(file, name, name.utf8.count)
                    let time = timespec(tv_sec: .max, tv_nsec: 0)
                    futimens(file, [time, time])
                }
                try folder.link("www/f", to: path)
            }
        ) { server in
            let answer = try server.get("/f/a.txt", headers: ["Accept-Encoding": "gzip"])
            #expect(answer.text == "a.txt.gz")
            try #expect(server.get("/f/").text.contains("a.txt.gz"))
        }
    }

    @Test func `many answers at once take no more memory than there is for them`() async throws {
        let site = "cgi = /cgi-bin/ cgi-bin/\ncompress = br gzip\ncgi_max_processes = 100"
        let script = "#!/bin/sh\necho Content-Type: text/plain; echo; echo text; exec sleep 60\n"
        let large = String(repeating: CompressionTests.text, count: 600)
        let small = String(repeating: CompressionTests.text, count: 100)
        try await withServer(
            site: site, threads: 1,
            files: ["cgi-bin/x": script, "www/large.txt": large, "www/small.txt": small]
        ) { server in
            var clients: [RawClient] = []
            /// How many of so many answers are compressed.
            func ask(_ count: Int, _ coding: String) throws -> Int {
                try (0..<count).count { _ in
                    let client = try server.connect()
                    clients.append(client)
                    try client.send(
                        "GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\nAccept-Encoding: \(coding)\r\n\r\n")
                    let head = try client.read { $0.contains("\r\n\r\n".utf8) }
                    return head.contains("Content-Encoding: \(coding)".utf8)
                }
            }
            // 64 MiB, at 1.5 MiB each, and 0.3 MiB each in what is left.
            try #expect(ask(45, "br") == 42)
            try #expect(ask(5, "gzip") == 3)
            // Nor does a file find room, whether it is compressed as a whole or not.
            let fields: KeyValuePairs = ["Accept-Encoding": "br"]
            for (path, text) in [("/large.txt", large), ("/small.txt", small)] {
                let plain = try server.get(path, headers: fields)
                #expect(plain["Content-Encoding"] == nil)
                #expect(plain["Vary"] == "Accept-Encoding")
                #expect(plain["ETag"]?.contains("-br") == false)
                #expect(plain.text == text)
            }
            for client in clients { client.close() }
            for path in ["/large.txt", "/small.txt"] {
                let isFree = try eventually {
                    try server.get(path, headers: fields)["Content-Encoding"] == "br"
                }
                #expect(isFree, "\(path)")
            }
        }
    }

    @Test func `a changed file of the same time and size is compressed anew`() async throws {
        let (old, new) = (CompressionTests.text, CompressionTests.text.replacing("dull", with: "fine"))
        try await withServer(
            site: "compress = gzip", files: ["www/a.txt": old],
            prepare: { try $0.setTime("www/a.txt", 784_111_777) }
        ) { server in
            try #expect(CompressionTests.read(server.url("/a.txt"), "gzip").stdout == old)
            try server.folder.write("www/a.txt", new)
            try server.folder.setTime("www/a.txt", 784_111_777)
            try #expect(
                eventually { try CompressionTests.read(server.url("/a.txt"), "gzip").stdout == new })
        }
    }

    @Test func `a changed file is compressed anew`() async throws {
        try await withServer(site: "compress = gzip", files: ["www/a.txt": CompressionTests.text]) { server in
            try #expect(CompressionTests.read(server.url("/a.txt"), "gzip").stdout == CompressionTests.text)
            let other = CompressionTests.text + "And more.\n"
            try server.folder.write("www/a.txt", other)
            // A prepared answer may serve for a second.
            try #expect(
                eventually { try CompressionTests.read(server.url("/a.txt"), "gzip").stdout == other })
        }
    }
}
