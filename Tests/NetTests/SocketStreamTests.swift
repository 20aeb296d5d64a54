import Base
import Glibc
import Net
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct SocketStreamTests {
    /// Runs `body` on a loop with one waiter.
    private func onWaiter(_ body: @escaping @Sendable (Waiter) async throws -> Void) async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            try await body(waiter)
        }
    }

    // MARK: Reading

    @Test func `what is there is read at once`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            #expect(try connection.stream.readNow() == nil)
            try connection.send("hello")
            // The stream has not been told yet.
            #expect(try connection.stream.readNow() == nil)
            #expect(try await connection.stream.readNext() == "hello")
            #expect(try connection.stream.readNow() == nil)
            connection.stream.close()
        }
    }

    @Test func `small pieces of what is there need no further event`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            #expect(try connection.stream.readNow() == nil)
            try connection.send("0123456789")
            #expect(try await connection.stream.readNext(room: 4) == "0123")
            #expect(try connection.stream.readNow(room: 4) == "4567")
            #expect(try connection.stream.readNow(room: 4) == "89")
            #expect(try connection.stream.readNow(room: 4) == nil)
            try connection.send("ab")
            #expect(try await connection.stream.readNext(room: 4) == "ab")
            // A read that fills its room says nothing about what is left.
            try connection.send("cdef")
            #expect(try await connection.stream.readNext(room: 4) == "cdef")
            #expect(try connection.stream.readNow(room: 4) == nil)
            try connection.send("g")
            #expect(try await connection.stream.readNext(room: 1) == "g")
            connection.stream.close()
        }
    }

    @Test func `every byte of a long run arrives, by pieces of any size`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            let sent = pattern(700_001)
            let peer = try connection.peer.duplicate().release()
            let done = Monitor(false)
            Thread(name: "sender") {
                let peer = FileDescriptor(owning: peer)
                _ = fcntl(peer.raw, F_SETFL, 0)
                var size = 1
                var rest = sent[...]
                while !rest.isEmpty {
                    let piece = rest.prefix(size)
                    try? piece.withUnsafeBytes { try peer.writeAll($0) }
                    rest = rest.dropFirst(piece.count)
                    size = size * 7 % 9973 + 1
                }
                shutdown(peer.raw, CInt(SHUT_WR))
                done.update { $0 = true }
            }.detach()
            var received: [UInt8] = []
            var room = 1
            while true {
                var buffer = ByteBuffer(capacity: room)
                let count = try await connection.stream.read(
                    into: &buffer, atLeast: room, until: waiter.loop.now + .seconds(20))
                if count == 0 { break }
                received += buffer.bytes.array
                room = room * 5 % 8191 + 1
            }
            #expect(received == sent)
            #expect(done.wait(until: .after(10)) { $0 ? true : nil } == true)
            connection.stream.close()
        }
    }

    @Test func `the end is read behind the last byte, and again`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            try connection.stream.watch()
            try connection.send("last")
            connection.endSending()
            #expect(try await connection.stream.readNext() == "last")
            #expect(try await connection.stream.readNext() == "")
            #expect(try await connection.stream.readNext() == "")
            #expect(connection.stream.isPeerDone)
            #expect(!connection.stream.isHungUp)
            // Half a connection is left.
            #expect(try connection.stream.writeNow("answer") == 6)
            #expect(try connection.receive() == "answer")
            connection.stream.close()
        }
    }

    @Test func `the end that comes behind a short read is noticed`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            #expect(try connection.stream.readNow() == nil)
            try connection.send("abc")
            #expect(try await connection.stream.readNext() == "abc")
            connection.endSending()
            #expect(try await connection.stream.readNext() == "")
            connection.stream.close()
        }
    }

    @Test func `a peer that leaves is noticed by one who only watches`() async throws {
        try await onWaiter { waiter in
            var connection = try Connection(waiter)
            let stream = connection.stream
            try stream.watch()
            #expect(!stream.isPeerDone)
            connection.endSending()
            try await stream.wait { stream.isPeerDone }
            #expect(!stream.isHungUp)
            connection.hangUp()
            try await stream.wait { stream.isHungUp }
            stream.close()
        }
    }

    @Test func `a read that waits ends at its deadline`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            var buffer = ByteBuffer()
            let deadline = waiter.loop.now + .milliseconds(60)
            await #expect(throws: StreamError.timedOut) {
                _ = try await connection.stream.read(into: &buffer, until: deadline)
            }
            #expect(waiter.loop.now >= deadline)
            #expect(buffer.count == 0)
            // It works on all the same.
            try connection.send("late")
            #expect(try await connection.stream.readNext() == "late")
            connection.stream.close()
        }
    }

    @Test func `a read that waits ends when the server does`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            var buffer = ByteBuffer()
            waiter.loop.submit { waiter.cancel() }
            await #expect(throws: StreamError.cancelled) {
                _ = try await connection.stream.read(into: &buffer, until: .never)
            }
            connection.stream.close()
        }
    }

    // MARK: Writing

    @Test func `a peer that takes nothing holds the writer back until the time is over`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            var output = ByteBuffer()
            output.append(pattern(1 << 20))
            await #expect(throws: StreamError.timedOut) {
                try await connection.stream.write(&output, timeout: .milliseconds(60))
            }
            // What the kernel took is gone from the buffer, and the rest is the rest.
            let left = output.count
            #expect(left > 0 && left < 1 << 20)
            #expect(try connection.stream.writeNow("x") == nil)
            connection.stream.close()
            var taken = 0
            while let text = try connection.receive(), !text.isEmpty { taken += text.unicodeScalars.count }
            #expect(taken > 0)
        }
    }

    /// Reads all that comes at `peer` until its end, with pauses in which the writer is held back.
    private func reader(_ peer: CInt) -> Monitor<[UInt8]?> {
        let result = Monitor<[UInt8]?>(nil)
        Thread(name: "reader") {
            let peer = FileDescriptor(owning: peer)
            _ = fcntl(peer.raw, F_SETFL, 0)
            var received: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 50000)
            while true {
                let count = recv(peer.raw, &piece, piece.count, 0)
                if count <= 0 { break }
                received += piece[..<count]
                // Not for luck: a slow reader is what is tested, whatever its pace.
                poll(nil, 0, 1)
            }
            result.update { $0 = received }
        }.detach()
        return result
    }

    @Test(arguments: [false, true]) func `a slow reader gets every byte`(tcp: Bool) async throws {
        try await onWaiter { waiter in
            let connection = tcp ? try Connection(tcp: waiter) : try Connection(waiter)
            let received = reader(try connection.peer.duplicate().release())
            let bytes = pattern(3_000_000)
            var output = ByteBuffer()
            output.append(bytes)
            try await connection.stream.write(&output, more: true, timeout: .seconds(20))
            #expect(output.count == 0)
            // Head and body in one, the body from an offset on; then either alone; then nothing.
            var head = ByteBuffer()
            head.append("head")
            try await connection.stream.write(&head, bytes, from: 1_000_000, timeout: .seconds(20))
            head.append("head only")
            try await connection.stream.write(&head, [], timeout: .seconds(20))
            try await connection.stream.write(&head, Array("body only".utf8), timeout: .seconds(20))
            try await connection.stream.write(&head, [], timeout: .seconds(20))
            connection.stream.shutdownWrite()
            let pool = WorkerPool(name: "wait", threads: 1)
            let all = await pool.run { received.wait(until: .after(30)) { $0 } }
            #expect(
                all == bytes + Array("head".utf8) + bytes[1_000_000...] + Array("head onlybody only".utf8))
            connection.stream.close()
        }
    }

    @Test(arguments: [false, true]) func `a slow reader gets every byte of a file`(tcp: Bool) async throws {
        let folder = try ScratchFolder()
        let bytes = pattern(3_000_000)
        let path = try folder.write("file", bytes)
        try await onWaiter { waiter in
            let file = try FileDescriptor.open(path, O_RDONLY)
            let connection = tcp ? try Connection(tcp: waiter) : try Connection(waiter)
            let received = reader(try connection.peer.duplicate().release())
            let pool = WorkerPool(name: "wait", threads: 1)
            var sent = -1
            try await connection.stream.sendFile(
                file.raw, offset: 0, count: bytes.count, sent: &sent, pool: pool, timeout: .seconds(20))
            #expect(sent == bytes.count)
            try await connection.stream.sendFile(
                file.raw, offset: 1000, count: 2000, sent: &sent, pool: pool, timeout: .seconds(20))
            #expect(sent == 2000)
            // Nothing is asked for; more is asked for than there is; there is nothing at all.
            try await connection.stream.sendFile(
                file.raw, offset: 5, count: 0, sent: &sent, pool: pool, timeout: .seconds(20))
            #expect(sent == 0)
            try await connection.stream.sendFile(
                file.raw, offset: 2_999_990, count: 100, sent: &sent, pool: pool, timeout: .seconds(20))
            #expect(sent == 10)
            try await connection.stream.sendFile(
                file.raw, offset: 4_000_000, count: 100, sent: &sent, pool: pool, timeout: .seconds(20))
            #expect(sent == 0)
            // The place in the file is the caller's.
            #expect(lseek(file.raw, 0, SEEK_CUR) == 0)
            connection.stream.shutdownWrite()
            let all = await pool.run { received.wait(until: .after(30)) { $0 } }
            #expect(all == bytes + bytes[1000..<3000] + bytes[2_999_990...])
            connection.stream.close()
        }
    }

    @Test func `a file that is not taken is counted as far as it went`() async throws {
        let folder = try ScratchFolder()
        let path = try folder.write("file", pattern(3_000_000))
        try await onWaiter { waiter in
            let file = try FileDescriptor.open(path, O_RDONLY)
            let connection = try Connection(waiter)
            let pool = WorkerPool(name: "wait", threads: 1)
            var sent = -1
            await #expect(throws: StreamError.timedOut) {
                try await connection.stream.sendFile(
                    file.raw, offset: 0, count: 3_000_000, sent: &sent, pool: pool, timeout: .milliseconds(60)
                )
            }
            #expect(sent > 0 && sent < 3_000_000)
            connection.stream.close()
        }
    }

    // MARK: Ends

    @Test func `writing to one who has gone is an error, and no signal`() async throws {
        try await onWaiter { waiter in
            var connection = try Connection(waiter)
            let stream = connection.stream
            connection.hangUp()
            #expect(throws: Errno.brokenPipe) { _ = try stream.writeNow("x") }
            var head = ByteBuffer()
            head.append("head")
            await #expect(throws: StreamError.failed(.brokenPipe)) {
                try await stream.write(&head, [1, 2, 3], timeout: .seconds(20))
            }
            stream.close()
        }
    }

    @Test func `a reset is an error for the reader`() async throws {
        try await onWaiter { waiter in
            var connection = try Connection(tcp: waiter)
            let stream = connection.stream
            #expect(try stream.readNow() == nil)
            var option = linger(l_onoff: 1, l_linger: 0)
            setsockopt(
                connection.peer.raw, SOL_SOCKET, SO_LINGER, &option,
                socklen_t(MemoryLayout<linger>.size))
            connection.hangUp()
            await #expect(throws: Errno.connectionReset) { _ = try await stream.readNext() }
            #expect(stream.isHungUp)
            stream.close()
        }
    }

    @Test func `a reset of ours is one for the peer, and a close is none`() async throws {
        try await onWaiter { waiter in
            let first = try Connection(tcp: waiter)
            first.stream.reset()
            _ = fcntl(first.peer.raw, F_SETFL, 0)
            #expect(throws: Errno.connectionReset) { _ = try first.receive() }
            let second = try Connection(tcp: waiter)
            second.stream.close()
            _ = fcntl(second.peer.raw, F_SETFL, 0)
            #expect(try second.receive() == "")
            // Once more does no harm.
            second.stream.close()
            second.stream.reset()
        }
    }

    @Test func `our side can be ended alone`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            connection.stream.shutdownWrite()
            #expect(try connection.receive() == "")
            try connection.send("still")
            #expect(try await connection.stream.readNext() == "still")
            connection.stream.close()
        }
    }

    @Test func `a closed stream is nobody's`() async throws {
        try await onWaiter { waiter in
            let connection = try Connection(waiter)
            connection.stream.close()
            #expect(throws: Errno(EBADF)) { _ = try connection.stream.readNow() }
            #expect(throws: Errno(EBADF)) { _ = try connection.stream.writeNow("x") }
            #expect(try connection.receive() == "")
        }
    }

    @Test func `an event for a closed stream does not reach the next one of its number`() async throws {
        try await onWaiter { waiter in
            for _ in 0..<200 {
                var old = try Connection(waiter)
                let oldStream = old.stream
                try oldStream.watch()
                // The event is under way when the stream is closed, and its number is given away again.
                try old.send("x")
                old.hangUp()
                oldStream.close()
                let new = try Connection(waiter)
                try new.stream.watch()
                await Task.yield()
                _ = await waiter.wait(until: waiter.loop.now + .milliseconds(1))
                #expect(!new.stream.isPeerDone)
                #expect(!new.stream.isHungUp)
                #expect(try new.stream.readNow() == nil)
                new.stream.close()
            }
        }
    }
}

@Suite(.timeLimit(.minutes(5))) struct SourceTests {
    @Test func `a pipe is read to its end`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            var ends = try FileDescriptor.pipe(flags: O_NONBLOCK)
            let source = Source(ends.takeRead(), waiter: waiter)
            defer { source.close() }
            let writing = ends.takeWrite()
            var room = [UInt8](repeating: 0, count: 3)
            func read() throws -> String? {
                let count = try room.withUnsafeMutableBytes { try source.read(into: $0) }
                return count.map { String(decoding: room[..<$0], as: UTF8.self) }
            }
            #expect(try read() == nil)
            #expect(!source.isReadable)
            try writing.writeAll("abcde")
            _ = await waiter.wait(until: loop.now + .seconds(20))
            #expect(source.isReadable)
            #expect(try read() == "abc")
            #expect(try read() == "de")
            #expect(try read() == nil)
            try writing.writeAll("f")
            _ = consume writing
            while !source.isPeerDone { _ = await waiter.wait(until: loop.now + .seconds(20)) }
            #expect(try read() == "f")
            #expect(try read() == "")
            #expect(source.isHungUp)
        }
    }

    @Test func `a full pipe is written when it has been emptied`() async throws {
        try await onLoop { loop in
            let waiter = Waiter(loop: loop)
            defer { waiter.end() }
            var ends = try FileDescriptor.pipe(flags: O_NONBLOCK)
            let source = Source(ends.takeWrite(), waiter: waiter)
            defer { source.close() }
            let reading = ends.takeRead()
            let piece = pattern(4096)
            var written = 0
            while let count = try piece.withUnsafeBytes({ try source.write($0) }) {
                written += count
            }
            #expect(written > 0)
            #expect(!source.isWritable)
            var read = 0
            var room = [UInt8](repeating: 0, count: 65536)
            while read < written { read += max(0, Glibc.read(reading.raw, &room, room.count)) }
            while !source.isWritable { _ = await waiter.wait(until: loop.now + .seconds(20)) }
            #expect(try piece.withUnsafeBytes { try source.write($0) } == 4096)
            #expect(!source.isHungUp)
            _ = consume reading
            while !source.isHungUp { _ = await waiter.wait(until: loop.now + .seconds(20)) }
        }
    }
}
