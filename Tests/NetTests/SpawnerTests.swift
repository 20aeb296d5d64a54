import Base
import CLinux
import Glibc
import TestSupport
import Testing

@testable import Net

/// The small processes that start others.
@Suite(.timeLimit(.minutes(5))) struct SpawnerTests {
    @Test func `a plan that is too large for a message starts all the same`() async throws {
        let long = (0..<4).map { "V\($0)=" + String(repeating: "x", count: 60_000) }
        let few = try await onStarter {
            try await $0.run(makePlan(["/usr/bin/env"], environment: long))
        }
        #expect(few.lines == long)
        let many = (0..<5000).map { "V\($0)=" }
        let ran = try await onStarter { try await $0.run(makePlan(["/usr/bin/env"], environment: many)) }
        #expect(ran.lines == many)
    }

    @Test func `a process is this one's child`() async throws {
        let ran = try await onStarter { try await $0.shell("cut -d' ' -f4 /proc/$$/stat") }
        #expect(ran.lines == ["\(getpid())"])
    }

    @Test(.enabled(if: Processors.usable().count > 1))
    func `it stays on one processor while all are busy, and what it starts does not`() async throws {
        @Sendable func allowed(_ status: String) -> Substring? {
            status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }?
                .split(separator: "\t").last
        }
        let all = try allowed(readText("/proc/self/status"))
        let each = Processors.usable().map { Substring("\($0)") }
        try await onStarter { starter in
            let status = "/proc/\(try #require(starter.spawner))/status"
            for (isBusy, processor, stays) in [
                (false, nil, false), (true, nil, true), (true, Processors.usable().last, true),
                // For the spawner's own processor it is there already, and does not leave.
                (false, Processors.usable().first, true), (false, nil, false),
                (false, Processors.usable().first, true), (false, nil, false),
            ] {
                starter.isBusy = isBusy
                var plan = makePlan(["/bin/cat", "/proc/self/status"])
                plan.processor = processor
                #expect(try await allowed(starter.run(plan).output) == all)
                let own = try allowed(readText(status))
                if stays {
                    #expect(own.map(each.contains) == true, "\(own ?? "")")
                } else {
                    #expect(own == all)
                }
            }
        }
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
            let file = try leased(program)
            let isDone = Shared(false)
            let failure = Shared<SpawnError?>(nil)
            let waiter = Waiter(loop: starter.loop)
            starter.loop.spawn {
                do throws(SpawnError) {
                    _ = try await starter.start(makePlan([program], folder: folder.path), waiter: waiter)
                } catch { failure.value = error }
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
            // It might have begun, so nobody may start it again.
            #expect(failure.value?.step == .clone)
            let gone = try #require(child)
            // Not even as one that nobody takes note of.
            while RunningProcess(gone) != nil { await starter.wait() }
            _ = file.raw
        }
    }

    /// Ten are more than a spawner has places for.
    @Test(arguments: [3, 10])
    func `an exec that takes long holds up no other one, and is told of when it is done`(_ count: Int)
        async throws
    {
        let folder = try ScratchFolder()
        let program = "\(folder.path)/program"
        try await onStarter(takesTurns: false) { starter in
            var file: FileDescriptor? = try leased(program)
            var held: [Child] = []
            for _ in 0..<count {
                held.append(
                    try await starter.launch(makePlan([program], folder: folder.path), waiter: starter.waiter)
                )
            }
            if count == 3 {
                #expect(try await starter.shell("echo here").output == "here\n")
            }
            for child in held {
                #expect(!child.hasStarted())
                #expect(child.failure == nil)
            }
            let begin = starter.loop.now
            // Its lease goes with it.
            _ = file.take()
            for child in held {
                while !child.hasStarted(), child.failure == nil { await starter.wait() }
                // It is empty.
                #expect(child.failure?.step == .execute)
                #expect(child.failure?.reason == Errno(ENOEXEC))
            }
            #expect(starter.loop.now - begin < .seconds(20))
        }
    }

    @Test func `what a lost spawner has begun is told of, each of them`() async throws {
        let folder = try ScratchFolder()
        let program = "\(folder.path)/program"
        try await onStarter(takesTurns: false) { starter in
            let file = try leased(program)
            var held: [Child] = []
            for _ in 0..<3 {
                held.append(
                    try await starter.launch(makePlan([program], folder: folder.path), waiter: starter.waiter)
                )
            }
            // Each has its process by then.
            #expect(try await starter.shell("echo here").output == "here\n")
            kill(try #require(starter.spawner), SIGKILL)
            for child in held {
                while !child.hasStarted(), child.failure == nil { await starter.wait() }
                #expect(child.failure?.step == .clone)
            }
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

    // MARK: Replies

    @Test func `nothing is waited for, and the reply is there when the output has ended`() async throws {
        try await onStarter(takesTurns: false) { starter in
            var ends = try FileDescriptor.pipe()
            let reading = ends.takeRead()
            let child = try await starter.launch(
                makePlan(["/bin/sh", "-c", "echo $$"]), output: ends.takeWrite(), waiter: starter.waiter)
            let written = String(decoding: readAll(reading.raw), as: UTF8.self)
            #expect(child.hasStarted())
            #expect(written == "\(child.pid)\n")
            var status = child.poll()
            while status == nil {
                await starter.wait()
                status = child.poll()
            }
            #expect(status?.isSuccess == true)
        }
    }

    @Test func `what does not start has told why when its streams are closed`() async throws {
        try await onStarter(takesTurns: false) { starter in
            var ends = try FileDescriptor.pipe()
            let reading = ends.takeRead()
            let child = try await starter.launch(
                makePlan(["/nonexistent/program"]), output: ends.takeWrite(), waiter: starter.waiter)
            #expect(readAll(reading.raw).isEmpty)
            #expect(!child.hasStarted())
            #expect(child.failure?.step == .execute)
            #expect(child.failure?.reason == .noSuchFile)
            #expect(child.poll() == nil)
            // There is nothing to end, and above all not this process's own group.
            let isDone = Shared(false)
            child.end(grace: .seconds(60)) {
                isDone.value = true
                starter.waiter.wake()
            }
            while !isDone.value { await starter.wait() }
        }
    }

    /// Only a fault could send such a plan, and it must not run as somebody else then.
    @Test func `a user whom a spawner cannot become is told of on its board`() throws {
        let spawner = try Starter.startSpawner()
        defer {
            close(spawner.socket)
            waitpid(spawner.pid, nil, 0)
            gh_spawner_forget(spawner.board)
        }
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        for number in UInt32(0)..<3 {
            var plan = gh_spawn()
            (plan.standard_in, plan.standard_out, plan.standard_err) = (-1, null, null)
            (plan.processor, plan.spawner_processor) = (-1, -1)
            (plan.ruleset, plan.identity) = (-1, Int32(number))
            let error = "/bin/true".withCString { path in
                "/".withCString { folder in
                    (plan.path, plan.folder) = (path, folder)
                    return gh_spawner_send(spawner.socket, &plan, spawner.board, number)
                }
            }
            #expect(error == 0)
            #expect(eventually { gh_spawner_begun(spawner.board) == number + 1 })
            var reply = gh_spawn_reply()
            #expect(gh_spawner_has_replied(spawner.board, number, &reply))
            #expect(reply.step == Int32(GH_STEP_USER.rawValue))
            #expect(reply.error == EPERM)
            #expect(reply.pid == 0)
        }
    }

    @Test func `who waits for a reply is woken by it`() async throws {
        try await onStarter(takesTurns: false) { starter in
            let spawner = try #require(starter.spawner)
            kill(spawner, SIGSTOP)
            let child = try await starter.launch(makePlan(["/bin/true"]), waiter: starter.waiter)
            #expect(!child.hasStarted())
            #expect(child.failure == nil)
            kill(spawner, SIGCONT)
            while !child.hasStarted() {
                let wakeup = await starter.waiter.wait()
                #expect(wakeup == .woken)
            }
            child.leave()
        }
    }

    @Test(arguments: ["ended", "dropped"])
    func `what is given up before its start is ended after it`(_ how: String) async throws {
        let folder = try ScratchFolder()
        try await onStarter(takesTurns: false) { starter in
            let spawner = try #require(starter.spawner)
            kill(spawner, SIGSTOP)
            let plan = makePlan(["/bin/sleep", "1000"], folder: folder.path)
            let child = try await starter.launch(plan, waiter: starter.waiter)
            let isDone = Shared(false)
            if how == "ended" {
                child.end(grace: .seconds(60)) { isDone.value = true }
            } else {
                starter.loop.whenChildrenEnded = { isDone.value = true }
                child.drop()
            }
            await starter.wait()
            #expect(!isDone.value)
            kill(spawner, SIGCONT)
            let begin = Instant.now
            while !isDone.value { await starter.wait() }
            #expect(Instant.now - begin < .seconds(30))
            let left = try listFolder("/proc").filter { readLink("/proc/\($0)/cwd") == folder.path }
            #expect(left.isEmpty)
            starter.loop.whenChildrenEnded = nil
        }
    }

    @Test func `plans that a lost spawner has not come to fail, each of them`() async throws {
        try await onStarter(takesTurns: false) { starter in
            let spawner = try #require(starter.spawner)
            kill(spawner, SIGSTOP)
            var children: [Child] = []
            for _ in 0..<3 {
                children.append(
                    try await starter.launch(makePlan(["/bin/sleep", "1000"]), waiter: starter.waiter))
            }
            for child in children { #expect(!child.hasStarted()) }
            kill(spawner, SIGKILL)
            for child in children {
                while !child.hasStarted(), child.failure == nil { await starter.wait() }
                #expect(child.failure?.step == .spawner)
            }
        }
    }

    @Test func `more plans than a spawner takes at once`() async throws {
        try await onStarter(takesTurns: false) { starter in
            let spawner = try #require(starter.spawner)
            kill(spawner, SIGSTOP)
            var children: [Child] = []
            for number in 0..<300 {
                let plan = makePlan(["/bin/sh", "-c", "exit \(number % 200)"])
                children.append(try await starter.launch(plan, waiter: starter.waiter))
            }
            kill(spawner, SIGCONT)
            for (number, child) in children.enumerated() {
                var status = child.poll()
                while status == nil {
                    await starter.wait()
                    status = child.poll()
                }
                #expect(status?.reason == .exited(number % 200))
            }
        }
    }

    // MARK: Ends

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

/// A new, empty program whose exec waits until this is closed.
private func leased(_ path: String) throws -> FileDescriptor {
    let file = FileDescriptor(owning: open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o755))
    // Else the break of the lease would be told by a signal that ends this process.
    let (setSignal, setLease): (CInt, CInt) = (10, 1024)
    try #require(fcntl(file.raw, setSignal, SIGURG) == 0)
    try #require(fcntl(file.raw, setLease, F_WRLCK) == 0)
    return file
}

/// All that comes until the end.
private func readAll(_ fd: CInt) -> [UInt8] {
    var result: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = read(fd, &room, room.count)
        if count <= 0 { return result }
        result += room[..<count]
    }
}
