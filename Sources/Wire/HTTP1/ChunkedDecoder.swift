package import Base

/// Takes the chunked coding off a request's content (RFC 9112, section 7.1). Chunk extensions and
/// trailers are passed over.
///
/// Stricter than heads: lines end in CR LF only, since two readings of a chunk's size are how one
/// request is smuggled inside another.
package struct ChunkedDecoder: Sendable {
    package enum Failure: Error, Equatable, Sendable {
        case malformed(StaticString)
        /// A size line or the trailers are longer than 8 KiB.
        case tooLong

        package static func == (a: Failure, b: Failure) -> Bool {
            switch (a, b) {
            case (.malformed, .malformed), (.tooLong, .tooLong): true
            default: false
            }
        }
    }

    private enum State: Sendable {
        case size, blank, extensions, sizeLF, data, dataCR, dataLF
        case trailerStart, trailerName, trailer, trailerLF, lastLF, done
    }

    private var state = State.size
    private var hasDigits = false
    private var remaining = 0
    /// Bytes of the current size line or of all trailers.
    private var lineLength = 0
    private static let lineLimit = 8192

    package init() {}

    package var isDone: Bool { state == .done }

    /// Reads `input`, appends content to `output`, at most `room` bytes of it.
    ///
    /// - Returns: how many bytes of `input` were used. Fewer than all: `room` was reached, or the end.
    package mutating func decode(
        _ input: Span<UInt8>, into output: inout ByteBuffer, room: Int = .max
    ) throws(Failure) -> Int {
        var index = 0
        var room = room
        while index < input.count, state != .done {
            if state == .data {
                let count = min(remaining, input.count - index, room)
                if count == 0 { return index }
                output.append(input.extracting(index..<index + count))
                index += count
                room -= count
                remaining -= count
                if remaining == 0 { state = .dataCR }
                continue
            }
            try step(input[index])
            index += 1
        }
        return index
    }

    /// A byte that is no content.
    private mutating func step(_ byte: UInt8) throws(Failure) {
        switch state {
        case .size: try stepInSize(byte)
        case .blank, .extensions: try stepBehindSize(byte)
        case .sizeLF:
            try expect(ASCII.lf, byte, else: "a chunk size line does not end in CR LF")
            state = remaining == 0 ? .trailerStart : .data
            hasDigits = false
            lineLength = 0
        case .dataCR:
            try expect(ASCII.cr, byte, else: "a chunk is longer than its size")
            state = .dataLF
        case .dataLF:
            try expect(ASCII.lf, byte, else: "a chunk does not end in CR LF")
            state = .size
        case .trailerStart, .trailerName, .trailer: try stepInTrailer(byte)
        case .trailerLF:
            try expect(ASCII.lf, byte, else: "a trailer does not end in CR LF")
            state = .trailerStart
        case .lastLF:
            try expect(ASCII.lf, byte, else: "the trailers do not end in CR LF")
            state = .done
        case .data, .done: break
        }
    }

    private mutating func stepInSize(_ byte: UInt8) throws(Failure) {
        if let digit = ASCII.hexValue(byte) {
            try count()
            // What is below 2^58 has room for one more digit.
            guard remaining < 1 << 58 else { throw .malformed("a chunk size is too large") }
            remaining = remaining << 4 | Int(digit)
            hasDigits = true
        } else if !hasDigits {
            throw .malformed("a chunk does not begin with its size")
        } else if byte == ASCII.cr {
            state = .sizeLF
        } else if byte == ASCII.semicolon {
            state = .extensions
        } else if ASCII.isBlank(byte) {
            state = .blank
        } else if byte == ASCII.lf {
            throw .malformed("a chunk size line does not end in CR LF")
        } else {
            throw .malformed("a chunk size is not hexadecimal")
        }
    }

    private mutating func stepBehindSize(_ byte: UInt8) throws(Failure) {
        try count()
        if byte == ASCII.cr {
            state = .sizeLF
        } else if state == .extensions {
            if ChunkedDecoder.isRefused(byte) {
                throw .malformed("a chunk extension has a control character")
            }
        } else if byte == ASCII.semicolon {
            state = .extensions
        } else if !ASCII.isBlank(byte) {
            throw .malformed("something follows a chunk size")
        }
    }

    private mutating func stepInTrailer(_ byte: UInt8) throws(Failure) {
        try count()
        let isToken = ASCII.isTokenCharacter(byte)
        switch state {
        case .trailerStart where byte == ASCII.cr: state = .lastLF
        case .trailerStart where isToken: state = .trailerName
        case .trailerStart: throw .malformed("a trailer line does not begin with a name")
        case .trailerName where byte == ASCII.colon: state = .trailer
        case .trailerName where !isToken: throw .malformed("a trailer's name is not followed by a colon")
        case .trailer where byte == ASCII.cr: state = .trailerLF
        case .trailer where ChunkedDecoder.isRefused(byte):
            throw .malformed("a trailer has a control character")
        default: break
        }
    }

    /// Whether an extension or a trailer's value may not have it.
    private static func isRefused(_ byte: UInt8) -> Bool { byte < ASCII.space && byte != ASCII.tab }

    private func expect(
        _ expected: UInt8, _ byte: UInt8, else reason: StaticString
    ) throws(Failure) {
        if byte != expected { throw .malformed(reason) }
    }

    private mutating func count() throws(Failure) {
        lineLength += 1
        if lineLength > ChunkedDecoder.lineLimit { throw .tooLong }
    }
}
