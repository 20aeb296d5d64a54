import Base
import TestSupport
import Testing

@testable import Handlers

/// What texts are found to be written in.
@Suite struct CharsetTests {
    private func detect(_ bytes: [UInt8], isWhole: Bool = true, type: String = "text/plain") -> String? {
        Charset.detect(bytes.span, isWhole: isWhole, type: type)
    }

    @Test(arguments: CharsetSample.all) func `real texts`(_ sample: CharsetSample) {
        #expect(detect(sample.bytes) == sample.label)
        // In UTF-8 they are that, however short.
        #expect(detect(Array(sample.text.utf8)) == "utf-8")
        // Cut anywhere, the beginning of a long text says the same, and nothing wrong of a short one.
        let long = Array(repeatElement(sample.bytes, count: 20).joined())
        for cut in 1...4 {
            #expect(detect(Array(long.dropLast(cut)), isWhole: false) == sample.label, "\(cut)")
        }
        let utf8 = Array(sample.text.utf8)
        for count in 0..<utf8.count {
            #expect(detect(Array(utf8.prefix(count)), isWhole: false) == "utf-8", "\(count)")
        }
    }

    struct Case: CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let charset: String?
        init(_ name: String, _ bytes: [UInt8], _ charset: String?) {
            (testDescription, self.bytes, self.charset) = (name, bytes, charset)
        }
    }

    private static func wide(_ text: String, bigEndian: Bool) -> [UInt8] {
        text.utf16.flatMap { unit in
            let (high, low) = (UInt8(unit >> 8), UInt8(unit & 255))
            return bigEndian ? [high, low] : [low, high]
        }
    }

    @Test(arguments: [
        Case("nothing", [], "utf-8"), Case("ASCII", Array("plain".utf8), "utf-8"),
        Case("a mark of UTF-8", [0xEF, 0xBB, 0xBF, 0x61], "utf-8"),
        Case("only a mark", [0xEF, 0xBB, 0xBF], "utf-8"),
        Case("UTF-16 LE with a mark", [0xFF, 0xFE] + wide("ab", bigEndian: false), "utf-16"),
        Case("UTF-16 BE with a mark", [0xFE, 0xFF] + wide("ab", bigEndian: true), "utf-16"),
        Case("UTF-16 LE without", wide("some plain text", bigEndian: false), "utf-16le"),
        Case("UTF-16 BE without", wide("some plain text", bigEndian: true), "utf-16be"),
        Case("UTF-32 with a mark", [0xFF, 0xFE, 0, 0, 0x61, 0, 0, 0], nil),
        Case("a zero", Array("some text\u{0}and more".utf8), nil),
        Case("only zeros", [UInt8](repeating: 0, count: 100), nil),
        Case("one byte", [0xFF], nil),
        Case("a lone accent", Array("Gr".utf8) + [0xFC] + Array("n".utf8), nil),
        Case("six bytes of GBK", [0xBE, 0xB2, 0xD2, 0xB9, 0xCB, 0xBC], nil),
        Case("every byte there is", Array(1...255), nil),
        Case("escapes for a terminal", Array("\u{1B}[31mred\u{1B}[0m".utf8), "utf-8"),
        Case("UTF-8 cut at the end", Array("caf\u{E9}".utf8.dropLast()), nil),
    ]) func `what is clear and what is not`(_ test: Case) { #expect(detect(test.bytes) == test.charset) }

    @Test(arguments: [
        ("text/html", "<meta charset=gbk>", true),
        ("text/html", "<!doctype html>\n<META\nCharset = 'x'>", true),
        ("text/html", "<meta http-equiv='Content-Type' content='text/html; charset=big5'>", true),
        ("text/html", "<meta name=charset content=x>", false),
        ("text/html", "<!-- <meta charset=x> -->", false),
        ("text/html", "<!-- <meta charset=x>", false), ("text/html", "charset=x", false),
        ("text/html", "<!-- --><meta charset=x>", true), ("text/html", "<meta", false),
        ("text/html", "<", false),
        ("text/html", "<meta charset", false), ("text/html", "<p title='<meta charset=x>'>", true),
        ("text/html", "<?xml version='1.0' encoding='x'?>", true),
        ("text/xml", "<?xml version='1.0' encoding='x'?>", true),
        ("text/xml", "<?xml version='1.0'?>", false),
        ("text/xml", "<meta charset=x>", false), ("text/css", "@charset \"x\";", true),
        ("text/css", " @charset \"x\";", false), ("text/plain", "<meta charset=x>", false),
        ("text/plain", "@charset \"x\";", false),
    ]) func `a text that names its character set is left alone`(_ type: String, _ text: String, _ named: Bool)
    {
        #expect(detect(Array(text.utf8), type: type) == (named ? nil : "utf-8"))
        // Also where it is wrong.
        let bytes = Array(text.utf8) + CharsetSample.all[0].bytes
        if named { #expect(detect(bytes, type: type) == nil) }
    }

    @Test func `a mark counts more than what the text says`() {
        #expect(detect([0xEF, 0xBB, 0xBF] + Array("<meta charset=gbk>".utf8), type: "text/html") == "utf-8")
    }

    @Test func `no bytes do harm`() {
        var random = SteadyRandom()
        func next(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &random) }
        let pieces =
            CharsetSample.all.map(\.bytes)
            + [
                "<meta ", "charset", "=", "<!--", "-->", "<?xml encoding", "@charset \"", "\u{1B}$B",
                "\u{FEFF}", ">",
            ]
            .map { Array($0.utf8) }
        for _ in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<next(6) {
                let piece = pieces[next(pieces.count)]
                bytes += piece.prefix(next(piece.count + 1))
                if next(3) == 0 { bytes.append(UInt8(next(256))) }
            }
            for type in ["text/html", "text/css", "text/xml", "text/plain"] {
                let whole = detect(bytes, type: type)
                // What says UTF-8 is UTF-8. Behind a mark it is whatever happens.
                if whole == "utf-8", !bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
                    #expect(String(validating: bytes, as: UTF8.self) != nil)
                }
                _ = detect(bytes, isWhole: false, type: type)
            }
        }
    }
}
