import Base
import CCrypt

/// What a password file keeps in the place of a password.
package struct PasswordHash: Sendable {
    private enum Method: Sendable {
        /// By libcrypt: the text is hash and setting in one.
        case crypt([UInt8])
        case apr1(salt: [UInt8], hash: [UInt8])
        /// Base64 of the password's SHA-1, without a salt.
        case sha1([UInt8])
    }

    private let method: Method
    /// Bytes of a password.
    private static let longest = Int(CRYPT_MAX_PASSPHRASE_SIZE)

    /// Why a text is no hash that could be checked.
    package struct Failure: Error, Equatable, Sendable {
        /// What it is, and what would be right.
        package let message: String
    }

    /// Characters that follow the last `$`, by what a hash begins with.
    private static let lengths: [(prefix: String, digest: Int)] = [
        ("$2y$", 53), ("$2b$", 53), ("$2a$", 53), ("$5$", 43), ("$6$", 86), ("$y$", 43), ("$gy$", 43),
        ("$7$", 43), ("$1$", 22),
    ]

    package init(_ text: [UInt8]) throws(Failure) {
        if text.starts(with: APR1.prefix) {
            let parts = text.dropFirst(APR1.prefix.count)
                .split(separator: UInt8(ascii: "$"), omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, parts[1].count == 22 else {
                throw Failure(message: "the $apr1$ hash is not whole")
            }
            method = .apr1(salt: Array(parts[0]), hash: Array(parts[1]))
        } else if text.starts(with: "{SHA}".utf8) {
            let encoded = Array(text.dropFirst(5))
            guard let digest = Base64.decode(encoded.span), digest.count == 20 else {
                throw Failure(message: "the {SHA} hash is not whole")
            }
            method = .sha1(digest)
        } else if let (prefix, length) = PasswordHash.lengths.first(where: {
            text.starts(with: $0.prefix.utf8)
        }) {
            let digest = text.lastIndex(of: UInt8(ascii: "$")).map { text.count - $0 - 1 }
            let isText = text.allSatisfy { ASCII.space < $0 && $0 < ASCII.delete }
            guard digest == length, isText, PasswordHash.isSetting(text) else {
                throw Failure(message: "the \(prefix) hash is not whole")
            }
            method = .crypt(text)
        } else if text.isEmpty {
            throw Failure(message: "no hash behind the name")
        } else {
            // What stands there may be somebody's password, so it is not shown.
            throw Failure(
                message:
                    "neither a bcrypt, SHA-crypt, yescrypt, $apr1$ nor {SHA} hash (a password itself is never taken); `htpasswd -B` makes one"
            )
        }
    }

    /// Whether libcrypt can take the text for a method, a cost and a salt.
    private static func isSetting(_ text: [UInt8]) -> Bool {
        if text.starts(with: "$2".utf8) {
            // It looks at bcrypt's cost only when it hashes.
            guard text.count == 60, text[6] == UInt8(ascii: "$"),
                let cost = ASCII.decimal(text.span.extracting(4..<6))
            else { return false }
            return (4...31).contains(cost)
        }
        return String(decoding: text, as: UTF8.self).withCString(crypt_checksalt) != CRYPT_SALT_INVALID
    }

    /// Whether the hash is that of `password`. Made to take long: milliseconds to seconds, on a thread that may wait.
    package func matches(_ password: [UInt8]) -> Bool {
        // For crypt(3) a zero would be the end, and it takes no longer ones.
        if password.contains(0) || password.count > PasswordHash.longest { return false }
        switch method {
        case .apr1(let salt, let hash): return Digest.areEqual(APR1.hash(password, salt: salt), hash)
        case .sha1(let digest): return Digest.areEqual(Digest.sha1(password), digest)
        case .crypt(let hash):
            let made = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CRYPT_OUTPUT_SIZE)) {
                room in
                let isMade = (password + [0]).withUnsafeBufferPointer { password in
                    (hash + [0]).withUnsafeBufferPointer { hash in
                        password.withMemoryRebound(to: CChar.self) { password in
                            hash.withMemoryRebound(to: CChar.self) { hash in
                                gh_crypt(password.baseAddress, hash.baseAddress, room.baseAddress)
                            }
                        }
                    }
                }
                return isMade ? room.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)) : []
            }
            return Digest.areEqual(made, hash)
        }
    }
}
