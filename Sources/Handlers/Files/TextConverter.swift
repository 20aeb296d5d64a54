import Base
import Glibc

/// Text of one character set made UTF-8 (`iconv`).
struct TextConverter: ~Copyable {
    private let state: iconv_t

    /// Nil where the system does not know the character set.
    init?(from charset: String) {
        guard let state = iconv_open("UTF-8", TextConverter.systemName(charset)),
            state != iconv_t(bitPattern: -1)
        else { return nil }
        self.state = state
    }

    deinit { iconv_close(state) }

    /// What iconv calls those that browsers have other tables for than their names say.
    private static func systemName(_ charset: String) -> String {
        switch charset {
        case "shift_jis": "CP932"
        case "euc-kr": "CP949"
        case "big5": "BIG5-HKSCS"
        default: charset
        }
    }

    /// Nil where `bytes` are not such text, or the last character is cut.
    func convert(_ bytes: Span<UInt8>) -> [UInt8]? {
        // Its own state, from a text before, is forgotten.
        _ = iconv(state, nil, nil, nil, nil)
        // No character of these sets becomes more than four bytes of UTF-8 for each of its own.
        let room = bytes.count * 4 + 16
        return bytes.withUnsafeBytes { source in
            let result = [UInt8](unsafeUninitializedCapacity: room) { target, count in
                // iconv only reads through the first pointer.
                var input = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: CChar.self))
                var left = source.count
                target.withMemoryRebound(to: CChar.self) { target in
                    var output = target.baseAddress
                    var free = target.count
                    let failed = iconv(state, &input, &left, &output, &free) == Int(bitPattern: UInt.max)
                    _ = failed ? 0 : iconv(state, nil, nil, &output, &free)
                    count = failed ? 0 : target.count - free
                }
            }
            return result.isEmpty && !source.isEmpty ? nil : result
        }
    }
}
