import Base
import Config
import Glibc
import TestSupport
import Testing

@testable import Logs

/// The log thread with logs that take nothing for a while.
@Suite(.timeLimit(.minutes(1))) struct LogWriterTests {
    /// Lines of 1000 bytes with numbers in front.
    private static func line(_ number: Int) -> [UInt8] {
        let text = "\(number) "
        return Array("\(text)\(String(repeating: "x", count: 999 - text.utf8.count))\n".utf8)
    }

    private static func numbers(_ lines: [UInt8]) -> [Int] {
        lines.split(separator: ASCII.lf).compactMap {
            Int(String(decoding: $0.prefix { $0 != ASCII.space }, as: UTF8.self))
        }
    }

    /// A writer at work, and the losses that it tells.
    private static func writer(bound: Int = 1 << 20) throws -> (LogWriter, Monitor<[Int]>) {
        let writer = try LogWriter(bound: bound)
        let losses = Monitor<[Int]>([])
        writer.start { _, lines in losses.update { $0.append(lines) } }
        return (writer, losses)
    }

    /// What stands in a pipe now.
    private static func available(_ pipe: borrowing FileDescriptor) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(pipe.raw, &buffer, buffer.count)
        return Array(buffer.prefix(max(0, count)))
    }

    /// A named pipe that nobody reads, and its log.
    private static func pipe(in folder: ScratchFolder) throws -> LogSink {
        mkfifo(folder.path("pipe"), 0o600)
        return try #require(try LogSink(.file(folder.path("pipe"))))
    }

    @Test func `a pipe that nobody reads keeps no other log waiting`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            let (pipe, file) = (try Self.pipe(in: folder), try LogSink(.file(folder.path("log"))))
            let (writer, losses) = try Self.writer()
            for number in 1...200 { writer.submit(Self.line(number), to: pipe) }
            let other = try #require(file)
            writer.submit(Array("one\n".utf8), to: other)
            writer.submit(Array("two\n".utf8), to: other)
            #expect(try folder.waitForLine(in: "log", containing: "two") == "two")
            #expect(try folder.read("log") == "one\ntwo\n")
            // Once somebody reads, all is there, in its order.
            let reader = try FileDescriptor.open(folder.path("pipe"), O_RDONLY | O_NONBLOCK)
            var read: [UInt8] = []
            let isAll = eventually {
                read += Self.available(reader)
                return read.count == 200_000
            }
            #expect(isAll, "\(read.count)")
            #expect(Self.numbers(read) == Array(1...200))
            #expect(losses.update { $0 }.isEmpty)
        }
    }

    @Test func `what is too much is counted, and told once the log flows again`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            let pipe = try Self.pipe(in: folder)
            let other = try #require(try LogSink(.file(folder.path("log"))))
            let reader = try FileDescriptor.open(folder.path("pipe"), O_RDONLY | O_NONBLOCK)
            // Nothing more fits.
            let filler = [UInt8](repeating: ASCII.lf, count: 1 << 20)
            let filled = try pipe.write(filler, from: 0, .info)
            // All is handed over before the thread begins.
            let writer = try LogWriter(bound: 100_000)
            let losses = Monitor<[Int]>([])
            for number in 1...1000 { writer.submit(Self.line(number), to: pipe) }
            writer.start { _, lines in losses.update { $0.append(lines) } }
            for text in ["one\n", "two\n"] {
                writer.submit(Array(text.utf8), to: other)
                _ = try folder.waitForLine(in: "log", containing: String(text.dropLast()))
            }
            // The thread has been round, and the pipe does not flow.
            #expect(losses.update { $0 }.isEmpty)
            var read: [UInt8] = []
            let isAll = eventually {
                read += Self.available(reader)
                return read.count == filled + 100_000
            }
            #expect(isAll, "\(read.count - filled)")
            #expect(Self.numbers(read) == Array(1...100))
            let told = losses.wait(until: .after(20)) { $0.isEmpty ? nil : $0 }
            #expect(told == [900])
        }
    }

    @Test func `a log that cannot be written keeps nobody waiting at the end`() async throws {
        try await blocking {
            let sink = try #require(try LogSink(.file("/dev/full")))
            // One that is waited for takes a second each time; a busy machine does not.
            let fastest = try (1...3).map { _ in
                let (writer, losses) = try Self.writer()
                for number in 1...10 { writer.submit(Self.line(number), to: sink) }
                let start = Instant.now
                writer.flush()
                // It has not flowed since.
                #expect(losses.update { $0 }.isEmpty)
                return Instant.now - start
            }.min()
            #expect(try #require(fastest) < .seconds(1))
        }
    }

    @Test func `a pipe that nobody reads gives way at once to what is opened in its place`() async throws {
        try await blocking {
            // Had it to wake by itself, it would take most of a second each time; a busy machine does not.
            let fastest = try (1...5).map { _ in try Self.timeToGiveWay() }.min()
            #expect(try #require(fastest) < .milliseconds(700))
        }
    }

    private static func timeToGiveWay() throws -> TimeSpan {
        let folder = try ScratchFolder()
        let pipe = try pipe(in: folder)
        let other = try #require(try LogSink(.file(folder.path("log"))))
        let (writer, _) = try writer()
        // One piece, of which the pipe takes no whole number of lines.
        writer.submit((1...200).flatMap { line($0) }, to: pipe)
        // The thread sleeps for a second from here on.
        for text in ["one\n", "two\n"] {
            writer.submit(Array(text.utf8), to: other)
            _ = try folder.waitForLine(in: "log", containing: String(text.dropLast()))
        }
        unlink(folder.path("pipe"))
        let start = Instant.now
        try pipe.reopen()
        writer.lookAgain()
        _ = try folder.waitForLine(in: "pipe", containing: "200 ")
        let time = Instant.now - start
        // The line that the pipe has half of is whole here.
        let first = try #require(try folder.read("pipe").split(separator: "\n").first)
        #expect(first.utf8.count == 999, "\(first)")
        return time
    }

    // MARK: Standard streams

    /// The flag would be the shell's, too.
    @Test func `a standard stream is not made non-blocking, and holds up nobody`() throws {
        var ends = try FileDescriptor.pipe()
        let reader = ends.takeRead()
        let writer = ends.takeWrite()
        let log = try LogFile(stream: writer.raw)
        let bytes = [UInt8](repeating: ASCII.lf, count: 200_000)
        let taken = try log.write(bytes, from: 0)
        #expect(taken > 0 && taken < bytes.count)
        #expect(try log.write(bytes, from: taken) == taken)
        #expect(fcntl(writer.raw, F_GETFL) & O_NONBLOCK == 0)
        _ = consume reader
    }

    @Test func `nor a socket`() throws {
        var pair: [CInt] = [-1, -1]
        #expect(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        let reader = FileDescriptor(owning: pair[0])
        let writer = FileDescriptor(owning: pair[1])
        let log = try LogFile(stream: writer.raw)
        let bytes = [UInt8](repeating: ASCII.lf, count: 4_000_000)
        let taken = try log.write(bytes, from: 0)
        #expect(taken > 0 && taken < bytes.count)
        #expect(fcntl(writer.raw, F_GETFL) & O_NONBLOCK == 0)
        _ = consume reader
    }
}
