import Base
import Glibc
import TestSupport
import Testing

@Suite struct FilePathTests {
    @Test(arguments: [
        ("/a/b", "/a"), ("/a", "/"), ("/", "/"), ("/a/b/c.sh", "/a/b"), ("a", "/"),
    ]) func `the folder it stands in`(_ path: FilePath, _ folder: FilePath) {
        #expect(path.folder == folder)
    }

    @Test(arguments: [
        (Array("/srv/ä.sh".utf8), "/srv/ä.sh"), ([0x2F, 0xE4, 0x2E, 0x73], "/\\xE4.s"),
        // A character that is cut, one that is too long, and a good one behind bad bytes.
        ([0x2F, 0xC3], "/\\xC3"), ([0xC0, 0xAF], "\\xC0\\xAF"), ([0xFF, 0xC3, 0xA4], "\\xFFä"), ([], ""),
        // What could steer a terminal, beside bad bytes.
        ([0xFF, 0x1B, 0x5B], "\\xFF\\x1B["),
    ]) func `what people read`(_ bytes: [UInt8], _ text: String) {
        #expect(FilePath(bytes).description == text)
    }

    @Test(arguments: [
        ("/srv/cgi", "/srv", "/cgi"), ("/srv", "/srv", ""), ("/srv-cgi", "/srv", nil), ("/srv", "/", "/srv"),
        ("/a", "/srv", nil), ("/", "/", "/"),
    ]) func `what lies below`(_ path: FilePath, _ folder: FilePath, _ rest: String?) {
        #expect(path.rest(below: folder).map { String(decoding: $0, as: UTF8.self) } == rest)
    }

    @Test(
        arguments: [
            // The first that is closed counts, and nothing behind one that cannot be looked at for another reason.
            (["/a": Errno.accessDenied, "/a/b": .accessDenied], "/a"), (["/a/b": .accessDenied], "/a/b"),
            (["/a/b/c": .accessDenied], nil), (["/a": .noSuchFile, "/a/b": .accessDenied], nil), ([:], nil),
        ] as [([FilePath: Errno], FilePath?)]) func `the first closed folder on the way`(
            _ refusals: [FilePath: Errno], _ folder: FilePath?
        )
    {
        #expect(FilePath("/a/b/c").firstClosedFolder { refusals[$0] } == folder)
    }

    @Test func `what the kernel makes of it`() throws {
        let folder = try ScratchFolder()
        let file = FilePath([0x2F, 0xE4], below: FilePath(folder.path))
        #expect(throws: Errno.noSuchFile) { try file.status() }
        #expect(file.resolved == nil)
        let link = FilePath("/link".utf8, below: FilePath(folder.path))
        #expect(file.withCString { mkdir($0, 0o755) } == 0)
        #expect(file.withCString { target in link.withCString { symlink(target, $0) } } == 0)
        #expect(try link.status().st_mode & S_IFMT == S_IFDIR)
        #expect(link.resolved == file)
        #expect(file.refusal(of: F_OK) == nil && FilePath("/none").refusal(of: F_OK) == .noSuchFile)
        #expect(file.hasSuffix("") && !file.hasSuffix("x") && link.hasSuffix("/link"))
    }
}
