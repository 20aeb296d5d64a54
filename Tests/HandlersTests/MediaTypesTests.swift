import Base
import Handlers
import TestSupport
import Testing

private func type(_ types: MediaTypes, _ path: String) -> String { types.type(of: Array(path.utf8)[...]) }

@Suite struct MediaTypesTests {
    @Test(arguments: [
        ("/index.html", "text/html"), ("/a.HTML", "text/html"), ("/a.b.css", "text/css"),
        ("/a.js", "text/javascript"),
        ("/a.mjs", "text/javascript"), ("/a.json", "application/json"), ("/a.svg", "image/svg+xml"),
        ("/a.png", "image/png"), ("/a.woff2", "font/woff2"), ("/a.wasm", "application/wasm"),
        ("/.html", "text/html"),
        ("/a.tar.gz", "application/gzip"),
    ]) func `what pages need is known without a file`(_ path: String, _ expected: String) {
        #expect(type(MediaTypes(file: "/nonexistent/mime.types", extra: [:]), path) == expected)
    }

    @Test(arguments: [
        "/", "", "/a", "/a.", "/a.html/", "/a.html/b", "/html", "/a.unknown", "/a.html ",
        "/a." + String(repeating: "x", count: 500), "/a.\u{FC}",
    ]) func `what is unknown is just bytes`(_ path: String) {
        #expect(type(MediaTypes(file: "", extra: [:]), path) == "application/octet-stream")
    }

    @Test func `a file adds types and changes them`() throws {
        let folder = try ScratchFolder()
        let file = try folder.write(
            "mime.types",
            """
            # comment application/x-comment html
            text/x-page\thtml   HTM\r
            application/x-none
            application/x-many one two\tTHREE

            no-type four
            application/javascript js
            application/x-last last
            """)
        let types = MediaTypes(file: file, extra: [:])
        #expect(type(types, "/a.html") == "text/x-page")
        #expect(type(types, "/a.htm") == "text/x-page")
        for name in ["one", "two", "three"] { #expect(type(types, "/a.\(name)") == "application/x-many") }
        #expect(type(types, "/a.four") == MediaTypes.unknown)
        #expect(type(types, "/a.last") == "application/x-last")
        #expect(type(types, "/a.css") == "text/css")
        // The registered one, whatever an old file says (RFC 9239).
        #expect(type(types, "/a.js") == "text/javascript")
    }

    @Test func `settings win over the file`() throws {
        let folder = try ScratchFolder()
        let file = try folder.write("mime.types", "text/x-page html\ntext/x-other other\n")
        let types = MediaTypes(file: file, extra: ["html": "text/mine", "js": "text/ours", "new": "a/b"])
        #expect(type(types, "/a.html") == "text/mine")
        #expect(type(types, "/a.other") == "text/x-other")
        #expect(type(types, "/a.js") == "text/ours")
        #expect(type(types, "/a.NEW") == "a/b")
    }

    @Test func `the file of the system is read`() throws {
        let types = MediaTypes(file: "/etc/mime.types", extra: [:])
        #expect(type(types, "/a.html") == "text/html")
        #expect(type(types, "/a.pdf") == "application/pdf")
    }

    @Test func `a folder for a file is like none`() throws {
        let folder = try ScratchFolder()
        #expect(type(MediaTypes(file: folder.path, extra: [:]), "/a.html") == "text/html")
    }
}
