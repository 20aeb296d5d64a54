/// How the content of an answer is delimited (RFC 9112, section 6).
package enum ResponseFraming: Sendable {
    /// Of a status that has none.
    case none
    /// For HEAD: counted, not sent.
    case suppressed
    case length(left: Int)
    case chunked
    case untilClose

    /// What suits an answer to `request`. `untilClose` is the one that ends the connection.
    package init(_ head: ResponseHead, to method: Method, minorVersion: Int) {
        if head.status.isWithoutContent {
            self = .none
        } else if method == .head {
            self = .suppressed
        } else if let length = head.contentLength {
            self = .length(left: length)
        } else {
            self = minorVersion > 0 ? .chunked : .untilClose
        }
    }
}
