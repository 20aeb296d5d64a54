import Base

/// How a request's content is delimited (RFC 9112, section 6).
public enum BodyFraming: Hashable, Sendable {
    case none
    case length(Int)
    case chunked
}

/// What the fields say about where the request ends and whether the connection goes on.
struct FramingFacts {
    var host: ByteRange?
    var length: Int?
    var isChunked = false
    var hasTransferEncoding = false
    var close = false
    var keepAlive = false
    var expectsContinue = false

    mutating func take(_ id: FieldName, _ value: Span<UInt8>, _ place: ByteRange) throws(RequestError) {
        switch id {
        case .host:
            if host != nil { throw RequestError(.badRequest, "two Host fields") }
            host = place
        case .contentLength:
            if length != nil { throw RequestError(.badRequest, "two Content-Length fields") }
            guard let number = ASCII.decimal(value) else {
                throw RequestError(.badRequest, "Content-Length is not a number")
            }
            length = number
        case .transferEncoding:
            if hasTransferEncoding { throw RequestError(.badRequest, "two Transfer-Encoding fields") }
            hasTransferEncoding = true
            if !ASCII.equalsIgnoringCase(value, "chunked") {
                // A coding before chunked is only unknown; chunked not in last place leaves no end, and
                // twice or with commas around it is what only an attacker sends.
                var codings = ListReader(value)
                var isLast = false
                var (others, chunks) = (0, 0)
                while let coding = codings.next() {
                    isLast = ASCII.equalsIgnoringCase(coding, "chunked")
                    if isLast { chunks += 1 } else { others += 1 }
                }
                throw RequestError(
                    isLast && chunks == 1 && others > 0 ? .notImplemented : .badRequest,
                    "a Transfer-Encoding other than chunked")
            }
            isChunked = true
        case .connection:
            var list = ListReader(value)
            while let token = list.next() {
                if ASCII.equalsIgnoringCase(token, "close") { close = true }
                if ASCII.equalsIgnoringCase(token, "keep-alive") { keepAlive = true }
            }
        case .expect:
            var list = ListReader(value)
            while let expectation = list.next() {
                guard ASCII.equalsIgnoringCase(expectation, "100-continue") else {
                    throw RequestError(.expectationFailed, "an expectation other than 100-continue")
                }
                expectsContinue = true
            }
        default: break
        }
    }

    func framing(minorVersion: Int) throws(RequestError) -> BodyFraming {
        if hasTransferEncoding {
            if length != nil { throw RequestError(.badRequest, "both Transfer-Encoding and Content-Length") }
            if minorVersion == 0 { throw RequestError(.badRequest, "Transfer-Encoding in HTTP/1.0") }
            return .chunked
        }
        guard let length else { return .none }
        return length == 0 ? .none : .length(length)
    }
}
