import Base

/// Small files in a content coding, as they were made on the way, so that each is made once.
///
/// A changed file is another one. Each loop has its own, so nothing is locked.
final class CompressedFiles {
    struct Key: Hashable {
        let state: FileState
        let coding: ContentCoding
    }

    /// Of all of them, in bytes.
    private static let sizeLimit = 16 << 20
    private static let overhead = 128

    private var contents: [Key: [UInt8]] = [:]
    private var size = 0

    /// Those who wait for what another is making.
    private var making: [Key: [UnsafeContinuation<Void, Never>]] = [:]

    /// Runs `make` for the first who asks, while others who ask for the same wait; then they look again
    /// whether it is kept.
    func makeOnce<R, E: Error>(_ key: Key, _ make: () async throws(E) -> R) async throws(E) -> R? {
        if making[key] != nil {
            await withUnsafeContinuation { making[key]?.append($0) }
            return nil
        }
        making[key] = []
        defer { for waiting in making.removeValue(forKey: key) ?? [] { waiting.resume() } }
        return try await make()
    }

    func find(_ key: Key) -> [UInt8]? { contents[key] }

    func insert(_ content: [UInt8], for key: Key) {
        if size + content.count + CompressedFiles.overhead > CompressedFiles.sizeLimit {
            contents.removeAll()
            size = 0
        }
        if let old = contents.updateValue(content, forKey: key) {
            size -= old.count + CompressedFiles.overhead
        }
        size += content.count + CompressedFiles.overhead
    }
}
