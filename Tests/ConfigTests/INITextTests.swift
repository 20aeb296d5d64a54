import Testing

@testable import Config

@Suite struct INITextTests {
    static let environment = ["NAME": "value", "EMPTY": "", "LIST": "a b", "QUOTED": "\"x\"", "N1": "one"]

    static let wholes: [(raw: String, expected: String)] = [
        ("text", "text"),
        ("two words", "two words"),
        (#""in quotes""#, "in quotes"),
        (#""""#, ""),
        (#""a" "b""#, #""a" "b""#),
        (#"%h "%r" %s"#, #"%h "%r" %s"#),
        (#""%h \"%r\" \\ \n""#, #"%h "%r" \ \n"#),
        (#"\" is a letter here"#, #"\" is a letter here"#),
        ("${NAME}", "value"),
        ("x${NAME}y${N1}", "xvaluey" + "one"),
        ("${EMPTY}", ""),
        ("${EMPTY:-text}", "text"),
        ("${NONE:-text}", "text"),
        ("${NONE:-}", ""),
        ("${NONE:-a b:-c}", "a b:-c"),
        ("${NAME:-text}", "value"),
        ("${QUOTED}", #""x""#),
        (#""${QUOTED}""#, #""x""#),
        ("$NAME $ $$ $1", "$NAME $ $$ $1"),
        ("$${NAME}", "${NAME}"),
        ("$$${NAME}", "$${NAME}"),
    ]

    @Test(arguments: wholes) func `whole`(_ test: (raw: String, expected: String)) throws {
        #expect(try INIText.whole(test.raw[...], Self.environment) == test.expected)
    }

    static let lists: [(raw: String, expected: [String])] = [
        ("", []),
        ("a", ["a"]),
        ("a  b\tc", ["a", "b", "c"]),
        (#""a b" c"#, ["a b", "c"]),
        (#"a"b c"#, [#"a"b"#, "c"]),
        (#""" b"#, ["", "b"]),
        (#"x="a b"c"#, ["x=a bc"]),
        ("${LIST} c", ["a", "b", "c"]),
        (#""${LIST}" c"#, ["a b", "c"]),
        ("x${LIST}y", ["xa", "by"]),
        ("a ${EMPTY} b", ["a", "b"]),
        ("${EMPTY}", []),
        ("${NONE:-p q}", ["p", "q"]),
        ("${QUOTED}", [#""x""#]),
    ]

    @Test(arguments: lists) func `words`(_ test: (raw: String, expected: [String])) throws {
        #expect(try INIText.words(test.raw, Self.environment) == test.expected)
    }

    static let failures: [(raw: String, expected: String)] = [
        ("${NONE}", "environment variable `NONE` is not set; `${NONE:-text}` gives a default"),
        ("a ${NAME", "no `}` behind `${NAME`"),
        ("${}", "`${}` names no variable; takes `${NAME}` or `${NAME:-text}`, and `$${` for a plain `${`"),
        (
            "${1A}",
            "`${1A}` names no variable; takes `${NAME}` or `${NAME:-text}`, and `$${` for a plain `${`"
        ),
        (
            "${A-b}",
            "`${A-b}` names no variable; takes `${NAME}` or `${NAME:-text}`, and `$${` for a plain `${`"
        ),
        ("${ä}", "`${ä}` names no variable; takes `${NAME}` or `${NAME:-text}`, and `$${` for a plain `${`"),
    ]

    @Test(arguments: failures) func `fails`(_ test: (raw: String, expected: String)) {
        #expect(throws: ValueProblem(test.expected)) { try INIText.whole(test.raw[...], Self.environment) }
        #expect(throws: ValueProblem(test.expected)) { try INIText.words(test.raw, Self.environment) }
    }

    @Test(arguments: ["", "a b", "\"", "\\", "${NAME}", "$${NAME}", "$", "a ; b", "ä\\\"$${"])
    func `quoted text stands for itself`(_ text: String) throws {
        let quoted = INIText.quote(text)
        #expect(try INIText.withoutComment(quoted) == quoted)
        #expect(try INIText.whole(quoted[...], [:]) == text)
        #expect(try INIText.words(quoted, [:]) == [text])
    }

    @Test func `nearest names`() {
        let names = ["listen", "listing", "root", "index", "cgi_timeout"]
        #expect(NearestName.of("lisen", among: names) == "listen")
        #expect(NearestName.of("LISTNE", among: names) == "listen")
        #expect(NearestName.of("cgi-timeout", among: names) == "cgi_timeout")
        #expect(NearestName.of("rot", among: names) == "root")
        #expect(NearestName.of("documentroot", among: names) == nil)
        #expect(NearestName.of("", among: names) == nil)
        #expect(NearestName.of(String(repeating: "x", count: 70_000), among: names) == nil)
    }
}
