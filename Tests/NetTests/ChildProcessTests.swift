import Base
import Glibc
import Net
import TestSupport
import Testing

/// How a process is started and how it ends by itself.
@Suite(.timeLimit(.minutes(5))) struct ChildProcessTests {
    // MARK: How it ends

    @Test(arguments: [0, 1, 7, 255]) func `an exit status`(_ status: Int) async throws {
        let ran = try await onStarter { try await $0.shell("exit \(status)") }
        #expect(ran.status.reason == .exited(status))
        #expect(ran.status.isSuccess == (status == 0))
    }

    @Test(arguments: [SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE]) func `a signal`(_ signal: CInt)
        async throws
    {
        let ran = try await onStarter { try await $0.shell("kill -\(signal) $$; sleep 100") }
        #expect(ran.status.reason == .signal(Int(signal), dumpedCore: false))
        #expect(!ran.status.isSuccess)
    }

    @Test func `what a process used`() async throws {
        let ran = try await onStarter {
            // A little work, also in a process that it waits for.
            try await $0.shell("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; sh -c 'exit 0'")
        }
        #expect(ran.status.cpu > .zero)
        #expect(ran.status.cpu < .seconds(60))
        #expect(ran.status.peakMemory > 100_000)
        #expect(ran.status.peakMemory < 1 << 30)
    }

    @Test func `a process that runs has no status yet`() async throws {
        try await onStarter { starter in
            var ends = try FileDescriptor.pipe()
            let input = ends.takeRead()
            let child = try await starter.start(
                makePlan(["/bin/cat"]), input: input.raw, output: ends.takeWrite())
            // It waits for itself now.
            #expect(child.poll() == nil)
            #expect(child.poll() == nil)
            #expect(!isGone(child.pid))
            kill(-child.pid, SIGKILL)
            var status: ExitStatus?
            while status == nil {
                await starter.wait()
                status = child.poll()
            }
            #expect(status?.reason == .signal(Int(SIGKILL), dumpedCore: false))
            #expect(isGone(child.pid))
            #expect(child.poll() == nil)
        }
    }

    @Test func `many at once`() async throws {
        try await onLoop { loop in
            let starter = try Starter(loop)
            defer { starter.close() }
            await onEach(40, of: loop) { number in
                let ran = try? await starter.shell(
                    "echo \(number); exit \(number)", waiter: Waiter(loop: loop))
                #expect(ran?.output == "\(number)\n")
                #expect(ran?.status.reason == .exited(number))
            }
        }
    }

    // MARK: What it is given

    @Test(arguments: Way.allCases)
    private func `arguments and environment, and nothing else`(_ way: Way) async throws {
        let ran = try await onStarter(way) { starter in
            var plan = makePlan(
                ["/usr/bin/printf", "<%s>", "a", "", "b c", "d\"e'", "$HOME", "*", "ü"], environment: [])
            plan.path = "/usr/bin/printf"
            return try await starter.run(plan)
        }
        #expect(ran.output == "<a><><b c><d\"e'><$HOME><*><ü>")
        let variables = ["A=1", "EMPTY=", "B=x=y", "PATH=/nowhere"]
        let environment = try await onStarter(way) {
            try await $0.run(makePlan(["/usr/bin/env"], environment: variables))
        }
        #expect(environment.lines == variables)
    }

    @Test func `the program's name is the first argument, whatever its path`() async throws {
        let ran = try await onStarter { starter in
            var plan = makePlan(["called so", "-c", "echo \"$0\""])
            plan.path = "/bin/sh"
            return try await starter.run(plan)
        }
        #expect(ran.output == "called so\n")
    }

    @Test(arguments: Way.allCases) private func `its folder`(_ way: Way) async throws {
        let folder = try ScratchFolder()
        let ran = try await onStarter(way) { try await $0.run(makePlan(["/bin/pwd"], folder: folder.path)) }
        #expect(ran.output == folder.path + "\n")
    }

    @Test(arguments: Way.allCases) private func `its input`(_ way: Way) async throws {
        let folder = try ScratchFolder()
        let path = try folder.write("input", "line 1\nline 2\n")
        let ran = try await onStarter(way) { starter in
            let file = try FileDescriptor.open(path, O_RDONLY)
            return try await starter.run(makePlan(["/bin/cat"]), input: file.raw)
        }
        #expect(ran.output == "line 1\nline 2\n")
        let none = try await onStarter(way) { try await $0.run("/bin/cat") }
        #expect(none.output == "")
    }

    @Test(arguments: Way.allCases)
    private func `three descriptors and no more`(_ way: Way) async throws {
        // One that a library has opened without thinking of children.
        let careless = fcntl(STDIN_FILENO, F_DUPFD, 100)
        defer { close(careless) }
        #expect(careless >= 100)
        let ran = try await onStarter(way) { try await $0.run("/bin/ls", "/proc/self/fd") }
        // The fourth is the folder that ls reads.
        #expect(ran.lines == ["0", "1", "2", "3"])
    }

    @Test func `signals as they are by default, and none blocked`() async throws {
        // In a process of its own, whose signals can be changed.
        await #expect(processExitsWith: .success) {
            for way in Way.allCases {
                signal(SIGUSR2, SIG_IGN)
                signal(SIGHUP, SIG_IGN)
                signal(SIGPIPE, SIG_IGN)
                signal(SIGWINCH) { _ in }
                var blocked = sigset_t()
                sigfillset(&blocked)
                pthread_sigmask(SIG_BLOCK, &blocked, nil)
                let ran = try await onStarter(way) { try await $0.run("/bin/cat", "/proc/self/status") }
                let masks = ran.lines.filter { ["SigBlk:", "SigIgn:", "SigCgt:"].contains($0.prefix(7)) }
                precondition(masks.count == 3)
                for mask in masks {
                    // 32 and 33 are the C library's, which lets nobody change them.
                    let signals = (UInt64(mask.suffix(16), radix: 16) ?? .max) & ~(0b11 << 31)
                    precondition(signals == 0, "\(mask)")
                }
            }
        }
    }

    @Test(arguments: Way.allCases) private func `a process group of its own`(_ way: Way) async throws {
        let ran = try await onStarter(way) { try await $0.shell("cut -d' ' -f5 /proc/$$/stat; echo $$") }
        #expect(ran.lines == ["\(ran.pid)", "\(ran.pid)"])
        #expect(ran.pid != getpgrp())
    }

    @Test(arguments: Way.allCases) private func `limits`(_ way: Way) async throws {
        let ran = try await onStarter(way) { starter in
            var plan = makePlan(
                ["/bin/sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -t; ulimit -v; ulimit -f"])
            plan.limits = [
                ResourceLimit(.openFiles, soft: 20, hard: 30),
                ResourceLimit(.cpuSeconds, soft: 100, hard: 100),
                ResourceLimit(.memory, soft: 1 << 30, hard: 1 << 30),
                ResourceLimit(.fileSize, soft: 1 << 20, hard: 1 << 20),
            ]
            return try await starter.run(plan)
        }
        // In seconds, KiB, and blocks of 512 bytes.
        #expect(ran.lines == ["20", "30", "100", "1048576", "2048"])
    }

    /// As on a machine that has lost one since.
    @Test func `a processor that is not there is not needed`() async throws {
        for processor in [Int32(1000), 100_000, .max] {
            let ran = try await onStarter {
                var plan = makePlan(["/bin/echo", "here"])
                plan.processor = processor
                return try await $0.run(plan)
            }
            #expect(ran.output == "here\n")
        }
    }

    @Test(arguments: Way.allCases) private func `a lower priority`(_ way: Way) async throws {
        errno = 0
        let mine = getpriority(CInt(PRIO_PROCESS.rawValue), 0)
        let ran = try await onStarter(way) { starter in
            var plan = makePlan(["/bin/sh", "-c", "cut -d' ' -f19 /proc/$$/stat"])
            plan.nice = 3
            return try await starter.run(plan)
        }
        #expect(ran.lines == ["\(min(mine + 3, 19))"])
    }

    // MARK: What does not start

    struct Failure: CustomTestStringConvertible {
        let name: String
        let step: SpawnError.Step
        let reason: Errno
        /// Changes a plan that would work, given the scratch folder.
        let change: @Sendable (inout SpawnPlan, String) -> Void
        var testDescription: String { name }

        init(
            _ name: String, _ step: SpawnError.Step, _ reason: Errno,
            _ change: @escaping @Sendable (inout SpawnPlan, String) -> Void
        ) {
            (self.name, self.step, self.reason, self.change) = (name, step, reason, change)
        }
    }

    static let failures = [
        Failure("a missing file", .execute, .noSuchFile) { $0.path = FilePath("\($1)/missing") },
        Failure("a missing folder on the way", .execute, .noSuchFile) {
            $0.path = FilePath("\($1)/missing/script")
        },
        Failure("a file on the way", .execute, .notAFolder) { $0.path = FilePath("\($1)/plain/script") },
        Failure("a file that is not executable", .execute, .accessDenied) {
            $0.path = FilePath("\($1)/plain")
        },
        Failure("a folder", .execute, .accessDenied) { $0.path = FilePath($1) },
        Failure("no shebang", .execute, Errno(ENOEXEC)) { $0.path = FilePath("\($1)/text") },
        Failure("an empty file", .execute, Errno(ENOEXEC)) { $0.path = FilePath("\($1)/empty") },
        Failure("an interpreter that is missing", .execute, .noSuchFile) {
            $0.path = FilePath("\($1)/orphan")
        },
        Failure("an interpreter with a carriage return", .execute, .noSuchFile) {
            $0.path = FilePath("\($1)/crlf")
        },
        Failure("an argument that is too long", .execute, .listTooLong) { plan, _ in
            plan.arguments = CStringList([plan.path.description, String(repeating: "x", count: 200_000)])
        },
        Failure("a missing working folder", .folder, .noSuchFile) { $0.folder = FilePath("\($1)/missing") },
        Failure("a file for a working folder", .folder, .notAFolder) { $0.folder = FilePath("\($1)/plain") },
        Failure("a limit that nobody may have", .limit, .notPermitted) { plan, _ in
            plan.limits = [ResourceLimit(.openFiles, soft: 1 << 40, hard: 1 << 40)]
        },
    ]

    @Test(arguments: failures, Way.allCases)
    private func `says at which step it failed and why`(_ test: Failure, _ way: Way) async throws {
        let folder = try ScratchFolder()
        try folder.write("plain", "#!/bin/sh\n")
        try folder.write("text", "hello\n", mode: 0o755)
        try folder.write("empty", "", mode: 0o755)
        try folder.script("orphan", "#!/nonexistent/interpreter\n")
        try folder.script("crlf", "#!/bin/sh\r\n")
        try await onStarter(way) { starter in
            var plan = makePlan(["/bin/true"], folder: folder.path)
            test.change(&plan, folder.path)
            do throws(SpawnError) {
                let child = try await starter.start(plan)
                child.leave()
                Issue.record("it started")
            } catch {
                #expect(error.step == test.step)
                #expect(error.reason == test.reason)
            }
        }
    }
}
