import Base
import Wire

/// Takes a copy of a script's answer on its way.
///
/// Belongs to the task of its request.
final class AnswerCapture {
    private let limit: Int
    private let time: TimeSpan
    private let gaveUp: () -> Void
    /// There is an older answer to give in the place of an error.
    let stale: KeptAnswer?
    /// An error was held back; the older answer is to be sent.
    var useStale = false
    private(set) var head: ScriptHead?
    private(set) var status: Status?
    private(set) var content: [UInt8] = []
    /// Nothing of this answer will be kept.
    private(set) var isGivenUp = false
    private var isComplete = false

    /// Takes answers of `limit` bytes at most, to be kept for `time`. `gaveUp` is called once, as soon as
    /// it is clear that this one cannot be kept.
    init(limit: Int, time: TimeSpan, stale: KeptAnswer?, gaveUp: @escaping () -> Void) {
        (self.limit, self.time, self.stale, self.gaveUp) = (limit, time, stale, gaveUp)
    }

    func begin(_ head: ScriptHead, _ status: Status) {
        (self.head, self.status) = (head, status)
        if CachePolicy.lifetime(status, head, time: time) == nil || head.contentLength ?? 0 > limit {
            giveUp()
        }
    }

    func take(_ piece: Span<UInt8>) {
        if isGivenUp { return }
        if content.count + piece.count > limit { return giveUp() }
        piece.withUnsafeBufferPointer { content.append(contentsOf: $0) }
    }

    func complete() { isComplete = true }

    func giveUp() {
        if isGivenUp { return }
        isGivenUp = true
        content = []
        gaveUp()
    }

    /// All of the answer is here.
    var isWhole: Bool { isComplete && !isGivenUp }
}
