import Base
import Testing
import Wire

@Suite struct StatusTests {
    @Test func `codes from 100 to 599`() {
        for code in 100...599 { #expect(Status(code)?.code == code) }
        for code in [.min, -200, -1, 0, 1, 99, 600, 999, 1000, Int.max] { #expect(Status(code) == nil) }
    }

    /// The registry as RFC 9110 and those after it fill it.
    @Test(arguments: [
        (100, "Continue"), (101, "Switching Protocols"), (103, "Early Hints"), (200, "OK"), (201, "Created"),
        (203, "Non-Authoritative Information"), (204, "No Content"), (206, "Partial Content"),
        (207, "Multi-Status"), (301, "Moved Permanently"), (302, "Found"), (303, "See Other"),
        (304, "Not Modified"), (307, "Temporary Redirect"), (308, "Permanent Redirect"), (400, "Bad Request"),
        (401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found"), (405, "Method Not Allowed"),
        (408, "Request Timeout"), (409, "Conflict"), (410, "Gone"), (411, "Length Required"),
        (412, "Precondition Failed"), (413, "Content Too Large"), (414, "URI Too Long"),
        (416, "Range Not Satisfiable"), (417, "Expectation Failed"), (421, "Misdirected Request"),
        (422, "Unprocessable Content"), (426, "Upgrade Required"), (428, "Precondition Required"),
        (429, "Too Many Requests"), (431, "Request Header Fields Too Large"),
        (451, "Unavailable For Legal Reasons"), (500, "Internal Server Error"), (501, "Not Implemented"),
        (502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway Timeout"),
        (505, "HTTP Version Not Supported"), (507, "Insufficient Storage"),
        (511, "Network Authentication Required"),
    ]) func `reason phrases`(_ code: Int, _ reason: String) {
        #expect(Status(code)?.reason.description == reason)
    }

    @Test func `every code has a phrase that fits a status line`() {
        for code in 100...599 {
            let reason = Status(code)?.reason.description ?? ""
            #expect(!reason.isEmpty)
            #expect(reason.utf8.allSatisfy { $0 >= ASCII.space && $0 < ASCII.delete })
        }
    }

    @Test func `classes`() {
        for code in 100...599 {
            let status = Status(code)
            #expect(status?.isInformational == (code < 200))
            #expect(status?.isError == (code >= 400))
            #expect(status?.isWithoutContent == (code < 200 || code == 204 || code == 304))
        }
    }

    @Test func `named ones are what they say`() {
        let named: [(Status, Int)] = [
            (.continue, 100), (.earlyHints, 103), (.ok, 200), (.noContent, 204), (.partialContent, 206),
            (.movedPermanently, 301), (.found, 302), (.notModified, 304),
            (.badRequest, 400), (.unauthorized, 401), (.forbidden, 403),
            (.notFound, 404), (.methodNotAllowed, 405), (.requestTimeout, 408), (.preconditionFailed, 412),
            (.contentTooLarge, 413), (.uriTooLong, 414), (.rangeNotSatisfiable, 416),
            (.expectationFailed, 417), (.headerFieldsTooLarge, 431), (.internalServerError, 500),
            (.notImplemented, 501), (.serviceUnavailable, 503), (.gatewayTimeout, 504),
            (.versionNotSupported, 505), (.insufficientStorage, 507),
        ]
        for (status, code) in named { #expect(status.code == code) }
    }
}

private func method(_ name: [UInt8]) -> Method { Method(name.span) }
private func field(_ name: [UInt8]) -> FieldName { FieldName(name.span) }

@Suite struct MethodTests {
    @Test(arguments: [
        ("GET", Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
        ("CONNECT", .connect), ("OPTIONS", .options), ("TRACE", .trace), ("PATCH", .patch),
        // Names are case-sensitive (RFC 9110, 9.1).
        ("get", .other), ("Get", .other), ("GETX", .other), ("GE", .other), ("PROPFIND", .other),
        ("", .other),
        ("G\u{C5}T", .other),
    ]) func `by name`(_ name: String, _ expected: Method) {
        #expect(method(raw(name)) == expected)
    }
}

@Suite struct FieldNameTests {
    static let known: [(String, FieldName)] = [
        ("Accept", .accept), ("Accept-Encoding", .acceptEncoding), ("Authorization", .authorization),
        ("Connection", .connection), ("Content-Length", .contentLength), ("Content-Type", .contentType),
        ("Cookie", .cookie), ("Expect", .expect), ("Forwarded", .forwarded),
        ("X-Forwarded-For", .xForwardedFor), ("X-Forwarded-Proto", .xForwardedProto), ("Host", .host),
        ("If-Match", .ifMatch),
        ("If-Modified-Since", .ifModifiedSince), ("If-None-Match", .ifNoneMatch), ("If-Range", .ifRange),
        ("If-Unmodified-Since", .ifUnmodifiedSince), ("Keep-Alive", .keepAlive), ("Proxy", .proxy),
        ("Proxy-Authorization", .proxyAuthorization), ("Proxy-Connection", .proxyConnection),
        ("Range", .range), ("Referer", .referer), ("TE", .te), ("Trailer", .trailer),
        ("Transfer-Encoding", .transferEncoding), ("Upgrade", .upgrade), ("User-Agent", .userAgent),
    ]

    @Test(arguments: known) func `known in any case`(_ name: String, _ id: FieldName) {
        #expect(field(raw(name)) == id)
        #expect(field(raw(name).map(ASCII.lower)) == id)
        #expect(field(raw(name).map(ASCII.upper)) == id)
    }

    @Test(arguments: known) func `known by the whole name only`(_ name: String, _ id: FieldName) {
        for other in ["X\(name)", "\(name)X", String(name.dropLast()), String(name.dropFirst()), "\(name) "] {
            #expect(field(raw(other)) != id, "\(other)")
        }
        // Bytes that differ from a letter or a dash in the bit that tells cases apart.
        for index in raw(name).indices {
            var bytes = raw(name)
            bytes[index] ^= 0x80
            #expect(field(bytes) == .other)
        }
        let withCR = raw(name).map { $0 == ASCII.dash ? ASCII.cr : $0 }
        #expect(field(withCR) == (name.contains("-") ? .other : id))
    }

    @Test func `every known one is in the list`() {
        #expect(Set(Self.known.map(\.1.rawValue)) == Set(0..<FieldName.other.rawValue))
    }

    @Test(arguments: ["", "X", "Accept-Language", "Content-Encoding", String(repeating: "x", count: 1000)])
    func `others`(_ name: String) {
        #expect(field(raw(name)) == .other)
    }
}
