import Base
import Net

/// Scripts that were found a moment ago, so that the kernel need not walk to them for each request. Whether
/// they are still there is seen when they are started.
///
/// Belongs to the loop's thread.
final class KnownScripts {
    private struct Key: Hashable {
        // Parts live as long as the server.
        let part: ObjectIdentifier
        /// The decoded path.
        let path: [UInt8]
    }

    private var scripts: [Key: (script: Script, until: Instant)] = [:]

    /// As for files (`FileCache`).
    private static let lifetime = TimeSpan.seconds(1)
    private static let limit = 256
    /// One script has endlessly many paths; longer ones are not kept.
    private static let pathLimit = 1024

    func find(_ path: [UInt8], _ part: Part, now: Instant) -> Script? {
        guard let known = scripts[Key(part: ObjectIdentifier(part), path: path)], now < known.until else {
            return nil
        }
        return known.script
    }

    func keep(_ script: Script, at path: [UInt8], _ part: Part, now: Instant) {
        if path.count > KnownScripts.pathLimit { return }
        if scripts.count >= KnownScripts.limit { scripts.removeAll(keepingCapacity: true) }
        scripts[Key(part: ObjectIdentifier(part), path: path)] = (script, now + KnownScripts.lifetime)
    }

    /// The script at the path cannot be started, so the next request looks for it again. Whether it was known.
    func forget(_ path: [UInt8], _ part: Part) -> Bool {
        scripts.removeValue(forKey: Key(part: ObjectIdentifier(part), path: path)) != nil
    }
}
