import Base

/// Users and their password hashes, as `htpasswd` writes them: `name:hash`, one a line.
///
/// What follows a second colon is passed over, and so are empty lines and those that begin with `#`.
package struct PasswordFile: Sendable {
    /// A line that could not be read.
    package struct Problem: Equatable, Sendable {
        package let line: Int
        package let message: String
    }

    /// Larger files are refused.
    package static let sizeLimit = 16 << 20

    package private(set) var problems: [Problem] = []
    private var users: [[UInt8]: PasswordHash] = [:]
    /// One that is nobody's is checked in the place of an unknown user's.
    private var decoys: [PasswordHash] = []

    package init(_ text: Span<UInt8>) {
        var lines: [[UInt8]: Int] = [:]
        var start = 0
        var number = 0
        while start < text.count {
            let rest = text.extracting(start...)
            let length = rest.firstIndex(of: ASCII.lf) ?? rest.count
            start += length + 1
            number += 1
            var line = rest.extracting(0..<length)
            if line.count > 0, line[line.count - 1] == ASCII.cr { line = line.extracting(0..<line.count - 1) }
            line = line.trimmingBlanks()
            if line.isEmpty || line[0] == UInt8(ascii: "#") { continue }
            do throws(PasswordHash.Failure) {
                let (name, hash) = try PasswordFile.entry(line)
                if let first = lines.updateValue(number, forKey: name) {
                    lines[name] = first
                    let shown = String(decoding: name, as: UTF8.self)
                    throw PasswordHash.Failure(
                        message: "second line for `\(shown)`; the first is line \(first)")
                }
                users[name] = hash
                if decoys.count < 64 { decoys.append(hash) }
            } catch {
                problems.append(Problem(line: number, message: error.message))
            }
        }
    }

    private static func entry(_ line: Span<UInt8>) throws(PasswordHash.Failure) -> ([UInt8], PasswordHash) {
        guard let colon = line.firstIndex(of: ASCII.colon) else {
            throw PasswordHash.Failure(message: "no `:`; takes lines `name:hash`")
        }
        let name = line.extracting(0..<colon).array
        if name.isEmpty { throw PasswordHash.Failure(message: "no name before the `:`") }
        if name.contains(where: ASCII.isControl) {
            throw PasswordHash.Failure(message: "control byte in the name")
        }
        let rest = line.extracting((colon + 1)...)
        let hash = rest.extracting(0..<(rest.firstIndex(of: ASCII.colon) ?? rest.count))
        return (name, try PasswordHash(hash.array))
    }

    /// What a check has found. Clients are not to be told the two ways of being wrong apart.
    package enum Verdict: Sendable { case good, wrongPassword, unknownUser }

    /// Looks a user up and checks the password. Slow, as `PasswordHash.matches` is, and as slow for a name
    /// that is not there, so that the time does not tell which are.
    package func check(_ user: [UInt8], _ password: [UInt8]) -> Verdict {
        if let hash = users[user] { return hash.matches(password) ? .good : .wrongPassword }
        if !decoys.isEmpty {
            // Always the same one for a name: an average of several would tell as much.
            var hasher = Hasher()
            hasher.combine(user)
            _ = decoys[Int(hasher.finalize().magnitude % UInt(decoys.count))].matches(password)
        }
        return .unknownUser
    }
}
