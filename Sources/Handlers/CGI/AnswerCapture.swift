import Wire

/// Takes a copy of a script's answer on its way.
///
/// Belongs to the task of its request.
final class AnswerCapture {
    private let limit: Int
    /// There is an older answer to give in the place of an error.
    let stale: KeptAnswer?
    /// An error was held back; the older answer is to be sent.
    var useStale = false
    private(set) var head: ScriptHead?
    private(set) var status: Status?
    private(set) var content: [UInt8] = []
    private var isTooLarge = false
    private var isComplete = false

    init(limit: Int, stale: KeptAnswer?) {
        self.limit = limit
        self.stale = stale
    }

    func begin(_ head: ScriptHead, _ status: Status) { (self.head, self.status) = (head, status) }

    func take(_ piece: Span<UInt8>) {
        if isTooLarge { return }
        if content.count + piece.count > limit {
            isTooLarge = true
            content = []
            return
        }
        piece.withUnsafeBufferPointer { content.append(contentsOf: $0) }
    }

    func complete() { isComplete = true }

    /// All of the answer is here.
    var isWhole: Bool { isComplete && !isTooLarge }
}
