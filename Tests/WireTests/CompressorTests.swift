import Base
import Testing
import Wire

/// What the compressors make; that clients can read it, the tests with curl show.
@Suite struct CompressorTests {
    @Test(arguments: ContentCoding.allCases) func `pieces of any size`(_ coding: ContentCoding) throws {
        for size in [0, 1, 100, 70_000] {
            let text = (0..<size).map { UInt8(truncatingIfNeeded: $0 / 7) }
            var compressor = try Compressor(coding)
            var output = ByteBuffer()
            for start in stride(from: 0, to: size, by: 1000) {
                try compressor.compress(
                    text.span.extracting(start..<min(start + 1000, size)), .process, into: &output)
            }
            try compressor.compress([UInt8]().span, .finish, into: &output)
            #expect(output.count > 0)
            #expect(size < 70_000 || output.count < size / 2)
        }
    }

    @Test(arguments: ContentCoding.allCases) func `a flush brings out what went in`(_ coding: ContentCoding)
        throws
    {
        var compressor = try Compressor(coding)
        var output = ByteBuffer()
        let text = Array("tick".utf8)
        try compressor.compress(text.span, .process, into: &output)
        let before = output.count
        try compressor.compress([UInt8]().span, .flush, into: &output)
        #expect(output.count > before)
    }

    @Test(arguments: ContentCoding.allCases) func `a promised length must come`(_ coding: ContentCoding)
        throws
    {
        let text = Array("four".utf8)
        var compressor = try Compressor(coding, length: text.count)
        var output = ByteBuffer()
        try compressor.compress(text.span, .finish, into: &output)
        #expect(output.count > 0)
    }
}
