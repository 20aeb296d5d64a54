import Testing

@testable import Config

/// Raw text of a file, and what is read from it: each section with its line, each entry with its line,
/// each problem.
struct INICase: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let expected: [String]

    init(_ name: String, _ text: String, _ expected: [String]) {
        (self.name, bytes, self.expected) = (name, Array(text.utf8), expected)
    }

    init(_ name: String, bytes: [UInt8], _ expected: [String]) {
        (self.name, self.bytes, self.expected) = (name, bytes, expected)
    }

    var testDescription: String { name }
}

/// The form in which cases give what was read.
private func dump(_ file: INIFile) -> [String] {
    var lines: [String] = []
    for section in file.sections {
        lines.append("\(section.position.line) [\(section.name)]")
        for entry in section.entries { lines.append("\(entry.position.line) \(entry.name)=\(entry.value)") }
    }
    return lines + file.problems.map { "\($0)" }
}

private let long = String(repeating: "x", count: 300)

@Suite struct INIReaderTests {
    static let cases: [INICase] = [
        INICase("nothing", "", []),
        INICase("one entry", "[a]\nk = v\n", ["1 [a]", "2 k=v"]),
        INICase("no line feed at the end", "[a]\nk = v", ["1 [a]", "2 k=v"]),
        INICase("CRLF", "[a]\r\nk = v\r\n", ["1 [a]", "2 k=v"]),
        INICase("byte order mark", "\u{FEFF}[a]\nk = v\n", ["1 [a]", "2 k=v"]),
        INICase("UTF-8", "[größe]\nk = straße\n", ["1 [größe]", "2 k=straße"]),
        INICase("colon", "[a]\nk: v\n", ["1 [a]", "2 k=v"]),
        INICase(
            "the first of = and : separates", "[a]\nlisten = [::1]:80\n", ["1 [a]", "2 listen=[::1]:80"]),
        INICase("blanks around", "\t[ a  b ] \n  k\t=  v w  \n", ["1 [a  b]", "2 k=v w"]),
        INICase(
            "an indented line is a key, not a continuation", "[a]\nk = v\n    j = w\n\ti = x\n",
            ["1 [a]", "2 k=v", "3 j=w", "4 i=x"]),
        INICase("empty sections are seen", "[a]\n[b]\n\n[c]", ["1 [a]", "2 [b]", "4 [c]"]),
        INICase("a section twice", "[a]\nk = 1\n[a]\nk = 2\n", ["1 [a]", "2 k=1", "3 [a]", "4 k=2"]),
        INICase("a key twice", "[a]\nk = 1\nk = 2\n", ["1 [a]", "2 k=1", "3 k=2"]),
        INICase(
            "comments", "; c\n# c\n  ; c\n  # c\n[a] ; c [b]\nk = v ; c\nj = v;w #x\ni = v\t;c\n",
            ["5 [a]", "6 k=v", "7 j=v;w #x", "8 i=v"]),
        INICase("a comment for a value", "[a]\nk = ; c\n", ["1 [a]", "2 k="]),
        INICase(
            "a semicolon in quotes", "[a]\nk = \"v ; w\" ; c\nj = n=\"v ; w\"\ni = a \"b ; c\" d ; e\n",
            ["1 [a]", "2 k=\"v ; w\"", "3 j=n=\"v ; w\"", "4 i=a \"b ; c\" d"]),
        INICase(
            "an escaped quote", #"[a]"# + "\n" + #"k = "v \" ; w" ; c"#, ["1 [a]", #"2 k="v \" ; w""#]),
        INICase("a quote in a word", "[a]\nk = 5\" disk ; c\n", ["1 [a]", "2 k=5\" disk"]),
        INICase(
            "an open quote", "[a]\nk = \"v ; w\n", ["1 [a]", "f:2: k: no closing double quote in `\"v ; w`"]),
        INICase("no value", "[a]\nk =\n", ["1 [a]", "2 k="]),
        INICase("no key", "[a]\n= v\n", ["1 [a]", "f:2: no key before the `=`"]),
        INICase(
            "neither section nor entry", "[a]\nk\nj = 1\nsome words\n",
            [
                "1 [a]", "3 j=1", "f:2: neither `[section]` nor `key = value`",
                "f:4: neither `[section]` nor `key = value`",
            ]),
        INICase(
            "what other servers have, and what sets nothing",
            "[a]\nDocumentRoot www\nserver_name x;\nlisting\nfrobnicate y\n",
            [
                "1 [a]", "f:2: neither `[section]` nor `key = value`; here it is `root`, with `=`",
                "f:3: neither `[section]` nor `key = value`; here it is `host`, with `=`",
                "f:4: neither `[section]` nor `key = value`; `listing = …` sets it",
                "f:5: neither `[section]` nor `key = value`",
            ]),
        INICase(
            "an entry before the first section", "k = v\n[a]",
            ["2 [a]", "f:1: key `k` before the first section"]),
        INICase(
            "an open [", "[a]\nk = 1\n[b\nj = 2\n",
            ["1 [a]", "2 k=1", "3 [b]", "4 j=2", "f:3: `[` without `]`"]),
        INICase("an open [ with a comment", "[b ; ]\n", ["1 [b]", "f:1: `[` without `]`"]),
        INICase(
            "text behind the ]", "[a] b\n[c]# d\n",
            [
                "1 [a]", "2 [c]", "f:1: `b` after the `]`; a comment there begins with a blank and `;`",
                "f:2: `# d` after the `]`; a comment there begins with a blank and `;`",
            ]),
        INICase("] in a name", "[a]b]\n[site [::1]]\n", ["1 [a]b]", "2 [site [::1]]"]),
        INICase("no name", "[]\nk = v\n", ["1 []", "2 k=v"]),
        INICase("a name of digits", "[1]\nk = v\n[0]\nj = w\n", ["1 [1]", "2 k=v", "3 [0]", "4 j=w"]),
        // What libinih cuts when left alone.
        INICase("a long section name", "[\(long)]\nk = v\n", ["1 [\(long)]", "2 k=v"]),
        INICase("a long value", "[a]\nk = \(long)\nj = w\n", ["1 [a]", "2 k=\(long)", "3 j=w"]),
        INICase(
            "a long value with = in it", "[a]\nk = \(long)?a=\(long)\n", ["1 [a]", "2 k=\(long)?a=\(long)"]),
        INICase(
            "a name of 49 bytes", "[a]\n\(long.prefix(49)) = v\n", ["1 [a]", "2 \(long.prefix(49))=v"]),
        INICase(
            "a name of 50 bytes", "[a]\n\(long.prefix(50)) = v\n",
            ["1 [a]", "f:2: unknown key `\(long.prefix(50))`"]),
        INICase(
            "a long line without =", "[a]\n\(long)\n",
            ["1 [a]", "f:2: neither `[section]` nor `key = value`"]),
        INICase("a long comment", "# \(long) = \(long)\n[a]\n", ["2 [a]"]),
        // Bytes that are no text.
        INICase(
            "NUL", bytes: Array("[a]\nk = v\0w\nj = x\n".utf8),
            [
                "1 [a]", "3 j=x", "f:2: control byte 0x00; a configuration is text, in UTF-8 and not UTF-16",
            ]),
        INICase(
            "NUL in a comment", bytes: Array("# \0\n[a]".utf8),
            [
                "2 [a]", "f:1: control byte 0x00; a configuration is text, in UTF-8 and not UTF-16",
            ]),
        INICase(
            "carriage return in a line", bytes: Array("[a]\nk = v\rw\n".utf8),
            [
                "1 [a]", "f:2: control byte 0x0D; a configuration is text",
            ]),
        INICase(
            "invalid UTF-8", bytes: Array("[a]\nk = ".utf8) + [0xFF, 0x0A] + Array("j = x".utf8),
            [
                "1 [a]", "3 j=x", "f:2: invalid UTF-8; the file has to be saved in that encoding",
            ]),
        INICase(
            "UTF-16", bytes: [0xFF, 0xFE, 0x5B, 0x00],
            ["f:1: control byte 0x00; a configuration is text, in UTF-8 and not UTF-16"]),
        INICase(
            "surrogates", bytes: Array("# ".utf8) + [0xED, 0xA0, 0x80],
            ["f:1: invalid UTF-8; the file has to be saved in that encoding"]),
    ]

    @Test(arguments: cases) func `reads`(_ test: INICase) {
        #expect(dump(INIReader.read(test.bytes, file: "f")) == test.expected)
    }

    @Test func `lines up to the limit`() {
        let value = String(repeating: "x", count: INIReader.maxLine - 4)
        let longest = INIReader.read(Array("[a]\nk = \(value)\nj = 1\n".utf8), file: "f")
        #expect(dump(longest) == ["1 [a]", "2 k=\(value)", "3 j=1"])
        let tooLong = INIReader.read(Array("[a]\nk = \(value)x\nj = a=b\n".utf8), file: "f")
        #expect(dump(tooLong) == ["1 [a]", "3 j=a=b", "f:2: line of 65537 bytes; maximum 65536"])
        let section = String(repeating: "y", count: INIReader.maxLine - 2)
        #expect(dump(INIReader.read(Array("[\(section)]\r\n".utf8), file: "f")) == ["1 [\(section)]"])
    }

    @Test func `takes any bytes`() {
        // A fixed sequence of bytes: what it is does not matter, that it repeats does.
        var state: UInt32 = 1
        for length in [1, 7, 100, 5000, 200_000] {
            let bytes = (0..<length).map { _ -> UInt8 in
                state = state &* 1_664_525 &+ 1_013_904_223
                // Half of them from the alphabet of INI files.
                return state >> 31 == 0
                    ? UInt8(state >> 16 & 255) : Array("[]=;\"\n\\$ ".utf8)[Int(state >> 16) % 9]
            }
            let file = INIReader.read(bytes, file: "f")
            #expect(length < 100 || !file.problems.isEmpty)
        }
    }

    @Test func `reads in many threads at once`() async {
        await withTaskGroup(of: Int.self) { group in
            for number in 0..<16 {
                group.addTask {
                    INIReader.read(
                        Array("[a]\nk = \(String(repeating: "x", count: 1000 + number))".utf8), file: "f"
                    )
                    .sections.first?.entries.first?.value.count ?? 0
                }
            }
            var lengths: [Int] = []
            for await length in group { lengths.append(length) }
            #expect(lengths.sorted() == (1000..<1016).map { $0 })
        }
    }
}
