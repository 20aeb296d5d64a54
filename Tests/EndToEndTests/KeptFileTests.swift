import Glibc
import TestSupport
import Testing

/// Files too large to be kept in memory, which are held open for a moment and sent again.
@Suite(.timeLimit(.minutes(5))) struct KeptFileTests {
    private static func get(_ target: String, method: String = "GET") -> String {
        "\(method) \(target) HTTP/1.1\r\nHost: default\r\n\r\n"
    }

    private static func isOpen(_ name: String, _ server: ServerProcess) -> Bool {
        server.openDescriptors.values.contains { $0.hasSuffix("/\(name)") }
    }

    @Test func `a file is held open, and closed when nobody asks`() async throws {
        try await withServer(
            more: "[location default /slow]\nlimit_rate = 100M",
            files: [
                "www/a.txt": "0123456789".times(10_000), "www/slow/a.txt": "0123456789".times(10_000),
            ]
        ) { server in
            let client = try server.connect()
            func ask(_ path: String) throws {
                try client.send(Self.get(path))
                try #expect(client.readResponse().body.count == 100_000)
            }
            // A busy machine may look too late.
            func isHeld() throws -> Bool {
                try eventually {
                    try ask("/a.txt")
                    return Self.isOpen("www/a.txt", server)
                }
            }
            for _ in 1...2 { try ask("/a.txt") }
            try #expect(isHeld())
            #expect(eventually { !Self.isOpen("www/a.txt", server) })
            // With rules for each connection, each is answered by itself. Its end comes behind its last byte:
            // half as long as one is held will do, where the machine is not busy.
            let isClosed = try eventually {
                try ask("/slow/a.txt")
                return eventually(within: 0.5) { !Self.isOpen("www/slow/a.txt", server) }
            }
            #expect(isClosed)
            // And again.
            try #expect(isHeld())
        }
    }

    @Test func `files beyond those that are held open are whole each time`() async throws {
        let names = (1...70).map { "\($0).txt" }
        let content = "0123456789".times(10_000)
        let files = Dictionary(uniqueKeysWithValues: names.map { ("www/\($0)", content + $0) })
        try await withServer(threads: 1, files: files) { server in
            let client = try server.connect()
            for _ in 1...3 {
                for name in names {
                    try client.send(Self.get("/\(name)"))
                    try #expect(client.readResponse().text == content + name)
                }
            }
        }
    }

    @Test func `a file that changes with each request leaves room for others`() async throws {
        let content = "0123456789".times(10_000)
        try await withServer(threads: 1, files: ["www/log.txt": content, "www/a.txt": content]) { server in
            for number in 1...80 {
                try server.folder.write("www/log.txt", content + "\(number)")
                try #expect(server.get("/log.txt").text == content + "\(number)")
            }
            let copies = server.openDescriptors.values.filter { $0.contains("/www/log.txt") }
            #expect(copies.count <= 2, "\(copies.count)")
        }
    }

    @Test func `a change of it is seen at once`() async throws {
        let old = "old ".times(30_000)
        try await withServer(files: ["www/a.txt": old]) { server in
            let path = server.folder.path("www/a.txt")
            let client = try server.connect()
            func ask() throws -> RawResponse {
                try client.send(Self.get("/a.txt"))
                return try client.readResponse()
            }
            let changes: [(String, () throws -> Void)] = [
                (String(old.prefix(100_000)), { _ = truncate(path, 100_000) }),
                (
                    "new ".times(30_000),
                    {
                        try server.folder.write("www/new", "new ".times(30_000))
                        rename(server.folder.path("www/new"), path)
                    }
                ),
                ("longer ".times(30_000), { try server.folder.write("www/a.txt", "longer ".times(30_000)) }),
                ("short", { try server.folder.write("www/a.txt", "short") }),
            ]
            for (text, change) in changes {
                let before = try ask()
                try #expect(ask()["ETag"] == before["ETag"])
                try change()
                let after = try ask()
                #expect(after.text == text)
                #expect(after["Content-Length"] == "\(text.utf8.count)")
                #expect(after["ETag"] != before["ETag"])
            }
        }
        try await withServer(files: ["www/a.txt": old]) { server in
            let client = try server.connect()
            for _ in 1...2 {
                try client.send(Self.get("/a.txt"))
                try #expect(client.readResponse().text == old)
            }
            unlink(server.folder.path("www/a.txt"))
            try client.send(Self.get("/a.txt"))
            try #expect(client.readResponse().status == 404)
        }
    }

    @Test func `a client that takes it slowly gets what was there when it asked`() async throws {
        let size = 24 << 20
        let site = "log_format = \"%m %U %s %B\""
        try await withServer(
            site: site, threads: 1,
            prepare: { try $0.sparse("www/a.bin", size: size, pieces: [size - 3: "old"]) }
        ) { server in
            let client = try server.connect()
            try client.send(Self.get("/a.bin", method: "HEAD"))
            try #expect(client.readResponse(to: "HEAD")["Content-Length"] == "\(size)")
            #expect(Self.isOpen("www/a.bin", server))
            let slow = try (1...3).map { _ in try server.connect() }
            let starts = try slow.map { client in
                try client.send(Self.get("/a.bin") + Self.get("/a.bin"))
                return try client.read(1000)
            }
            try server.folder.write("new", "new")
            rename(server.folder.path("new"), server.folder.path("www/a.bin"))
            try client.send(Self.get("/a.bin"))
            try #expect(client.readResponse().text == "new")
            for (client, start) in zip(slow, starts) {
                let head = try #require(String(decoding: start, as: UTF8.self).firstRange(of: "\r\n\r\n"))
                let length = String(decoding: start, as: UTF8.self)[..<head.upperBound].utf8.count
                let content = try start[length...] + client.read(size - (1000 - length), within: 20)
                #expect(content.count == size)
                #expect(content.suffix(3) == Array("old".utf8)[...])
                try #expect(client.readResponse().text == "new")
            }
            _ = try server.waitForLog(containing: "GET /a.bin 200 \(size)", count: 3)
            _ = try server.waitForLog(containing: "GET /a.bin 200 3", count: 4)
        }
    }

    @Test func `a file that is cut while it is sent again ends the connection visibly`() async throws {
        let size = 1 << 26
        try await withServer(threads: 1, prepare: { try $0.sparse("www/large.bin", size: size) }) { server in
            let first = try server.connect()
            try first.send(Self.get("/large.bin", method: "HEAD"))
            _ = try first.readResponse(to: "HEAD")
            let client = try server.connect(receiveBuffer: 4096)
            try client.send(Self.get("/large.bin"))
            _ = try client.read(1000)
            truncate(server.folder.path("www/large.bin"), 100)
            let rest = try client.readToEnd()
            #expect(rest.count < size)
            #expect(client.ending == .reset)
            _ = try server.waitForError(containing: "became shorter")
        }
    }

    @Test func `what has left memory is read again`() async throws {
        let text = (0..<600_000).map { "\($0)\n" }.joined()
        try await withServer(files: ["www/a.txt": text]) { server in
            let file = open(server.folder.path("www/a.txt"), O_RDONLY | O_CLOEXEC)
            defer { close(file) }
            #expect(fdatasync(file) == 0)
            let client = try server.connect()
            for _ in 1...5 {
                try client.send(Self.get("/a.txt"))
                try #expect(client.readResponse().text == text)
                #expect(posix_fadvise(file, 0, 0, CInt(POSIX_FADV_DONTNEED)) == 0)
            }
        }
    }
}
