import TestSupport
import Testing

extension ServerProcess {
    /// Sends exactly `bytes` on a connection of its own and reads one response.
    ///
    /// - Returns: the response, and whether the connection is closed behind it. That is found out by
    ///   reading to the end, or else by one more request, which has to be answered with 200.
    func answer(
        to bytes: [UInt8], method: String = "GET", probe: String = "/probe.txt", listener: Int = 0
    ) throws -> (response: RawResponse, isClosed: Bool) {
        let client = try connect(listener)
        _ = try client.sendSome(bytes)
        let response = try client.readResponse(to: method)
        if response["Connection"]?.lowercased() == "close" {
            let ending = try client.expectEnd()
            if ending == .reset {
                throw ClientError.ended(.reset, "the end behind the response", received: [])
            }
            return (response, true)
        }
        do {
            try client.send("GET \(probe) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let next = try client.readResponse()
            if next.status != 200 { throw TestFailure("the request behind it is answered with \(next)") }
            return (response, false)
        } catch ClientError.ended(_, _, let received) where received.isEmpty {
            return (response, true)
        }
    }

    func answer(to text: String, method: String = "GET") throws -> (response: RawResponse, isClosed: Bool) {
        try answer(to: Array(text.utf8), method: method)
    }
}

/// What a server makes of a request: one line of a table.
struct RawRow: Sendable {
    let name: String
    let bytes: [UInt8]
    let status: Int
    let closes: Bool

    init(_ name: String, _ text: String, _ status: Int, closes: Bool) {
        self.init(name, Array(text.utf8), status, closes: closes)
    }

    init(_ name: String, _ bytes: [UInt8], _ status: Int, closes: Bool) {
        (self.name, self.bytes, self.status, self.closes) = (name, bytes, status, closes)
    }

    /// The method that the bytes ask by, for the response to HEAD has no body.
    private var method: String {
        String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
    }

    /// Sends it and compares.
    func check(_ server: ServerProcess) throws {
        do {
            let (response, isClosed) = try server.answer(to: bytes, method: method == "HEAD" ? "HEAD" : "GET")
            #expect(response.status == status, "\(name)")
            #expect(isClosed == closes, "\(name): whether the connection is closed")
            #expect(response["Date"]?.wholeMatch(of: httpDate) != nil, "\(name): a Date field")
        } catch {
            throw TestFailure("\(name): \(error)")
        }
    }
}

extension String {
    /// So many times this text.
    func times(_ count: Int) -> String { String(repeating: self, count: count) }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
// A Regex is not Sendable; this one is never changed and has no captures to share.
nonisolated(unsafe) let httpDate = /\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/
