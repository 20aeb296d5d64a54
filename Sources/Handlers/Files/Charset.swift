import Base
import CUchardet
import Glibc

/// Finds out what text is written in.
enum Charset {
    /// What the media type `type` says its content is: only text has a character set.
    static func isText(_ type: String) -> Bool { type.hasPrefix("text/") }

    /// The character set of a text that begins with `bytes`, as Content-Type names it. Nil where the
    /// text names one itself, or where it is not clear: a client guesses better than a wrong answer
    /// lets it.
    ///
    /// - Parameters:
    ///   - isWhole: whether nothing follows `bytes`, so that a character cut at the end is an error.
    ///   - type: its media type, which decides how it would name a character set.
    static func detect(_ bytes: Span<UInt8>, isWhole: Bool, type: String) -> String? {
        if let mark = byteOrderMark(bytes) { return mark }
        if CharsetDeclaration.stands(in: bytes, type: type) { return nil }
        if let wide = withoutMark(bytes) { return wide }
        // Neither the text of anybody, nor anything that could be told.
        if bytes.contains(0) { return nil }
        if isUTF8(bytes, isWhole: isWhole) {
            // The one character set whose text looks like ASCII, and has escapes that ASCII has not.
            if bytes.contains(0x1B) {
                // A line's end is the end of its escapes, too.
                let lines = isWhole ? bytes : bytes.extracting(0..<behindLast({ $0 == ASCII.lf }, bytes))
                if guess(lines) == "iso-2022-jp" { return "iso-2022-jp" }
            }
            return "utf-8"
        }
        // A blank, a newline or a comma is in none of the other character sets a part of a character.
        return guess(isWhole ? bytes : bytes.extracting(0..<behindLast({ $0 < ASCII.zero }, bytes)))
    }

    /// Whether the bytes are UTF-8. Where they are the beginning of more, the last character may be cut.
    static func isUTF8(_ bytes: Span<UInt8>, isWhole: Bool = true) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes)
            return true
        } catch {
            return !isWhole && error.kind == .truncatedScalar && error.byteOffsets.upperBound == bytes.count
        }
    }

    private static func byteOrderMark(_ bytes: Span<UInt8>) -> String? {
        guard bytes.count >= 2 else { return nil }
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { return "utf-8" }
        let isWide = (bytes[0] == 0xFF && bytes[1] == 0xFE) || (bytes[0] == 0xFE && bytes[1] == 0xFF)
        // UTF-32, which begins like it, is read by no browser.
        if isWide, bytes.count >= 4, bytes[2] == 0, bytes[3] == 0 { return nil }
        return isWide ? "utf-16" : nil
    }

    /// UTF-16 without a mark: every second byte of what is mostly ASCII is zero.
    private static func withoutMark(_ bytes: Span<UInt8>) -> String? {
        let pairs = bytes.count / 2
        guard pairs >= 4 else { return nil }
        var zeros = (even: 0, odd: 0)
        for index in 0..<pairs {
            if bytes[2 * index] == 0 { zeros.even += 1 }
            if bytes[2 * index + 1] == 0 { zeros.odd += 1 }
        }
        if zeros.even == 0, zeros.odd > pairs / 2 { return "utf-16le" }
        if zeros.odd == 0, zeros.even > pairs / 2 { return "utf-16be" }
        return nil
    }

    /// The place behind the last byte that is so, up to which no character is cut. The end without one.
    private static func behindLast(_ isSo: (UInt8) -> Bool, _ bytes: Span<UInt8>) -> Int {
        for index in bytes.indices.reversed() where isSo(bytes[index]) { return index + 1 }
        return bytes.count
    }

    // MARK: Text that is not UTF-8

    /// What Mozilla's detector (uchardet) makes of it, in the words of the WHATWG's Encoding Standard.
    /// Nil also where the text could not be read as that, or is too short to tell.
    static func guess(_ bytes: Span<UInt8>) -> String? {
        guard var found = uchardet(bytes) else { return nil }
        if found == "GB18030", looksLikeBig5(bytes) { found = "BIG5" }
        guard let known = known[found] else { return nil }
        if known.isSingleByte {
            let high = highRuns(bytes)
            // A few accents fit many tables.
            if high.bytes < 4 { return nil }
            // Western text has its accents one by one. A run of them is another script, of which there
            // was too little to be known by.
            if known.isWestern, high.bytes > 2 * high.runs { return nil }
        }
        guard let converter = TextConverter(from: known.label), let text = converter.convert(bytes),
            !hasControls(text.span)
        else { return nil }
        return known.label
    }

    private static func uchardet(_ bytes: Span<UInt8>) -> String? {
        guard let detector = uchardet_new() else { return nil }
        defer { uchardet_delete(detector) }
        let isTaken = bytes.withUnsafeBytes { bytes in
            uchardet_handle_data(
                detector, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count) == 0
        }
        guard isTaken else { return nil }
        uchardet_data_end(detector)
        guard let name = uchardet_get_charset(detector) else { return nil }
        let text = String(cString: name)
        return text.isEmpty ? nil : text
    }

    /// Whether what could be GB18030 is more like Big5, which the detector takes for it now and then.
    ///
    /// A fifth of Big5's characters and more end in a byte below 0x7F, of simplified Chinese next to none;
    /// and none ends in 0x80 to 0xA0, as those of traditional Chinese in GB18030 do.
    private static func looksLikeBig5(_ bytes: Span<UInt8>) -> Bool {
        var (pairs, low, index) = (0, 0, 0)
        while index + 1 < bytes.count {
            guard bytes[index] >= 0x81 else {
                index += 1
                continue
            }
            let second = bytes[index + 1]
            if second < 0x40 || (0x7F...0xA0).contains(second) { return false }
            pairs += 1
            if second < 0x7F { low += 1 }
            index += 2
        }
        return pairs >= 8 && low * 5 > pairs
    }

    private struct Known {
        let label: String
        var isSingleByte = true
        var isWestern = false
    }

    /// Those of the detector's answers that browsers can read.
    private static let known: [String: Known] = {
        var known: [String: Known] = [
            "GB18030": Known(label: "gb18030", isSingleByte: false),
            "BIG5": Known(label: "big5", isSingleByte: false),
            "SHIFT_JIS": Known(label: "shift_jis", isSingleByte: false),
            "EUC-JP": Known(label: "euc-jp", isSingleByte: false),
            "ISO-2022-JP": Known(label: "iso-2022-jp", isSingleByte: false),
            "EUC-KR": Known(label: "euc-kr", isSingleByte: false),
            "UHC": Known(label: "euc-kr", isSingleByte: false),
            "TIS-620": Known(label: "tis-620"), "ISO-8859-11": Known(label: "iso-8859-11"),
            "IBM866": Known(label: "ibm866"), "KOI8-R": Known(label: "koi8-r"),
            "ISO-8859-1": Known(label: "iso-8859-1", isWestern: true),
            "ISO-8859-15": Known(label: "iso-8859-15", isWestern: true),
            "WINDOWS-1252": Known(label: "windows-1252", isWestern: true),
        ]
        for number in [2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 16] {
            known["ISO-8859-\(number)"] = Known(
                label: "iso-8859-\(number)", isWestern: [2, 3, 4, 9, 10, 13, 16].contains(number))
        }
        for number in [1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258] {
            known["WINDOWS-\(number)"] = Known(
                label: "windows-\(number)", isWestern: [1250, 1254, 1257, 1258].contains(number))
        }
        return known
    }()

    /// How many bytes are not ASCII, and in how many runs they stand.
    private static func highRuns(_ bytes: Span<UInt8>) -> (bytes: Int, runs: Int) {
        var result = (bytes: 0, runs: 0)
        var wasHigh = false
        for index in bytes.indices {
            let isHigh = bytes[index] >= 0x80
            if isHigh {
                result.bytes += 1
                if !wasHigh { result.runs += 1 }
            }
            wasHigh = isHigh
        }
        return result
    }

    /// Whether UTF-8 text has characters of U+0080 to U+009F, which nobody writes.
    private static func hasControls(_ text: Span<UInt8>) -> Bool {
        for index in text.indices.dropLast() where text[index] == 0xC2 && text[index + 1] < 0xA0 {
            return true
        }
        return false
    }
}

extension Span where Element == UInt8 {
    fileprivate func contains(_ byte: UInt8) -> Bool { firstIndex(of: byte) != nil }
}
