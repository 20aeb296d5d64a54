import Wire
import Testing

@Suite struct BasicCredentialsTests {
    private func read(_ field: String) -> String? {
        let bytes = Array(field.utf8)
        return BasicCredentials(bytes.span).map {
            String(decoding: $0.user, as: UTF8.self) + "|" + String(decoding: $0.password, as: UTF8.self)
        }
    }

    @Test(arguments: [
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Aladdin|open sesame"), ("basic YTpiOmM=", "a|b:c"),
        ("BASIC   YTo=", "a|"), ("Basic dGVzdDoxMjPCow==", "test|123£"), ("Basic YTpi ", "a|b"),
    ])
    func `RFC 7617`(_ field: String, _ expected: String) { #expect(read(field) == expected) }

    /// Another scheme, no Base64, no colon, no name, control bytes (`a:b\\0`, `a\\n:b`).
    @Test(arguments: [
        "", "Basic", "Basic ", "Bearer YTpi", "BasicYTpi", "Basic YTpi!", "Basic YWI=", "Basic OmI=",
        "Basic YTpiAA==",
        "Basic YQo6Yg==",
    ])
    func `what is none`(_ field: String) { #expect(read(field) == nil) }

    @Test func `the challenge`() {
        #expect(
            BasicCredentials.challenge(realm: #"a "b" \c"#)
                == #"Basic realm="a \"b\" \\c", charset="UTF-8""#)
    }
}
