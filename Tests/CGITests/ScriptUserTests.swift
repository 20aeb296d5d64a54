import Glibc
import TestSupport
import Testing

/// Scripts that run as other users than the server (`cgi_user`): who they are, and what the server can do
/// to them.
@Suite(.enabled(if: Machine.isRoot, "only root can become other users"), .timeLimit(.minutes(5)))
struct ScriptUserTests {
    private static let whoami = page(
        "id -un; id -gn; id -Gn; grep -E '^(Uid|CapPrm|CapEff|NoNewPrivs)' /proc/$$/status")

    /// The server that stays root, and one that becomes somebody.
    @Test(arguments: ["", "user = www-data"])
    func `who a script is`(_ server: String) async throws {
        try await withScripts(["x": Self.whoami], site: "cgi_user = nobody", server: server) { server in
            let lines = try server.get("/cgi-bin/x").text.split(separator: "\n").map(String.init)
            #expect(Array(lines.prefix(3)) == ["nobody", "nogroup", "nogroup"])
            let uid = try #require(getpwnam("nobody")).pointee.pw_uid
            #expect(lines.contains("Uid:\t\(uid)\t\(uid)\t\(uid)\t\(uid)"))
            #expect(lines.contains("CapPrm:\t0000000000000000"))
            #expect(lines.contains("CapEff:\t0000000000000000"))
            #expect(lines.contains("NoNewPrivs:\t1"))
        }
    }

    @Test func `another group, and users of locations`() async throws {
        let script = page("id -un; id -gn")
        try await withScripts(
            ["x": script, "y": script, "z": script], site: "cgi_user = nobody:games",
            server: "user = www-data",
            more: """
                [location default /cgi-bin/y]
                cgi_user = daemon
                [location default /cgi-bin/z]
                cgi_user = none
                """
        ) { server in
            try #expect(server.get("/cgi-bin/x").text == "nobody\ngames\n")
            try #expect(server.get("/cgi-bin/y").text == "daemon\ndaemon\n")
            try #expect(server.get("/cgi-bin/z").text == "www-data\nwww-data\n")
        }
    }

    /// Two of its own and two for other users' scripts, for each loop.
    @Test func `what the helpers may do`() async throws {
        let more = "[location default /cgi-bin/z]\ncgi_user = none"
        try await withScripts(
            ["x": page("true"), "z": page("true")], site: "cgi_user = nobody", server: "user = www-data",
            more: more
        ) { server in
            #expect(eventually { server.spawners.count == 8 })
            let keeper = try #require(server.keeper)
            func status(_ pid: pid_t) throws -> [String] {
                try readText("/proc/\(pid)/status").split(separator: "\n").map(String.init)
            }
            // CAP_SETUID and CAP_SETGID.
            let rights = try (server.spawners + [keeper]).filter {
                try status($0.pid).contains("CapPrm:\t00000000000000c0")
            }
            #expect(rights.count == 5)
            for process in rights {
                try #expect(status(process.pid).contains("CapBnd:\t0000000000000000"))
                let open = try listFolder("/proc/\(process.pid)/fd").sorted()
                #expect(open == ["0", "1", "2", "3"])
            }
            for process in server.spawners where !rights.contains(process) {
                try #expect(status(process.pid).contains("CapPrm:\t0000000000000000"))
            }
            try #expect(status(server.pid).contains("CapPrm:\t0000000000000000"))
        }
    }

    @Test func `no keeper where nobody needs one`() async throws {
        try await withScripts(["x": page("id -un")], site: "cgi_user = www-data", server: "user = www-data") {
            server in
            #expect(server.keeper == nil)
            try #expect(server.get("/cgi-bin/x").text == "www-data\n")
        }
    }

    @Test func `files belong to the user, and the streams can be opened by name`() async throws {
        let script = page(
            """
            echo new >../data/file
            cat /dev/stdin
            echo out >/dev/stdout
            echo err >/dev/stderr
            """)
        try await withScripts(
            ["x": script], site: "cgi_user = nobody", server: "user = www-data",
            prepare: { try $0.makeFolder("data", mode: 0o777) }
        ) { server in
            try #expect(server.post("/cgi-bin/x", "in ").text == "in out\n")
            let long = "x".times(100_000)
            try #expect(server.post("/cgi-bin/x", long).text == "\(long)out\n")
            _ = try server.waitForError(containing: "stderr: err")
            var status = stat()
            try #require(stat(server.folder.path("data/file"), &status) == 0)
            #expect(status.st_uid == getpwnam("nobody")?.pointee.pw_uid)
            #expect(status.st_gid == getpwnam("nobody")?.pointee.pw_gid)
        }
    }

    @Test func `an environment that is large, and one that is too large`() async throws {
        let long = "x".times(30_000)
        let settings = (0..<4).map { "cgi_env = V\($0)=\(long)" }.joined(separator: "\n")
        let more =
            "[location default /cgi-bin/y]\ncgi_env = V4=\(long)\ncgi_env = V5=\(long)\ncgi_env = V6=\(long)"
        try await withScripts(
            ["x": page("echo ${#HTTP_X_LONG} ${#V3}"), "y": page("true")],
            site: "cgi_user = nobody\n\(settings)",
            server: "user = www-data", more: more
        ) { server in
            try #expect(server.get("/cgi-bin/x", headers: ["X-Long": long]).text == "30000 30000\n")
            try #expect(server.get("/cgi-bin/y").status == 500)
            _ = try server.waitForError(containing: "too much for one environment")
        }
    }

    // MARK: Ends

    /// The script, a child in its group, and two that have left it, of which one has lost its environment, too.
    private static let family = shell(
        """
        setsid sh -c 'echo $$ >>../data/pids; exec sleep 1000' >/dev/null 2>&1 </dev/null &
        setsid -f env -i sh -c 'echo $$ >>../data/pids; exec sleep 1000' >/dev/null 2>&1 </dev/null &
        sh -c 'echo $$ >>../data/pids; exec sleep 1000' &
        echo $$ >>../data/pids
        wait
        """)

    private static func withFamily(
        site: String = "", _ body: @escaping @Sendable (ServerProcess) throws -> Void
    ) async throws {
        try await withScripts(
            ["x": family], site: "cgi_user = nobody\n\(site)", server: "user = www-data",
            prepare: { try $0.makeFolder("data", mode: 0o777) }, test: body)
    }

    private static func processes(_ server: ServerProcess, _ count: Int = 4) throws -> [RunningProcess] {
        var found: [RunningProcess] = []
        _ = eventually {
            let text = (try? server.folder.read("data/pids")) ?? ""
            found = text.split(separator: "\n").compactMap { pid_t($0).flatMap { RunningProcess($0) } }
            return found.count == count
        }
        guard found.count == count else { throw TestFailure("\(found.count) of \(count) processes") }
        return found
    }

    @Test func `a time-out ends the script, its children and what has left the group`() async throws {
        try await Self.withFamily(site: "cgi_timeout = 3s") { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let family = try Self.processes(server)
            try #expect(client.readResponse().status == 504)
            expectEnd(of: family)
        }
    }

    @Test func `what has left the group gets TERM first, and KILL after the grace`() async throws {
        let script = shell(
            """
            setsid -f env -i ./polite >/dev/null 2>&1 </dev/null
            setsid -f env -i ./deaf >/dev/null 2>&1 </dev/null
            exec sleep 1000
            """)
        let polite = """
            trap 'sh -c "sleep 0.5; echo >../data/goodbye"; exit' TERM
            echo $$ >>../data/pids
            while :; do sleep 0.05; done
            """
        let deaf = "trap '' TERM; echo $$ >>../data/pids; while :; do sleep 0.05; done"
        try await withScripts(
            ["x": script, "polite": shell(polite), "deaf": shell(deaf)],
            site: "cgi_user = nobody\ncgi_timeout = 3s\ncgi_kill_grace = 5s", server: "user = www-data",
            prepare: { try $0.makeFolder("data", mode: 0o777) }
        ) { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let left = try Self.processes(server, 2)
            try #expect(client.readResponse().status == 504)
            let seconds = try seconds { expectEnd(of: left) }
            #expect(seconds > 2)
            #expect(server.folder.exists("data/goodbye"))
        }
    }

    @Test func `so does a visitor who leaves`() async throws {
        try await Self.withFamily { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let family = try Self.processes(server)
            client.close()
            expectEnd(of: family)
        }
    }

    @Test func `so does the server's end`() async throws {
        try await Self.withFamily { server in
            let client = try server.connect()
            try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\n\r\n")
            let family = try Self.processes(server)
            // A second request to stop has it stop at once.
            kill(server.pid, SIGTERM)
            try server.stop(checkDescriptors: false)
            expectEnd(of: family)
        }
    }

    @Test func `one that heeds no TERM is killed`() async throws {
        let script = shell("trap '' TERM\necho $$ >../data/pids\nwhile :; do sleep 0.1; done")
        try await withScripts(
            ["x": script], site: "cgi_user = nobody\ncgi_timeout = 2s\ncgi_kill_grace = 500ms",
            server: "user = www-data", prepare: { try $0.makeFolder("data", mode: 0o777) }
        ) { server in
            try #expect(server.get("/cgi-bin/x").status == 504)
            let pid = try #require(pid_t(server.folder.read("data/pids").dropLast()))
            #expect(eventually { RunningProcess(pid)?.isRunning != true })
        }
    }

    // MARK: Lost helpers

    @Test func `a spawner that is lost is replaced, though the server could not`() async throws {
        try await withScripts(["x": page("id -un")], site: "cgi_user = nobody", server: "user = www-data") {
            server in
            #expect(eventually { server.spawners.count == 4 })
            let first = try #require(server.spawners.first)
            for spawner in server.spawners { kill(spawner.pid, SIGKILL) }
            _ = try server.waitForError(containing: "another one will be started", count: 4)
            let replaced = try eventually {
                let response = try server.get("/cgi-bin/x")
                guard response.text == "nobody\n" else { throw TestFailure("no script but \(response)") }
                return server.spawners.count >= 4
            }
            #expect(replaced)
            #expect(!server.spawners.contains(first))
            #expect(eventually { server.children.isEmpty })
            // A new one that was slow to come on a busy machine has another one beside it.
            try server.stop(checkDescriptors: false)
        }
    }

    @Test func `one that never came to its start is ended as its user when it does`() async throws {
        let script = shell("echo $$ >../data/pids; trap '' TERM; while :; do sleep 0.1; done")
        try await withScripts(
            ["x": script, "y": page("id -un")],
            site: "cgi_user = nobody\ncgi_timeout = 2s\ncgi_kill_grace = 2s", server: "user = www-data",
            prepare: { try $0.makeFolder("data", mode: 0o777) }
        ) { server in
            let held = server.holdSpawners()
            try #expect(server.get("/cgi-bin/x").status == 504)
            for spawner in held { kill(spawner.pid, SIGCONT) }
            #expect(eventually { server.children.isEmpty })
            try #expect(server.get("/cgi-bin/y").text == "nobody\n")
            try server.stop(checkDescriptors: false)
        }
    }

    @Test func `a start that was lost with its spawner is made by another one`() async throws {
        try await withScripts(
            ["x": page("id -un")], site: "cgi_user = nobody", server: "user = www-data"
        ) { server in
            let held = server.holdSpawners()
            let client = try server.askForHeldScript()
            for spawner in held { kill(spawner.pid, SIGKILL) }
            try #expect(client.readResponse().text == "nobody\n")
            #expect(eventually { server.children.isEmpty })
            try server.stop(checkDescriptors: false)
        }
    }

    /// Its end is not noticed yet when it is given the next plan.
    @Test func `nor is a request lost that comes right behind a spawner's end`() async throws {
        try await withScripts(["x": page("id -un")], site: "cgi_user = nobody", server: "user = www-data") {
            server in
            #expect(eventually { server.spawners.count == 4 })
            let client = try server.connect()
            for _ in 1...30 {
                server.halt()
                try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: h\r\n\r\n")
                for spawner in server.spawners { kill(spawner.pid, SIGKILL) }
                kill(server.pid, SIGCONT)
                try #expect(client.readResponse().text == "nobody\n")
            }
            try server.stop(checkDescriptors: false)
        }
    }

    @Test func `who waits for a start that nobody is left to make is told`() async throws {
        try await withScripts(
            ["x": page("id -un")], site: "cgi_user = nobody", server: "user = www-data"
        ) { server in
            let held = server.holdSpawners()
            let client = try server.askForHeldScript()
            kill(try #require(server.keeper).pid, SIGKILL)
            #expect(eventually { server.keeper == nil })
            for spawner in held { kill(spawner.pid, SIGKILL) }
            try #expect(client.readResponse().status == 503)
            _ = try server.waitForError(containing: "(gh-keeper) has ended")
            try server.stop(checkDescriptors: false)
        }
    }

    @Test func `without a keeper nothing is started that nobody could end`() async throws {
        let more = "[location default /cgi-bin/own]\ncgi_user = none"
        try await withScripts(
            ["x": page("true"), "own": page("id -un")], site: "cgi_user = nobody\ncgi_errors_to = none",
            server: "user = www-data", more: more
        ) { server in
            kill(try #require(server.keeper).pid, SIGKILL)
            #expect(eventually { server.keeper == nil })
            let response = try server.get("/cgi-bin/x")
            #expect(response.status == 503)
            #expect(!response.text.contains("nobody"))
            _ = try server.waitForError(containing: "runs scripts as nobody (gh-keeper) has ended")
            try #expect(server.get("/cgi-bin/own").text == "www-data\n")
        }
    }

    @Test func `spawners that are held up hold up nobody who comes later`() async throws {
        try await withScripts(
            ["x": page("id -un")], site: "cgi_user = nobody", server: "user = www-data"
        ) { server in
            let held = server.holdSpawners()
            let stuck = try (0..<2).map { _ in
                let client = try server.connect()
                try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return client
            }
            // Those that were asked in time wait; somebody who comes after that does not.
            let answered = try eventually {
                let client = try server.connect()
                try client.send("GET /cgi-bin/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return (try? client.readResponse(within: 0.5).text) == "nobody\n"
            }
            #expect(answered)
            for spawner in held { kill(spawner.pid, SIGCONT) }
            for client in stuck { try #expect(client.readResponse().text == "nobody\n") }
            // Those that were made meanwhile stay.
            try server.stop(checkDescriptors: false)
        }
    }

    // MARK: Diagnosis

    /// The folder is open to the server and closed to the script's user.
    @Test func `a folder that the script's user cannot enter`() async throws {
        try await withScripts(
            ["x": page("true")], site: "cgi_user = nobody", server: "user = www-data",
            prepare: { folder in
                let group = getpwnam("www-data")?.pointee.pw_gid ?? 0
                chown(folder.path("cgi-bin"), 0, group)
                chmod(folder.path("cgi-bin"), 0o750)
            }
        ) { server in
            try #expect(server.get("/cgi-bin/x").status == 403)
            let line = try server.waitForError(containing: "cannot be entered by nobody")
            #expect(line.contains("cgi-bin (mode 0750, owner root)"))
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", server.configuration])
            #expect(check.status == 1)
            #expect(check.stderr.contains("cannot be entered by nobody"))
        }
    }

    @Test func `check warns where others can change what runs`() async throws {
        try await withScripts(
            ["x": page("true"), "y": page("true"), "z": page("true")], site: "cgi_user = nobody",
            prepare: { folder in
                chmod(folder.path("cgi-bin/x"), 0o777)
                chown(folder.path("cgi-bin/y"), getpwnam("daemon")?.pointee.pw_uid ?? 0, 0)
                chown(folder.path("cgi-bin/z"), getpwnam("nobody")?.pointee.pw_uid ?? 0, 0)
            }
        ) { server in
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", server.configuration])
            #expect(check.status == 0)
            let lines = check.stderr.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(
                lines.contains {
                    $0.contains("server.ini:") && $0.contains(": warning: ")
                        && $0.contains("cgi-bin/x (mode 0777")
                })
            #expect(
                lines.contains {
                    $0.contains("cgi-bin/y") && $0.contains("belongs to neither nobody nor root")
                })
        }
    }

    @Test func `doctor runs it as that user, and says whom`() async throws {
        try await withScripts(["x": page("id -un")], site: "cgi_user = nobody", server: "user = www-data") {
            server in
            let doctor = try runCommand([
                ServerProcess.builtExecutable, "doctor", "-c", server.configuration, "/cgi-bin/x",
            ])
            #expect(doctor.status == 0)
            #expect(doctor.stdout.contains("user         nobody\n"))
            #expect(doctor.stdout.contains("    nobody\n"))
            #expect(doctor.stdout.contains("cgi_no_new_privs"))
        }
    }

    // MARK: Without root

    /// Whether another user can run the server that is tested.
    private static let othersCanRun =
        (try? runCommand(asDaemon(["version"])).status) == 0

    private static func asDaemon(_ words: [String]) -> [String] {
        [
            "setpriv", "--reuid", "daemon", "--regid", "daemon", "--clear-groups",
            ServerProcess.builtExecutable,
        ]
            + words
    }

    @Test(.enabled(if: othersCanRun, "the executable lies where others cannot get to it"))
    func `a server that is not root says what it lacks`() async throws {
        try await withScripts(["x": page("id -un")], site: "cgi_user = nobody") { server in
            let other = try server.folder.write(
                "other.ini",
                "[server]\nlisten = 127.0.0.1:0\n[site default]\ncgi = /cgi-bin/ cgi-bin\ncgi_user = nobody\n"
            )
            let run = try runCommand(Self.asDaemon(["run", "-c", other]))
            #expect(run.status == 1)
            #expect(
                run.stderr.contains("other.ini:5: cgi_user = nobody needs a server that is started as root"))
            let doctor = try runCommand(Self.asDaemon(["doctor", "-c", other, "/cgi-bin/x"]))
            #expect(doctor.status == 0)
            #expect(doctor.stdout.contains("    daemon\n"))
            #expect(doctor.stdout.contains("only root can become nobody: the script runs as daemon"))
            try server.folder.write(
                "own.ini",
                "[server]\nlisten = 127.0.0.1:0\n[site default]\ncgi = /cgi-bin/ cgi-bin\ncgi_user = daemon\n"
            )
            let own = try runCommand(
                Self.asDaemon(["doctor", "-c", server.folder.path("own.ini"), "/cgi-bin/x"]))
            #expect(own.stdout.contains("user         daemon\n"))
            #expect(!own.stdout.contains("only root"))
        }
    }
}
