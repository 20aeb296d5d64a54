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

    /// Such streams of one loop. Beyond, they are closed.
    private static let limit = 1000
    /// Pieces that are read before others have their turn.
    private static let roundPieces = 4
    private static let pieceSize = 32 * 1024

    /// Follows `stream` to its end, on a task of its own. `write` gets each line.
    static func follow(
        _ stream: consuming FileDescriptor, _ context: LoopContext,
        write: @escaping @Sendable (String) -> Void
    ) {
        guard context.lateErrors < limit else { return }
        context.lateErrors += 1
        let errors = LateErrors(Source(stream, waiter: Waiter(loop: context.loop)), context, write)
        context.loop.spawn { await errors.readAll() }
    }

    private init(_ source: Source, _ context: LoopContext, _ write: @escaping @Sendable (String) -> Void) {
        (self.source, self.context, self.write) = (source, context, write)
    }

    private func readAll() async {
        var pieces = 0
        while let count = read() {
            if count == 0 {
                if case .cancelled = await source.waiter.wait() { break }
            } else {
                pieces += 1
                if pieces % LateErrors.roundPieces == 0 { await Task.yield() }
            }
        }
        output.end(write)
        source.close()
        source.waiter.end()
        context.lateErrors -= 1
    }

    /// How much has come, nil at the end.
    private func read() -> Int? {
        var isAtEnd = false
        context.scriptPiece.removeAll()
        do throws(Errno) {
            let count = try context.scriptPiece.fill(atLeast: LateErrors.pieceSize) { (room) throws(Errno) in
                let count = try source.read(into: room)
                isAtEnd = count == 0
                return count ?? 0
            }
            if isAtEnd { return nil }
            context.scriptPiece.withSpan { output.take($0, write) }
            return count
        } catch {
            return nil
        }
    }
}
