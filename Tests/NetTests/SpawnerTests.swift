import Base
import Glibc
import Net
import TestSupport
import Testing

/// The small processes that start others.
@Suite(.timeLimit(.minutes(2))) struct SpawnerTests {
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
