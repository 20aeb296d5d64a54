import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct CommandTests {
    @Test func `status, output and errors`() async throws {
        let result = try await blocking { try runCommand(["sh", "-c", "echo out; echo err >&2; exit 3"]) }
        #expect(result.status == 3)
        #expect(result.exit == .status(3))
        #expect(result.stdout == "out\n")
        #expect(result.stderr == "err\n")
    }

    @Test func `input, folder and environment`() async throws {
        let folder = try ScratchFolder()
        let result = try await blocking {
            try runCommand(
                ["sh", "-c", "cat; pwd; echo $GATEHOUSE_X"], input: Array("in\n".utf8), in: folder.path,
                environment: ["GATEHOUSE_X": "a b"])
        }
        #expect(result.stdout == "in\n\(folder.path)\na b\n")
    }

    @Test func `much output`() async throws {
        let result = try await blocking { try runCommand(["sh", "-c", "head -c 3000000 /dev/zero"]) }
        #expect(result.output.count == 3_000_000)
    }

    @Test func `the end by a signal`() async throws {
        let result = try await blocking { try runCommand(["sh", "-c", "kill -TERM $$"]) }
        #expect(result.exit == .signal(SIGTERM))
        #expect(result.status == 143)
    }

    @Test func `too long`() async {
        await #expect(throws: TestFailure.self) {
            try await blocking { _ = try runCommand(["sleep", "1000"], within: 0.2) }
        }
    }

    @Test func `signals are as a process finds them by default`() async throws {
        let result = try await blocking {
            try runCommand(["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"])
        }
        // Signals 32 and 33 are the C library's own business.
        let masks = result.stdout.split(separator: "\n").compactMap {
            UInt64($0.split(separator: "\t")[1], radix: 16)
        }
        #expect(masks.map { $0 & ~0x1_8000_0000 } == [0, 0])
    }

    @Test func `what there is`() async {
        #expect(commandExists("sh"))
        #expect(!commandExists("no-such-command"))
        await #expect(throws: TestFailure.self) {
            try await blocking { _ = try runCommand(["no-such-command"]) }
        }
    }
}

@Suite struct ThreadTests {
    @Test func `a blocking part stays in its test`() async throws {
        let name = try #require(Test.current?.name)
        #expect(try await blocking { Test.current?.name } == name)
    }

    @Test func `more blocking parts at once than there are cores`() async throws {
        // Each waits for all the others; were they to share a few threads, none would go on.
        let arrived = Monitor(0)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<40 {
                group.addTask {
                    try await blocking {
                        arrived.update { $0 += 1 }
                        return arrived.wait(until: .after(20)) { $0 == 40 ? true : nil } ?? false
                    }
                }
            }
            for try await went in group { #expect(went) }
        }
    }

    @Test func `errors come out`() async {
        await #expect(throws: TestFailure.self) { try await blocking { throw TestFailure("x") } }
        #expect(throws: TestFailure.self) { _ = try onThreads(3) { if $0 == 1 { throw TestFailure("x") } } }
    }

    @Test func `threads at once`() async throws {
        #expect(try await blocking { try onThreads(5) { $0 * $0 } } == [0, 1, 4, 9, 16])
    }

    @Test func `a deadline passes`() async throws {
        let never = Monitor(0)
        let result = try await blocking { never.wait(until: .after(0.02)) { $0 == 1 ? true : nil } }
        #expect(result == nil)
        #expect(Deadline.after(-1).hasPassed)
        #expect(Deadline.after(-1).milliseconds == 0)
    }
}

@Suite struct ScratchFolderTests {
    @Test func `files, scripts, links, and the end`() throws {
        let path: String
        do {
            let folder = try ScratchFolder()
            path = folder.path
            try folder.write("a/b/c.txt", "text", mode: 0o604)
            try folder.script("x.sh", "#!/bin/sh\n")
            try folder.link("out", to: "/etc")
            try folder.makeFolder("closed/in")
            chmod(folder.path("closed"), 0)
            var status = stat()
            #expect(stat(folder.path("a/b/c.txt"), &status) == 0)
            #expect(status.st_mode & 0o777 == 0o604)
            #expect(access(folder.path("x.sh"), X_OK) == 0)
            #expect(try folder.read("a/b/c.txt") == "text")
            #expect(folder.exists("out"))
            #expect(!folder.exists("none"))
            #expect(try listFolder(folder.path) == ["a", "closed", "out", "x.sh"])
        }
        #expect(access(path, F_OK) == -1)
        #expect(access("/etc/passwd", F_OK) == 0)
    }

    @Test func `a line in a file that is being written`() async throws {
        let folder = try ScratchFolder()
        async let line = blocking { try folder.waitForLine(in: "log", containing: "two") }
        try folder.write("log", "one\ntwo")
        try folder.write("log", "one\ntwo three\n")
        #expect(try await line == "two three")
    }
}
