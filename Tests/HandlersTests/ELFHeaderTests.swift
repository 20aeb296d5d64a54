import TestSupport
import Testing

@testable import Handlers

@Suite struct ELFHeaderTests {
    private static let program = Array(((try? readFile("/bin/true")) ?? []).prefix(4096))

    private static func interpreter(_ bytes: [UInt8]) -> String? { ELFHeader.interpreter(bytes.span) }

    @Test func `the loader of a program`() throws {
        let name = try #require(Self.interpreter(Self.program))
        #expect(name.hasPrefix("/lib"))
        #expect(name.hasSuffix(".so.2") || name.hasSuffix(".so.1"))
    }

    @Test func `none where the beginning does not have it`() {
        #expect(Self.interpreter([]) == nil)
        #expect(Self.interpreter(Array(Self.program.prefix(64))) == nil)
        #expect(Self.interpreter([UInt8](repeating: 0xFF, count: 4096)) == nil)
    }

    /// Whatever comes of it, nothing outside is read.
    @Test func `any bytes in any place`() {
        var random = SteadyRandom()
        for _ in 0..<20_000 {
            var bytes = Array(Self.program.prefix(Int.random(in: 0...1024, using: &random)))
            for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
                let place = Int.random(in: 0..<min(bytes.count, 512), using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            _ = Self.interpreter(bytes)
        }
    }
}
