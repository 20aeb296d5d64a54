import Base
import Config
import Glibc

/// Whole lines that were handed over together.
struct LogPiece: Sendable {
    let bytes: [UInt8]
    let level: LogLevel

    static func lineCount(_ bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 == ASCII.lf } }
}

/// What the log thread has in hand for one log.
struct LogHand {
    let sink: LogSink
    private var pieces: [LogPiece]
    /// Of the first piece, what is written.
    private var written = 0
    /// Of the sink when that was written.
    private var turn: Int

    init(_ sink: LogSink, _ pieces: [LogPiece]) {
        (self.sink, self.pieces) = (sink, pieces)
        turn = sink.turn
    }

    var isEmpty: Bool { pieces.isEmpty }

    mutating func append(_ more: [LogPiece]) { pieces += more }

    /// What has become of bytes, and how many lines of theirs are lost.
    struct Settled {
        var written = 0
        var lost = 0
        var lostLines = 0
    }

    /// Goes back to the beginning of a line that is half written, for a file of which it would be the first.
    /// Returns by how many bytes.
    private mutating func beginLineAnew() -> Int {
        guard let piece = pieces.first else { return 0 }
        let half = written - ((piece.bytes[..<written].lastIndex(of: ASCII.lf) ?? -1) + 1)
        written -= half
        return half
    }

    /// Writes what the log takes now.
    mutating func write() -> Settled {
        var settled = Settled()
        if turn != sink.turn {
            turn = sink.turn
            settled.written = -beginLineAnew()
        }
        var done = 0
        // Pieces are let go of together: taking the first of an array moves all others.
        defer { pieces.removeFirst(done) }
        while done < pieces.count {
            let piece = pieces[done]
            do throws(Errno) {
                let end = try sink.write(piece.bytes, from: written, piece.level)
                settled.written += end - written
                written = end
                if end < piece.bytes.count { return settled }
                sink.isBroken = false
            } catch {
                settled.lost += piece.bytes.count - written
                settled.lostLines += LogPiece.lineCount(piece.bytes[written...])
                if !sink.isBroken { sink.complain(error) }
                sink.isBroken = true
            }
            done += 1
            written = 0
        }
        return settled
    }
}
