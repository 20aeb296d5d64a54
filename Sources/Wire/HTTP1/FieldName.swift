import Base

/// The fields of a request that the server itself reads.
public enum FieldName: UInt8, Sendable {
    case accept, acceptEncoding, authorization, connection, contentLength, contentType, cookie, expect
    case forwarded, xForwardedFor, xForwardedProto
    case host, ifMatch, ifModifiedSince, ifNoneMatch, ifRange, ifUnmodifiedSince, keepAlive, proxy
    case proxyAuthorization, proxyConnection, range, referer, te, trailer, transferEncoding, upgrade,
        userAgent
    case other

    package init(_ name: Span<UInt8>) {
        func matches(_ text: StaticString, _ id: FieldName) -> FieldName {
            name.isFieldName(text) ? id : .other
        }
        // By length and first letter, so that a name is compared with one other at most.
        let first = name.isEmpty ? 0 : ASCII.lower(name[0])
        self =
            switch (name.count, first) {
            case (2, _): matches("te", .te)
            case (4, _): matches("host", .host)
            case (5, 0x70): matches("proxy", .proxy)
            case (5, _): matches("range", .range)
            case (6, 0x61): matches("accept", .accept)
            case (6, 0x63): matches("cookie", .cookie)
            case (6, _): matches("expect", .expect)
            case (7, 0x72): matches("referer", .referer)
            case (7, 0x74): matches("trailer", .trailer)
            case (7, _): matches("upgrade", .upgrade)
            case (8, _):
                ASCII.lower(name[3]) == 0x6D ? matches("if-match", .ifMatch) : matches("if-range", .ifRange)
            case (9, _): matches("forwarded", .forwarded)
            case (10, 0x63): matches("connection", .connection)
            case (10, 0x6B): matches("keep-alive", .keepAlive)
            case (10, _): matches("user-agent", .userAgent)
            case (12, _): matches("content-type", .contentType)
            case (13, 0x61): matches("authorization", .authorization)
            case (13, _): matches("if-none-match", .ifNoneMatch)
            case (14, _): matches("content-length", .contentLength)
            case (15, 0x78): matches("x-forwarded-for", .xForwardedFor)
            case (15, _): matches("accept-encoding", .acceptEncoding)
            case (16, _): matches("proxy-connection", .proxyConnection)
            case (17, 0x69): matches("if-modified-since", .ifModifiedSince)
            case (17, 0x78): matches("x-forwarded-proto", .xForwardedProto)
            case (17, _): matches("transfer-encoding", .transferEncoding)
            case (19, 0x70): matches("proxy-authorization", .proxyAuthorization)
            case (19, _): matches("if-unmodified-since", .ifUnmodifiedSince)
            default: .other
            }
    }
}
