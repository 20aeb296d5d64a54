import Base
import Net

/// What comes on a script's stderr when its answer has ended: it may work on behind a closed stdout, and what it has
/// started for longer than itself. Without a reader, the next word would end them.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class LateErrors: @unchecked Sendable {
    private let source: Source
    private let context: LoopContext
    private let write: @Sendable (String) -> Void
    private var output = ErrorOutput()

    /// Such streams of one loop.
    private static let limit = 1000
    /// What is said where there are too many.
    static let excess =
        "\(limit) scripts of this thread have left processes behind that hold their stderr; that of the next ones is closed"
    /// Pieces that are read before others have their turn.
    private static let roundPieces = 4

    /// Follows `stream` to its end, on a task of its own. `write` gets each line. False: there are too many.
    static func follow(
        _ stream: consuming FileDescriptor, _ context: LoopContext,
        write: @escaping @Sendable (String) -> Void
    ) -> Bool {
        guard context.lateErrors < limit else { return false }
        context.lateErrors += 1
        let errors = LateErrors(Source(stream, waiter: Waiter(loop: context.loop)), context, write)
        context.loop.spawn { await errors.readAll() }
        return true
    }

    private init(_ source: Source, _ context: LoopContext, _ write: @escaping @Sendable (String) -> Void) {
        (self.source, self.context, self.write) = (source, context, write)
    }

    private func readAll() async {
        var pieces = 0
        while true {
            let count: Int?
            // What cannot be read has ended.
            do throws(Errno) { count = try context.readPiece(source) } catch { break }
            if count == 0 { break }
            if count == nil {
                if case .cancelled = await source.waiter.wait() { break }
                continue
            }
            context.scriptPiece.withSpan { output.take($0, write) }
            pieces += 1
            if pieces % LateErrors.roundPieces == 0 { await Task.yield() }
        }
        output.end(write)
        source.close()
        source.waiter.end()
        context.lateErrors -= 1
    }
}
