import Base
import Config
import Glibc
import Net
import Wire

/// Finds the script that a path below a folder of scripts names.
struct ScriptLocator {
    let exchange: Exchange
    let part: Part
    let folder: Folder
    let prefixLength: Int

    enum Result {
        case found(Script)
        /// `reason`: what those clients may see that may know why scripts fail.
        case refused(Status, reason: String? = nil)
    }

    /// Walks the path to the first file; what follows that is PATH_INFO.
    func find() async -> Result {
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
            if file.isRegular { return script(endingAt: stop) }
            guard file.isFolder else { return .refused(.forbidden) }
            index = stop
        }
        return folderScript()
    }

    private func script(endingAt stop: Int) -> Result {
        let path = exchange.path
        let name = Script.merged(path[..<stop])
        let script = Script(
            file: folder.path + Script.fileName(path[prefixLength..<stop]), name: name,
            pathInfo: stop < path.count ? Array(path[stop...]) : nil, interpreter: part.interpreter(for: name)
        )
        return .found(script)
    }

    /// A folder itself: its default page, where that is a script.
    private func folderScript() -> Result {
        let path = exchange.path
        guard path.last == ASCII.slash else { return .refused(.forbidden) }
        for index in part.settings.index {
            let candidate = path + Array(index.utf8)
            guard
                let file = try? folder.open(
                    candidate[prefixLength...], flags: Folder.pathOnly, symlinks: part.settings.symlinks,
                    now: exchange.context.loop.now),
                file.isRegular, file.status.st_mode & 0o111 != 0 || part.interpreter(for: candidate) != nil
            else { continue }
            return .found(
                Script(
                    file: folder.path + Script.fileName(candidate[prefixLength...]),
                    name: Script.merged(candidate[...]),
                    pathInfo: nil,
                    interpreter: part.interpreter(for: candidate)))
        }
        return .refused(.forbidden)
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
            let file = folder.path + Script.fileName(exchange.path[prefixLength..<stop])
            status = .forbidden
            // Walks along the path and looks up users, which may wait for a disk or a directory service.
            let cause = await exchange.context.pool.run { ScriptInspection.unreachable(file) }
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
