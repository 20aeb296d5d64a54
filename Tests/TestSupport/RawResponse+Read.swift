import Base

extension RawClient {
    /// Reads one response strictly (RFC 9112): anything malformed is an error.
    ///
    /// `method` is that of the request, for an answer to HEAD has no body. What was sent behind the
    /// response stays for the next call, so pipelined responses are read one by one.
    package func readResponse(to method: String = "GET", within seconds: Double = 30) throws -> RawResponse {
        var reader = ResponseReader(client: self, deadline: .after(seconds))
        return try reader.response(to: method)
    }
}

private struct ResponseReader {
    let client: RawClient
    let deadline: Deadline

    mutating func response(to method: String) throws -> RawResponse {
        var interim: [RawResponse] = []
        while true {
            var response = try head()
            let isInterim = (100..<200).contains(response.status) && response.status != 101
            try chooseFraming(&response, method)
            if isInterim {
                interim.append(response)
                continue
            }
            response.interim = interim
            try readBody(&response)
            return response
        }
    }

    // MARK: Head

    private func head() throws -> RawResponse {
        let statusLine = try line("a status line")
        let parts = statusLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0",
            parts[1].utf8.count == 3, parts[1].utf8.allSatisfy(ASCII.isDigit), let status = Int(parts[1]),
            (100..<600).contains(status)
        else { throw malformed("status line \(statusLine.debugDescription)") }
        return RawResponse(
            version: String(parts[0]), status: status, reason: String(parts[2]),
            fields: try fields("a header field"))
    }

    private func fields(_ what: String) throws -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while true {
            let text = try line(what)
            if text.isEmpty { return fields }
            guard let colon = text.utf8.firstIndex(of: ASCII.colon) else {
                throw malformed("\(what) without colon: \(text)")
            }
            let name = text[..<colon]
            guard !name.isEmpty, name.utf8.allSatisfy(ASCII.isTokenCharacter) else {
                throw malformed("name of \(what): \(text.debugDescription)")
            }
            let value = Array(text[text.utf8.index(after: colon)...].utf8)
            fields.append((String(name), value.span.trimmingBlanks().string))
        }
    }

    /// A line that ends with CRLF, without that, and with no other control character but tab in it.
    private func line(_ what: String) throws -> String {
        var searched = 0
        while true {
            if let end = client.received[searched...].firstIndex(of: ASCII.lf) {
                guard end > 0, client.received[end - 1] == ASCII.cr else {
                    throw malformed("a line without CR: \(what)")
                }
                let text = client.take(end + 1).dropLast(2)
                if text.contains(where: { ASCII.isControl($0) && $0 != ASCII.tab }) {
                    throw malformed(
                        "a control character in \(what): \(String(decoding: text, as: UTF8.self).debugDescription)"
                    )
                }
                return String(decoding: text, as: UTF8.self)
            }
            searched = client.received.count
            try client.need(searched + 1, what, until: deadline)
        }
    }

    // MARK: Body

    private func chooseFraming(_ response: inout RawResponse, _ method: String) throws {
        let lengths = response.all("Content-Length")
        let codings = response.all("Transfer-Encoding")
        if lengths.count > 1 { throw malformed("\(lengths.count) Content-Length fields") }
        if !lengths.isEmpty, !codings.isEmpty { throw malformed("Content-Length and Transfer-Encoding") }
        if !codings.isEmpty {
            guard codings.count == 1, codings[0].lowercased() == "chunked" else {
                throw malformed("Transfer-Encoding \(codings)")
            }
            if response.version == "HTTP/1.0" { throw malformed("Transfer-Encoding in HTTP/1.0") }
        }
        if let length = lengths.first, Int(length) == nil || !length.utf8.allSatisfy(ASCII.isDigit) {
            throw malformed("Content-Length \(length.debugDescription)")
        }
        let tunnels = method == "CONNECT" && (200..<300).contains(response.status)
        if response.status < 200 || response.status == 204 || tunnels {
            // RFC 9110, sections 8.6 and 9.3.6; RFC 9112, section 6.1.
            if !lengths.isEmpty || !codings.isEmpty {
                throw malformed("body framing in a \(response.status)")
            }
        } else if method == "HEAD" || response.status == 304 {
            response.framing = .none
        } else {
            response.framing = !codings.isEmpty ? .chunked : lengths.isEmpty ? .untilClose : .length
        }
    }

    private func readBody(_ response: inout RawResponse) throws {
        switch response.framing {
        case .none: break
        case .length:
            let length = response["Content-Length"].flatMap { Int($0) } ?? 0
            try client.need(length, "a body of \(length) bytes", until: deadline)
            response.body = client.take(length)
        case .chunked: try readChunks(&response)
        case .untilClose:
            while client.ending == nil {
                guard try client.receive(until: deadline) else {
                    throw ClientError.timedOut("the end of a body without length", received: client.received)
                }
            }
            if client.ending == .reset {
                throw ClientError.ended(.reset, "the end of a body", received: client.received)
            }
            response.body = client.take(client.received.count)
        }
    }

    private func readChunks(_ response: inout RawResponse) throws {
        while true {
            let text = try line("a chunk's size")
            let size = text.prefix { $0 != ";" }
            guard !size.isEmpty, size.utf8.allSatisfy({ ASCII.hexValue($0) != nil }),
                let count = Int(size, radix: 16)
            else {
                throw malformed("chunk size \(text.debugDescription)")
            }
            if count == 0 {
                response.trailers = try fields("a trailer field")
                return
            }
            try client.need(count + 2, "a chunk of \(count) bytes", until: deadline)
            response.body += client.take(count)
            response.chunks.append(count)
            guard client.take(2) == [ASCII.cr, ASCII.lf] else { throw malformed("no CRLF behind a chunk") }
        }
    }

    private func malformed(_ why: String) -> ClientError { .malformed(why, received: client.received) }
}
