import Glibc
import TestSupport
import Testing

/// Asks for a broken script and expects `status`, one line in the error log with its name, the request's id
/// and all of `words`, the same on the page for whom `cgi_errors_to` names, and nothing of it for others.
func expectDiagnosis(
    _ script: String, _ status: Int = 500, mode: mode_t = 0o755, server: String = "", site: String = "",
    says words: [String], at location: SourceLocation = #_sourceLocation,
    prepare: @escaping @Sendable (ScratchFolder) throws -> Void = { _ in }
) async throws {
    try await withScripts(
        [:], site: "cgi_errors_to = 127.0.0.1\n\(site)", server: server,
        prepare: { folder in
            try folder.write("cgi-bin/x", script, mode: mode)
            try prepare(folder)
        }
    ) { server in
        let told = try server.get("/cgi-bin/x")
        #expect(told.status == status, sourceLocation: location)
        let id = try requestID(told)
        var lines: [String] = []
        let said = eventually {
            lines = server.process.stderr.lines.filter { $0.contains(id) }
            return lines.contains { line in words.allSatisfy { line.contains($0) } }
        }
        #expect(said, "\(words) in:\n\(lines.joined(separator: "\n"))", sourceLocation: location)
        #expect(lines.allSatisfy { $0.contains("site=default script=/cgi-bin/x ") }, sourceLocation: location)
        for word in words {
            #expect(told.text.contains(word), "\(word) in:\n\(told.text)", sourceLocation: location)
        }

        let plain = try server.request("GET", "/cgi-bin/x", from: "127.0.0.2")
        #expect(plain.status == status, sourceLocation: location)
        #expect(try requestID(plain) != id, sourceLocation: location)
        for word in words {
            #expect(!plain.text.contains(word), "\(word) is not for everybody", sourceLocation: location)
        }
        #expect(!plain.text.contains(server.folder.path), sourceLocation: location)
    }
}

/// The request's number that an error page shows, which the log has too.
func requestID(_ response: RawResponse) throws -> String {
    guard let match = response.text.firstMatch(of: /Request (\w+)</) else {
        throw TestFailure("no request id on \(response)")
    }
    return String(match.1)
}
