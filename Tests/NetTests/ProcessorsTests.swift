import CLinux
import Net
import TestSupport
import Testing

@Suite struct ProcessorsTests {
    private static func allowed() throws -> String {
        try readText("/proc/thread-self/status").split(separator: "\n")
            .first { $0.hasPrefix("Cpus_allowed:") }.map(String.init) ?? ""
    }

    private static func current() throws -> Substring {
        let fields = try readText("/proc/thread-self/stat").split(separator: " ")
        return try #require(fields.count > 38 ? fields[38] : nil)
    }

    @Test func `those that may be used`() throws {
        let processors = Processors.usable()
        let mask = try Self.allowed().drop { $0 != "\t" }
        #expect(processors.count == mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) })
        #expect(Set(processors).count == processors.count)
    }

    /// The kernel may move the thread back between the two calls, but seldom does.
    @Test func `beginning on one does not tie to it`() throws {
        let before = try Self.allowed()
        for processor in Processors.usable() {
            var there = 0
            for _ in 1...20 {
                gh_begin_on(processor, nil)
                if try Self.current() == "\(processor)" { there += 1 }
            }
            #expect(there >= 15, "processor \(processor)")
        }
        for missing in [Int32(1000), 100_000, .max] { gh_begin_on(missing, nil) }
        #expect(try Self.allowed() == before)
    }
}
