import Base

/// The fields of a request that the server itself reads.
package enum FieldName: UInt8, Sendable {
    case accept, acceptEncoding, authorization, connection, contentLength, contentType, cookie, expect
    case host, ifMatch, ifModifiedSince, ifNoneMatch, ifRange, ifUnmodifiedSince, keepAlive, proxy
    case proxyAuthorization, proxyConnection, range, referer, te, trailer, transferEncoding, upgrade,
        userAgent
    case other

    package init(_ name: Span<UInt8>) {
        self = .other
        for candidate in FieldName.candidates(ofLength: name.count)
        where ASCII.equalsIgnoringCase(name, candidate.0) {
            self = candidate.1
            return
        }
    }

    private static func candidates(ofLength length: Int) -> [(StaticString, FieldName)] {
        length < byLength.count ? byLength[length] : []
    }

    /// In lower case, by length, so that a name is compared with two or three others at most.
    private static let byLength: [[(StaticString, FieldName)]] = {
        let names: [(StaticString, FieldName)] = [
            ("accept", .accept), ("accept-encoding", .acceptEncoding), ("authorization", .authorization),
            ("connection", .connection), ("content-length", .contentLength), ("content-type", .contentType),
            ("cookie", .cookie), ("expect", .expect), ("host", .host), ("if-match", .ifMatch),
            ("if-modified-since", .ifModifiedSince), ("if-none-match", .ifNoneMatch), ("if-range", .ifRange),
            ("if-unmodified-since", .ifUnmodifiedSince), ("keep-alive", .keepAlive), ("proxy", .proxy),
            ("proxy-authorization", .proxyAuthorization), ("proxy-connection", .proxyConnection),
            ("range", .range), ("referer", .referer), ("te", .te), ("trailer", .trailer),
            ("transfer-encoding", .transferEncoding), ("upgrade", .upgrade), ("user-agent", .userAgent),
        ]
        var table = [[(StaticString, FieldName)]](repeating: [], count: 24)
        for name in names { table[name.0.utf8CodeUnitCount].append(name) }
        return table
    }()
}
