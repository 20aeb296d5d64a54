import Glibc
import TestSupport
import Testing

/// Where logs go: files that are rotated, pipes that nobody reads, the log daemon.
@Suite(.timeLimit(.minutes(5))) struct LogTargetTests {
    private static let files = ["www/a.txt": "Some text\n"]

    // MARK: Pipes

    @Test func `a pipe that nobody reads holds up neither start nor end`() async throws {
        let ini = """
            [server]
            listen = 127.0.0.1:0
            [site default]
            root = www
            access_log = pipe
            """
        try await withServer(
            ini: ini, files: Self.files, prepare: { mkfifo($0.path("pipe"), 0o644) }
        ) { server in
            // More than the pipe takes, by far.
            let client = try server.connect()
            for _ in 1...100 {
                try client.send(
                    "GET /a.txt HTTP/1.1\r\nHost: h\r\nUser-Agent: \(String(repeating: "x", count: 4000))\r\n\r\n"
                )
                #expect(try client.readResponse().status == 200)
            }
            client.close()
            server.send(SIGTERM)
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
            let line = try server.waitForError(containing: "are given up")
            #expect(line.contains("/pipe takes no more"), "\(line)")
        }
    }

    @Test func `a pipe that nobody reads keeps no other log waiting`() async throws {
        try await withServer(
            site: "access_log = pipe\nlog_format = combined",
            more: "[site other]\nroot = other\naccess_log = other.log",
            files: Self.files.merging(["other/a.txt": "text"]) { a, _ in a },
            prepare: { mkfifo($0.path("pipe"), 0o644) }
        ) { server in
            let filler = String(repeating: "x", count: 4000)
            for _ in 1...30 {
                let reply = try server.request(
                    "GET", "/a.txt", headers: ["Host": "h", "User-Agent": filler])
                #expect(reply.status == 200)
            }
            try #expect(server.request("GET", "/a.txt?other", headers: ["Host": "other"]).status == 200)
            _ = try server.folder.waitForLine(in: "other.log", containing: "?other")
        }
    }

    // MARK: Rotation

    /// As logrotate does it: `create 0640 nobody` in a folder that is root's.
    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `rotation with the logs in a folder of root's`() async throws {
        let nobody = try #require(getpwnam("nobody")).pointee.pw_uid
        try await withServer(
            site: "access_log = logs/access.log", server: "user = nobody", files: Self.files,
            prepare: { try $0.makeFolder("logs") }
        ) { server in
            let log = server.folder.path("logs/access.log")
            var status = stat()
            #expect(stat(log, &status) == 0 && status.st_uid == nobody && status.st_mode & 0o777 == 0o640)
            // The file belongs to the server, so it can be opened again.
            server.send(SIGUSR1)
            _ = try server.waitForError(containing: "logs reopened")
            // Moved away, with nothing in its place.
            rename(log, log + ".1")
            server.send(SIGUSR1)
            let line = try server.waitForError(containing: "cannot reopen")
            #expect(line.contains("logs/access.log, the old one stays in use: Permission denied"), "\(line)")
            #expect(line.contains("runs as nobody") && line.contains("create 0640 nobody"), "\(line)")
            try #expect(server.get("/a.txt?1").status == 200)
            _ = try server.folder.waitForLine(in: "logs/access.log.1", containing: "?1")
            // There, but somebody else's.
            try server.folder.write("logs/access.log", "", mode: 0o640)
            server.send(SIGUSR1)
            let other = try server.waitForError(containing: "chown nobody")
            #expect(other.contains("chown nobody \(log)"), "\(other)")
            // As logrotate leaves it.
            chown(log, nobody, .max)
            server.send(SIGUSR1)
            _ = eventually { server.process.stderr.lines.count { $0.contains("logs reopened") } == 2 }
            try #expect(server.get("/a.txt?2").status == 200)
            _ = try server.folder.waitForLine(in: "logs/access.log", containing: "?2")
        }
    }

    /// Else a user could have files of root's given to him.
    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a file that was there is not given away`() async throws {
        try await withServer(
            site: "access_log = access.log", server: "user = nobody", files: Self.files,
            prepare: {
                try $0.write("precious", "")
                try $0.link("access.log", to: "precious")
            }
        ) { server in
            var status = stat()
            #expect(stat(server.folder.path("precious"), &status) == 0 && status.st_uid == 0)
            try #expect(server.get("/a.txt").status == 200)
            _ = try server.folder.waitForLine(in: "precious", containing: "/a.txt")
        }
    }

    // MARK: The log daemon

    /// A log daemon's socket.
    private final class Daemon: Sendable {
        private let raw: CInt
        private let path: String

        init(_ path: String) throws {
            self.path = path
            raw = socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let result = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result < 0 { throw TestFailure("cannot bind \(path): \(errno)") }
        }

        deinit {
            close(raw)
            unlink(path)
        }

        /// The next datagram, nil when none comes in time.
        func next(within milliseconds: CInt = 100) -> String? {
            var state = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
            guard poll(&state, 1, milliseconds) == 1 else { return nil }
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = recv(raw, &buffer, buffer.count, 0)
            return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
        }

        /// Waits for a datagram with `text`.
        func wait(for text: String, meanwhile: () throws -> Void = {}) throws -> String {
            var seen: [String] = []
            let deadline = ContinuousClock.now + .seconds(30)
            while ContinuousClock.now < deadline {
                try meanwhile()
                while let message = next() {
                    if message.contains(text) { return message }
                    seen.append(message)
                }
            }
            throw TestFailure("no message with \"\(text)\" among \(seen)")
        }
    }

    private static let syslog = """
        [server]
        listen = 127.0.0.1:0
        error_log = syslog:log.socket
        [site default]
        root = www
        cgi = /cgi-bin/ cgi-bin/
        access_log = syslog:log.socket
        log_format = "%m %U"
        """

    @Test func `lines for the log daemon`() async throws {
        let files = Self.files.merging(["cgi-bin/bad": "#!/bin/sh\necho first >&2\necho second >&2\n"]) {
            a, _ in a
        }
        try await blocking {
            let folder = try ScratchFolder()
            for (name, text) in files { try folder.script(name, text) }
            let daemon = try Daemon(folder.path("log.socket"))
            let server = try ServerProcess(ini: Self.syslog, in: folder)
            try #expect(server.get("/a.txt").status == 200)
            let access = try daemon.wait(for: "/a.txt")
            // Facility 3, severity 6.
            let form = #/<30>[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d gatehouse\[(\d+)\]: GET /a\.txt/#
            let match = try #require(access.wholeMatch(of: form), "\(access)")
            #expect(match.1 == "\(server.pid)")
            try #expect(server.get("/cgi-bin/bad").status == 500)
            for text in ["stderr: first", "stderr: second"] {
                let message = try daemon.wait(for: text)
                #expect(message.hasPrefix("<27>"), "\(message)")
                // The daemon has the time and the level.
                #expect(message.contains("]: site=default script=/cgi-bin/bad pid="), "\(message)")
            }
            server.send(SIGHUP)
            #expect(try daemon.wait(for: "HUP").hasPrefix("<28>"))
            server.send(SIGUSR1)
            #expect(try daemon.wait(for: "logs reopened").hasPrefix("<30>"))
            try server.stop()
        }
    }

    @Test func `a log daemon that comes and goes`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            for (name, text) in Self.files { try folder.write(name, text) }
            try folder.makeFolder("cgi-bin")
            let server = try ServerProcess(ini: Self.syslog, in: folder)
            let warning = try server.waitForError(containing: "cannot send log lines")
            #expect(warning.contains("log.socket: No such file"), "\(warning)")
            try #expect(server.get("/a.txt?lost").status == 200)
            for round in 1...2 {
                let daemon = try Daemon(folder.path("log.socket"))
                if round == 1 {
                    let lost = try daemon.wait(for: "could not be sent") {
                        try #expect(server.get("/a.txt").status == 200)
                    }
                    #expect(lost.hasPrefix("<28>"), "\(lost)")
                }
                let message = try daemon.wait(for: "GET /a.txt") {
                    try #expect(server.get("/a.txt").status == 200)
                }
                #expect(message.hasPrefix("<30>"), "\(round)")
                server.restHere()
            }
            try server.stop(checkDescriptors: false)
        }
    }
}
