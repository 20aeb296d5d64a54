import Base
import Net
import Wire

/// Small files of a site, with the answer that goes before them, ready to be sent in one call.
///
/// An entry serves for a second and is then made anew by the way that every file takes, with all its
/// checks. Each loop has its own, so nothing is locked.
final class FileCache {
    /// A prepared answer: head and content in one piece.
    final class Entry {
        fileprivate let path: [UInt8]
        /// The Accept-Encoding that it was made for; empty where none was looked at.
        fileprivate let preference: [UInt8]
        let part: Part
        fileprivate(set) var bytes: [UInt8]
        /// Where in `bytes` the date stands.
        fileprivate let dateStart: Int
        let headLength: Int
        fileprivate var second: Int
        fileprivate let expires: Instant

        fileprivate init(
            path: [UInt8], preference: [UInt8], part: Part, bytes: [UInt8], dateStart: Int, headLength: Int,
            second: Int,
            expires: Instant
        ) {
            (self.path, self.preference, self.part, self.bytes) = (path, preference, part, bytes)
            (self.dateStart, self.headLength) = (dateStart, headLength)
            (self.second, self.expires) = (second, expires)
        }
    }

    /// Files up to this many bytes are kept.
    static let fileLimit = 64 * 1024
    /// One file has endlessly many spellings of its path; longer ones than any page's are not kept.
    private static let pathLimit = 1024
    /// What an entry takes beside its answer, its path included.
    private static let overhead = 1536
    private static let sizeLimit = 16 << 20
    private static let lifetime = TimeSpan.seconds(1)

    private var entries: [UInt64: Entry] = [:]
    private var size = 0

    /// The answer for a path as it was sent and a preference of codings, with the date of now; nil where there is none or its time is over.
    func find(_ path: Span<UInt8>, _ preference: Span<UInt8>, _ context: LoopContext) -> Entry? {
        guard let entry = entries[FileCache.hash(path, preference)], entry.expires > context.loop.now else {
            return nil
        }
        let (kept, keptPreference) = (entry.path, entry.preference)
        guard path.equals(kept.span), preference.equals(keptPreference.span) else { return nil }
        let second = context.wallSeconds
        if entry.second != second {
            entry.second = second
            let date = HTTPDate.bytes(second)
            for offset in date.indices { entry.bytes[entry.dateStart + offset] = date[offset] }
        }
        return entry
    }

    /// Keeps an answer. `head` is all of its head, whose date stands at `dateStart`.
    func insert(
        _ path: Span<UInt8>, _ preference: Span<UInt8>, part: Part, head: Span<UInt8>, dateStart: Int,
        content: Span<UInt8>,
        _ context: LoopContext
    ) {
        // Simple, and enough: what is asked for comes back at once, what is not does not.
        if path.count + preference.count > FileCache.pathLimit { return }
        if size + head.count + content.count + FileCache.overhead > FileCache.sizeLimit {
            entries.removeAll()
            size = 0
        }
        var bytes = head.array
        content.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        let key = FileCache.hash(path, preference)
        if let old = entries[key] { size -= old.bytes.count + FileCache.overhead }
        size += bytes.count + FileCache.overhead
        entries[key] = Entry(
            path: path.array, preference: preference.array, part: part, bytes: bytes, dateStart: dateStart,
            headLength: head.count,
            second: context.wallSeconds, expires: context.loop.now + FileCache.lifetime)
    }

    /// FNV-1a. A client that makes paths collide only makes files be read each time.
    private static func hash(_ path: Span<UInt8>, _ preference: Span<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in path.indices { hash = (hash ^ UInt64(path[index])) &* 0x100_0000_01B3 }
        for index in preference.indices { hash = (hash ^ UInt64(preference[index])) &* 0x100_0000_01B3 }
        return hash
    }
}
