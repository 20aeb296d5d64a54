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

    func serve() async throws(StreamError) -> Outcome {
        if !settings.serveDotfiles, FileService.hasHiddenName(relative) {
            try await ErrorPage.send(.notFound, on: exchange)
            return .answered
        }
        if part.hasScripts, let script = findScript() { return .script(script) }
        if part.hasScripts, relative.last == ASCII.slash, let script = indexScript() {
            return .script(script)
        }
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
        case .tooManyFiles, .tooManyFilesInSystem, .wouldBlock:
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
            // A script was looked for before, with its own rules; it is never sent as it is.
            if part.isScript(candidate) { continue }
            guard let file = try? folder.open(below, symlinks: settings.symlinks, now: now), file.isRegular
            else { continue }
            exchange.path = candidate
            if site.part(for: candidate) !== part { return .elsewhere }
            try await send(file)
            return .answered
        }
        if settings.listing {
            try await DirectoryListing.send(folder, relative, settings, on: exchange)
        } else {
            try await ErrorPage.send(.forbidden, on: exchange)
        }
        return .answered
    }

    /// The folder's default page, if the first that exists is a script; it takes every method.
    private func indexScript() -> Script? {
        for name in settings.index {
            let candidate = exchange.path + Array(name.utf8)
            let below = candidate[prefixLength...]
            guard
                let file = try? folder.open(
                    below, flags: Folder.pathOnly, symlinks: settings.symlinks, now: now), file.isRegular
            else { continue }
            guard part.isScript(candidate) else { return nil }
            return script(candidate, scriptLength: candidate.count, pathInfo: nil)
        }
        return nil
    }

    private func redirectToFolder() async throws(StreamError) {
        var location: [UInt8] = []
        // More than one slash in front would name another host.
        TargetPath.encode([ASCII.slash].span, into: &location)
        TargetPath.encode(Array(exchange.path.drop { $0 == ASCII.slash }).span, into: &location)
        location.append(ASCII.slash)
        if let query = exchange.query {
            location.append(ASCII.question)
            TargetPath.encodeQuery(query, into: &location)
        }
        try await ErrorPage.send(
            .movedPermanently, fields: [("Location", String(decoding: location, as: UTF8.self))], on: exchange
        )
    }

    private func send(_ file: borrowing Folder.OpenFile) async throws(StreamError) {
        var answer = FileAnswer(
            exchange: exchange, type: contentType(), cache: mayBeKept ? site.fileCache : nil)
        let type = site.mediaTypes.type(of: exchange.path[...])
        if let value = settings.cacheControl.value(path: exchange.path, type: type) {
            answer.add("Cache-Control", value)
        }
        try await answer.send(file)
    }

    /// An answer that is kept goes to whoever asks for the same path.
    private var mayBeKept: Bool { !exchange.isSentOn && !exchange.isRestricted }

    private func contentType() -> String {
        let type = site.mediaTypes.type(of: exchange.path[...])
        if case .named(let charset) = settings.charset, type.hasPrefix("text/") {
            return "\(type); charset=\(charset)"
        }
        return type
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
            name: Script.merged(path[..<scriptLength]), pathInfo: pathInfo,
            interpreter: part.interpreter(for: path))
    }
}
