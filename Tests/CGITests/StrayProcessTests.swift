import Glibc
import TestSupport
import Testing

/// What has left its script's process group or outlives its script, and the mark that it is known by.
@Suite(.timeLimit(.minutes(5))) struct StrayProcessTests {
    // MARK: What has left the group

    /// A session of its own is out of the group's reach; one that was let go of at once has no parent to be
    /// found by, and may have an environment of its own.
    @Test(
        arguments: ["time-out", "disconnect"],
        ["env -i setsid", "setsid env -i", "setsid -f", "setsid -f env -i", "env -i setsid -f setsid -f"])
    func `what has left the group is ended with its script`(_ how: String, _ prefix: String) async throws {
        let script = shell(
            "\(prefix) /bin/sh -c 'echo $$ >>pids; exec /bin/sleep 1000' >/dev/null 2>&1 & exec sleep 1000")
        try await withScripts(
            ["x": script],
            site: "cgi_timeout = \(how == "time-out" ? "2s" : "60s")\ncgi_kill_grace = 60s"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let left = try server.notedProcesses(1)
            if how == "disconnect" { client.close() }
            // TERM is enough.
            expectEnd(of: left)
        }
    }

    /// Nor does what it starts for that get the same TERM.
    @Test func `what has left the group has the time to say goodbye`() async throws {
        let left = """
            trap 'sh -c "sleep 0.5; echo >goodbye"; exit' TERM
            echo $$ >>pids
            while :; do sleep 0.05; done
            """
        try await withLeft(left, grace: "60s") { server, left in
            expectEnd(of: left)
            #expect(server.folder.exists("cgi-bin/goodbye"))
        }
    }

    @Test func `what has left the group and ignores TERM is killed after the grace`() async throws {
        let left = "\(HungScript.deafToTerm)\necho $$ >>pids\nwhile :; do sleep 0.05; done"
        try await withLeft(left, grace: "5s") { _, left in
            let seconds = try seconds { expectEnd(of: left) }
            #expect(seconds > 2)
        }
    }

    /// Asks for a script that starts the shell script `lines` out of its group and hangs, and runs `body`
    /// with what has noted itself there, when the script has had its time.
    private func withLeft(
        _ lines: String, grace: String,
        body: @escaping @Sendable (ServerProcess, [RunningProcess]) throws -> Void
    ) async throws {
        try await withScripts(
            ["x": shell("\(HungScript.leaving)\nexec sleep 1000"), "left": shell(lines)],
            site: "cgi_timeout = 2s\ncgi_kill_grace = \(grace)"
        ) { server in
            let client = try server.connect()
            try client.send(HungScript.request)
            let left = try server.notedProcesses(1)
            #expect(try client.readResponse().status == 504)
            try body(server, left)
        }
    }

    /// It is looked for again when the group is gone.
    @Test func `what leaves the group while that is ended goes with it`() async throws {
        let script = shell(
            """
            \(HungScript.deafToTerm)
            while ! [ -e go ]; do sleep 0.02; done
            \(HungScript.leaving)
            while :; do sleep 0.05; done
            """)
        try await withScripts(
            ["x": script, "left": shell("echo $$ >>pids\nwhile :; do sleep 0.05; done")],
            site: "cgi_timeout = 2s\ncgi_kill_grace = 5s"
        ) { server in
            #expect(try server.get("/cgi-bin/x").status == 504)
            try server.folder.write("cgi-bin/go", "")
            expectEnd(of: try server.notedProcesses(1))
        }
    }

    /// What it left behind after a regular end may go on, whatever happens to others.
    @Test func `a daemon that a script starts lives on`() async throws {
        let daemon = "sh -c 'echo $$ >>pids; exec sleep 1000' >/dev/null 2>&1 </dev/null"
        try await withScripts(
            [
                "x": page("setsid \(daemon) & setsid -f \(daemon); echo done"),
                "hung": shell("exec sleep 1000"),
            ],
            site: "cgi_kill_grace = 500ms", more: "[location default /cgi-bin/hung]\ncgi_timeout = 500ms"
        ) { server in
            try #expect(server.get("/cgi-bin/x").text == "done\n")
            let daemons = try server.notedProcesses(2)
            try #expect(server.get("/cgi-bin/hung").status == 504)
            #expect(eventually { server.children.isEmpty })
            try #expect(server.get("/cgi-bin/x").text == "done\n")
            let all = try server.notedProcesses(4)
            let running = all.filter(\.isRunning)
            #expect(running == all)
            #expect(Set(daemons.map(\.pid)).isSubset(of: all.map(\.pid)))
            for daemon in all { kill(daemon.pid, SIGKILL) }
        }
    }

    // MARK: The mark

    /// What a script and all that it starts are known by.
    @Test func `no limit but that on locks is another one than the server's`() async throws {
        try await withScripts(["x": page("cat /proc/self/limits"), "y": page("env -i cat /proc/self/limits")])
        {
            server in
            func isLocks(_ line: Substring) -> Bool { line.hasPrefix("Max file locks") }
            func limits(_ text: String) -> [Substring] { text.split(separator: "\n") }
            let outside = try limits(readText("/proc/self/limits"))
            let hard = try #require(outside.first(where: isLocks)).split(separator: " ").dropFirst(4)
            var marks: Set<UInt64> = []
            for path in ["/cgi-bin/x", "/cgi-bin/y", "/cgi-bin/x"] {
                let inside = try limits(server.get(path).text)
                #expect(inside.filter { !isLocks($0) } == outside.filter { !isLocks($0) })
                let words = try #require(inside.first(where: isLocks)).split(separator: " ")
                #expect(words.dropFirst(4) == hard)
                let mark = try #require(UInt64(words[3]))
                #expect(mark > 1 << 59 && mark < 1 << 62)
                marks.insert(mark)
            }
            #expect(marks.count == 3)
            for process in [server.pid] + server.spawners.map(\.pid) {
                let line = try limits(readText("/proc/\(process)/limits")).first(where: isLocks)
                #expect(line == outside.first(where: isLocks))
            }
        }
    }

    /// The mark that a script's processes are known by is not worth a failure.
    @Test func `a script starts where it can have no mark`() async throws {
        try await blocking {
            let site = try ScriptSite(["x": page("grep locks /proc/self/limits")])
            let result = try runCommand([
                "prlimit", "--locks=5:6", ServerProcess.builtExecutable, "doctor", "-c", site.configuration,
                "/cgi-bin/x",
            ])
            #expect(result.status == 0)
            #expect(result.stdout.contains(/locks\s+5\s+6\s/), "\(result.stdout)\(result.stderr)")
        }
    }
}
