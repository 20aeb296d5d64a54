import Glibc
import TestSupport
import Testing

/// Many requests at once that take much memory or much work each.
@Suite(.timeLimit(.minutes(3))) struct CostlyRequestTests {
    /// A folder of many long names, each file of another second.
    private static func fill(_ folder: ScratchFolder, _ name: String, count: Int) throws {
        try folder.makeFolder(name)
        let tail = String(repeating: "x", count: 230)
        for number in 0..<count {
            let path = folder.path("\(name)/\(number)-\(tail)")
            let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
            let times = [timespec(tv_sec: number, tv_nsec: 0), timespec(tv_sec: number, tv_nsec: 0)]
            futimens(file, times)
            close(file)
        }
    }

    /// Processor time, in ticks.
    private static func work(_ server: ServerProcess) throws -> Int {
        let status = try readText("/proc/\(server.pid)/stat").split(separator: " ")
        return (Int(status[13]) ?? 0) + (Int(status[14]) ?? 0)
    }

    @Test func `fifty listings of a large folder`() async throws {
        try await withServer(
            site: "listing = yes", prepare: { try Self.fill($0, "www/many", count: 12_000) }
        ) { server in
            try #expect(server.get("/").status == 200)
            let before = try server.peakMemory()
            // What comes of it is not sent, but is made all the same.
            let statuses = try onThreads(50) { _ in
                try server.request("HEAD", "/many/?sort=time", headers: ["Host": "h"], within: 60).status
            }
            #expect(statuses == Array(repeating: 200, count: 50))
            // Each takes about 6 MiB.
            let taken = try (server.peakMemory() - before) >> 20
            #expect(taken < 110, "\(taken) MiB")
        }
    }

    /// What a client has not taken yet stays in memory.
    @Test func `listings of large folders wait for those who read slowly, others do not`() async throws {
        try await withServer(
            site: "listing = yes", files: ["www/few/a.txt": "a"],
            prepare: { try Self.fill($0, "www/many", count: 12_000) }
        ) { server in
            let ask = "GET /many/?sort=time HTTP/1.1\r\nHost: h\r\n\r\n"
            let slow = try (0..<8).map { _ in try server.connect(receiveBuffer: 4096) }
            for client in slow {
                try client.send(ask)
                _ = try client.read(100, within: 20)
            }
            let next = try server.connect()
            try next.send(ask)
            try #expect(next.staysSilent(for: 0.5))
            try #expect(server.get("/few/").text.contains("a.txt"))
            slow[3].reset()
            try #expect(next.read(15, within: 20) == Array("HTTP/1.1 200 OK".utf8))
            for client in slow + [next] { client.reset() }
        }
    }

    @Test func `fifty first requests for the same file compress it once`() async throws {
        let text = (0..<90_000).map { "\($0 * 7919 % 100_003) " }.joined()
        let names = (0..<5).map { "www/\($0).txt" }
        try await withServer(
            site: "compress = br", threads: 1,
            files: Dictionary(uniqueKeysWithValues: names.map { ($0, text) })
        ) { server in
            let fields: KeyValuePairs = ["Accept-Encoding": "br"]
            let start = try Self.work(server)
            for number in 0..<4 {
                try #expect(server.get("/\(number).txt", headers: fields)["Content-Encoding"] == "br")
            }
            let single = try Self.work(server) - start
            let codings = try onThreads(50) { _ in
                try server.get("/4.txt", headers: fields)["Content-Encoding"] ?? ""
            }
            #expect(codings == Array(repeating: "br", count: 50))
            // As much as for four, and some for the connections.
            let all = try Self.work(server) - start - single
            #expect(all < single * 3, "\(all) ticks; four files took \(single)")
        }
    }

    @Test func `fifty first requests for as many files are all answered`() async throws {
        let text = (0..<90_000).map { "\($0 * 7919 % 100_003) " }.joined()
        try await withServer(
            site: "compress = gzip",
            files: Dictionary(uniqueKeysWithValues: (0..<50).map { ("www/\($0).txt", text) })
        ) { server in
            let codings = try onThreads(50) { number in
                try server.request(
                    "GET", "/\(number).txt", headers: ["Host": "h", "Accept-Encoding": "gzip"]
                )["Content-Encoding"] ?? ""
            }
            #expect(codings == Array(repeating: "gzip", count: 50))
            #expect(try server.peakMemory() < 250 << 20)
        }
    }
}
