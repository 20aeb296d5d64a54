/// Apache's variant of the MD5-based crypt, what `htpasswd` makes where it is told nothing else.
///
/// The same as `$1$` of crypt(3) but for its name, which is part of what is hashed, so that no crypt(3)
/// can compute it.
enum APR1 {
    static let prefix = Array("$apr1$".utf8)
    private static let alphabet = Array(
        "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    /// The 22 characters behind the salt. Of the salt 8 bytes count.
    static func hash(_ password: [UInt8], salt: [UInt8]) -> [UInt8] {
        let salt = Array(salt.prefix(8))
        let inner = Digest.md5(password + salt + password)
        var first = password + prefix + salt
        var left = password.count
        while left > 0 {
            first += inner.prefix(min(16, left))
            left -= 16
        }
        // One byte for each bit of the length: a zero, or the password's first.
        var bits = password.count
        while bits > 0 {
            first.append(bits & 1 != 0 ? 0 : password[0])
            bits >>= 1
        }
        var digest = Digest.md5(first)
        for round in 0..<1000 {
            var next = round & 1 != 0 ? password : digest
            if round % 3 != 0 { next += salt }
            if round % 7 != 0 { next += password }
            next += round & 1 != 0 ? digest : password
            digest = Digest.md5(next)
        }
        return text(digest)
    }

    /// Six bits a character, the lowest first, of bytes in crypt's own order.
    private static func text(_ digest: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        func append(_ value: Int, _ count: Int) {
            for place in 0..<count { text.append(alphabet[(value >> (6 * place)) & 63]) }
        }
        for (a, b, c) in [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)] {
            append(Int(digest[a]) << 16 | Int(digest[b]) << 8 | Int(digest[c]), 4)
        }
        append(Int(digest[11]), 2)
        return text
    }
}
