import Base
import Net
import Wire

/// Sends a client that asked for a folder to its address with a slash at the end, where the links of
/// its page are right. Whoever sends content, or changes something, is to do the same there, which 301 leaves
/// open (RFC 9110, section 15.4.9).
enum FolderRedirect {
    static func send(on exchange: Exchange) async throws(StreamError) {
        var location: [UInt8] = []
        // More than one slash in front would name another host.
        TargetPath.encode([ASCII.slash].span, into: &location)
        TargetPath.encode(Array(exchange.path.drop { $0 == ASCII.slash }).span, into: &location)
        location.append(ASCII.slash)
        if let query = exchange.query {
            location.append(ASCII.question)
            TargetPath.encodeQuery(query, into: &location)
        }
        let isRead = exchange.method == .get || exchange.method == .head
        try await ErrorPage.send(
            isRead ? .movedPermanently : .permanentRedirect,
            fields: [("Location", String(decoding: location, as: UTF8.self))], on: exchange)
    }
}
