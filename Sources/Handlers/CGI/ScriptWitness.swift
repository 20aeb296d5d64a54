package import Base
package import Net

/// Takes down what passes between the server and a script, for `gatehouse doctor` and `cgi_capture`.
///
/// Belongs to the loop's thread until the loop has ended.
package final class ScriptWitness {
    /// The beginning of a stream, and how long it was in all.
    package struct Excerpt: ~Copyable {
        private var beginning = ByteBuffer()
        package var bytes: [UInt8] { beginning.bytes.array }
        package private(set) var total = 0

        /// Bytes that are kept.
        private let limit: Int

        init(limit: Int) { self.limit = limit }

        package mutating func take(_ piece: Span<UInt8>) {
            total += piece.count
            let room = max(0, limit - beginning.count)
            beginning.append(piece.extracting(first: min(piece.count, room)))
        }
    }

    package internal(set) var plan: SpawnPlan?
    /// The content of the request.
    package private(set) var content: Excerpt
    package private(set) var output: Excerpt
    package private(set) var errors: Excerpt
    package internal(set) var exit: ExitStatus?
    package internal(set) var duration: TimeSpan?
    /// What the server had to say of the request, but for the lines that the script wrote itself.
    package private(set) var messages: [String] = []
    /// One of them is an error.
    package private(set) var hasError = false
    /// The site that answered.
    package internal(set) var site = ""

    /// Messages that are kept; a request has one or two.
    private static let messageLimit = 100

    /// `limit`: bytes that are kept of each stream.
    package init(limit: Int = 64 << 10) {
        content = Excerpt(limit: limit)
        output = Excerpt(limit: limit)
        errors = Excerpt(limit: limit)
    }

    func took(content piece: Span<UInt8>) { content.take(piece) }

    func took(output piece: Span<UInt8>) { output.take(piece) }

    func took(errors piece: Span<UInt8>) { errors.take(piece) }

    func took(_ message: String, isError: Bool = false) {
        hasError = hasError || isError
        if messages.count < ScriptWitness.messageLimit { messages.append(message) }
    }
}
