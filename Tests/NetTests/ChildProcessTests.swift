import Base
import Glibc
import Net
import TestSupport
import Testing

// TestSupport has its own.
private typealias ChildProcess = Net.ChildProcess
private typealias ExitStatus = Net.ExitStatus

/// What a process wrote and how it ended.
private struct Ran: Sendable {
    var output: String
    var status: ExitStatus
    var pid: Int32

    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A started process that can be handed round.
private final class Child {
    private var process: ChildProcess?
    let pid: Int32

    init(_ process: consuming ChildProcess) {
        pid = process.pid
        self.process = consume process
    }

    func poll() -> ExitStatus? { process?.poll() }
    func signalGroup(_ signal: CInt) { process?.signalGroup(signal) }
    func end(grace: TimeSpan, holding pipes: [Source] = [], then: @escaping @Sendable () -> Void = {}) {
        process.take()?.end(grace: grace, holding: pipes, then: then)
    }
    func leave(then: @escaping @Sendable () -> Void = {}) { process.take()?.leave(then: then) }
    func drop() { process = nil }
}

/// Processes that are started as scripts are, on one loop.
///
/// `@unchecked Sendable`: used on its loop's thread only.
private final class Starter: @unchecked Sendable {
    let loop: EventLoop
    let waiter: Waiter
    private let pool: WorkerPool
    private let starter: ProcessStarter
    private let null = FileDescriptor(owning: open("/dev/null", O_RDWR | O_CLOEXEC))
    /// Whether no other test starts a process at the same time.
    private let takesTurns: Bool
    /// What was said of a spawner that was lost.
    let reports: Shared<[String]>

    init(_ loop: EventLoop, _ way: Way = .spawner, takesTurns: Bool = true) throws {
        self.takesTurns = takesTurns
        self.loop = loop
        waiter = Waiter(loop: loop)
        pool = WorkerPool(name: "spawn", threads: 2)
        let spawners = way == .spawner ? [try Starter.startSpawner()] : []
        let reports = Shared<[String]>([])
        self.reports = reports
        starter = ProcessStarter(loop: loop, pool: pool, spawners: spawners) { reports.value.append($0) }
    }

    /// Returns when it has let go of the files that other tests are writing.
    private static func startSpawner() throws -> Spawner {
        SpawnTurn.enter()
        defer { SpawnTurn.leave() }
        let spawner = try Spawner.start()
        _ = eventually { RunningProcess(spawner.pid)?.name == "gh-spawner" }
        return spawner
    }

    func close() {
        starter.close()
        waiter.end()
    }

    func start(
        _ plan: SpawnPlan, input: CInt? = nil, output: borrowing FileDescriptor, waiter: Waiter? = nil
    ) async throws(SpawnError) -> Child {
        // A file that another test writes meanwhile would stay open for writing in the new process.
        // Waited for on another thread, for whoever has the turn may need this one.
        if takesTurns { await pool.run { SpawnTurn.enter() } }
        defer { if takesTurns { SpawnTurn.leave() } }
        return Child(
            try await starter.start(
                plan, input: input, standardOutput: output, standardError: output,
                waiter: waiter ?? self.waiter))
    }

    func start(_ plan: SpawnPlan, waiter: Waiter? = nil) async throws(SpawnError) -> Child {
        try await start(plan, output: null, waiter: waiter)
    }

    func wait() async { _ = await waiter.wait(until: loop.now + .milliseconds(100)) }

    /// Starts a process, reads what it writes and waits for its end.
    func run(_ plan: SpawnPlan, input: CInt? = nil, waiter own: Waiter? = nil) async throws -> Ran {
        let waiter = own ?? self.waiter
        var ends = try FileDescriptor.pipe()
        let reading = ends.takeRead()
        try reading.setNonBlocking()
        let output = Source(reading, waiter: waiter)
        defer { output.close() }
        let child = try await start(plan, input: input, output: ends.takeWrite(), waiter: waiter)
        var bytes = ByteBuffer()
        var status: ExitStatus?
        var isAtEnd = false
        while status == nil || !isAtEnd {
            while !isAtEnd {
                var isBlocked = false
                let count = try bytes.fill(atLeast: 4096) { room throws(Errno) in
                    guard let count = try output.read(into: room) else {
                        isBlocked = true
                        return 0
                    }
                    return count
                }
                if isBlocked { break }
                isAtEnd = count == 0
            }
            status = status ?? child.poll()
            if status == nil || !isAtEnd { _ = await waiter.wait(until: loop.now + .seconds(20)) }
        }
        return Ran(output: bytes.bytes.string, status: try #require(status), pid: child.pid)
    }

    func run(_ command: String...) async throws -> Ran { try await run(makePlan(command)) }
    func shell(_ script: String, waiter: Waiter? = nil) async throws -> Ran {
        try await run(makePlan(["/bin/sh", "-c", script]), waiter: waiter)
    }

    /// Nil where it is lost.
    var spawner: Int32? { starter.spawnerPIDs.first }
}

private func makePlan(
    _ command: [String], folder: String = "/", environment: [String] = ["PATH=/usr/bin:/bin"]
)
    -> SpawnPlan
{
    SpawnPlan(
        path: command[0], folder: folder, arguments: list(command), environment: list(environment))
}

private func list(_ texts: [String]) -> CStringList {
    var list = CStringList()
    for text in texts { list.append(text) }
    return list
}

/// Who starts a process.
private enum Way: CaseIterable { case spawner, pool }

private func onStarter<R: Sendable>(
    _ way: Way = .spawner, takesTurns: Bool = true, _ body: @escaping @Sendable (Starter) async throws -> R
) async throws -> R {
    try await onLoop { loop in
        let starter = try Starter(loop, way, takesTurns: takesTurns)
        defer { starter.close() }
        return try await body(starter)
    }
}

/// Whether a process has ended, whoever has to take note of it.
private func isGone(_ pid: Int32) -> Bool {
    guard let text = try? readText("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else {
        return true
    }
    return text[close...].dropFirst(2).first == "Z"
}

@Suite(.timeLimit(.minutes(2))) struct ChildProcessTests {
    // MARK: How a process ends

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
            child.signalGroup(SIGKILL)
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

    // MARK: What a process is given

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
        Failure("a missing file", .execute, .noSuchFile) { $0.path = "\($1)/missing" },
        Failure("a missing folder on the way", .execute, .noSuchFile) { $0.path = "\($1)/missing/script" },
        Failure("a file on the way", .execute, .notAFolder) { $0.path = "\($1)/plain/script" },
        Failure("a file that is not executable", .execute, .accessDenied) { $0.path = "\($1)/plain" },
        Failure("a folder", .execute, .accessDenied) { $0.path = $1 },
        Failure("no shebang", .execute, .notExecutable) { $0.path = "\($1)/text" },
        Failure("an empty file", .execute, .notExecutable) { $0.path = "\($1)/empty" },
        Failure("an interpreter that is missing", .execute, .noSuchFile) { $0.path = "\($1)/orphan" },
        Failure("an interpreter with a carriage return", .execute, .noSuchFile) { $0.path = "\($1)/crlf" },
        Failure("an argument that is too long", .execute, .listTooLong) { plan, _ in
            plan.arguments.append(String(repeating: "x", count: 200_000))
        },
        Failure("a missing working folder", .folder, .noSuchFile) { $0.folder = "\($1)/missing" },
        Failure("a file for a working folder", .folder, .notAFolder) { $0.folder = "\($1)/plain" },
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

    // MARK: Ending a process

    /// A process and one that it started, both in one group. What `first` does about signals holds for
    /// both.
    private func family(_ starter: Starter, first: String, leaderLives: Bool) async throws
        -> (leader: Child, grandchild: Int32)
    {
        var ends = try FileDescriptor.pipe()
        let reading = ends.takeRead()
        let script =
            "\(first); sh -c 'echo $$; exec sleep 1000' & "
            + (leaderLives ? "wait; sleep 1000" : "sleep 0.05")
        let child = try await starter.start(makePlan(["/bin/sh", "-c", script]), output: ends.takeWrite())
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(reading.raw, &byte, 1) == 1, byte != ASCII.lf { line.append(byte) }
        let pid = Int32(String(decoding: line, as: UTF8.self))
        return (child, try #require(pid))
    }

    @Test(arguments: [true, false])
    func `the group is ended, and who ignores TERM is killed`(leaderLives: Bool) async throws {
        try await onStarter { starter in
            let (leader, grandchild) = try await family(
                starter, first: "trap '' TERM", leaderLives: leaderLives)
            let begin = Instant.now
            let isDone = Shared(false)
            leader.end(grace: .milliseconds(300)) {
                isDone.value = true
                starter.waiter.wake()
            }
            #expect(!isGone(grandchild))
            while !isDone.value { await starter.wait() }
            #expect(Instant.now - begin >= .milliseconds(290))
            #expect(eventually { isGone(grandchild) })
            #expect(isGone(leader.pid))
            #expect(starter.loop.childrenEnding == 0)
        }
    }

    @Test func `the group is ended, and nobody waits when all go at TERM`() async throws {
        try await onStarter { starter in
            let (leader, grandchild) = try await family(starter, first: ":", leaderLives: true)
            let allEnded = Shared(false)
            starter.loop.whenChildrenEnded = { allEnded.value = true }
            let isDone = Shared(false)
            let begin = Instant.now
            leader.end(grace: .seconds(60)) {
                isDone.value = true
                starter.waiter.wake()
            }
            #expect(starter.loop.childrenEnding == 1)
            while !isDone.value { await starter.wait() }
            await Task.yield()
            #expect(Instant.now - begin < .seconds(30))
            #expect(isGone(leader.pid))
            #expect(isGone(grandchild))
            #expect(allEnded.value)
            starter.loop.whenChildrenEnded = nil
        }
    }

    @Test func `a process may clean up after TERM`() async throws {
        let folder = try ScratchFolder()
        try await onStarter { starter in
            var ends = try FileDescriptor.pipe()
            let reading = ends.takeRead()
            let script = "trap 'echo cleaned > mark; exit' TERM; echo ready; while :; do sleep 0.02; done"
            let child = try await starter.start(
                makePlan(["/bin/sh", "-c", script], folder: folder.path), output: ends.takeWrite())
            var byte: UInt8 = 0
            _ = read(reading.raw, &byte, 1)
            let isDone = Shared(false)
            child.end(grace: .seconds(60)) {
                isDone.value = true
                starter.waiter.wake()
            }
            while !isDone.value { await starter.wait() }
            #expect(try folder.read("mark") == "cleaned\n")
        }
    }

    @Test func `a process may print after TERM, though nobody reads it any more`() async throws {
        let folder = try ScratchFolder()
        try await onStarter { starter in
            var ends = try FileDescriptor.pipe(flags: O_NONBLOCK)
            let output = Source(ends.takeRead(), waiter: starter.waiter)
            let raw = output.fd
            // Without a reader the second echo would not be reached.
            let script =
                "trap 'echo bye; echo printed > mark; exit' TERM; echo ready; while :; do sleep 0.02; done"
            let child = try await starter.start(
                makePlan(["/bin/sh", "-c", script], folder: folder.path), output: ends.takeWrite())
            var room = [UInt8](repeating: 0, count: 100)
            while try room.withUnsafeMutableBytes({ try output.read(into: $0) }) == nil {
                await starter.wait()
            }
            let isDone = Shared(false)
            child.end(grace: .seconds(60), holding: [output]) {
                isDone.value = true
                starter.waiter.wake()
            }
            #expect(!output.isOpen)
            #expect(readLink("/proc/self/fd/\(raw)")?.hasPrefix("pipe:") == true)
            while !isDone.value { await starter.wait() }
            #expect(try folder.read("mark") == "printed\n")
        }
    }

    @Test func `a process that is left runs to its end`() async throws {
        let folder = try ScratchFolder()
        try await onStarter { starter in
            var ends = try FileDescriptor.pipe()
            let input = ends.takeRead()
            let isDone = Shared(false)
            let child = try await starter.start(
                makePlan(["/bin/sh", "-c", "read x; echo $x > mark"], folder: folder.path), input: input.raw,
                output: input)
            let pid = child.pid
            child.leave {
                isDone.value = true
                starter.waiter.wake()
            }
            await starter.wait()
            #expect(!isDone.value)
            #expect(starter.loop.childrenEnding == 0)
            try ends.takeWrite().writeAll("finished\n")
            while !isDone.value { await starter.wait() }
            #expect(isGone(pid))
            #expect(try folder.read("mark") == "finished\n")
        }
    }

    @Test func `a process that is dropped is killed with its group`() async throws {
        try await onStarter { starter in
            let (leader, grandchild) = try await family(starter, first: "trap '' TERM", leaderLives: true)
            leader.drop()
            #expect(eventually { isGone(grandchild) })
            while starter.loop.childrenEnding > 0 { await starter.wait() }
            #expect(isGone(leader.pid))
        }
    }

    @Test func `one whose status was taken can still have its group ended`() async throws {
        try await onStarter { starter in
            let (leader, grandchild) = try await family(starter, first: ":", leaderLives: false)
            while leader.poll() == nil { await starter.wait() }
            #expect(!isGone(grandchild))
            let isDone = Shared(false)
            leader.end(grace: .seconds(60)) {
                isDone.value = true
                starter.waiter.wake()
            }
            while !isDone.value { await starter.wait() }
            #expect(eventually { isGone(grandchild) })
        }
    }

    @Test func `what is killed at last is gone when the end is told`() async throws {
        try await onStarter { starter in
            let (leader, grandchild) = try await family(starter, first: "trap '' TERM", leaderLives: true)
            let wasGone = Shared(false)
            let isDone = Shared(false)
            leader.end(grace: .milliseconds(50)) {
                wasGone.value = isGone(grandchild)
                isDone.value = true
                starter.waiter.wake()
            }
            while !isDone.value { await starter.wait() }
            #expect(wasGone.value)
        }
    }

    // MARK: The spawner

    @Test func `a plan that is too large for a message starts all the same`() async throws {
        let long = String(repeating: "x", count: 60_000)
        let few = try await onStarter {
            try await $0.run(makePlan(["/usr/bin/env"], environment: ["A=\(long)", "B=\(long)"]))
        }
        #expect(few.lines == ["A=\(long)", "B=\(long)"])
        let many = (0..<5000).map { "V\($0)=" }
        let ran = try await onStarter { try await $0.run(makePlan(["/usr/bin/env"], environment: many)) }
        #expect(ran.lines == many)
    }

    @Test func `a process is this one's child`() async throws {
        let ran = try await onStarter { try await $0.shell("cut -d' ' -f4 /proc/$$/stat") }
        #expect(ran.lines == ["\(getpid())"])
    }

    @Test func `one that is lost is told of, and another one takes its place`() async throws {
        try await onStarter { starter in
            let first = try #require(starter.spawner)
            kill(first, SIGKILL)
            while starter.spawner != nil { await starter.wait() }
            #expect(starter.reports.value.count == 1)
            #expect(eventually { isGone(first) })
            // At once, without one.
            #expect(try await starter.shell("echo here").output == "here\n")
            while starter.spawner == nil {
                #expect(try await starter.shell("echo there").output == "there\n")
                await starter.wait()
            }
            #expect(starter.spawner != first)
            #expect(try await starter.shell("echo again").output == "again\n")
        }
    }

    /// The exec of a leased file waits for the lease's end.
    @Test func `a child of which a spawner could tell nothing any more does not stay`() async throws {
        let folder = try ScratchFolder()
        let program = "\(folder.path)/program"
        try await onStarter(takesTurns: false) { starter in
            let file = FileDescriptor(owning: open(program, O_RDONLY | O_CREAT | O_CLOEXEC, 0o755))
            // Else the break of the lease would be told by a signal that ends this process.
            let (setSignal, setLease): (CInt, CInt) = (10, 1024)
            try #require(fcntl(file.raw, setSignal, SIGURG) == 0)
            try #require(fcntl(file.raw, setLease, F_WRLCK) == 0)
            let isDone = Shared(false)
            let waiter = Waiter(loop: starter.loop)
            starter.loop.spawn {
                _ = try? await starter.start(makePlan([program], folder: folder.path), waiter: waiter)
                isDone.value = true
                waiter.end()
                starter.waiter.wake()
            }
            var child: pid_t?
            while child == nil {
                await starter.wait()
                child = try listFolder("/proc").compactMap { pid_t($0) }
                    .first { readLink("/proc/\($0)/cwd") == folder.path }
            }
            #expect(!isDone.value)
            kill(try #require(starter.spawner), SIGKILL)
            while !isDone.value { await starter.wait() }
            let gone = try #require(child)
            // Not even as one that nobody takes note of.
            while RunningProcess(gone) != nil { await starter.wait() }
            _ = file.raw
        }
    }

    @Test func `one that is held up holds up nobody who comes later`() async throws {
        try await onStarter(takesTurns: false) { starter in
            let spawner = try #require(starter.spawner)
            kill(spawner, SIGSTOP)
            let first = Shared("")
            let waiter = Waiter(loop: starter.loop)
            starter.loop.spawn {
                first.value = (try? await starter.shell("echo first", waiter: waiter).output) ?? "failed"
                waiter.end()
                starter.waiter.wake()
            }
            // Its turn comes before this one's.
            await starter.wait()
            let begin = starter.loop.now
            while starter.loop.now - begin < .milliseconds(300) { await starter.wait() }
            #expect(try await starter.shell("echo second").output == "second\n")
            #expect(first.value == "")
            kill(spawner, SIGCONT)
            while first.value.isEmpty { await starter.wait() }
            #expect(first.value == "first\n")
            #expect(starter.spawner == spawner)
        }
    }

    @Test func `it ends when it is closed`() async throws {
        let pid = try await onStarter { starter in try #require(starter.spawner) }
        #expect(eventually { isGone(pid) })
    }

    @Test func `signals for the whole group do not end it`() async throws {
        try await onStarter { starter in
            let pid = try #require(starter.spawner)
            for signal in [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] { kill(pid, signal) }
            #expect(try await starter.shell("echo here").output == "here\n")
            #expect(starter.spawner == pid)
        }
    }
}
