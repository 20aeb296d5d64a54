import Glibc
import TestSupport
import Testing

/// How scripts are started and what they may use.
///
/// Time-outs are in `HungScriptTests`, disconnects in `LeavingClientTests`, streaming and cut answers in `StreamingTests`, places in `QueueTests`, stderr in `ScriptStderrTests`.
@Suite(.timeLimit(.minutes(5))) struct RunningTests {
    private static func get(_ target: String) -> String { "GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n" }

    @Test(arguments: [
        "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "MKCOL", "REPORT", "LOCK", "X-OWN",
    ])
    func `every method reaches the script`(_ method: String) async throws {
        try await withScripts(["x": page("printf '%s ' $REQUEST_METHOD; cat")]) { server in
            let bare = try server.request(method, "/cgi-bin/x/info")
            #expect(bare.text == "\(method) ")
            let full = try server.request(method, "/cgi-bin/x", body: Array("content".utf8))
            #expect(full.text == "\(method) content")
        }
    }

    @Test func `TRACE and CONNECT do not`() async throws {
        try await withScripts(["x": page("echo >ran")]) { server in
            for method in ["TRACE", "CONNECT"] {
                let response = try server.request(method, method == "CONNECT" ? "h:80" : "/cgi-bin/x")
                #expect(response.status == 405, "\(method)")
            }
            #expect(!server.folder.exists("cgi-bin/ran"))
        }
    }

    @Test func `own process group`() async throws {
        try await withScripts([
            "x": page("cut -d' ' -f5 /proc/$$/stat; echo $$; cut -d' ' -f5 /proc/self/stat")
        ]) {
            server in
            let lines = try server.get("/cgi-bin/x").text.split(separator: "\n")
            #expect(Set(lines).count == 1)
            #expect(lines.first != "\(server.pid)")
        }
    }

    @Test func `fds closed`() async throws {
        // A shell has its own file open besides, as 10.
        let script = page("for fd in /proc/$$/fd/*; do printf '%s ' ${fd##*/}; readlink $fd; done; exit 0")
        try await withScripts(["x": script, "slow": page("sleep 1000")]) { server in
            // Others' connections, pipes and uploads are open meanwhile.
            let kept = try server.connect()
            try kept.send(Self.get("/none"))
            _ = try kept.readResponse()
            let upload = try server.connect()
            try upload.send("POST /cgi-bin/x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nabc")
            let running = try server.connect()
            try running.send(Self.get("/cgi-bin/slow"))
            _ = try running.read { $0.contains("text/plain".utf8) }
            let text = try server.post("/cgi-bin/x", "content").text
            for line in text.split(separator: "\n") {
                let words = line.split(separator: " ")
                // One without a target was the folder's own, while it was listed.
                if words.count == 1 { continue }
                #expect(["0", "1", "2"].contains(words[0]) || line.hasSuffix("/cgi-bin/x"), "\(text)")
                if words[0] == "1" || words[0] == "2" { #expect(words[1].hasPrefix("pipe:")) }
            }
        }
    }

    @Test func `limits that the server raised for itself are not the script's`() async throws {
        try await withScripts(["x": page("ulimit -n; ulimit -c; umask")]) { server in
            let outside = try runCommand(["sh", "-c", "ulimit -n; ulimit -c; umask"])
            #expect(try server.get("/cgi-bin/x").text == outside.stdout)
        }
    }

    @Test func `1000 scripts leave no descriptor and no zombie`() async throws {
        try await withScripts(["x": page("echo x")]) { server in
            _ = try onThreads(4) { _ in
                let client = try server.connect()
                for _ in 1...250 {
                    try client.send(Self.get("/cgi-bin/x"))
                    let response = try client.readResponse()
                    if response.text != "x\n" { throw TestFailure("\(response)") }
                }
                return true
            }
            // Descriptors are among the checks of the end.
            let clean = eventually { server.children.isEmpty }
            #expect(clean, "\(server.children)")
        }
    }

    @Test func `scripts that fetch from the same server while they run`() async throws {
        let scripts = [
            "outer": page(
                "curl -sS http://$SERVER_ADDR:$SERVER_PORT/cgi-bin/inner; curl -sS http://$SERVER_ADDR:$SERVER_PORT/a.txt"
            ),
            "inner": page("curl -sS -d x http://$SERVER_ADDR:$SERVER_PORT/cgi-bin/innermost"),
            "innermost": page("echo innermost"),
        ]
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/", threads: 1, files: ["www/a.txt": "static\n"],
            prepare: { folder in for (name, text) in scripts { try folder.script("cgi-bin/\(name)", text) } }
        ) { server in
            for _ in 1...3 {
                let text = try server.get("/cgi-bin/outer").text
                #expect(text == "innermost\nstatic\n")
            }
        }
    }

    @Test func `a static file is not kept waiting by busy scripts`() async throws {
        try await withScripts(
            ["x": page("while ! [ -e go ]; do sleep 0.02; done")], site: "cgi_max_processes = 4",
            files: ["www/a.txt": "text"]
        ) { server in
            var clients: [RawClient] = []
            for _ in 1...8 {
                let client = try server.connect()
                try client.send(Self.get("/cgi-bin/x"))
                clients.append(client)
            }
            for _ in 1...20 { #expect(try server.get("/a.txt").text == "text") }
            try server.folder.write("cgi-bin/go", "")
            for client in clients { #expect(try client.readResponse().status == 200) }
        }
    }

    // MARK: Limits

    @Test func `rlimits`() async throws {
        let site = """
            cgi_cpu = 3s
            cgi_memory = 500M
            cgi_open_files = 50
            cgi_file_size = 1M
            cgi_nproc = 1000
            cgi_nice = 5
            """
        let script = page("ulimit -t; ulimit -v; ulimit -n; ulimit -f; ulimit -p; nice")
        try await withScripts(["x": script], site: site) { server in
            let text = try server.get("/cgi-bin/x").text
            #expect(text == "3\n512000\n50\n2048\n1000\n5\n")
        }
    }

    @Test func `cgi_cpu`() async throws {
        try await withScripts(["x": shell("while :; do :; done")], site: "cgi_cpu = 1s") { server in
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 500)
            #expect(response.text.contains("SIGXCPU, the limit cgi_cpu = 1"))
            _ = try server.waitForError(containing: "cgi_cpu = 1")
        }
    }

    @Test func `cgi_file_size`() async throws {
        try await withScripts(
            ["x": page("echo half; exec head -c 200000 /dev/zero >big")], site: "cgi_file_size = 100K"
        ) { server in
            _ = try server.cutAnswer(to: Self.get("/cgi-bin/x"))
            _ = try server.waitForError(containing: "SIGXFSZ, the limit cgi_file_size = 100K")
        }
    }

    @Test func `cgi_memory`() async throws {
        let script = "#!/usr/bin/python3\nx = bytearray(300_000_000)\nprint('A: b\\n')\n"
        try await withScripts(["x": script], site: "cgi_memory = 100M") { server in
            #expect(try server.get("/cgi-bin/x").status == 500)
            _ = try server.waitForError(containing: "cgi_memory = 100M")
            _ = try server.waitForError(containing: "MemoryError")
        }
    }
}
