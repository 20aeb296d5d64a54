import Base
import Net
import Wire

/// Files of all sites with the answer that goes before them, ready to be sent: small ones from memory in
/// one call, larger ones from a file that is held open.
///
/// An entry serves for a second and is then made anew by the way that every file takes, with all its
/// checks. Each loop has its own, so nothing is locked, and its bound holds however many sites there are.
final class FileCache {
    /// What a prepared answer answers: a site, a path as it was sent, and the Accept-Encoding where
    /// that was looked at, else nothing.
    struct Question: ~Escapable {
        // Sites live as long as the server.
        let site: ObjectIdentifier
        let path: Span<UInt8>
        let preference: Span<UInt8>

        @_lifetime(copy path, copy preference)
        init(_ site: Site, _ path: Span<UInt8>, _ preference: Span<UInt8>) {
            (self.site, self.path, self.preference) = (ObjectIdentifier(site), path, preference)
        }
    }

    /// A prepared answer: head and content in one piece, or the head alone and the file.
    final class Entry {
        fileprivate let hash: UInt64
        fileprivate let site: ObjectIdentifier
        /// The path, and behind it the preference.
        private let key: [UInt8]
        private let pathLength: Int
        let part: Part
        fileprivate(set) var bytes: ByteBuffer
        /// Where in `bytes` the date stands.
        fileprivate let dateStart: Int
        let headLength: Int
        /// What the content is sent from; nil where it is in `bytes`.
        let file: KeptFile?
        fileprivate var second: Int
        fileprivate let expires: Instant

        fileprivate init(
            _ question: borrowing Question, hash: UInt64, part: Part, bytes: consuming ByteBuffer,
            dateStart: Int, headLength: Int, file: KeptFile?, second: Int, expires: Instant
        ) {
            (self.hash, site, self.part) = (hash, question.site, part)
            self.bytes = bytes
            (key, pathLength) = (question.path.array + question.preference.array, question.path.count)
            (self.dateStart, self.headLength, self.file) = (dateStart, headLength, file)
            (self.second, self.expires) = (second, expires)
        }

        fileprivate func answers(_ question: borrowing Question) -> Bool {
            guard site == question.site, pathLength == question.path.count,
                key.count - pathLength == question.preference.count
            else { return false }
            let key = key
            return question.path.equals(key.span.extracting(0..<pathLength))
                && question.preference.equals(key.span.extracting(pathLength...))
        }
    }

    /// Files up to this many bytes are kept in memory.
    static let fileLimit = 64 * 1024
    /// So many larger ones are held open at once. Those beyond are opened for each request.
    static let openLimit = 64
    /// One file has endlessly many spellings of its path; longer ones than any page's are not kept.
    private static let pathLimit = 1024
    /// What an entry takes beside its answer, its path included.
    private static let overhead = 1536
    private static let sizeLimit = 16 << 20
    private static let lifetime = TimeSpan.seconds(1)

    /// An entry stands in one of two places side by side. Where both are taken, the older one makes room.
    /// Empty until the first is made.
    private var places: [Entry?] = []
    private static let placeCount = 4096
    /// All entries in the order of their making, which is that of their expiry. Those before `first` are gone.
    private var order: [Entry?] = []
    private var first = 0
    /// What those in `order` take.
    private(set) var size = 0
    private(set) var openCount = 0
    /// When the last of the open files is to be closed.
    private var closesAt = Instant.never

    /// The answer with the date of now; nil where there is none or its time is over. Kept until `insert`.
    func find(_ question: borrowing Question, _ context: LoopContext) -> Unmanaged<Entry>? {
        if places.isEmpty { return nil }
        guard let found = entry(for: question) else { return nil }
        return uncounted(found) { entry in
            if entry.expires <= context.loop.now { return nil }
            let second = context.wallSeconds
            if entry.second != second {
                entry.second = second
                let date = HTTPDate.bytes(second)
                entry.bytes.replace(at: entry.dateStart, with: date.span)
            }
            return found
        }
    }

    private func entry(for question: borrowing Question) -> Unmanaged<Entry>? {
        let hash = FileCache.hash(question)
        let place = Int(hash % UInt64(FileCache.placeCount))
        return match(place, hash, question) ?? match(place ^ 1, hash, question)
    }

    private func match(_ place: Int, _ hash: UInt64, _ question: borrowing Question) -> Unmanaged<Entry>? {
        guard let entry = places[place].map(Unmanaged.passUnretained) else { return nil }
        return uncounted(entry) { $0.hash == hash && $0.answers(question) } ? entry : nil
    }

    /// Holds a larger file open for `insert`; nil where enough are.
    func keep(_ file: borrowing Folder.OpenFile) -> KeptFile? {
        openCount < FileCache.openLimit ? KeptFile(file) : nil
    }

    /// Keeps an answer. `head` is all of its head, whose date stands at `dateStart`.
    func insert(
        _ question: borrowing Question, part: Part, head: Span<UInt8>, dateStart: Int, content: Span<UInt8>,
        _ context: LoopContext
    ) {
        insert(question, part, head, dateStart, content, nil, context)
    }

    /// Keeps the head of an answer whose content is that of `file`.
    func insert(
        _ question: borrowing Question, part: Part, head: Span<UInt8>, dateStart: Int, file: KeptFile,
        _ context: LoopContext
    ) {
        // A file that changes all the time would be held open once for each change.
        if !places.isEmpty, let known = entry(for: question),
            uncounted(known, { $0.file != nil && $0.expires > context.loop.now })
        {
            return
        }
        insert(question, part, head, dateStart, Span(), file, context)
    }

    private func insert(
        _ question: borrowing Question, _ part: Part, _ head: Span<UInt8>, _ dateStart: Int,
        _ content: Span<UInt8>, _ file: KeptFile?, _ context: LoopContext
    ) {
        if question.path.count + question.preference.count > FileCache.pathLimit { return }
        if places.isEmpty { places = Array(repeating: nil, count: FileCache.placeCount) }
        let now = context.loop.now
        makeRoom(for: head.count + content.count + FileCache.overhead, now)
        var bytes = ByteBuffer(capacity: head.count + content.count)
        bytes.append(head)
        bytes.append(content)
        let entry = Entry(
            question, hash: FileCache.hash(question), part: part, bytes: bytes, dateStart: dateStart,
            headLength: head.count, file: file, second: context.wallSeconds,
            expires: now + FileCache.lifetime)
        size += FileCache.cost(entry)
        if file != nil {
            openCount += 1
            closesAt = entry.expires
        }
        places[place(for: entry, question)] = entry
        order.append(entry)
    }

    private func place(for entry: Entry, _ question: borrowing Question) -> Int {
        let place = Int(entry.hash % UInt64(FileCache.placeCount))
        let other = place ^ 1
        if match(place, entry.hash, question) != nil { return place }
        if match(other, entry.hash, question) != nil { return other }
        guard let here = places[place] else { return place }
        guard let there = places[other] else { return other }
        return here.expires <= there.expires ? place : other
    }

    /// Closes files whose time is over, so that none stays open that nobody asks for. Returns when to call
    /// again.
    func closeExpired(_ now: Instant) -> Instant {
        if now >= closesAt {
            makeRoom(for: 0, now)
            closesAt = .never
        }
        return closesAt
    }

    /// Drops what has expired, and then the oldest until `count` more bytes fit.
    private func makeRoom(for count: Int, _ now: Instant) {
        while first < order.count, let oldest = order[first],
            oldest.expires <= now || size + count > FileCache.sizeLimit
        {
            size -= FileCache.cost(oldest)
            if oldest.file != nil { openCount -= 1 }
            let place = Int(oldest.hash % UInt64(FileCache.placeCount))
            // Its place may have been taken by a younger one.
            for place in [place, place ^ 1] where places[place] === oldest { places[place] = nil }
            order[first] = nil
            first += 1
        }
        if first > 64, first > order.count / 2 {
            order.removeFirst(first)
            first = 0
        }
    }

    private static func cost(_ entry: Entry) -> Int { entry.bytes.count + overhead }

    /// A client that makes paths collide only makes files be read each time.
    private static func hash(_ question: borrowing Question) -> UInt64 {
        let hash = question.path.mixed(into: UInt64(UInt(bitPattern: question.site)))
        return question.preference.isEmpty ? hash : question.preference.mixed(into: hash)
    }
}
