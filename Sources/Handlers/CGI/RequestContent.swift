import Base
import Glibc
import Net
import Wire

/// The content of a request, whole, before its script starts.
///
/// A script then reads just CONTENT_LENGTH bytes and the end, whenever it likes or never, and
/// nothing that it does can block the client or the server. Where the content is to be streamed, it is a
/// pipe that a `ContentFeed` fills while the script runs.
///
/// Belongs to the task of its request.
final class RequestContent {
    /// What the script reads, until it has it: a pipe that holds all of it, or a file without a name.
    private var descriptor: FileDescriptor?
    private var raw: CInt
    /// CONTENT_LENGTH; nil where the request has no content.
    let length: Int?
    /// Where content that is streamed is written to.
    private var feedEnd: FileDescriptor?

    private init() {
        descriptor = nil
        raw = -1
        length = nil
    }

    private init(
        _ descriptor: consuming FileDescriptor, length: Int, feedEnd: consuming FileDescriptor? = nil
    ) {
        raw = descriptor.raw
        self.descriptor = consume descriptor
        self.length = length
        self.feedEnd = feedEnd
    }

    /// It is still to come, and the client is to be asked for it.
    var isStreamed: Bool { feedEnd != nil }

    /// The end of the pipe that streamed content is written to; nil for other content.
    func takeFeedEnd() -> FileDescriptor? { feedEnd.take() }

    /// What the script reads; nil where there is none.
    var input: CInt? { raw >= 0 ? raw : nil }

    /// The script runs and has its own descriptor; who writes to it is to see when it reads no more.
    func letGo() {
        descriptor = nil
        raw = -1
    }

    /// What a new pipe holds at least (pipe(7)).
    private static let pipeCapacity = 65536
    private static let pieceSize = 65536

    enum Failure: Error {
        case content(ContentError)
        /// The content could not be put aside.
        case storage(Errno)
    }

    /// Receives the content of `exchange`, which may have `limit` bytes. `streaming`: what says how long it
    /// is need not be here; other content is, for a script is told its length.
    static func receive(
        _ exchange: Exchange, limit: Int, streaming: Bool
    ) async throws(Failure) -> RequestContent {
        let length: Int?
        switch exchange.framing {
        case .none: return RequestContent()
        case .length(let known):
            if known > limit { throw .content(.tooLarge) }
            length = known
        case .chunked: length = nil
        }
        if streaming, let length, length > 0 { return try stream(length) }
        do throws(StreamError) { try await exchange.sendContinue() } catch { throw .content(.stream(error)) }
        if let length, length <= pipeCapacity { return try await receiveIntoPipe(exchange, length) }
        return try await receiveIntoFile(exchange, limit)
    }

    private static func stream(_ length: Int) throws(Failure) -> RequestContent {
        do throws(Errno) {
            var ends = try FileDescriptor.pipe()
            let end = ends.takeWrite()
            try end.setNonBlocking()
            return RequestContent(ends.takeRead(), length: length, feedEnd: end)
        } catch {
            throw .storage(error)
        }
    }

    private static func receiveIntoPipe(_ exchange: Exchange, _ length: Int) async throws(Failure)
        -> RequestContent
    {
        var buffer = ByteBuffer(capacity: length)
        while true {
            do throws(ContentError) {
                if try await exchange.readContent(into: &buffer, room: length) == 0 { break }
            } catch {
                throw .content(error)
            }
        }
        let length = buffer.count
        if let witness = exchange.witness { buffer.withSpan { witness.took(content: $0) } }
        do throws(Errno) {
            var ends = try FileDescriptor.pipe()
            let end = ends.takeWrite()
            // A user with very many pipes gets smaller ones, and the loop must not wait.
            try end.setNonBlocking()
            let written = buffer.withUnsafeBytes { write(end.raw, $0.baseAddress, $0.count) }
            if written == length { return RequestContent(ends.takeRead(), length: length) }
            let file = try openSpool()
            try buffer.withUnsafeBytes { (bytes) throws(Errno) in try file.writeAll(bytes) }
            if lseek(file.raw, 0, SEEK_SET) != 0 { throw .current }
            return RequestContent(file, length: length)
        } catch {
            throw .storage(error)
        }
    }

    private static func receiveIntoFile(_ exchange: Exchange, _ limit: Int) async throws(Failure)
        -> RequestContent
    {
        let file = try spool()
        var buffer = ByteBuffer(capacity: pieceSize)
        var total = 0
        while true {
            let count: Int
            do throws(ContentError) {
                count = try await exchange.readContent(into: &buffer, room: pieceSize)
            } catch {
                throw .content(error)
            }
            if count == 0 { break }
            total += count
            if let witness = exchange.witness { buffer.withSpan { witness.took(content: $0) } }
            if total > limit { throw .content(.tooLarge) }
            do throws(Errno) {
                try buffer.withUnsafeBytes { (bytes) throws(Errno) in try file.writeAll(bytes) }
            } catch {
                throw .storage(error)
            }
            buffer.removeAll()
            // A client on this machine can fill the disk as fast as this loop writes.
            await Task.yield()
        }
        if lseek(file.raw, 0, SEEK_SET) != 0 { throw .storage(.current) }
        return RequestContent(file, length: total)
    }

    private static func spool() throws(Failure) -> FileDescriptor {
        do throws(Errno) { return try openSpool() } catch { throw .storage(error) }
    }

    /// Where content is put aside, for messages.
    static var spoolFolder: String {
        let wanted = getenv("TMPDIR").map { String(cString: $0) }
        return [wanted, "/var/tmp"].compactMap { $0 }.first { access($0, W_OK | X_OK) == 0 } ?? "/tmp"
    }

    /// Below TMPDIR, else where large files are at home, else in /tmp, which is memory on some machines.
    static func openSpool() throws(Errno) -> FileDescriptor {
        if let folder = getenv("TMPDIR"),
            let file = try? FileDescriptor.temporaryFile(in: String(cString: folder))
        {
            return file
        }
        if let file = try? FileDescriptor.temporaryFile(in: "/var/tmp") { return file }
        return try FileDescriptor.temporaryFile(in: "/tmp")
    }
}
