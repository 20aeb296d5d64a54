import Base
import Net
import Wire

/// Small files of all sites, with the answer that goes before them, ready to be sent in one call.
///
/// An entry serves for a second and is then made anew by the way that every file takes, with all its
/// checks. Each loop has its own, so nothing is locked, and its bound holds however many sites there are.
final class FileCache {
    /// A prepared answer: head and content in one piece.
    final class Entry {
        fileprivate let key: UInt64
        fileprivate let site: Site
        fileprivate let path: [UInt8]
        let part: Part
        fileprivate(set) var bytes: [UInt8]
        /// Where in `bytes` the date stands.
        fileprivate let dateStart: Int
        let headLength: Int
        fileprivate var second: Int
        fileprivate let expires: Instant

        fileprivate init(
            key: UInt64, site: Site, path: [UInt8], part: Part, bytes: [UInt8], dateStart: Int,
            headLength: Int, second: Int,
            expires: Instant
        ) {
            (self.key, self.site, self.path, self.part, self.bytes) = (key, site, path, part, bytes)
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
    /// All entries in the order of their making, which is that of their expiry. Those before `first` are gone.
    private var order: [Entry?] = []
    private var first = 0
    /// What those in `order` take.
    private(set) var size = 0

    /// The answer of `site` for a path as it was sent, with the date of now; nil where there is none or
    /// its time is over.
    func find(_ path: Span<UInt8>, _ site: Site, _ context: LoopContext) -> Entry? {
        guard let entry = entries[FileCache.key(path, site)], entry.expires > context.loop.now else {
            return nil
        }
        let kept = entry.path
        guard entry.site === site, path.equals(kept.span) else { return nil }
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
        _ path: [UInt8], site: Site, part: Part, head: Span<UInt8>, dateStart: Int, content: Span<UInt8>,
        _ context: LoopContext
    ) {
        if path.count > FileCache.pathLimit { return }
        let now = context.loop.now
        makeRoom(for: head.count + content.count + FileCache.overhead, now)
        var bytes = head.array
        content.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
        let entry = Entry(
            key: FileCache.key(path.span, site), site: site, path: path, part: part, bytes: bytes,
            dateStart: dateStart, headLength: head.count,
            second: context.wallSeconds, expires: now + FileCache.lifetime)
        size += FileCache.cost(entry)
        entries[entry.key] = entry
        order.append(entry)
    }

    /// Drops what has expired, and then the oldest until `count` more bytes fit.
    private func makeRoom(for count: Int, _ now: Instant) {
        while first < order.count, let oldest = order[first],
            oldest.expires <= now || size + count > FileCache.sizeLimit
        {
            size -= FileCache.cost(oldest)
            // Its place may have been taken by a younger one.
            if entries[oldest.key] === oldest { entries[oldest.key] = nil }
            order[first] = nil
            first += 1
        }
        if first > 64, first > order.count / 2 {
            order.removeFirst(first)
            first = 0
        }
    }

    private static func cost(_ entry: Entry) -> Int { entry.bytes.count + overhead }

    /// FNV-1a, begun by the site. A client that makes paths collide only makes files be read each time.
    private static func key(_ path: Span<UInt8>, _ site: Site) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(UInt(bitPattern: ObjectIdentifier(site)))
        for index in path.indices { hash = (hash ^ UInt64(path[index])) &* 0x100_0000_01B3 }
        return hash
    }
}
