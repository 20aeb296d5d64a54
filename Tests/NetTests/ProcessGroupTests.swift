import Base
import Glibc
import Net
import TestSupport
import Testing

/// How a process is ended with all that it has started.
@Suite(.timeLimit(.minutes(5))) struct ProcessGroupTests {
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
        return (child, try number(from: reading))
    }

    /// A line that a process writes of itself.
    private func number(from pipe: borrowing FileDescriptor) throws -> Int32 {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while read(pipe.raw, &byte, 1) == 1, byte != ASCII.lf { line.append(byte) }
        let number = Int32(String(decoding: line, as: UTF8.self))
        return try #require(number)
    }

    @Test(arguments: Way.allCases, [true, false])
    private func `what has left the group goes with it`(_ way: Way, isDropped: Bool) async throws {
        try await onStarter(way) { starter in
            var ends = try FileDescriptor.pipe()
            let reading = ends.takeRead()
            let script = "setsid -f env -i sh -c 'echo $$; exec sleep 1000'; exec sleep 1000"
            let child = try await starter.start(
                makePlan(["/bin/sh", "-c", script]), output: ends.takeWrite())
            let left = try number(from: reading)
            #expect(getpgid(left) != child.pid)
            if isDropped { child.drop() } else { child.end(grace: .seconds(60)) }
            let begin = Instant.now
            while starter.loop.childrenEnding > 0 { await starter.wait() }
            #expect(isGone(left))
            #expect(Instant.now - begin < .seconds(30))
        }
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
            // Nobody has left the group, which is soon known.
            while starter.loop.childrenEnding > 0 { await starter.wait() }
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
            #expect(isGone(leader.pid))
            #expect(isGone(grandchild))
            while !allEnded.value { await starter.wait() }
            #expect(Instant.now - begin < .seconds(30))
            starter.loop.whenChildrenEnded = nil
        }
    }

    /// An init that takes its time is such a parent, and the first process of many a container, which never does.
    @Test func `nobody waits for a parent that takes no note of an end`() async throws {
        try await onStarter { starter in
            var ends = try FileDescriptor.pipe()
            let reading = ends.takeRead()
            let script = """
                sh -c 'sleep 1000 & echo $!; trap "" TERM; echo $$; exec setsid sleep 1000' & exec sleep 1000
                """
            let child = try await starter.start(
                makePlan(["/bin/sh", "-c", script]), output: ends.takeWrite())
            let (member, parent) = (try number(from: reading), try number(from: reading))
            let group = child.pid
            #expect(eventually { getpgid(parent) != group })
            let begin = Instant.now
            let isDone = Shared(false)
            child.end(grace: .seconds(60)) {
                isDone.value = true
                starter.waiter.wake()
            }
            while !isDone.value { await starter.wait() }
            #expect(Instant.now - begin < .seconds(30))
            #expect(getpgid(member) == group)
            #expect(isGone(member))
            #expect(!isGone(parent))
            kill(parent, SIGKILL)
            while starter.loop.childrenEnding > 0 { await starter.wait() }
        }
    }

    @Test func `who ignores TERM is killed though the pool has no thread to look with`() async throws {
        try await onStarter { starter in
            let (leader, grandchild) = try await family(
                starter, first: "trap '' TERM", leaderLives: false)
            while leader.poll() == nil { await starter.wait() }
            var ends = try FileDescriptor.pipe()
            let reading = ends.takeRead()
            let raw = reading.raw
            for _ in 0..<starter.pool.threadCount {
                starter.pool.submit {
                    var byte: UInt8 = 0
                    _ = read(raw, &byte, 1)
                }
            }
            let isDone = Shared(false)
            leader.end(grace: .milliseconds(300)) {
                isDone.value = true
                starter.waiter.wake()
            }
            while !isDone.value { await starter.wait() }
            #expect(isGone(grandchild))
            // Lets the pool go.
            _ = ends.takeWrite()
            while starter.loop.childrenEnding > 0 { await starter.wait() }
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
}
