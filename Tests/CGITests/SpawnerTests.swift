import Glibc
import TestSupport
import Testing

/// The processes that start scripts: how many there are, how long they live, what scripts see of them.
@Suite(.timeLimit(.minutes(5))) struct SpawnerTests {
    @Test func `two for each loop, with three idle streams and a socket each`() async throws {
        try await withScripts(["x": page("echo x")]) { server in
            #expect(server.spawners.count == 4)
            for spawner in server.spawners {
                let open = try listFolder("/proc/\(spawner.pid)/fd").sorted()
                #expect(open == ["0", "1", "2", "3"])
                for number in 0...2 {
                    #expect(readLink("/proc/\(spawner.pid)/fd/\(number)") == "/dev/null")
                }
            }
        }
    }

    @Test func `none where there are no scripts`() async throws {
        try await withServer(ini: "[server]\nlisten = 127.0.0.1:0\n[site default]\nroot = .\n") { server in
            #expect(server.spawners.isEmpty)
        }
    }

    @Test func `none outlives a killed server`() async throws {
        try await withScripts(["x": page("echo x")]) { server in
            _ = try server.get("/cgi-bin/x")
            let spawners = server.spawners
            #expect(!spawners.isEmpty)
            kill(server.pid, SIGKILL)
            _ = try server.waitForExit()
            let clean = eventually { !spawners.contains(where: \.isRunning) }
            #expect(clean)
        }
    }

    @Test func `scripts go on where one is killed, and it is replaced`() async throws {
        try await withScripts(["x": page("echo x")]) { server in
            let first = try #require(server.spawners.first)
            kill(first.pid, SIGKILL)
            _ = try server.waitForError(containing: "the process that starts scripts has ended")
            let replaced = try eventually {
                guard try server.get("/cgi-bin/x").text == "x\n" else { throw TestFailure("no script") }
                return server.spawners.count == 4
            }
            #expect(replaced)
            #expect(!server.spawners.contains(first))
            #expect(try server.get("/cgi-bin/x").text == "x\n")
            #expect(eventually { server.children.isEmpty })
        }
    }

    @Test func `a script that never came to its start times out`() async throws {
        try await withScripts(["x": page("echo x")], site: "cgi_timeout = 2s") {
            server in
            let held = server.holdSpawners()
            let answer = try server.get("/cgi-bin/x")
            #expect(answer.status == 504)
            for spawner in held { kill(spawner.pid, SIGCONT) }
            // It is ended as soon as it starts.
            #expect(eventually { server.children.isEmpty })
            #expect(try server.get("/cgi-bin/x").text == "x\n")
        }
    }

    @Test func `a script whose start was lost with its spawner is started by another one`() async throws {
        try await withScripts(["x": page("echo x")]) { server in
            let spawners = server.holdSpawners()
            let client = try server.askForHeldScript()
            for spawner in spawners { kill(spawner.pid, SIGKILL) }
            #expect(try client.readResponse().text == "x\n")
            #expect(!server.process.stderr.lines.contains { $0.contains("cannot start the script") })
        }
    }

    @Test(arguments: ["", "cgi_stream_upload = yes"], [5, 60_000, 300_000])
    func `a start that was lost loses nothing of the content`(_ setting: String, _ count: Int) async throws {
        try await withScripts(["x": page("wc -c; exec <&-; sleep 0.1; echo end")], site: setting) { server in
            let spawners = server.holdSpawners()
            let before = server.openDescriptors
            let client = try server.connect()
            try client.send("POST /cgi-bin/x HTTP/1.1\r\nHost: h\r\nContent-Length: \(count)\r\n\r\n")
            try client.send("x".times(count))
            #expect(
                eventually {
                    server.openDescriptors.values.count {
                        $0.hasPrefix("pipe:") && !before.values.contains($0)
                    } >= 2
                })
            for spawner in spawners { kill(spawner.pid, SIGKILL) }
            #expect(try client.readResponse().text == "\(count)\nend\n")
        }
    }

    @Test func `a script that cannot be run is told of at once`() async throws {
        try await withScripts(["x": "#!/nonexistent/program\n"], site: "log_format = json") { server in
            let seconds = try seconds { try #expect(server.get("/cgi-bin/x").status == 500) }
            #expect(seconds < 2 * Deadline.patience)
            _ = try server.waitForError(containing: "/nonexistent/program")
            // There was no script, so it has no number.
            let line = try server.waitForLog(containing: "\"status\":500")
            #expect(!line.contains("\"pid\""))
            #expect(eventually { server.children.isEmpty })
        }
    }

    @Test func `a head and an environment that no message holds`() async throws {
        let long = "x".times(30_000)
        let settings = (0..<7).map { "cgi_env = V\($0)=\(long)" }.joined(separator: "\n")
        try await withScripts(["x": page("echo ${#HTTP_X_LONG} ${#V0} ${#V6}")], site: settings) { server in
            let answer = try server.get("/cgi-bin/x", headers: ["X-Long": long])
            #expect(answer.text == "30000 30000 30000\n")
        }
    }

    @Test func `a script's peak memory is not the server's`() async throws {
        try await withScripts(["x": page("echo x")], site: "log_format = json") { server in
            _ = try server.get("/cgi-bin/x")
            let line = try server.waitForLog(containing: "peak_kb")
            let peak = try #require(line.firstMatch(of: #/"peak_kb":(\d+)/#)?.1)
            #expect(try #require(Int(peak)) << 10 < server.peakMemory())
        }
    }

    @Test func `scripts have the priority and the kind of turns that the server was started with`()
        async throws
    {
        // nice, policy (proc(5)).
        let command = "cut -d' ' -f19,41 /proc/$$/stat | head -1; grep nice /proc/$$/limits"
        try await withScripts(["x": page(command)]) { server in
            let outside = try runCommand(["sh", "-c", command])
            #expect(try server.get("/cgi-bin/x").text == outside.stdout)
        }
    }
}
