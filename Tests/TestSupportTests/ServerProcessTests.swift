import Glibc
import TestSupport
import Testing

@Suite(.enabled(if: StandIn.exists, "the stand-in is written in Python"), .timeLimit(.minutes(5)))
struct ServerProcessTests {
    @Test func `requests, logs and a good end`() async throws {
        try await StandIn.run { server in
            let response = try server.get("/a.txt", headers: ["X-A": "1", "X-A": "2"])
            #expect(response.status == 200)
            #expect(response.text == "Hello")
            #expect(response.framing == .length)
            #expect(response["content-TYPE"] == "text/plain")
            #expect(try server.head("/a.txt").body.isEmpty)
            #expect(try server.get("/none").status == 404)
            let chunked = try server.get("/chunks")
            #expect(chunked.text == "onethree")
            #expect(chunked.chunks == [3, 5])
            #expect(try server.waitForLog(containing: "GET /none").contains("404"))
            #expect(try server.waitForLog(containing: "/a.txt", count: 2).count == 2)
            #expect(server.url("/x") == "http://127.0.0.1:\(server.port())/x")
            #expect(server.openDescriptors[1]?.hasPrefix("pipe:") == true)
            #expect(server.children.isEmpty)
            try #expect(server.memoryInUse() > 1_000_000)
        }
    }

    @Test func `several requests on one connection`() async throws {
        try await StandIn.run { server in
            let client = try server.connect()
            for _ in 0..<3 {
                try client.send("GET /a.txt HTTP/1.1\r\nHost: x\r\n\r\n")
                #expect(try client.readResponse().text == "Hello")
            }
            #expect(try client.staysSilent(for: 0.05))
            try client.send("HEAD /a.txt HTTP/1.1\r\n\r\nGET /a.txt HTTP/1.1\r\nConnection: close\r\n\r\n")
            #expect(try client.readResponse(to: "HEAD").framing == .none)
            #expect(try client.readResponse().text == "Hello")
            #expect(try client.expectEnd() == .eof)
        }
    }

    @Test func `commands of others`() async throws {
        try await StandIn.run { server in
            let result = try runCommand(["curl", "-sS", server.url("/a.txt")])
            #expect(result.status == 0)
            #expect(result.stdout == "Hello")
        }
    }

    @Test(arguments: [
        ("exit", "exit status 1"), ("exit", "server.ini:3: unknown key"), ("leak-descriptors", "/dev/null"),
        ("leave-child", "(sleep, "), ("status", "ended with exit status 3"),
        ("alarm", "alarming: Fatal error: Index"),
    ]) func `a server that ends badly fails the test`(_ vice: String, _ complaint: String) async throws {
        let error = try #require(
            await #expect(throws: TestFailure.self) {
                try await StandIn.run(misbehaving: vice) { server in _ = try server.get("/a.txt") }
            })
        #expect(error.description.contains(complaint))
    }

    @Test func `a folder may be kept once by each thread, but not after the server is at rest`() async throws
    {
        try await StandIn.run(misbehaving: "keep-folder") { server in _ = try server.get("/a.txt") }
        let error = try #require(
            await #expect(throws: TestFailure.self) {
                try await StandIn.run(misbehaving: "keep-folder") { server in
                    _ = try server.get("/a.txt")
                    server.restHere()
                    _ = try server.get("/a.txt")
                }
            })
        #expect(error.description.contains("/www (1 more)"))
    }

    @Test func `a server that crashes fails the test, and its words are shown`() async throws {
        let error = try #require(
            await #expect(throws: TestFailure.self) {
                try await StandIn.run { server in _ = try server.get("/abort") }
            })
        #expect(error.description.contains("end of file while waiting for a status line"))
        #expect(error.description.contains("signal 6 (Aborted)"))
        #expect(error.description.contains("--- stderr"))
    }

    @Test func `an alarming line that is expected`() async throws {
        try await StandIn.run(misbehaving: "alarm", allowed: ["Index out of range"]) { _ in }
    }

    @Test func `a server that is deaf to TERM is killed`() async throws {
        let pid = Monitor<pid_t>(0)
        let error = try #require(
            await #expect(throws: TestFailure.self) {
                try await StandIn.run(misbehaving: "deaf") { server in
                    pid.update { $0 = server.pid }
                    try server.stop(within: 0.3)
                }
            })
        #expect(error.description.contains("it did not end within"))
        #expect(kill(pid.update { $0 }, 0) == -1)
    }

    @Test func `a server that is never ready`() async throws {
        let folder = try ScratchFolder()
        let executable = try folder.script("standin", StandIn.program)
        let error = try #require(
            await #expect(throws: TestFailure.self) {
                try await blocking {
                    _ = try ServerProcess(
                        ini: ";misbehave hang", in: folder, executable: executable, within: 0.5)
                }
            })
        #expect(error.description.contains("0 of 1 listeners; it still runs"))
    }

    @Test func `a test that sees the server end judges it by itself`() async throws {
        try await StandIn.run { server in
            server.send(SIGKILL)
            let exit = try server.waitForExit()
            #expect(exit == .signal(SIGKILL))
        }
    }

    @Test func `no server outlives the tests`() async throws {
        // A process of its own starts a server's kind of child, tells its number, and is gone at once.
        let result = await #expect(
            processExitsWith: .signal(SIGKILL), observing: [\.standardOutputContent]
        ) {
            let child = try ChildProcess(["sleep", "1000"])
            // The child is known to run when it has become what it shall be.
            while try readText("/proc/\(child.pid)/comm") != "sleep\n" { sched_yield() }
            print("pid \(child.pid) ")
            fflush(nil)
            kill(getpid(), SIGKILL)
            withExtendedLifetime(child) {}
        }
        let output = String(decoding: try #require(result).standardOutputContent, as: UTF8.self)
        let words = output.split(whereSeparator: \.isWhitespace)
        let place = try #require(words.firstIndex(of: "pid"))
        let pid = try #require(pid_t(words[place + 1]))
        #expect(
            try await blocking { eventually { ((try? readText("/proc/\(pid)/comm")) ?? "") != "sleep\n" } })
    }
}
