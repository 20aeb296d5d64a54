import CMD

/// Digests of bytes, by libmd.
package enum Digest {
    package static func sha256(_ parts: [UInt8]...) -> [UInt8] {
        var context = SHA2_CTX()
        var digest = [UInt8](repeating: 0, count: 32)
        SHA256Init(&context)
        for part in parts { SHA256Update(&context, part, part.count) }
        SHA256Final(&digest, &context)
        return digest
    }

    /// Only for `{SHA}` lines of old password files.
    static func sha1(_ bytes: [UInt8]) -> [UInt8] {
        var context = SHA1_CTX()
        var digest = [UInt8](repeating: 0, count: 20)
        SHA1Init(&context)
        SHA1Update(&context, bytes, bytes.count)
        SHA1Final(&digest, &context)
        return digest
    }

    /// Only for `$apr1$` lines of password files.
    static func md5(_ bytes: [UInt8]) -> [UInt8] {
        var context = MD5_CTX()
        var digest = [UInt8](repeating: 0, count: 16)
        MD5Init(&context)
        MD5Update(&context, bytes, bytes.count)
        MD5Final(&digest, &context)
        return digest
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        guard a.count == b.count else { return false }
        var difference: UInt8 = 0
        for (x, y) in zip(a, b) { difference |= x ^ y }
        return difference == 0
    }
}
