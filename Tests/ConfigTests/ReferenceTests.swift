import Glibc
import Testing

@testable import Config

@Suite struct ReferenceTests {
    /// The page in the repository.
    private static let page = Paths.absolute("../../docs/settings.md", from: Paths.folder(of: #filePath))

    /// The page is written anew by `GATEHOUSE_WRITE_DOCS=1 swift test --filter ReferenceTests`.
    @Test func `the page is that of the table`() throws {
        let markdown = SettingsReference.markdown
        if getenv("GATEHOUSE_WRITE_DOCS") != nil {
            let descriptor = open(Self.page, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            defer { close(descriptor) }
            var text = markdown
            text.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
        }
        let page = String(decoding: try Paths.read(Self.page, limit: 1 << 20), as: UTF8.self)
        #expect(page == markdown, "docs/settings.md is out of date")
    }

    @Test func `every key has a row`() {
        for setting in Settings.all {
            #expect(!setting.meaning.isEmpty && !setting.type.isEmpty && !setting.default.text.isEmpty)
            #expect(!setting.meaning.contains("\n") && !setting.meaning.contains("|"), "\(setting.name)")
            // inih would cut longer ones.
            #expect(setting.name.utf8.count <= INIReader.maxName)
            #expect(setting.name == setting.name.lowercased())
            #expect(SettingsReference.text(for: setting.name) != nil)
            #expect(SettingsReference.text.contains(setting.name))
        }
        #expect(Set(SettingsReference.names).count == SettingsReference.names.count)
        for kind in SectionKinds.headers.map(\.kind) {
            let names = Settings.all.filter { $0.sections.contains(kind) }.map(\.name)
            #expect(Set(names).count == names.count)
        }
    }

    @Test func `one key`() {
        #expect(
            SettingsReference.text(for: "Header_Timeout") == """
                header_timeout
                  meaning   for a whole request head: 408
                  type      time
                  default   15s
                  sections  [server]

                """)
        #expect(
            SettingsReference.text(for: "listen") == """
                listen (may stand several times, and each time adds)
                  meaning   for HTTP: `IP:PORT`, `[IPv6]:PORT`, `*:PORT`, `unix:PATH`; `proxy_protocol` may follow
                  type      address
                  default   127.0.0.1:8080
                  sections  [server]

                listen (may stand several times, and each time adds)
                  meaning   addresses of [server] that this site answers on, where not all
                  type      address
                  default   all of [server]'s
                  sections  [site NAME], [defaults]

                """)
        #expect(SettingsReference.text(for: "lisen") == nil)
        #expect(SettingsReference.nearest(to: "lisen") == "listen")
    }

    @Test func `all keys for a terminal`() {
        let lines = SettingsReference.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.first == "A key marked * may stand several times, and each time adds.")
        #expect(lines.contains("[server]") && lines.contains("[site NAME], [defaults]"))
        #expect(lines.allSatisfy { $0.count <= 170 })
    }
}
