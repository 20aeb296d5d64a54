import Glibc
import TestSupport
import Testing

/// What systemd and the server say to each other: sockets handed over, and the messages of sd_notify(3).
@Suite(.timeLimit(.minutes(5)), .enabled(if: commandExists("python3")))
struct SystemdTests {
    /// Opens the sockets named in the file `sockets`, prints their ports to `ports`, and becomes the server.
    private static let manager = #"""
        #!/usr/bin/env python3
        import os, socket, sys
        os.chdir(os.path.dirname(os.path.abspath(__file__)))
        held = []
        for line in open("sockets").read().split("\n"):
            if not line: continue
            kind, *words = line.split()
            if kind == "unix":
                s = socket.socket(socket.AF_UNIX); s.bind(os.path.abspath(words[0])); s.listen()
            elif kind == "both":
                s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                s.bind(("::", 0)); s.listen()
            elif kind == "again":
                s = socket.socket(fileno=os.dup(held[0].fileno()))
            elif kind == "datagram":
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0))
            else:
                s = socket.socket(); s.bind((kind, 0)); s.listen()
            # Out of the way of the numbers that are handed over.
            import fcntl
            held.append(socket.socket(fileno=fcntl.fcntl(s.detach(), fcntl.F_DUPFD, 50)))
        text = open("template.ini").read()
        for number, s in enumerate(held):
            name = s.getsockname()
            if not isinstance(name, str): text = text.replace("PORT%d" % number, str(name[1]))
            os.dup2(s.fileno(), 3 + number)
        with open("server.ini", "w") as f: f.write(text)
        os.environ["LISTEN_FDS"] = str(len(held))
        os.environ["LISTEN_PID"] = str(os.getpid() + int(os.environ.get("ADD", "0")))
        os.environ["LISTEN_FDNAMES"] = "web"
        os.execv(os.environ["GATEHOUSE"], [os.environ["GATEHOUSE"]] + sys.argv[1:])
        """#

    private static let files = [
        "www/a.txt": "Some text\n",
        "cgi-bin/env": "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nenv\nls -l /proc/self/fd\n",
    ]

    private static func folder(_ sockets: [String], _ listen: [String]) throws -> (ScratchFolder, ini: String)
    {
        let folder = try ScratchFolder()
        for (name, text) in files { try folder.script(name, text) }
        try folder.script("manager", manager)
        try folder.write("sockets", sockets.joined(separator: "\n"))
        let lines = listen.map { "listen = \($0)\n" }.joined()
        let ini = """
            [server]
            threads = 3
            \(lines)
            [site default]
            root = www
            cgi = /cgi-bin/ cgi-bin/
            """
        try folder.write("template.ini", ini)
        return (folder, ini)
    }

    private static func start(_ sockets: [String], _ listen: [String], listeners: Int? = nil) throws
        -> ServerProcess
    {
        let (folder, ini) = try folder(sockets, listen)
        return try ServerProcess(
            ini: ini, in: folder, listenerCount: listeners,
            environment: ["GATEHOUSE": ServerProcess.builtExecutable], executable: folder.path("manager"))
    }

    private static func refusal(_ sockets: [String], _ listen: [String]) throws -> CommandResult {
        let (folder, _) = try folder(sockets, listen)
        return try runCommand(
            [folder.path("manager"), "run", "-c", folder.path("server.ini")],
            environment: ["GATEHOUSE": ServerProcess.builtExecutable])
    }

    @Test func `sockets are taken over`() async throws {
        try await blocking {
            let server = try Self.start(
                ["127.0.0.1", "unix web.socket", "127.0.0.2"],
                ["unix:web.socket", "127.0.0.2:PORT2", "127.0.0.1:0", "127.0.0.1:PORT0"])
            #expect(server.listeners.count == 4)
            for listener in 0..<4 {
                // Each of the loops gets some.
                for _ in 1...6 { try #expect(server.get("/a.txt", listener: listener).status == 200) }
            }
            let page = try server.get("/cgi-bin/env").text
            #expect(page.contains("GATEWAY_INTERFACE=") && !page.contains("LISTEN_"), "\(page)")
            // Standard streams and what ls opens itself.
            #expect(page.split(separator: "\n").count { $0.contains(" -> ") } == 4, "\(page)")
            try server.stop()
            // It is the manager's, who hands it to the next one.
            #expect(server.folder.exists("web.socket"))
        }
    }

    @Test(.enabled(if: access("/proc/net/if_inet6", F_OK) == 0))
    func `one socket for both families`() async throws {
        try await blocking {
            let server = try Self.start(["both"], ["*:PORT0"])
            #expect(server.listeners.map(\.description) == ["http://[::]:\(server.port())"])
            for host in ["127.0.0.1", "[::1]"] {
                let result = try runCommand(["curl", "-sS", "-g", "http://\(host):\(server.port())/a.txt"])
                #expect(result.stdout == "Some text\n", "\(host): \(result.stderr)")
            }
            _ = try server.waitForLog(containing: "127.0.0.1 - - ")
            try server.stop()
        }
    }

    @Test func `a socket that comes twice`() async throws {
        try await blocking {
            let server = try Self.start(["127.0.0.1", "again"], ["127.0.0.1:PORT0"])
            _ = try server.waitForError(containing: "more than once")
            try #expect(server.get("/a.txt").status == 200)
            try server.stop()
        }
    }

    @Test func `sockets that do not fit`() async throws {
        try await blocking {
            let stray = try Self.refusal(["127.0.0.1", "127.0.0.2"], ["127.0.0.1:PORT0"])
            #expect(stray.status == 1)
            #expect(
                stray.stderr.contains("has opened 127.0.0.2:") && stray.stderr.contains("no `listen`"),
                "\(stray.stderr)")
            let datagram = try Self.refusal(["datagram"], ["127.0.0.1:PORT0"])
            #expect(datagram.status == 1)
            #expect(datagram.stderr.contains("no listening stream socket"), "\(datagram.stderr)")
        }
    }

    /// Then the descriptors are somebody else's.
    @Test func `variables for another process`() async throws {
        try await blocking {
            let (folder, ini) = try Self.folder(["127.0.0.1"], ["127.0.0.1:0"])
            let server = try ServerProcess(
                ini: ini, in: folder, environment: ["GATEHOUSE": ServerProcess.builtExecutable, "ADD": "1"],
                executable: folder.path("manager"))
            try #expect(server.get("/a.txt").status == 200)
            try #expect(!server.get("/cgi-bin/env").text.contains("LISTEN_PID"))
            try server.stop()
        }
    }

    @Test(arguments: ["path", "abstract"]) func `ready and stopping are told`(_ kind: String) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            for (name, text) in Self.files { try folder.script(name, text) }
            let name = kind == "path" ? folder.path("notify") : "@gatehouse-test-\(getpid())-\(folder.path)"
            try folder.script(
                "listen",
                """
                #!/usr/bin/env python3
                import socket, sys
                s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                s.bind(sys.argv[1].replace("@", chr(0)))
                print("bound", flush=True)
                while True: print(s.recv(1000).decode().replace(chr(10), " "), flush=True)
                """)
            let listener = try ChildProcess([folder.path("listen"), name])
            #expect(listener.stdout.waitForLines(until: .after(20)) { $0 == "bound" }.count == 1)
            let server = try ServerProcess(
                ini: "[server]\nlisten = 127.0.0.1:0\n[site default]\nroot = www\ncgi = /cgi-bin/ cgi-bin/\n",
                in: folder, environment: ["NOTIFY_SOCKET": name])
            let ready = "READY=1 MAINPID=\(server.pid)"
            #expect(listener.stdout.waitForLines(until: .after(20)) { $0 == ready }.count == 1)
            try #expect(!server.get("/cgi-bin/env").text.contains("NOTIFY_SOCKET"))
            #expect(!listener.stdout.text.contains("STOPPING"))
            try server.stop()
            #expect(listener.stdout.waitForLines(until: .after(20)) { $0 == "STOPPING=1" }.count == 1)
            listener.kill()
        }
    }
}
