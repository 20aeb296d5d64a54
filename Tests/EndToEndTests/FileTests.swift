import Glibc
import TestSupport
import Testing

/// What is said of files, and which parts of them are sent.
@Suite(.timeLimit(.minutes(5))) struct FileTests {
    @Test func `media types go by the extension`() async throws {
        let types = [
            "a.html": "text/html", "a.htm": "text/html", "a.css": "text/css", "a.js": "text/javascript",
            "a.mjs": "text/javascript", "a.json": "application/json", "a.txt": "text/plain",
            "a.png": "image/png",
            "a.svg": "image/svg+xml", "a.pdf": "application/pdf", "a.wasm": "application/wasm",
            "A.HTML": "text/html", "a.tar.gz": "application/gzip", "a.b.html": "text/html",
            "README": "application/octet-stream", "a.nobody-knows": "application/octet-stream",
            "a.": "application/octet-stream", "html": "application/octet-stream",
            "d.html/a": "application/octet-stream", "a.own": "text/x-own", "a.md": "text/x-ours",
        ]
        let files = Dictionary(uniqueKeysWithValues: types.keys.map { ("www/\($0)", "x") })
        let site = """
            charset = off
            mime = .own text/x-own
            mime = .md text/x-ours
            """
        try await withServer(site: site, files: files) { server in
            for (name, type) in types {
                try #expect(server.get("/\(name)")["Content-Type"] == type, "\(name)")
            }
        }
    }

    @Test func `a file of types, and a character set`() async throws {
        let site = """
            mime_types = types
            charset = iso-8859-1
            """
        let files = [
            "types": "# comment\ntext/x-one\tone  uno\r\nbroken\nimage/x-two two # no comment here\n",
            "www/a.one": "x", "www/a.uno": "x", "www/a.two": "x", "www/a.html": "x", "www/a.png": "x",
        ]
        try await withServer(site: site, files: files) { server in
            for (name, type) in [
                "a.one": "text/x-one; charset=iso-8859-1", "a.uno": "text/x-one; charset=iso-8859-1",
                "a.two": "image/x-two", "a.html": "text/html; charset=iso-8859-1", "a.png": "image/png",
            ] { try #expect(server.get("/\(name)")["Content-Type"] == type, "\(name)") }
        }
    }

    @Test func `conditions`() async throws {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        let before = "Sun, 06 Nov 1994 08:49:36 GMT"
        let after = "Sunday, 06-Nov-94 08:49:38 GMT"
        try await withServer(
            files: ["www/a.txt": "0123456789"],
            prepare: { folder in try folder.setTime("www/a.txt", 784_111_777) }
        ) { server in
            let plain = try server.get("/a.txt")
            #expect(plain["Last-Modified"] == date)
            let tag = try #require(plain["ETag"])
            #expect(tag.wholeMatch(of: /"[^"]+"/) != nil)
            let rows: [(KeyValuePairs<String, String>, Int)] = [
                (["If-None-Match": tag], 304), (["If-None-Match": "W/\(tag)"], 304),
                (["If-None-Match": "\"x\", \(tag)"], 304), (["If-None-Match": "\"a,b\",\(tag)"], 304),
                (["If-None-Match": "*"], 304), (["If-None-Match": "\"x\""], 200),
                (["If-None-Match": ""], 200),
                (["If-None-Match": "\"x\"", "If-None-Match": tag], 304),
                (["If-Modified-Since": date], 304), (["If-Modified-Since": after], 304),
                (["If-Modified-Since": before], 200), (["If-Modified-Since": "yesterday"], 200),
                (["If-Modified-Since": "Sun Nov  6 08:49:37 1994"], 304),
                // The tag decides where both are there.
                (["If-None-Match": "\"x\"", "If-Modified-Since": date], 200),
                (["If-None-Match": tag, "If-Modified-Since": before], 304),
                (["If-Match": tag], 200), (["If-Match": "*"], 200), (["If-Match": "\"x\""], 412),
                (["If-Match": "W/\(tag)"], 412), (["If-Unmodified-Since": date], 200),
                (["If-Unmodified-Since": before], 412), (["If-Unmodified-Since": "x"], 200),
                (["If-Match": tag, "If-Unmodified-Since": before], 200),
                (["If-Match": "\"x\"", "If-None-Match": tag], 412),
                (["If-None-Match": tag, "Range": "bytes=0-1"], 304),
                (["Range": "bytes=0-1", "If-Range": tag], 206),
                (["Range": "bytes=0-1", "If-Range": date], 206),
                (["Range": "bytes=0-1", "If-Range": "W/\(tag)"], 200),
                (["Range": "bytes=0-1", "If-Range": "\"x\""], 200),
                (["Range": "bytes=0-1", "If-Range": after], 200),
                (["Range": "bytes=0-1", "If-Range": before], 200),
                (["Range": "bytes=99-", "If-Range": "\"x\""], 200),
            ]
            for (fields, status) in rows {
                let response = try server.get("/a.txt", headers: fields)
                #expect(response.status == status, "\(fields)")
                if response.status < 400 {
                    #expect(response["ETag"] == tag, "\(fields)")
                    #expect(response["Last-Modified"] == date, "\(fields)")
                }
                if response.status == 304 { #expect(response["Content-Type"] == nil) }
            }
        }
    }

    @Test func `a changed file has another tag`() async throws {
        try await withServer(files: ["www/a.txt": "one", "www/b.txt": "two"]) { server in
            let tag = try #require(try server.get("/a.txt")["ETag"])
            // Same size and same second perhaps, put into place as careful programs do.
            try server.folder.write("www/new", "due")
            rename(server.folder.path("www/new"), server.folder.path("www/a.txt"))
            let changed = try server.get("/a.txt", headers: ["If-None-Match": tag])
            #expect(changed.status == 200)
            #expect(changed.text == "due")
            #expect(changed["ETag"] != tag)
            unlink(server.folder.path("www/a.txt"))
            // A small file is kept for a second.
            #expect(try eventually { try server.get("/a.txt").status == 404 })
        }
    }

    @Test func `a file from the future has no date in the future`() async throws {
        try await withServer(
            files: ["www/a.txt": "x"], prepare: { try $0.setTime("www/a.txt", 4_102_444_800) }
        ) { server in
            let response = try server.get("/a.txt")
            #expect(response["Last-Modified"] == response["Date"])
        }
    }

    @Test func `ranges`() async throws {
        try await withServer(files: ["www/a.txt": "0123456789", "www/empty.txt": ""]) { server in
            let rows: [(String, String)] = [
                ("bytes=0-0", "0-0"), ("bytes=0-", "0-9"), ("bytes=3-5", "3-5"), ("bytes=9-", "9-9"),
                ("bytes=5-99", "5-9"), ("bytes=-3", "7-9"), ("bytes=-99", "0-9"), ("BYTES=1-2", "1-2"),
                ("bytes= 1-2 ", "1-2"), ("bytes=0-9", "0-9"), ("bytes=,1-2,", "1-2"),
            ]
            for (range, sent) in rows {
                let response = try server.get("/a.txt", headers: ["Range": range])
                #expect(response.status == 206, "\(range)")
                #expect(response["Content-Range"] == "bytes \(sent)/10", "\(range)")
                let ends = sent.split(separator: "-").compactMap { Int($0) }
                #expect(response.text == (ends[0]...ends[1]).map(String.init).joined(), "\(range)")
            }
            for range in ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99-100,11-"] {
                let response = try server.get("/a.txt", headers: ["Range": range])
                #expect(response.status == 416, "\(range)")
                #expect(response["Content-Range"] == "bytes */10", "\(range)")
            }
            for range in [
                "bytes=5-3", "bytes=", "bytes=x-", "bytes=1", "lines=1-2", "bytes=--1", "bytes=1-2x",
                "bytes:1-2", "",
            ] {
                let response = try server.get("/a.txt", headers: ["Range": range])
                #expect(response.status == 200, "\(range)")
                #expect(response.text == "0123456789", "\(range)")
                #expect(response["Content-Range"] == nil, "\(range)")
            }
            // HEAD has the head that GET would have.
            for range in ["bytes=3-5", "bytes=10-", "bytes=7-8,0-1", "bytes=x"] {
                let get = try server.get("/a.txt", headers: ["Range": range])
                let head = try server.request("HEAD", "/a.txt", headers: ["Range": range])
                #expect(head.status == get.status, "\(range)")
                #expect(head["Content-Range"] == get["Content-Range"], "\(range)")
                #expect(head["Content-Length"] == get["Content-Length"], "\(range)")
                #expect(head.body.isEmpty, "\(range)")
            }
            let empty = try server.get("/empty.txt")
            #expect(empty.status == 200)
            #expect(empty["Content-Length"] == "0")
            try #expect(server.get("/empty.txt", headers: ["Range": "bytes=0-"]).status == 416)
        }
    }

    @Test func `several ranges`() async throws {
        try await withServer(files: ["www/a.txt": "0123456789"]) { server in
            let response = try server.get("/a.txt", headers: ["Range": "bytes=7-8,0-1"])
            #expect(response.status == 206)
            #expect(response["Content-Range"] == nil)
            let type = try #require(response["Content-Type"])
            let boundary = try #require(type.split(separator: "boundary=").last)
            #expect(type == "multipart/byteranges; boundary=\(boundary)")
            let part = "\r\n--\(boundary)\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes "
            #expect(response.text == "\(part)7-8/10\r\n\r\n78\(part)0-1/10\r\n\r\n01\r\n--\(boundary)--\r\n")
            let merged = try server.get("/a.txt", headers: ["Range": "bytes=0-4,3-6"])
            #expect(merged["Content-Range"] == "bytes 0-6/10")
            #expect(merged.text == "0123456")
        }
    }

    @Test func `a file of 5 GiB`() async throws {
        let size = 5 << 30
        let over = (1 << 32) - 3
        try await withServer(
            prepare: {
                try $0.sparse("www/large.bin", size: size, pieces: [over: "abcdef", size - 3: "end"])
            }
        ) { server in
            try #expect(server.head("/large.bin")["Content-Length"] == "\(size)")
            for (range, text, sent) in [
                ("bytes=\(over)-\(over + 5)", "abcdef", "\(over)-\(over + 5)"),
                ("bytes=\(1 << 32)-\((1 << 32) + 1)", "de", "\(1 << 32)-\((1 << 32) + 1)"),
                ("bytes=\(size - 3)-", "end", "\(size - 3)-\(size - 1)"),
                ("bytes=-3", "end", "\(size - 3)-\(size - 1)"),
            ] {
                let response = try server.get("/large.bin", headers: ["Range": range])
                #expect(response.status == 206)
                #expect(response.text == text)
                #expect(response["Content-Range"] == "bytes \(sent)/\(size)")
            }
            try #expect(server.get("/large.bin", headers: ["Range": "bytes=\(size)-"]).status == 416)
            // The head of the whole, and away.
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            let start = try client.read(until: { $0.contains("\r\n\r\n".utf8) })
            #expect(String(decoding: start, as: UTF8.self).contains("\r\nContent-Length: \(size)\r\n"))
        }
    }

    @Test func `a file of many pieces arrives whole`() async throws {
        let text = (0..<300_000).map { "\($0)\n" }.joined()
        try await withServer(files: ["www/a.txt": text]) { server in
            try #expect(server.get("/a.txt").text == text)
            let client = try server.connect(receiveBuffer: 8192)
            try client.send("GET /a.txt HTTP/1.1\r\nHost: h\r\nRange: bytes=1000000-\r\n\r\n".times(2))
            for _ in 1...2 {
                try #expect(client.readResponse().body == Array(text.utf8.dropFirst(1_000_000)))
            }
        }
    }

    @Test func `a file that is cut while it is sent ends the connection visibly`() async throws {
        try await withServer(prepare: { try $0.sparse("www/large.bin", size: 1 << 28) }) { server in
            let client = try server.connect(receiveBuffer: 4096)
            try client.send("GET /large.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read(1000)
            truncate(server.folder.path("www/large.bin"), 100)
            let rest = try client.readToEnd()
            #expect(rest.count < 1 << 28)
            #expect(client.ending == .reset)
            _ = try server.waitForError(containing: "became shorter")
        }
    }

    @Test func `default pages in their order`() async throws {
        let files = [
            "www/both/index.html": "html", "www/both/first.htm": "first", "www/one/index.html": "html",
            "www/none/a.txt": "a", "www/odd/first.htm/a.txt": "a", "www/odd/index.html": "html",
        ]
        try await withServer(site: "index = first.htm index.html", files: files) { server in
            try #expect(server.get("/both/").text == "first")
            try #expect(server.get("/one/").text == "html")
            try #expect(server.get("/one/")["Content-Type"] == "text/html; charset=utf-8")
            try #expect(server.get("/one/?query").text == "html")
            // A folder of that name is no page.
            try #expect(server.get("/odd/").text == "html")
            try #expect(server.get("/none/").status == 403)
            _ = try server.waitForError(
                containing: "www/none/ has no default page (index = first.htm index.html), and listing = no")
            try #expect(server.get("/").status == 403)
        }
    }

    @Test func `fields of a site stand on every answer`() async throws {
        let site = """
            header = X-One: 1
            header = x-one: 2
            header = Content-Type: text/x-ours
            cache_control = max-age=60
            """
        try await withServer(site: site, files: ["www/a.txt": "0123456789"]) { server in
            for (path, fields, status) in [
                ("/a.txt", [:], 200), ("/none", [:], 404), ("/a.txt", ["If-None-Match": "*"], 304),
                ("/a.txt", ["Range": "bytes=1-2"], 206), ("/a.txt", ["Range": "bytes=99-"], 416),
            ] as [(String, KeyValuePairs<String, String>, Int)] {
                let response = try server.get(path, headers: fields)
                #expect(response.status == status)
                #expect(response.all("X-One") == ["1", "2"], "\(status)")
                #expect(response.all("Content-Type") == ["text/x-ours"], "\(status)")
                #expect(response.all("Cache-Control") == (status < 400 ? ["max-age=60"] : []), "\(status)")
            }
        }
    }

    @Test func `a root that is a link is swapped while running`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            threads = 2
            [site default]
            root = current
            """
        try await withServer(
            ini: ini, files: ["old/a.txt": "old", "new/a.txt": "new"],
            prepare: { try $0.link("current", to: "old") }
        ) { server in
            try #expect(server.get("/a.txt").text == "old")
            try server.folder.link("next", to: "new")
            rename(server.folder.path("next"), server.folder.path("current"))
            try #expect(eventually { try server.get("/a.txt").text == "new" })
            // Both threads have seen it by then, or will before long.
            #expect(
                try eventually {
                    try (1...8).allSatisfy { _ in try server.get("/a.txt").text == "new" }
                })
            unlink(server.folder.path("current"))
            try #expect(eventually { try server.get("/a.txt").status == 404 })
        }
    }

    @Test func `character sets are found out`() async throws {
        let gbk: [UInt8] = [
            0xC4, 0xE3, 0xBA, 0xC3, 0xCA, 0xC0, 0xBD, 0xE7, 0xA3, 0xAC, 0xD5, 0xE2, 0xCA, 0xC7, 0xD6, 0xD0,
            0xCE, 0xC4, 0xA1, 0xA3,
        ]
        try await withServer(
            files: [
                "www/ascii.txt": "x", "www/utf8.html": "<p>\u{4F60}",
                "www/named.html": "<meta charset=gbk>\u{4F60}",
                "www/a.json": "{}", "www/a.svg": "<svg/>", "www/a.css": "p { }", "www/a.js": "1",
            ],
            prepare: { folder in
                try folder.write("www/gbk.txt", gbk)
                try folder.write("www/wide.txt", [0xFF, 0xFE, 0x61, 0])
                try folder.write("www/noise.txt", [0xFF, 0, 0x81, 0])
                try folder.write("www/long.txt", Array(repeatElement(gbk, count: 20_000).joined()))
            }
        ) { server in
            let rows = [
                ("ascii.txt", "text/plain; charset=utf-8"), ("utf8.html", "text/html; charset=utf-8"),
                ("named.html", "text/html"), ("gbk.txt", "text/plain; charset=gb18030"),
                ("wide.txt", "text/plain; charset=utf-16"), ("noise.txt", "text/plain"),
                ("long.txt", "text/plain; charset=gb18030"), ("a.json", "application/json"),
                ("a.svg", "image/svg+xml"), ("a.css", "text/css; charset=utf-8"),
                ("a.js", "text/javascript; charset=utf-8"),
            ]
            // The second time it is remembered.
            for (name, type) in rows + rows {
                try #expect(server.get("/\(name)")["Content-Type"] == type, "\(name)")
                try #expect(server.head("/\(name)")["Content-Type"] == type, "\(name)")
            }
            // Another text in the same place is another text.
            try server.folder.write("www/new", Array("\u{4F60}\u{597D}".utf8))
            rename(server.folder.path("www/new"), server.folder.path("www/gbk.txt"))
            #expect(
                try eventually { try server.get("/gbk.txt")["Content-Type"] == "text/plain; charset=utf-8" })
        }
    }

    @Test func `what is not in memory is sent whole`() async throws {
        let text = (0..<600_000).map { "\($0)\n" }.joined()
        try await withServer(files: ["www/large.txt": text, "www/small.txt": "small".times(5000)]) { server in
            for (name, content) in [("large.txt", text), ("small.txt", "small".times(5000))] {
                let file = open(server.folder.path("www/\(name)"), O_RDONLY | O_CLOEXEC)
                defer { close(file) }
                #expect(fdatasync(file) == 0)
                #expect(posix_fadvise(file, 0, 0, CInt(POSIX_FADV_DONTNEED)) == 0)
                try #expect(server.get("/\(name)").text == content)
                _ = posix_fadvise(file, 0, 0, CInt(POSIX_FADV_DONTNEED))
                let range = try server.get("/\(name)", headers: ["Range": "bytes=20000-"])
                #expect(range.text == String(content.dropFirst(20000)))
            }
        }
    }

    @Test func `a file that grows, or is replaced, is sent as it was`() async throws {
        let size = 48 << 20
        try await withServer(
            prepare: {
                try $0.sparse("www/grows.bin", size: size)
                try $0.sparse("www/replaced.bin", size: size, pieces: [size - 3: "old"])
            }
        ) { server in
            let growing = try server.connect()
            try growing.send("GET /grows.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            let replaced = try server.connect()
            try replaced.send("GET /replaced.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            // Both answers have begun.
            let first = try growing.read(1000)
            let second = try replaced.read(1000)
            func left(_ start: [UInt8]) throws -> Int {
                let head = try #require(String(decoding: start, as: UTF8.self).firstRange(of: "\r\n\r\n"))
                return size - (1000 - String(decoding: start, as: UTF8.self)[..<head.upperBound].utf8.count)
            }
            truncate(server.folder.path("www/grows.bin"), size + 100_000)
            try server.folder.write("new", "new")
            rename(server.folder.path("new"), server.folder.path("www/replaced.bin"))
            try #expect(growing.read(left(first), within: 20).allSatisfy { $0 == 0 })
            // Nothing more comes, and the connection goes on.
            try growing.send("GET /replaced.bin HTTP/1.1\r\nHost: h\r\n\r\n")
            try #expect(growing.readResponse().text == "new")
            try #expect(replaced.read(left(second), within: 20).suffix(3) == Array("old".utf8)[...])
        }
    }

    @Test func `pipes, sockets and devices are refused at once`() async throws {
        try await withServer(
            prepare: { folder in
                mkfifo(folder.path("www/pipe.txt"), 0o644)
                try folder.link("www/null", to: "/dev/null")
                let socket = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
                defer { close(socket) }
                var address = sockaddr_un()
                address.sun_family = sa_family_t(AF_UNIX)
                let path = Array(folder.path("www/socket.txt").utf8)
                withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
                let bound = withUnsafePointer(to: &address) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                    }
                }
                if bound != 0 { throw TestFailure("cannot make a socket") }
            }
        ) { server in
            for name in ["pipe.txt", "socket.txt", "null"] {
                for _ in 1...3 { try #expect(server.get("/\(name)").status == 403, "\(name)") }
            }
        }
    }

    @Test func `long names and long paths`() async throws {
        let name = "n".times(250) + ".txt"
        let deep = Array(repeating: "d".times(200), count: 18).joined(separator: "/")
        try await withServer(
            files: ["www/\(name)": "long", "www/\(deep)/a.txt": "deep"]
        ) { server in
            try #expect(server.get("/\(name)").text == "long")
            try #expect(server.get("/\(name)x").status == 404)
            try #expect(server.get("/\(deep)/a.txt").text == "deep")
            // Longer than the kernel takes.
            try #expect(server.get("/" + "x/".times(2500)).status == 404)
            try #expect(server.get("/" + "x".times(5000)).status == 404)
        }
    }

    @Test func `curl goes on where it stopped`() async throws {
        let text = (0..<100_000).map { "\($0)\n" }.joined()
        try await withServer(files: ["www/a.bin": text]) { server in
            let copy = try server.folder.write("copy", String(text.prefix(123_456)))
            let result = try runCommand(["curl", "-sS", "-C", "-", "-o", copy, server.url("/a.bin")])
            #expect(result.status == 0, "\(result.stderr)")
            try #expect(server.folder.read("copy") == text)
        }
    }
}

extension ScratchFolder {
    /// Sets when a file was changed, in seconds since 1970.
    func setTime(_ name: String, _ seconds: Int) throws {
        let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        guard utimensat(AT_FDCWD, path(name), times, 0) == 0 else {
            throw TestFailure("cannot set the time of \(name)")
        }
    }
}
