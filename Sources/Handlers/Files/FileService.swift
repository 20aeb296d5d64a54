import Base
import Config
import Glibc
import Net
import Wire

/// Serves files below a folder, its default pages and its listings.
struct FileService {
    enum Outcome {
        case answered
        /// The path names a file that is to be run, not sent.
        case script(Script)
        /// The folder's default page, now the exchange's path, stands in another part of the site, which
        /// has rules of its own.
        case elsewhere
    }

    let exchange: Exchange
    let site: Site
    let part: Part
    let folder: Folder
    /// Length of the URL prefix that stands for `folder`.
    let prefixLength: Int

    private var settings: PartSettings { part.settings }
    private var now: Instant { exchange.context.loop.now }

    /// The path below the folder; begins with a slash or is empty.
    private var relative: [UInt8].SubSequence { exchange.path[prefixLength...] }

    private var locator: ScriptLocator {
        ScriptLocator(exchange: exchange, part: part, folder: folder, prefixLength: prefixLength)
    }

    func serve() async throws(StreamError) -> Outcome {
        if !settings.serveDotfiles, FileService.hasHiddenName(relative) {
            try await ErrorPage.send(.notFound, on: exchange)
            return .answered
        }
        if part.scripts.areAny, let script = locator.findAmongFiles() { return .script(script) }
        guard try await contentIsFine(), try await methodIsFine() else { return .answered }
        let file: Folder.OpenFile
        do throws(Errno) {
            file = try folder.open(relative, symlinks: settings.symlinks, now: now)
        } catch {
            // A folder that may be entered and not read still has its default page.
            if error == .accessDenied, relative.last == ASCII.slash, isFolder() {
                return try await serveFolder()
            }
            try await refuse(error)
            return .answered
        }
        if file.isRegular {
            try await send(file)
        } else if file.isFolder {
            return try await serveFolder()
        } else {
            try await forbid(.warning, "not a regular file: devices, pipes and sockets are not sent")
        }
        return .answered
    }

    private func isFolder() -> Bool {
        guard
            let opened = try? folder.open(
                relative, flags: Folder.pathOnly, symlinks: settings.symlinks, now: now)
        else { return false }
        return opened.isFolder
    }

    /// Whether content in chunks is well formed. No file needs it, but where it ends must be known before
    /// the next request, and who sent it broken is to know. Content that waits to be invited is left.
    private func contentIsFine() async throws(StreamError) -> Bool {
        guard exchange.framing == .chunked, !exchange.head.expectsContinue else { return true }
        var piece = ByteBuffer()
        var passed = 0
        do throws(ContentError) {
            while passed < FileService.contentLimit {
                piece.removeAll()
                let count = try await exchange.readContent(into: &piece, room: 65536)
                if count == 0 { break }
                passed += count
            }
            return true
        } catch {
            switch error {
            case .malformed(let reason):
                exchange.log(.info, "bad request content: \(reason)")
                try await ErrorPage.send(.badRequest, on: exchange)
            case .incomplete, .tooLarge: try await ErrorPage.send(.badRequest, on: exchange)
            case .stream(.timedOut): try await ErrorPage.send(.requestTimeout, on: exchange)
            case .stream(let error): throw error
            }
            return false
        }
    }

    /// Content that is looked at before the answer; what is longer is left to the connection.
    private static let contentLimit = 256 * 1024

    /// Whether there is nothing at the path, as far as that can be told.
    private var isMissing: Bool {
        do throws(Errno) {
            _ = try folder.open(relative, flags: Folder.pathOnly, symlinks: settings.symlinks, now: now)
            return false
        } catch {
            return error == .noSuchFile || error == .notAFolder || error == .nameTooLong
        }
    }

    /// GET, HEAD and OPTIONS are what a file can answer. A folder's default page may be a script, which can more.
    private func methodIsFine() async throws(StreamError) -> Bool {
        let allowed: [(StaticString, String)] = [("Allow", "GET, HEAD, OPTIONS")]
        switch exchange.method {
        case .get, .head: return true
        case .options:
            var head = ResponseHead(.noContent)
            head.add("Allow", "GET, HEAD, OPTIONS" as StaticString)
            try await exchange.send(head, [])
        case _ where relative.last != ASCII.slash && isFolder(): try await FolderRedirect.send(on: exchange)
        case .post where isMissing: try await ErrorPage.send(.notFound, on: exchange)
        case .other: try await ErrorPage.send(.notImplemented, fields: allowed, on: exchange)
        default: try await ErrorPage.send(.methodNotAllowed, fields: allowed, on: exchange)
        }
        return false
    }

    /// Names that begin with a dot are hidden, `.well-known` at the top aside (RFC 8615).
    private static func hasHiddenName(_ path: [UInt8].SubSequence) -> Bool {
        var index = path.startIndex
        let end = path.endIndex
        while index < end {
            guard path[index] == ASCII.slash, index + 1 < end, path[index + 1] == ASCII.dot else {
                index += 1
                continue
            }
            let name = path[(index + 1)...].prefix { $0 != ASCII.slash }
            if index != path.startIndex || !name.elementsEqual(".well-known".utf8) { return true }
            index += 1 + name.count
        }
        return false
    }

    private func refuse(_ error: Errno) async throws(StreamError) {
        switch error {
        case .noSuchFile, .notAFolder, .nameTooLong:
            try await ErrorPage.send(.notFound, on: exchange)
        case .crossesRoot:
            try await forbid(
                .warning, "a symbolic link leads outside \(folder.path); symlinks = follow would allow it")
        case .tooManyLinks:
            try await forbid(.warning, "a symbolic link, and symlinks = deny, or too many of them")
        case .accessDenied, .notPermitted, .noDevice:
            let file = Script.file(relative, below: folder.path)
            // Walks along the path and looks up users, which may wait for a disk or a directory service.
            let cause = await exchange.context.pool.run { FileAccess(identity: nil).closed(file) }
            try await forbid(.warning, cause ?? "cannot open \(file): \(error)")
        case .tooManyFiles, .tooManyFilesInSystem, .wouldBlock:
            exchange.log(.error, "cannot open a file: \(error)")
            try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
        default:
            exchange.log(.error, "cannot open the file below \(folder.path): \(error)")
            try await ErrorPage.send(.internalServerError, on: exchange)
        }
    }

    /// A script that was meant to be run and is not would show what it has of passwords.
    private func refuseSource() async throws(StreamError) {
        let ending = exchange.path.lastIndex(of: ASCII.dot).map { Array(exchange.path[$0...]) } ?? []
        let text = String(decoding: ending, as: UTF8.self)
        let reason =
            "a file that ends in \(text), and nothing runs it here: cgi_extensions or cgi_interpreter makes it a script, script_sources = none has it sent"
        try await forbid(.warning, reason)
    }

    /// Answers 403; the log has the reason, and so has the page for those clients that may know it.
    private func forbid(_ level: LogLevel, _ reason: String) async throws(StreamError) {
        exchange.log(level, reason)
        try await ErrorPage.send(.forbidden, reason: reason, on: exchange)
    }

    // MARK: Folders

    private func serveFolder() async throws(StreamError) -> Outcome {
        guard relative.last == ASCII.slash else {
            try await FolderRedirect.send(on: exchange)
            return .answered
        }
        for name in settings.index {
            let candidate = exchange.path + Array(name.utf8)
            let below = candidate[prefixLength...]
            // A script was looked for before, with its own rules; it is never sent as it is.
            if part.scripts.isScript(candidate) { continue }
            guard let file = try? folder.open(below, symlinks: settings.symlinks, now: now), file.isRegular
            else { continue }
            exchange.path = candidate
            if site.part(for: candidate) !== part { return .elsewhere }
            try await send(file)
            return .answered
        }
        if settings.listing {
            try await DirectoryListing(
                exchange: exchange, site: site, part: part, folder: folder, relative: relative
            ).send()
        } else {
            let names = settings.index.joined(separator: " ")
            try await forbid(
                .info,
                "\(Script.file(relative, below: folder.path)) has no default page (index = \(names)), and listing = no"
            )
        }
        return .answered
    }

    private func send(_ file: borrowing Folder.OpenFile) async throws(StreamError) {
        if part.scripts.isSource(exchange.path) { return try await refuseSource() }
        if let reason = folder.scriptRefusal(of: file, symlinks: settings.symlinks, now: now) {
            return try await forbid(.warning, reason)
        }
        let type = site.mediaTypes.type(of: exchange.path[...])
        var answer = FileAnswer(
            exchange: exchange, type: await contentType(file, type),
            cache: mayBeKept ? exchange.context.fileCache : nil)
        // An error is not to be kept as long as the page that shows it.
        if exchange.errorStatus == nil,
            let value = settings.cacheControl.value(path: exchange.path, type: type)
        {
            answer.add("Cache-Control", value)
        }
        if settings.compression.codings.isEmpty || exchange.errorStatus != nil {
            return try await answer.send(file)
        }
        try await sendInBestForm(file, type, answer)
    }

    /// Sends the file, or the form of it in the coding that the client likes best (RFC 9110, section 12.5.3).
    private func sendInBestForm(
        _ file: borrowing Folder.OpenFile, _ type: String, _ plain: FileAnswer
    ) async throws(StreamError) {
        var answer = plain
        let compression = settings.compression
        let wanted = exchange.head.has(.range) ? [] : exchange.acceptableCodings
        let isCompressible = file.size >= compression.minimum && compression.fits(type: type.utf8)
        var hasSibling = false
        for coding in wanted + compression.codings.filter({ !wanted.contains($0) }) {
            let isWanted = wanted.contains(coding)
            if !isWanted, isCompressible || hasSibling { break }
            guard let sibling = try? openSibling(coding, of: file) else { continue }
            hasSibling = true
            if isWanted {
                answer.add("Vary", "Accept-Encoding")
                return try await answer.send(sibling, as: .coded(coding))
            }
        }
        if isCompressible || hasSibling { answer.add("Vary", "Accept-Encoding") }
        let form = isCompressible ? wanted.first.map { FileAnswer.Form.compressed($0) } : nil
        try await answer.send(file, as: form ?? .plain)
    }

    /// The file beside that holds it in a coding, if it is not an older state of it.
    private func openSibling(
        _ coding: ContentCoding, of file: borrowing Folder.OpenFile
    ) throws(Errno) -> Folder.OpenFile {
        let path = exchange.path + "\(coding.suffix)".utf8
        // One with rules of its own is not given away under another name.
        guard site.part(for: path) === part else { throw .noSuchFile }
        let sibling = try folder.open(path[prefixLength...], symlinks: settings.symlinks, now: now)
        // Some file systems know times to two seconds only; others take any number for a time.
        let (limit, overflow) = sibling.modified.addingReportingOverflow(2)
        guard sibling.isRegular, overflow || limit >= file.modified,
            folder.scriptRefusal(of: sibling, symlinks: settings.symlinks, now: now) == nil
        else { throw .noSuchFile }
        return sibling
    }

    /// An answer that is kept goes to whoever asks for the same path.
    private var mayBeKept: Bool { !exchange.isSentOn && !exchange.isRestricted && !part.hasLimits }

    /// The media type with the character set of a text.
    private func contentType(_ file: borrowing Folder.OpenFile, _ type: String) async -> String {
        guard Charset.isText(type) else { return type }
        let context = exchange.context
        let charset: String? =
            switch settings.charset {
            case .off: nil
            case .named(let name): name
            case .auto: await context.charsets.charset(of: file, type: type, context.pool)
            }
        return charset.map { "\(type); charset=\($0)" } ?? type
    }
}
