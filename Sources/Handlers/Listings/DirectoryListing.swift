import Base
import Config
import Glibc
import Net
import Wire

/// Answers with what a folder holds.
///
/// Reading, sorting and writing are done by threads of the pool, a bit at a time, so that neither the
/// loop nor a script that is to be started waits for a folder with very many names.
struct DirectoryListing {
    let exchange: Exchange
    let site: Site
    let part: Part
    let folder: Folder
    /// The path below `folder`; ends with a slash.
    let relative: [UInt8].SubSequence

    private var settings: PartSettings { part.settings }
    private var context: LoopContext { exchange.context }

    /// Names that are read, or looked at, before others have a turn.
    private static let batch = 4096
    private static let linkBatch = 64

    func send() async throws(StreamError) {
        let reader: FolderReader
        let refusal: String?
        var refusedNames = site.namesRefused(in: exchange.path, to: exchange)
        do throws(Errno) {
            let now = context.loop.now
            let opened = try folder.open(
                relative, flags: O_RDONLY | O_DIRECTORY, symlinks: settings.symlinks, now: now)
            refusal = folder.scriptRefusal(of: opened, symlinks: settings.symlinks, now: now)
            refusedNames.formUnion(
                folder.scripts(in: opened, symlinks: settings.symlinks, now: now).filter { !isRun($0) })
            reader = try FolderReader(
                opened.descriptor, showsHidden: settings.serveDotfiles, refused: refusedNames)
        } catch {
            let place = Script.file(relative, below: folder.path)
            let cause = await context.pool.run { FileAccess(identity: nil).closed(place) }
            let reason = cause ?? "cannot list \(place): \(error)"
            return try await forbid(reason)
        }
        if let refusal { return try await forbid(refusal) }
        guard try await conditionsHold() else { return }
        guard await context.pool.run({ reader.read(DirectoryListing.batch) }) else {
            return try await send(reader, without: refusedNames)
        }
        // All its names stay in memory until the client has them.
        guard try await enter(reader) else { return }
        defer { context.largeListings.leave() }
        while await context.pool.run({ reader.read(DirectoryListing.batch) }) {}
        try await send(reader, without: refusedNames)
    }

    private func forbid(_ reason: String) async throws(StreamError) {
        exchange.log(.warning, reason)
        try await ErrorPage.send(.forbidden, reason: reason, on: exchange)
    }

    /// Whether the address of that name is a script's, whatever lies there.
    private func isRun(_ name: [UInt8]) -> Bool {
        var path = exchange.path + name
        if case .files? = site.mapping(for: &path)?.kind { return false }
        return true
    }

    /// Waits for a place among the listings of large folders. False where the exchange has been answered.
    private func enter(_ reader: FolderReader) async throws(StreamError) -> Bool {
        let places = context.largeListings
        if places.enterNow() { return true }
        // Many may wait.
        reader.rewind()
        switch await places.enter(exchange) {
        case .granted: return true
        case .abandoned: throw .cancelled
        case .full, .timedOut:
            exchange.log(.warning, "too many listings of large folders at once")
            try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
            return false
        }
    }

    /// Sends what has been read. `refusedNames` are not shown as notes, either.
    private func send(_ reader: FolderReader, without refusedNames: Set<[UInt8]>) async throws(StreamError) {
        let entries = reader.entries
        let refused = await refused(entries, among: reader.doubtful)
        let form = exchange.withHeadBytes { Listing.Form(AcceptedTypes(exchange.head, $0)) }
        let (order, path, types) = (ListingOrder(exchange.query), exchange.path, site.mediaTypes)
        var listing = await context.pool.run {
            Listing(entries, without: refused, form: form, order: order, path: path, mediaTypes: types)
        }
        if form == .html {
            listing.header = await note(FolderNote.headers, without: refusedNames)
            listing.readme = await note(FolderNote.readmes, without: refusedNames)
        }
        try await send(listing)
    }

    /// The head of an answer about the folder.
    private func head(_ status: Status) -> ResponseHead {
        var head = ResponseHead(status)
        head.add("Vary", "Accept" as StaticString)
        // What stands in it may change without anything that a date or tag could be made of.
        head.add("Cache-Control", "no-cache" as StaticString)
        return head
    }

    /// A listing has neither tag nor date, but `*` means whatever is there (RFC 9110, section 13.1). False
    /// where the exchange has been answered.
    private func conditionsHold() async throws(StreamError) -> Bool {
        if exchange.errorStatus != nil { return true }
        let validators = Validators(entityTag: [], lastModified: nil)
        switch exchange.withHeadBytes({ Conditions.evaluate(exchange.head, $0, validators) }) {
        case .proceed: return true
        case .notModified: try await exchange.send(head(.notModified), [])
        case .failed: try await ErrorPage.send(.preconditionFailed, on: exchange)
        }
        return false
    }

    private func send(_ listing: Listing) async throws(StreamError) {
        var head = head(exchange.errorStatus ?? .ok)
        head.add("Content-Type", listing.form.contentType)
        var piece = await context.pool.run { listing.piece(from: 0) }
        if piece.next == nil { return try await exchange.send(head, piece.bytes) }
        exchange.begin(head)
        while exchange.method != .head {
            exchange.append(piece.bytes.span)
            try await exchange.drain()
            guard let next = piece.next else { break }
            piece = await context.pool.run { listing.piece(from: next) }
        }
        exchange.finish()
    }

    /// Those of the doubtful entries that the server would refuse: what cannot be fetched is not shown.
    private func refused(_ entries: FolderEntries, among doubtful: [Int]) async -> Set<Int> {
        var refused: Set<Int> = []
        for (count, index) in doubtful.enumerated() {
            let entry = entries.list[index]
            if !isServed(entry, entries.name(entry)) { refused.insert(index) }
            if count % DirectoryListing.linkBatch == DirectoryListing.linkBatch - 1 { await Task.yield() }
        }
        return refused
    }

    private func isServed(_ entry: FolderEntry, _ name: ArraySlice<UInt8>) -> Bool {
        // Whoever runs a script need not read it.
        if !entry.isReadable, entry.isFolder || !part.scripts.isScript([ASCII.slash] + name) { return false }
        guard entry.isLink else { return true }
        switch settings.symlinks {
        case .deny: return false
        case .follow: return true
        case .inside:
            guard
                let opened = try? folder.open(
                    relative + name, flags: Folder.pathOnly, symlinks: .inside, now: context.loop.now)
            else { return false }
            return folder.scriptRefusal(of: opened, symlinks: .inside, now: context.loop.now) == nil
        }
    }

    /// The text of the first of `names` that is a file here, and one that the client may see.
    private func note(_ names: [[UInt8]], without refused: Set<[UInt8]>) async -> FolderNote? {
        for name in names {
            guard !refused.contains(name), !part.scripts.isScript([ASCII.slash] + name),
                let file = try? folder.open(
                    relative + name, symlinks: settings.symlinks, now: context.loop.now), file.isRegular,
                folder.scriptRefusal(of: file, symlinks: settings.symlinks, now: context.loop.now) == nil,
                let copy = try? file.descriptor.duplicate()
            else { continue }
            let raw = copy.release()
            return await context.pool.run { FolderNote(FileDescriptor(owning: raw), name: name) }
        }
        return nil
    }
}
