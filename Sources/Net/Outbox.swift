import Base
import CLinux

/// Small pieces for several sockets that leave together, with one system call, at the end of a loop's round.
///
/// A client that shares the processors with the server is woken by each piece of its own, and the scheduler
/// rather lets it run than the loop that has just woken it. Of those that leave together, the first is woken by
/// all of its pieces.
struct Outbox: ~Copyable {
    private var box: OpaquePointer?
    private var isMissing = false
    /// Of the pieces, in their order.
    private var sources: [Source] = []

    /// The kernel takes as much where it has nothing to send and is not short of memory.
    static let pieceSize = 4096

    var isEmpty: Bool { sources.isEmpty }

    /// Copies a piece; false where it has to be sent by itself.
    mutating func put(_ bytes: UnsafeRawBufferPointer, for source: Source) -> Bool {
        if box == nil, !isMissing {
            box = gh_outbox_create()
            isMissing = box == nil
        }
        guard let box, gh_outbox_put(box, source.fd, bytes.baseAddress, bytes.count) else { return false }
        sources.append(source)
        return true
    }

    /// A piece that the kernel has not taken all of.
    struct Leftover {
        var source: Source
        /// What it has not taken; nil where it takes nothing more.
        var rest: [UInt8]?
    }

    /// Sends them all.
    mutating func send() -> [Leftover] {
        guard let box, !sources.isEmpty, let ends = gh_outbox_send(box) else { return [] }
        var leftovers: [Leftover] = []
        for (number, source) in sources.enumerated() {
            source.isGathered = false
            let end = ends[number]
            if end.rest_size == 0 { continue }
            let rest = UnsafeRawBufferPointer(start: end.rest, count: end.rest_size)
            leftovers.append(Leftover(source: source, rest: end.has_failed ? nil : Array(rest)))
        }
        sources.removeAll(keepingCapacity: true)
        return leftovers
    }

    deinit { if let box { gh_outbox_destroy(box) } }
}
