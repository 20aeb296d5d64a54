package import Base

extension ResponseHead {
    /// What a head says that is the connection's or the site's, not the service's.
    package struct Surroundings: ~Copyable {
        /// How the connection goes on (RFC 9112, section 9).
        package enum Persistence: Sendable {
            /// As the request's version has it.
            case usual
            /// HTTP/1.0 is told that it may go on.
            case keepAlive
            case close
        }

        /// The line's first word has been sent already.
        package var isVersionSent = false
        package var framing: ResponseFraming
        package var persistence: Persistence
        /// The Server field as a line, or nothing.
        package var serverLine: [UInt8]
        /// Fields of the site as whole lines, and their names in lower case; they replace the service's.
        package var siteLines: [UInt8]
        package var siteNames: [[UInt8]]
        /// More whole lines.
        package var extraLines: [UInt8]

        package init(
            framing: ResponseFraming, persistence: Persistence, serverLine: [UInt8], siteLines: [UInt8],
            siteNames: [[UInt8]], extraLines: [UInt8]
        ) {
            (self.framing, self.persistence, self.serverLine) = (framing, persistence, serverLine)
            (self.siteLines, self.siteNames, self.extraLines) = (siteLines, siteNames, extraLines)
        }
    }

    /// Writes the whole head (RFC 9112, sections 4 and 5). `date` is its Date field's value.
    package func write(
        to output: inout ByteBuffer, date: Span<UInt8>, _ surroundings: borrowing Surroundings
    ) {
        if !surroundings.isVersionSent { output.append(ResponseHead.version) }
        writeStatus(to: &output)
        output.append("Date: ")
        output.append(date)
        output.append("\r\n")
        output.append(surroundings.serverLine)
        if surroundings.siteNames.isEmpty {
            output.append(lines)
        } else {
            writeLines(without: surroundings.siteNames, to: &output)
            output.append(surroundings.siteLines)
        }
        output.append(surroundings.extraLines)
        switch surroundings.framing {
        case .chunked: output.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        case .length, .suppressed:
            if let contentLength {
                output.append("Content-Length: ")
                output.append(decimal: contentLength)
                output.append("\r\n")
            }
        }
        switch surroundings.persistence {
        case .usual: break
        case .keepAlive: output.append("Connection: keep-alive\r\n")
        case .close: output.append("Connection: close\r\n")
        }
        output.append("\r\n")
    }

    /// Writes an interim head (RFC 9110, section 15.2), which is the service's fields alone.
    package func writeInterim(to output: inout ByteBuffer, isVersionSent: Bool) {
        if !isVersionSent { output.append(ResponseHead.version) }
        writeStatus(to: &output)
        output.append(lines)
        output.append("\r\n")
    }

    /// Where the date's value begins in a head with that status and its usual reason.
    package static func dateStart(_ status: Status) -> Int {
        "HTTP/1.1 200 \r\nDate: ".utf8.count + status.reason.utf8CodeUnitCount
    }

    /// What every answer begins with.
    package static let version: StaticString = "HTTP/1.1 "

    private func writeStatus(to output: inout ByteBuffer) {
        output.append(decimal: status.code)
        output.append(ASCII.space)
        if reason.isEmpty { output.append(status.reason) } else { output.append(reason) }
        output.append("\r\n")
    }

    private func writeLines(without names: [[UInt8]], to output: inout ByteBuffer) {
        for line in FieldLines(lines) where !names.contains(line.name.map(ASCII.lower)) {
            output.append(line.bytes.span)
        }
    }
}
