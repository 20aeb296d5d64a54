import Base
import Config
import Wire

extension CompressionSettings {
    /// Whether content with that head may be compressed on its way.
    func fits(_ head: ResponseHead) -> Bool {
        if codings.isEmpty || head.status.isWithoutContent || head.status == .partialContent { return false }
        if let length = head.contentLength, length < minimum { return false }
        guard let type = head.value("content-type"), fits(type: type) else { return false }
        if head.has("content-encoding") || head.has("content-range") { return false }
        // RFC 9111, section 5.2.2.6.
        guard let control = head.value("cache-control") else { return true }
        var directives = ListReader(control.span)
        while let directive = directives.next() {
            if ASCII.equalsIgnoringCase(directive, "no-transform") { return false }
        }
        return true
    }

    /// Whether content of that type is worth it. Events go out one by one, and are compressed only
    /// where their type is named as such.
    func fits(type: some Collection<UInt8>) -> Bool {
        let isEvents = CompressionSettings.events?.matches(type) ?? false
        return types.contains { $0.matches(type) && ($0.isExact || !isEvents) }
    }

    private static let events = MediaTypePattern("text/event-stream")
}
