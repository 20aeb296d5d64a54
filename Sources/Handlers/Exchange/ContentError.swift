import Net

/// Why the content of a request could not be had.
enum ContentError: Error, Sendable {
    /// Longer than `max_body`.
    case tooLarge
    case malformed(StaticString)
    /// The client ended the connection before the content did.
    case incomplete
    case stream(StreamError)
}
