import Glibc
import TestSupport
import Testing

/// The server as the first process of a container.
@Suite(
    .timeLimit(.minutes(5)),
    .enabled(if: Machine.hasNamespaces, "this machine does not let us have process 1"))
struct ProcessOneTests {
    private static let files = [
        "www/a.txt": "Some text\n",
        "cgi-bin/orphan": """
        #!/bin/sh
        setsid -f sleep 1000 </dev/null >/dev/null 2>&1
        printf 'Content-Type: text/plain\\n\\n'
        """,
        // Says that it has begun, and ends when there is a file `go`.
        "cgi-bin/wait": """
        #!/bin/sh
        printf 'Content-Type: text/plain\\n\\nbegun\\n'
        while ! [ -e ../go ]; do sleep 0.02; done
        echo ended
        """,
    ]

    /// A server in a container of its own, its process 1, and the server itself as the machine numbers them.
    private struct Contained {
        let container: ServerProcess
        let first: RunningProcess
        let server: RunningProcess

        /// The server's number in its container.
        func number() throws -> String {
            let text = try readText("/proc/\(server.pid)/status")
            return text.firstMatch(of: #/NSpid:\s+\d+\s+(\d+)/#).map { String($0.1) } ?? text
        }
    }

    private static func children(_ pid: pid_t) -> [RunningProcess] {
        RunningProcess.all.filter { $0.parent == pid }
    }

    /// `wrapper`: what the command of the container is put behind.
    private static func start(server: String = "", wrapper: String = "") throws -> Contained {
        let folder = try ScratchFolder()
        for (name, text) in files { try folder.script(name, text) }
        let path = try folder.script(
            "container",
            "#!/bin/sh\nexec unshare -pf --mount-proc --kill-child \(wrapper) \(ServerProcess.builtExecutable) \"$@\"\n"
        )
        let ini = """
            [server]
            listen = 127.0.0.1:0
            threads = 2
            pid_file = run.pid
            \(server)
            [site default]
            root = www
            cgi = /cgi-bin/ cgi-bin
            access_log = access.log
            """
        // Swift's own handler of QUIT shows where the program is.
        let container = try ServerProcess(
            ini: ini, in: folder, environment: ["SWIFT_BACKTRACE": "enable=no"], executable: path)
        let first = try #require(children(container.pid).first)
        let server = try #require(children(first.pid).first { $0.name.hasPrefix("gatehouse") })
        return Contained(container: container, first: first, server: server)
    }

    private static func expectEnd(_ server: ServerProcess, _ status: CInt) throws {
        let exit = try server.waitForExit()
        #expect(exit == .status(status))
    }

    @Test func `what scripts leave behind is no zombie`() async throws {
        try await blocking {
            let all = try Self.start()
            #expect(all.first.name == "gh-init")
            for _ in 1...3 { try #expect(all.container.get("/cgi-bin/orphan").status == 200) }
            var orphans: [RunningProcess] = []
            #expect(
                eventually {
                    orphans = Self.children(all.first.pid).filter { $0.name == "sleep" }
                    return orphans.count == 3
                })
            for orphan in orphans { kill(orphan.pid, SIGKILL) }
            #expect(eventually { Self.children(all.first.pid).allSatisfy { !orphans.contains($0) } })
            #expect(Self.children(all.first.pid).contains(all.server))
            kill(all.first.pid, SIGTERM)
            try Self.expectEnd(all.container, 0)
            try all.container.stop()
        }
    }

    @Test(arguments: [SIGTERM, SIGINT]) func `signals reach the server`(_ signal: CInt) async throws {
        try await blocking {
            let all = try Self.start()
            let server = all.container
            try #expect(server.folder.read("run.pid") == "\(all.number())\n")
            kill(all.first.pid, SIGHUP)
            _ = try server.waitForError(containing: "HUP")
            kill(all.first.pid, SIGUSR2)
            _ = try server.waitForError(containing: "USR2")
            rename(server.folder.path("access.log"), server.folder.path("old.log"))
            kill(all.first.pid, SIGUSR1)
            #expect(eventually { server.folder.exists("access.log") })
            let client = try server.connect()
            try client.send("GET /cgi-bin/wait HTTP/1.1\r\nHost: h\r\n\r\n")
            let begun = try client.read { $0.contains("begun".utf8) }
            kill(all.first.pid, signal)
            #expect(eventually { (try? server.connect()) == nil })
            try server.folder.write("go", "")
            let answer = try begun + client.readToEnd()
            #expect(answer.contains("ended".utf8))
            try Self.expectEnd(server, 0)
            #expect(!server.folder.exists("run.pid"))
            try server.stop()
        }
    }

    @Test func `it is found by its pid_file`() async throws {
        try await blocking {
            let all = try Self.start()
            let stop = try runCommand([
                "nsenter", "-t", "\(all.first.pid)", "-p", "-m", ServerProcess.builtExecutable, "stop", "-c",
                all.container.configuration,
            ])
            // It waits for the server's end, with which all that is in the container is killed.
            #expect([0, 128 + SIGKILL].contains(stop.status), "\(stop.stderr)")
            try Self.expectEnd(all.container, 0)
            try all.container.stop()
        }
    }

    @Test(arguments: [SIGKILL, SIGQUIT]) func `the server's end is the container's`(_ signal: CInt)
        async throws
    {
        try await blocking {
            let all = try Self.start()
            kill(signal == SIGQUIT ? all.first.pid : all.server.pid, signal)
            try Self.expectEnd(all.container, 128 + signal)
            try all.container.stop()
        }
    }

    /// As socket activation in a container numbers processes.
    @Test(.enabled(if: commandExists("python3"))) func `sockets for process 1 are the server's`() async throws
    {
        let manager = #"""
            import os, socket, sys
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
            port = s.getsockname()[1]
            text = open("server.ini").read().replace("PORT", str(port))
            with open("server.ini", "w") as f: f.write(text)
            os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
            os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
            os.execv(sys.argv[1], sys.argv[1:])
            """#
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.write("www/a.txt", "Some text")
            try folder.write("manager.py", manager)
            let path = try folder.script(
                "container",
                "#!/bin/sh\nexec unshare -pf --mount-proc --kill-child python3 manager.py \(ServerProcess.builtExecutable) \"$@\"\n"
            )
            // Without LISTEN_PID it could not listen there.
            let server = try ServerProcess(
                ini: "[server]\nlisten = 127.0.0.1:PORT\n[site a]\nroot = www\n", in: folder,
                executable: path)
            try #expect(server.get("/a.txt").text == "Some text")
            let first = try #require(Self.children(server.pid).first)
            kill(first.pid, SIGTERM)
            try Self.expectEnd(server, 0)
            try server.stop()
        }
    }

    @Test func `a start that fails`() async throws {
        try await blocking {
            let result = try runCommand([
                "unshare", "-pf", "--mount-proc", ServerProcess.builtExecutable, "run", "-c", "/none.ini",
            ])
            #expect(result.status == 1)
            #expect(result.stderr.contains("/none.ini"), "\(result.stderr)")
        }
    }

    /// Root without CAP_KILL may not signal a server that has become another user.
    @Test func `signals reach a server that is another user`() async throws {
        try await blocking {
            let all = try Self.start(server: "user = nobody", wrapper: "setpriv --bounding-set -kill")
            kill(all.first.pid, SIGTERM)
            try Self.expectEnd(all.container, 0)
            try all.container.stop()
        }
    }

    /// A terminal's ^C is for the whole process group. A second INT would cut the answer.
    @Test(.enabled(if: commandExists("python3"))) func `a key is no second signal`() async throws {
        let terminal = #"""
            import os, pty, select, sys
            os.mkfifo("press")
            press = os.open("press", os.O_RDWR)
            pid, terminal = pty.fork()
            if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
            while True:
                ready, _, _ = select.select([press, terminal], [], [])
                if press in ready:
                    os.read(press, 1)
                    os.write(terminal, b"\x03")
                if terminal in ready:
                    try: data = os.read(terminal, 4096)
                    except OSError: break
                    if not data: break
                    os.write(2, data.replace(b"\r", b""))
            status = os.waitpid(pid, 0)[1]
            sys.exit(os.waitstatus_to_exitcode(status))
            """#
        try await blocking {
            let folder = try ScratchFolder()
            for (name, text) in Self.files { try folder.script(name, text) }
            try folder.write("terminal.py", terminal)
            let path = try folder.script(
                "container",
                "#!/bin/sh\nexec python3 terminal.py unshare -pf --mount-proc --kill-child \(ServerProcess.builtExecutable) \"$@\"\n"
            )
            let server = try ServerProcess(
                ini: "[server]\nlisten = 127.0.0.1:0\n[site a]\nroot = www\ncgi = /cgi-bin/ cgi-bin\n",
                in: folder, executable: path)
            let client = try server.connect()
            try client.send("GET /cgi-bin/wait HTTP/1.1\r\nHost: h\r\n\r\n")
            let begun = try client.read { $0.contains("begun".utf8) }
            try folder.write("press", "x")
            #expect(eventually { (try? server.connect()) == nil })
            try folder.write("go", "")
            let answer = try begun + client.readToEnd()
            #expect(answer.contains("ended".utf8))
            try Self.expectEnd(server, 0)
            try server.stop()
        }
    }
}
