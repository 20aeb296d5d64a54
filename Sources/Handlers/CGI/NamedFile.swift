import Base
import Config
import Net
import Wire

/// The file that a script named in X-Sendfile, X-Accel-Redirect or X-LIGHTTPD-send-file, sent in the place of
/// content.
struct NamedFile {
    let exchange: Exchange
    let site: Site
    let part: Part
    let head: ScriptHead

    /// Why it is not sent.
    enum Failure: Error {
        case refused(ScriptFailure)
        case stream(StreamError)
    }

    /// Sends it, if it lies where scripts may have files sent from.
    func send() async throws(Failure) {
        if let status = head.status, status.isWithoutContent {
            let answer = ResponseHead(status, lines: head.lines, contentLength: nil)
            do throws(StreamError) { return try await exchange.send(answer, []) } catch {
                throw .stream(error)
            }
        }
        let path = head.sendfile ?? []
        // The folder's own rules let `..` pass where links may lead anywhere.
        guard !path.split(separator: ASCII.slash).contains(where: { $0.elementsEqual("..".utf8) }) else {
            throw .refused(ScriptFailure("the script named a path with .. in \(head.sendfileField)"))
        }
        for folder in site.sendfileFolders {
            let prefix = folder.path.bytes
            guard path.starts(with: prefix), path.count > prefix.count, path[prefix.count] == ASCII.slash,
                !path.contains(0)
            else { continue }
            return try await send(path[prefix.count...], of: folder)
        }
        let text = String(decoding: path, as: UTF8.self)
        throw .refused(
            ScriptFailure(
                "the script named \(text) in \(head.sendfileField), which is below no folder of cgi_sendfile")
        )
    }

    private func send(_ path: [UInt8].SubSequence, of folder: Folder) async throws(Failure) {
        let (symlinks, now) = (part.settings.symlinks, exchange.context.loop.now)
        switch folder.opening(path, symlinks: symlinks, now: now) {
        case .opened(let file) where file.isRegular:
            if let reason = folder.scriptRefusal(of: file, symlinks: symlinks, now: now) {
                throw .refused(
                    ScriptFailure(
                        "the script named a script or its neighbour in \(head.sendfileField), whose folder is not in cgi_sendfile itself: \(reason)"
                    ))
            }
            let answer = FileAnswer(exchange: exchange, script: head, type: site.mediaTypes.type(of: path))
            do throws(StreamError) { try await answer.send(file) } catch { throw .stream(error) }
        case .opened:
            throw .refused(ScriptFailure("\(head.sendfileField) names something that is no regular file"))
        case .failed(let error):
            let text = String(decoding: path, as: UTF8.self)
            throw .refused(
                ScriptFailure(
                    error == .noSuchFile ? .notFound : .internalServerError,
                    "cannot send \(text) below \(folder.path), which the script named in \(head.sendfileField): \(error)"
                ))
        }
    }
}
