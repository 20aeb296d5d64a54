import TestSupport
import Testing

/// Clients that mean harm, or do some. That nothing is left of them is among the checks of `stop`.
@Suite(.timeLimit(.minutes(5))) struct RobustnessTests {
    private static let files = [
        "www/a.txt": "Some text\n", "www/large.txt": "0123456789".times(100_000),
        "cgi-bin/echo": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\ncat\n",
    ]

    /// The same numbers each time, so that what fails once fails again.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        /// SplitMix64.
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    @Test func `two thousand connections dropped at random points`() async throws {
        try await withServer(site: "cgi = /run cgi-bin", files: Self.files) { server in
            let requests = [
                "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n", "GET /large.txt HTTP/1.1\r\nHost: h\r\n\r\n",
                "POST /a.txt HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                "HEAD /none HTTP/1.1\r\nHost: h\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n",
                "broken\r\n\r\n",
            ].map { Array($0.utf8) }
            _ = try onThreads(4) { thread in
                var numbers = Numbers(state: UInt64(thread))
                for round in 0..<500 {
                    let client = try server.connect()
                    // Scripts cost more than the rest, so only now and then.
                    let request =
                        round % 50 == 0
                        ? Array(
                            "POST /run/echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nsome text".utf8)
                        : requests[Int.random(in: 0..<requests.count, using: &numbers)]
                    let count = Int.random(in: 0...request.count, using: &numbers)
                    _ = try client.sendSome(Array(request[..<count]))
                    switch Int.random(in: 0..<4, using: &numbers) {
                    case 0: client.reset()
                    case 1:
                        client.finishSending()
                        _ = try client.readToEnd()
                    case 2 where count == request.count: _ = try client.read { !$0.isEmpty }
                    default: break
                    }
                    client.close()
                }
            }
            try #expect(server.get("/a.txt").text == "Some text\n")
        }
    }

    @Test func `garbage`() async throws {
        try await withServer(files: Self.files) { server in
            var numbers = Numbers(state: 1)
            for round in 0..<200 {
                let client = try server.connect()
                var bytes = (0..<Int.random(in: 1...2000, using: &numbers)).map { _ in
                    UInt8.random(in: 0...255, using: &numbers)
                }
                // Half of them look like a request at first.
                if round % 2 == 0 { bytes = Array("GET /a.txt HTTP/1.1\r\nHost: h\r\n".utf8) + bytes }
                _ = try client.sendSome(bytes)
                client.finishSending()
                let answer = try client.readToEnd()
                #expect(answer.isEmpty || answer.starts(with: "HTTP/1.1 400 ".utf8), "round \(round)")
            }
            try #expect(server.get("/a.txt").status == 200)
        }
    }

    /// Each byte of a good request is changed in turn.
    @Test func `requests with one wrong byte`() async throws {
        try await withServer(files: Self.files) { server in
            let good = Array("GET /a.txt?q HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nX-A: b\r\n\r\nab".utf8)
            for index in good.indices {
                for byte in [0, 0x0A, 0x0D, 0x20, 0x3A, 0x7F, 0xFF] as [UInt8] {
                    var bytes = good
                    bytes[index] = byte
                    let client = try server.connect()
                    try client.send(bytes)
                    client.finishSending()
                    let answer = try client.readToEnd()
                    if answer.isEmpty { continue }
                    let status = String(decoding: answer.dropFirst(9).prefix(3), as: UTF8.self)
                    #expect(
                        ["200", "400", "404", "501", "505"].contains(status),
                        "byte \(byte) at \(index): \(status)")
                }
            }
        }
    }

    @Test func `three hundred slow clients hold nobody up`() async throws {
        try await withServer(files: Self.files) { server in
            let slow = try (0..<300).map { _ in try server.connect() }
            for byte in "GET /a.txt HTTP/1.1\r\nHost: h\r\n\r\n".utf8.dropLast() {
                for client in slow { try client.send([byte]) }
            }
            try #expect(server.get("/large.txt").body.count == 1_000_000)
            for client in slow { try client.send("\n") }
            for client in slow { #expect(try client.readResponse().text == "Some text\n") }
        }
    }

    @Test func `clients that read nothing hold nobody up`() async throws {
        try await withServer(files: Self.files) { server in
            let deaf = try (0..<50).map { _ in try server.connect(receiveBuffer: 2048) }
            for client in deaf { try client.send("GET /large.txt HTTP/1.1\r\nHost: h\r\n\r\n".times(20)) }
            for _ in 0..<50 { try #expect(server.get("/large.txt").body.count == 1_000_000) }
            for client in deaf { client.reset() }
        }
    }
}
