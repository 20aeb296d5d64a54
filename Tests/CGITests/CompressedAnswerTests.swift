import TestSupport
import Testing

/// Scripts' answers in content codings.
@Suite(.timeLimit(.minutes(5))) struct CompressedAnswerTests {
    private static let much = "i=0; while [ $i -lt 200 ]; do echo 'All work and no play.'; i=$((i+1)); done"
    private static let text = String(repeating: "All work and no play.\n", count: 200)

    @Test(arguments: ["br", "zstd", "gzip"]) func `compressed on its way`(_ coding: String) async throws {
        try await withScripts(["x": page(CompressedAnswerTests.much)], site: "compress = br zstd gzip") {
            server in
            let url = server.url("/cgi-bin/x")
            let answer = try server.get("/cgi-bin/x", headers: ["Accept-Encoding": coding])
            #expect(answer["Content-Encoding"] == coding)
            #expect(answer["Vary"] == "Accept-Encoding")
            #expect(answer.body.count < 1000)
            let read = try runCommand([
                "curl", "-sS", "--compressed", "-H", "Accept-Encoding: \(coding)", url,
            ])
            #expect(read.stdout == CompressedAnswerTests.text)
            let head = try server.head("/cgi-bin/x", headers: ["Accept-Encoding": coding])
            #expect(head["Content-Encoding"] == coding)
            try #expect(server.get("/cgi-bin/x").text == CompressedAnswerTests.text)
        }
    }

    @Test func `what the script prints comes out at once`() async throws {
        // It goes on when the client has seen the first line.
        let script = page("echo one; while [ ! -e go ]; do sleep 0.05; done; echo two")
        try await withScripts(["x": script], site: "compress = gzip") { server in
            let client = """
                import http.client, sys, zlib
                connection = http.client.HTTPConnection("127.0.0.1", \(server.port()), timeout=30)
                connection.request("GET", "/cgi-bin/x", headers={"Accept-Encoding": "gzip"})
                answer = connection.getresponse()
                assert answer.getheader("Content-Encoding") == "gzip"
                decoder, text = zlib.decompressobj(31), b""
                while b"one\\n" not in text: text += decoder.decompress(answer.read1(4096))
                open(sys.argv[1], "w").close()
                while not decoder.eof: text += decoder.decompress(answer.read1(4096))
                print(text.decode(), end="")
                """
            let seen = try runCommand(["python3", "-c", client, server.folder.path("cgi-bin/go")])
            #expect(seen.stdout == "one\ntwo\n", "\(seen.stderr)")
        }
    }

    @Test func `what is left as it is`() async throws {
        let scripts = [
            "coded": prints("Content-Type: text/plain\\nContent-Encoding: x\\n\\nbody"),
            "image": prints("Content-Type: image/png\\n\\nbody"),
            "events": prints("Content-Type: text/event-stream\\n\\ndata: x\\n\\n"),
            "part": prints(
                "Status: 206\\nContent-Type: text/plain\\nContent-Range: bytes 0-3/9\\n\\nbody"),
            "small": prints("Content-Type: text/plain\\nContent-Length: 4\\n\\nbody"),
            "fixed": prints("Content-Type: text/plain\\nCache-Control: public, No-Transform\\n\\nbody"),
            "typeless": prints("X-A: b\\n\\nbody"),
        ]
        try await withScripts(scripts, site: "compress = gzip") { server in
            for name in scripts.keys {
                let answer = try server.get("/cgi-bin/\(name)", headers: ["Accept-Encoding": "gzip"])
                #expect(answer["Content-Encoding"] == (name == "coded" ? "x" : nil), "\(name)")
                #expect(answer.text == (name == "events" ? "data: x\n\n" : "body"), "\(name)")
            }
        }
    }

    @Test func `a strong tag becomes a weak one and still fits`() async throws {
        let script = prints("Content-Type: text/plain\\nETag: \"a\"\\n\\nbody")
        try await withScripts(["x": script], site: "compress = gzip") { server in
            let answer = try server.get("/cgi-bin/x", headers: ["Accept-Encoding": "gzip"])
            #expect(answer["Content-Encoding"] == "gzip")
            #expect(answer["ETag"] == "W/\"a\"")
            let again = try server.get(
                "/cgi-bin/x", headers: ["Accept-Encoding": "gzip", "If-None-Match": "W/\"a\""])
            #expect(again.status == 304)
        }
    }

    @Test func `a cut answer is cut for the decoder too`() async throws {
        let script = page("echo one; kill -KILL $$")
        try await withScripts(["x": script], site: "compress = gzip") { server in
            let read = try runCommand(["curl", "-sS", "--compressed", server.url("/cgi-bin/x")])
            #expect(read.status != 0)
            // What the script printed before it died is there all the same.
            #expect(read.stdout == "one\n")
        }
    }

    @Test func `kept answers are compressed for each client`() async throws {
        let script = page(CompressedAnswerTests.much)
        try await withScripts(["x": script], site: "compress = gzip\ncgi_cache = /cgi-bin/ 60s") { server in
            for coding in ["gzip", "identity", "gzip"] {
                let answer = try server.get("/cgi-bin/x", headers: ["Accept-Encoding": coding])
                #expect(answer["Content-Encoding"] == (coding == "gzip" ? "gzip" : nil))
                #expect((answer.body.count < 1000) == (coding == "gzip"))
            }
        }
    }
}
