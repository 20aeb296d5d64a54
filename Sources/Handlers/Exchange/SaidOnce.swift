import Synchronization

/// What has been said, by what about. Bounded, as clients choose some of the words.
struct SaidOnce {
    private var said: [String: Set<String>] = [:]
    private static let subjectLimit = 1000
    private static let messageLimit = 16

    /// Whether `message` has not been said of `subject` yet. Now it has.
    mutating func isNews(_ message: String, about subject: String) -> Bool {
        guard said[subject] != nil || said.count < SaidOnce.subjectLimit,
            said[subject, default: []].count < SaidOnce.messageLimit
        else { return false }
        return said[subject, default: []].insert(message).inserted
    }
}

/// What any loop of a server has said. A loop asks only for what it has not said itself.
final class SharedSaidOnce: Sendable {
    private let said = Mutex(SaidOnce())

    func isNews(_ message: String, about subject: String) -> Bool {
        said.withLock { $0.isNews(message, about: subject) }
    }
}
