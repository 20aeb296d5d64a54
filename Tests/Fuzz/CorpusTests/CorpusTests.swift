import Base
import FuzzedParsers
import TestSupport
import Testing

/// All that the fuzzers begin with and what they have found, fed to every parser.
@Suite struct CorpusTests {
    private static let folder =
        #filePath.split(separator: "/").dropLast(2).reduce("") { "\($0)/\($1)" } + "/Corpus"

    static let files: [String] = FuzzedParser.allCases.flatMap { parser -> [String] in
        ((try? listFolder("\(folder)/\(parser.rawValue)")) ?? []).map { "\(parser.rawValue)/\($0)" }
    }

    @Test(arguments: files) func `every parser takes it`(_ name: String) throws {
        let input = try readFile("\(Self.folder)/\(name)")
        for parser in FuzzedParser.allCases { parser.feed(input) }
    }

    @Test(arguments: FuzzedParser.allCases) func `every parser has its seeds`(_ parser: FuzzedParser) {
        #expect(Self.files.contains { $0.hasPrefix("\(parser.rawValue)/") })
    }
}
