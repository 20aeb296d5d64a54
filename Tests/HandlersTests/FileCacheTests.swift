import Base
import Config
import Logs
import Net
import Testing

@testable import Handlers

/// The files that a loop keeps.
@Suite struct FileCacheTests {
    private static func context() throws -> LoopContext {
        let writer = try LogWriter()
        return try LoopContext(
            loop: EventLoop(index: 0), accessLogs: AccessLogs(writer: writer),
            shared: LoopContext.Shared(
                settings: ServerSettings(), errorLog: ErrorLog(sink: nil, writer: writer, level: .error),
                pool: WorkerPool(name: "test", threads: 1)))
    }

    private static let head = Array("HTTP/1.1 200 OK\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\n\r\n".utf8)

    private static func insert(
        _ path: String, _ site: Site, preference: String = "", size: Int, _ context: LoopContext
    ) {
        let content = [UInt8](repeating: 1, count: size)
        let (path, preference) = (Array(path.utf8), Array(preference.utf8))
        context.fileCache.insert(
            FileCache.Question(site, path.span, preference.span), part: site.part, head: head.span,
            dateStart: 23, content: content.span, context)
    }

    private static func isThere(
        _ path: String, _ site: Site, preference: String = "", _ context: LoopContext
    ) -> Bool {
        let (path, preference) = (Array(path.utf8), Array(preference.utf8))
        return context.fileCache.find(FileCache.Question(site, path.span, preference.span), context) != nil
    }

    @Test func `sites have their own files`() throws {
        let context = try Self.context()
        let (one, other) = (makeSite("one"), makeSite("other"))
        Self.insert("/a", one, size: 10, context)
        #expect(Self.isThere("/a", one, context))
        #expect(!Self.isThere("/a", other, context))
        #expect(!Self.isThere("/b", one, context))
    }

    /// However many sites there are; and what came last stays.
    @Test func `one bound for all sites`() throws {
        let context = try Self.context()
        let sites = (0..<8).map { makeSite("s\($0)") }
        for number in 0..<800 {
            Self.insert("/\(number / 8)", sites[number % 8], size: 64 << 10, context)
            #expect(context.fileCache.size <= 16 << 20)
        }
        #expect(context.fileCache.size > 15 << 20)
        let kept = (0..<800).filter { Self.isThere("/\($0 / 8)", sites[$0 % 8], context) }
        // Three that fall on the same two places are one too many; that is rare.
        #expect(kept.count > 200)
        #expect(kept.allSatisfy { $0 >= 800 - 256 })
    }

    @Test func `two of the same place`() throws {
        let context = try Self.context()
        let site = makeSite("one")
        for number in 0..<500 { Self.insert("/\(number)", site, size: 10, context) }
        #expect((0..<500).count { Self.isThere("/\($0)", site, context) } > 450)
    }

    @Test func `each preference has its own answer`() throws {
        let context = try Self.context()
        let site = makeSite("one")
        Self.insert("/a", site, preference: "gzip", size: 10, context)
        #expect(Self.isThere("/a", site, preference: "gzip", context))
        #expect(!Self.isThere("/a", site, context))
        #expect(!Self.isThere("/a", site, preference: "br", context))
    }

    @Test func `the same file again`() throws {
        let context = try Self.context()
        let site = makeSite("one")
        for _ in 0..<2000 { Self.insert("/a", site, size: 64 << 10, context) }
        #expect(context.fileCache.size <= 16 << 20)
        #expect(Self.isThere("/a", site, context))
    }

    @Test func `so many larger files are open, and not for long`() throws {
        let context = try Self.context()
        let site = makeSite("one")
        let folder = Folder("/usr")
        for number in 0..<100 {
            let file = try folder.open(Array("/bin/env".utf8)[...], symlinks: .follow, now: context.loop.now)
            guard let kept = context.fileCache.keep(file) else { continue }
            let path = Array("/\(number)".utf8)
            context.fileCache.insert(
                FileCache.Question(site, path.span, Span()), part: site.part, head: Self.head.span,
                dateStart: 23, file: kept, context)
        }
        #expect(context.fileCache.openCount == FileCache.openLimit)
        let closesAt = context.fileCache.closeExpired(context.loop.now)
        #expect(closesAt == context.loop.now + .seconds(1))
        #expect(context.fileCache.closeExpired(closesAt) == .never)
        #expect(context.fileCache.openCount == 0)
        #expect(context.fileCache.size == 0)
    }
}
