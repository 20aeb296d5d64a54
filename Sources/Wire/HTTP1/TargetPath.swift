import Base

/// The path of a request target, decoded and with its dot segments resolved.
package enum TargetPath {
    package enum Failure: Error, Equatable, Sendable {
        /// `%` without two hexadecimal digits, or a NUL, escaped or not.
        case badEscape
        /// More `..` than folders.
        case leavesRoot
    }

    /// Decodes `raw` into `path`, whose old content is dropped. The result begins with `/`.
    ///
    /// Escapes are decoded first, so that `%2e%2e%2f` is `../` like any other. Empty segments stay:
    /// they mean nothing in a file's name and may mean something in PATH_INFO.
    package static func decode(_ raw: Span<UInt8>, into path: inout [UInt8]) throws(Failure) {
        path.removeAll(keepingCapacity: true)
        var hasDots = false
        var index = 0
        if raw.isEmpty || raw[0] != ASCII.slash { path.append(ASCII.slash) }
        while index < raw.count {
            var byte = raw[index]
            index += 1
            if byte == ASCII.percent {
                guard index + 1 < raw.count, let high = ASCII.hexValue(raw[index]),
                    let low = ASCII.hexValue(raw[index + 1])
                else { throw .badEscape }
                byte = high << 4 | low
                index += 2
            }
            if byte == 0 { throw .badEscape }
            if byte == ASCII.dot, path.last == ASCII.slash { hasDots = true }
            path.append(byte)
        }
        if hasDots { try resolveDots(&path) }
    }

    /// The decoded path of a target, which may have a query; nil where it is none.
    package static func decoded(of target: String) -> [UInt8]? {
        var path: [UInt8] = []
        let raw = Array(target.utf8.prefix { $0 != ASCII.question })
        return (try? decode(raw.span, into: &path)) == nil ? nil : path
    }

    /// Resolves the dot segments of a decoded path that was put together from pieces.
    package static func resolve(_ path: inout [UInt8]) throws(Failure) { try resolveDots(&path) }

    private static func resolveDots(_ path: inout [UInt8]) throws(Failure) {
        var result: [UInt8] = []
        result.reserveCapacity(path.count)
        var index = 0
        while index < path.count {
            // path[index] is a slash: each round takes one and the segment behind it.
            var stop = index + 1
            while stop < path.count, path[stop] != ASCII.slash { stop += 1 }
            let segment = path[(index + 1)..<stop]
            let isLast = stop == path.count
            if segment.elementsEqual([ASCII.dot]) {
                if isLast { result.append(ASCII.slash) }
            } else if segment.elementsEqual([ASCII.dot, ASCII.dot]) {
                guard let parent = result.lastIndex(of: ASCII.slash) else { throw .leavesRoot }
                result.removeSubrange(parent...)
                if isLast { result.append(ASCII.slash) }
            } else {
                result.append(contentsOf: path[index..<stop])
            }
            index = stop
        }
        path = result
    }

    /// Appends `path` with everything escaped that a URL's path may not hold as it is.
    package static func encode(_ path: Span<UInt8>, into output: inout [UInt8]) {
        for index in path.indices {
            let byte = path[index]
            let isPlain =
                ASCII.isAlphanumeric(byte) || byte == ASCII.slash || byte == ASCII.dash || byte == ASCII.dot
                || byte == ASCII.underscore || byte == 0x7E
            if isPlain {
                output.append(byte)
            } else {
                output.append(ASCII.percent)
                output.append(ASCII.hexDigit(byte >> 4))
                output.append(ASCII.hexDigit(byte & 15))
            }
        }
    }

    /// Appends a query as it was sent, but for bytes that no URL may hold.
    package static func encodeQuery(_ query: [UInt8], into output: inout [UInt8]) {
        for byte in query {
            if ASCII.space < byte, byte < ASCII.delete {
                output.append(byte)
            } else {
                encode([byte].span, into: &output)
            }
        }
    }

    /// Decodes the escapes of a query's part; nil where one is broken. `plus` becomes a blank.
    package static func decodeQuery(_ raw: Span<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var index = 0
        while index < raw.count {
            let byte = raw[index]
            if byte == ASCII.percent {
                guard index + 2 < raw.count, let high = ASCII.hexValue(raw[index + 1]),
                    let low = ASCII.hexValue(raw[index + 2])
                else { return nil }
                result.append(high << 4 | low)
                index += 3
            } else {
                result.append(byte == ASCII.plus ? ASCII.space : byte)
                index += 1
            }
        }
        return result
    }
}
