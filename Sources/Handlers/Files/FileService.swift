import Base
import Config
import Glibc
import Net
import Wire

/// Serves files below a folder, its default pages and its listings.
package struct FileService {
    package enum Outcome {
        case answered
        /// The path names a file that is to be run, not sent.
        case script(Script)
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

    func serve() async throws(StreamError) -> Outcome {
        if !settings.serveDotfiles, FileService.hasHiddenName(relative) {
            try await ErrorPage.send(.notFound, on: exchange)
            return .answered
        }
        if part.hasScripts, let script = findScript() { return .script(script) }
        guard try await methodIsFine() else { return .answered }
        let file: Folder.OpenFile
        do throws(Errno) {
            file = try folder.open(relative, symlinks: settings.symlinks, now: now)
        } catch {
            try await refuse(error)
            return .answered
        }
        if file.isRegular {
            try await send(file)
        } else if file.isFolder {
            return try await serveFolder()
        } else {
            exchange.log(.warning, "not a regular file: devices, pipes and sockets are not sent")
            try await ErrorPage.send(.forbidden, on: exchange)
        }
        return .answered
    }

    /// GET, HEAD and OPTIONS are what a file can answer.
    private func methodIsFine() async throws(StreamError) -> Bool {
        let allowed: [(StaticString, String)] = [("Allow", "GET, HEAD, OPTIONS")]
        switch exchange.method {
        case .get, .head: return true
        case .options:
            var head = ResponseHead(.noContent)
            head.add("Allow", "GET, HEAD, OPTIONS" as StaticString)
            try await exchange.send(head, [])
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
            exchange.log(
                .warning, "a symbolic link leads outside \(folder.path); symlinks = follow would allow it")
            try await ErrorPage.send(.forbidden, on: exchange)
        case .tooManyLinks:
            exchange.log(.warning, "a symbolic link, and symlinks = deny, or too many of them")
            try await ErrorPage.send(.forbidden, on: exchange)
        case .accessDenied, .notPermitted, .noDevice:
            exchange.log(.warning, "cannot open the file below \(folder.path): \(error)")
            try await ErrorPage.send(.forbidden, on: exchange)
        case .tooManyFiles, .tooManyFilesInSystem:
            exchange.log(.error, "cannot open a file: \(error)")
            try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
        default:
            exchange.log(.error, "cannot open the file below \(folder.path): \(error)")
            try await ErrorPage.send(.internalServerError, on: exchange)
        }
    }

    // MARK: Folders

    private func serveFolder() async throws(StreamError) -> Outcome {
        guard relative.last == ASCII.slash else {
            try await redirectToFolder()
            return .answered
        }
        for name in settings.index {
            let candidate = exchange.path + Array(name.utf8)
            let below = candidate[prefixLength...]
            guard let file = try? folder.open(below, symlinks: settings.symlinks, now: now), file.isRegular
            else { continue }
            if part.isScript(candidate) || name.hasSuffix(".cgi") {
                return .script(script(candidate, scriptLength: candidate.count, pathInfo: nil))
            }
            exchange.path = candidate
            try await send(file)
            return .answered
        }
        guard settings.listing else {
            try await ErrorPage.send(.forbidden, on: exchange)
            return .answered
        }
        try await DirectoryListing.send(folder, relative, settings, on: exchange)
        return .answered
    }

    private func redirectToFolder() async throws(StreamError) {
        var location: [UInt8] = []
        // More than one slash in front would name another host.
        TargetPath.encode([ASCII.slash].span, into: &location)
        TargetPath.encode(Array(exchange.path.drop { $0 == ASCII.slash }).span, into: &location)
        location.append(ASCII.slash)
        if let query = exchange.query {
            location.append(ASCII.question)
            location += query
        }
        try await ErrorPage.send(
            .movedPermanently, fields: [("Location", String(decoding: location, as: UTF8.self))], on: exchange
        )
    }

    // MARK: Files

    private func send(_ file: borrowing Folder.OpenFile) async throws(StreamError) {
        let size = file.size
        // A date in the future would never be older than what a client asks about.
        let modified = min(file.modified, exchange.context.wallSeconds)
        let validators = Validators(entityTag: FileService.entityTag(file), lastModified: modified)
        let conditions = exchange.withHeadBytes { Conditions.evaluate(exchange.head, $0, validators) }
        switch conditions {
        case .failed: return try await ErrorPage.send(.preconditionFailed, on: exchange)
        case .notModified:
            return try await exchange.send(head(.notModified, validators, length: nil), [])
        case .proceed: break
        }
        var head = head(.ok, validators, length: size)
        var range = 0..<size
        if exchange.method == .get, let field = exchange.head.first(.range) {
            let outcome: ByteRanges.Outcome = exchange.withHeadBytes { bytes in
                guard Conditions.rangeApplies(exchange.head, bytes, validators) else { return .whole }
                return ByteRanges.parse(bytes.extracting(field.range), length: size)
            }
            switch outcome {
            case .whole: break
            case .one(let part):
                range = part
                head = self.head(.partialContent, validators, length: part.count)
                head.add("Content-Range", "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(size)")
            case .unsatisfiable:
                return try await ErrorPage.send(
                    .rangeNotSatisfiable, fields: [("Content-Range", "bytes */\(size)")], on: exchange)
            }
        }
        if exchange.method == .head { return try await exchange.send(head, []) }
        try await exchange.send(head, file: file.descriptor, range: range)
    }

    private func head(_ status: Status, _ validators: Validators, length: Int?) -> ResponseHead {
        var head = ResponseHead(status, contentLength: length)
        if status != .notModified {
            var type = site.mediaTypes.type(of: exchange.path[...])
            if case .named(let charset) = settings.charset, type.hasPrefix("text/") {
                type += "; charset=\(charset)"
            }
            head.add("Content-Type", type)
            head.add("Accept-Ranges", "bytes" as StaticString)
        }
        if let modified = validators.lastModified { head.add("Last-Modified", HTTPDate.bytes(modified)) }
        head.add("ETag", validators.entityTag)
        if let cacheControl = settings.cacheControl { head.add("Cache-Control", cacheControl) }
        return head
    }

    /// From size and time of change to the nanosecond.
    private static func entityTag(_ file: borrowing Folder.OpenFile) -> [UInt8] {
        var tag = ByteBuffer(capacity: 40)
        tag.append(ASCII.quote)
        tag.append(hex: file.modified & .max)
        tag.append(ASCII.dash)
        tag.append(hex: file.status.st_mtim.tv_nsec)
        tag.append(ASCII.dash)
        tag.append(hex: file.size)
        tag.append(ASCII.quote)
        return tag.bytes.array
    }

    // MARK: Scripts among files

    /// The first file on the path whose name says that it is a script; what follows is PATH_INFO.
    private func findScript() -> Script? {
        let path = exchange.path
        var index = prefixLength
        while index < path.count {
            var stop = index + 1
            while stop < path.count, path[stop] != ASCII.slash { stop += 1 }
            let name = Array(path[..<stop])
            if part.isScript(name),
                let file = try? folder.open(
                    name[prefixLength...], flags: Folder.pathOnly, symlinks: settings.symlinks, now: now),
                file.isRegular
            {
                return script(
                    name, scriptLength: stop, pathInfo: stop < path.count ? Array(path[stop...]) : nil)
            }
            index = stop
        }
        return nil
    }

    private func script(_ path: [UInt8], scriptLength: Int, pathInfo: [UInt8]?) -> Script {
        Script(
            file: folder.path + Script.fileName(path[prefixLength..<scriptLength]),
            name: Array(path[..<scriptLength]), pathInfo: pathInfo, interpreter: part.interpreter(for: path))
    }
}
