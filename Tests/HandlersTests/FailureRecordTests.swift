import Base
import Testing

@testable import Handlers

@Suite struct FailureRecordTests {
    private static func text(_ change: (ScriptWitness) -> Void) -> String {
        let witness = ScriptWitness(limit: 10)
        change(witness)
        return String(decoding: FailureRecord(witness, facts: [("request", "1\u{1B}2")]).bytes, as: UTF8.self)
    }

    @Test func `what was seen, and how much more there was`() {
        let text = Self.text { witness in
            witness.took("it failed")
            witness.took(content: Array("a=1".utf8).span)
            witness.took(output: Array("one\r\n\ttwo three".utf8).span)
            witness.took(errors: Array("\u{7}oops\n".utf8).span)
        }
        #expect(
            text == """
                request      1\\x1B2
                diagnosis
                    it failed
                stdin, 3 bytes
                    a=1
                stdout, 15 bytes, of which the first
                    one\\x0D
                    \ttwo 
                stderr, 6 bytes
                    \\x07oops
                exit         ended by the server, or never begun

                """)
    }

    @Test func `nothing was seen`() {
        let text = Self.text { _ in }
        for name in ["stdin", "stdout", "stderr"] { #expect(text.contains("\(name) ")) }
        #expect(text.split(separator: "\n").filter { $0.hasSuffix(" (nothing)") }.count == 3)
    }

    @Test(arguments: [
        ("HTTP_AUTHORIZATION=Basic eDp5", "HTTP_AUTHORIZATION=(10 bytes, not shown)"),
        ("HTTP_COOKIE=a=1; b=2", "HTTP_COOKIE=(8 bytes, not shown)"),
        ("HTTP_PROXY_AUTHORIZATION=x", "HTTP_PROXY_AUTHORIZATION=(1 bytes, not shown)"),
        ("db_password=ä", "db_password=(2 bytes, not shown)"), ("X_TOKEN=", "X_TOKEN=(0 bytes, not shown)"),
        ("HTTP_HOST=cookie", "HTTP_HOST=cookie"), ("PATH=/bin", "PATH=/bin"), ("COOKIE", "COOKIE"),
    ]) func `secrets of the environment`(_ variable: String, _ shown: String) {
        #expect(FailureRecord.masked(variable: variable) == shown)
    }

    @Test func `secrets of a diagnosis`() {
        let shown = FailureRecord.masked(message: "it begins with: \"set-Cookie: a=1\\x0A\"")
        #expect(String(decoding: shown, as: UTF8.self) == "it begins with: \"set-Cookie: (not shown)")
        #expect(FailureRecord.masked(message: "status 3") == Array("status 3".utf8))
    }

    @Test(arguments: [
        ("Set-Cookie: a=1\n\nx", "Set-Cookie: (4 bytes, not shown)\n\nx"),
        ("A: b\r\nset-COOKIE:a=1\r\n\r\n", "A: b\r\nset-COOKIE: (3 bytes, not shown)\r\n\r\n"),
        ("A: b\n\nSet-Cookie: a=1\n", "A: b\n\nSet-Cookie: a=1\n"),
        ("Set-Cookie: a=1", "Set-Cookie: (4 bytes, not shown)"),
        ("Set-Cookie:", "Set-Cookie:"), ("", ""), ("\n\n", "\n\n"),
    ]) func `cookies that a script sets`(_ output: String, _ shown: String) {
        #expect(String(decoding: FailureRecord.masked(output: Array(output.utf8)), as: UTF8.self) == shown)
    }
}
