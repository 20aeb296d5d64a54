/// Why a head was refused. The connection is closed after the answer, since nobody knows where the
/// next request would begin.
package struct RequestError: Error, Equatable, Sendable {
    package let status: Status
    /// For the error log: what was wrong.
    package let reason: StaticString

    init(_ status: Status, _ reason: StaticString) { (self.status, self.reason) = (status, reason) }

    /// The head did not arrive in time.
    package static let timedOut = RequestError(
        .requestTimeout, "the request head did not arrive within header_timeout")

    package static func == (a: RequestError, b: RequestError) -> Bool { a.status == b.status }
}
