import CPCRE2

/// A regular expression over bytes, by PCRE2, whose search ends after a bounded number of steps.
///
/// `@unchecked Sendable`: what was compiled is only read, which PCRE2 allows to all threads at once.
package final class Pattern: @unchecked Sendable {
    /// As it was written.
    package let text: String
    /// How many groups it captures.
    package let captureCount: Int
    private let code: OpaquePointer
    private let limits: OpaquePointer

    /// Why a text is no regular expression.
    package struct Failure: Error, Sendable {
        package let message: String
        /// Bytes before the place.
        package let offset: Int
    }

    /// What a search has found.
    package enum Outcome {
        case none
        /// Places of the whole match and of each group; nil for a group that took no part.
        case match([Range<Int>?])
        /// Given up: the search took more steps than one request may cost.
        case tooCostly
    }

    /// Steps back that a search may take. A pattern that is no trap needs about one for each byte.
    private static let stepLimit: UInt32 = 100_000
    private static let heapLimit: UInt32 = 4096  // KiB

    package init(_ text: String) throws(Failure) {
        var code = CInt(0)
        var offset = 0
        // A dot is any byte and a dollar the very end: a path may hold line breaks, and `^/x$` must not
        // fit what only begins so.
        let options = UInt32(PCRE2_DOTALL) | UInt32(PCRE2_DOLLAR_ENDONLY) | UInt32(PCRE2_NEVER_BACKSLASH_C)
        let bytes = Array(text.utf8)
        guard let compiled = pcre2_compile_8(bytes, bytes.count, options, &code, &offset, nil) else {
            throw Failure(message: Pattern.message(code), offset: offset)
        }
        guard let limits = pcre2_match_context_create_8(nil) else {
            pcre2_code_free_8(compiled)
            throw Failure(message: "no memory", offset: 0)
        }
        pcre2_set_match_limit_8(limits, Pattern.stepLimit)
        pcre2_set_heap_limit_8(limits, Pattern.heapLimit)
        var count: UInt32 = 0
        pcre2_pattern_info_8(compiled, UInt32(PCRE2_INFO_CAPTURECOUNT), &count)
        self.text = text
        self.code = compiled
        self.limits = limits
        captureCount = Int(count)
    }

    deinit {
        pcre2_match_context_free_8(limits)
        pcre2_code_free_8(code)
    }

    private static func message(_ code: CInt) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { room in
            let count = pcre2_get_error_message_8(code, room.baseAddress, room.count)
            return String(decoding: room.prefix(max(0, Int(count))), as: UTF8.self)
        }
    }

    /// Searches `subject` for the pattern.
    package func match(_ subject: Span<UInt8>) -> Outcome {
        guard let data = pcre2_match_data_create_from_pattern_8(code, nil) else { return .tooCostly }
        defer { pcre2_match_data_free_8(data) }
        let count = subject.withUnsafeBufferPointer {
            pcre2_match_8(code, $0.baseAddress, $0.count, 0, 0, data, limits)
        }
        if count == PCRE2_ERROR_NOMATCH { return .none }
        // With `(*UTF)` what is no UTF-8 fits nothing.
        if (PCRE2_ERROR_UTF8_ERR21...PCRE2_ERROR_UTF8_ERR1).contains(count) { return .none }
        guard count > 0, let places = pcre2_get_ovector_pointer_8(data) else { return .tooCostly }
        return .match(
            (0...captureCount).map { group in
                // Groups behind the last that took part are not counted, and are not set either.
                guard group < Int(count) else { return nil }
                let (start, end) = (places[2 * group], places[2 * group + 1])
                // PCRE2_UNSET reads as -1 here; `\K` in a look-ahead can put the start behind the end.
                return 0 <= start && start <= end && end <= subject.count ? start..<end : nil
            })
    }
}

extension Pattern: CustomStringConvertible {
    package var description: String { text }
}
