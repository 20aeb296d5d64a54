import Base
import Config
import Glibc
import Net
import Wire

/// Finds the script that a path names, in a folder of scripts or among the pages.
struct ScriptLocator {
    let exchange: Exchange
    let part: Part
    let folder: Folder
    let prefixLength: Int

    enum Result {
        case found(Script)
        /// A folder with a default page that is a script, without the slash at its end.
        case folder
        /// `reason`: what those clients may see that may know why scripts fail.
        case refused(Status, reason: String? = nil)
    }

    /// In a folder of scripts: walks the path to the first file; what follows that is PATH_INFO.
    func findInFolder() async -> Result {
        if let known { return .found(known) }
        let path = exchange.path
        var index = prefixLength
        while index < path.count {
            // Doubled slashes mean nothing before the script.
            while index + 1 < path.count, path[index + 1] == ASCII.slash { index += 1 }
            var stop = index + 1
            while stop < path.count, path[stop] != ASCII.slash { stop += 1 }
            if stop == index + 1 { break }
            if path[index + 1] == ASCII.dot, !part.settings.serveDotfiles { return .refused(.notFound) }
            let file: Folder.OpenFile
            do throws(Errno) {
                file = try folder.open(
                    path[prefixLength..<stop], flags: Folder.pathOnly, symlinks: part.settings.symlinks,
                    now: exchange.context.loop.now)
            } catch {
                return await refusal(error, stop)
            }
            if file.isRegular { return .found(kept(script(path, endingAt: stop))) }
            guard file.isFolder else {
                return refused("\(self.file(path[prefixLength..<stop])) is no regular file")
            }
            index = stop
        }
        return folderScript()
    }

    /// A folder of scripts itself: its default page, where that is a script.
    private func folderScript() -> Result {
        let path = exchange.path.last == ASCII.slash ? exchange.path : exchange.path + [ASCII.slash]
        for candidate in defaultPages(path) {
            guard let file = look(candidate[prefixLength...]), file.isRegular,
                file.status.st_mode & 0o111 != 0 || part.scripts.interpreter(for: candidate) != nil
            else { continue }
            if path.count > exchange.path.count { return .folder }
            return .found(script(candidate, endingAt: candidate.count))
        }
        return refused(
            "\(file(exchange.path[prefixLength...])) is a folder of scripts, and no script in it is a default page (index = \(part.settings.index.joined(separator: " ")))"
        )
    }

    private func refused(_ reason: String) -> Result {
        exchange.log(.info, reason)
        return .refused(.forbidden, reason: reason)
    }

    /// Among the pages: the first file on the path that is a script by the rules, or the folder's
    /// default page, if the first that exists is one.
    func findAmongFiles() -> Script? {
        if let known { return known }
        let path = exchange.path
        var index = prefixLength
        while index < path.count {
            var stop = index + 1
            while stop < path.count, path[stop] != ASCII.slash { stop += 1 }
            if part.scripts.isScript(Array(path[..<stop])), let file = look(path[prefixLength..<stop]),
                file.isRegular
            {
                return kept(script(path, endingAt: stop))
            }
            index = stop
        }
        guard path.last == ASCII.slash else { return nil }
        for candidate in defaultPages(path) {
            guard let file = look(candidate[prefixLength...]), file.isRegular else { continue }
            return part.scripts.isScript(candidate) ? script(candidate, endingAt: candidate.count) : nil
        }
        return nil
    }

    /// The script of the same path, if it was found a moment ago.
    private var known: Script? {
        exchange.context.knownScripts.find(exchange.path, part, now: exchange.context.loop.now)
    }

    /// Keeps a script for those that ask for the same path. One that another program runs could be missed
    /// by that alone.
    private func kept(_ script: Script) -> Script {
        if script.interpreter == nil {
            exchange.context.knownScripts.keep(
                script, at: exchange.path, part, now: exchange.context.loop.now)
        }
        return script
    }

    private func defaultPages(_ folder: [UInt8]) -> [[UInt8]] {
        part.settings.index.map { folder + Array($0.utf8) }
    }

    /// What is at a path below the folder, without the right to read it.
    private func look(_ relative: [UInt8].SubSequence) -> Folder.OpenFile? {
        try? folder.open(
            relative, flags: Folder.pathOnly, symlinks: part.settings.symlinks,
            now: exchange.context.loop.now)
    }

    private func file(_ relative: [UInt8].SubSequence) -> FilePath {
        Script.file(relative, below: folder.path)
    }

    private func script(_ path: [UInt8], endingAt stop: Int) -> Script {
        let name = Script.merged(path[..<stop])
        return Script(
            file: file(path[prefixLength..<stop]), name: name,
            pathInfo: stop < path.count ? Array(path[stop...]) : nil,
            interpreter: part.scripts.interpreter(for: name))
    }

    private func refusal(_ error: Errno, _ stop: Int) async -> Result {
        let status: Status
        let reason: String
        switch error {
        case .noSuchFile, .notAFolder, .nameTooLong: return .refused(.notFound)
        case .crossesRoot:
            status = .forbidden
            reason =
                "a symbolic link leads outside \(folder.path); symlinks = follow allows that, or name the script itself with cgi = /prefix /path/of/script"
        case .accessDenied, .notPermitted:
            let file = file(exchange.path[prefixLength..<stop])
            status = .forbidden
            // Walks along the path and looks up users, which may wait for a disk or a directory service.
            // The server itself has to get to the script, whoever runs it.
            let server = FileAccess(identity: nil)
            let cause = await exchange.context.pool.run { server.unreachable(file) }
            reason = cause ?? "cannot reach \(file): \(error)"
        default:
            status = error == .tooManyLinks ? .forbidden : .internalServerError
            reason = "cannot reach the script below \(folder.path): \(error)"
        }
        exchange.script = ScriptReport(name: String(decoding: exchange.path[..<stop], as: UTF8.self))
        exchange.log(.error, reason)
        return .refused(status, reason: reason)
    }
}
