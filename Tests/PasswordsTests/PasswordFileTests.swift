import Passwords
import Testing

@Suite struct PasswordFileTests {
    private static func file(_ text: String) -> PasswordFile {
        let bytes = Array(text.utf8)
        return PasswordFile(bytes.span)
    }

    /// Hashes of `myPassword`, each made by another program: htpasswd, openssl passwd, libcrypt.
    static let hashes = [
        "$2y$04$isdNVLZh0N4mBW3QOjN/BO2ghfApAEMm/OTPABCVhok2XJPGi4FRO",
        "$2b$04$KBCwKxOzLha2MUDgW0PjXeUQ81FmGpn/Amf9B9UBFKFj6EJt1my8m",
        "$2a$04$KBCwKxOzLha2MUDgW0PjXeUQ81FmGpn/Amf9B9UBFKFj6EJt1my8m",
        "$5$saltsalt$OJSxPe6LHaPuWqFjBl/xMCCyk7DWOlte4cPNgCdIbwD",
        "$6$saltsalt$REpTllT9/S/gg33eAxbXKSVehttBRbY4OJ0jTp669YREedbYCJp8tD90LctevwvdnnuZN0qTJQVuUqDzHImPf1",
        "$y$j75$k2XAnEHBqQ1Ct2aMXFKNa/$2CRWOcMnDURikjHulj24yyEDoSBhBw.BIsC8o.8vQ9A",
        "$7$BU..../....k2XAnEHBqQ1Ct2aMXFKNa/$dLlaGtHfYw3af6lSvQ8BaxHxZD.dQqoaAYRfEOCCEb1",
        "$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0",
        "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/",
        "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=",
    ]

    @Test(arguments: hashes) func `each kind of hash`(_ hash: String) {
        let file = Self.file("ann:\(hash)\n")
        #expect(file.problems.isEmpty)
        #expect(file.check(Array("ann".utf8), Array("myPassword".utf8)) == .good)
        for wrong in ["", "mypassword", "myPassword ", "myPassword\0", "myPasswor"] {
            #expect(file.check(Array("ann".utf8), Array(wrong.utf8)) == .wrongPassword, "\(wrong)")
        }
        #expect(file.check(Array("Ann".utf8), Array("myPassword".utf8)) == .unknownUser)
    }

    @Test func `apr1 of short and long passwords`() {
        for (hash, password) in [
            ("$apr1$abcdefgh$L.PT565ESX4Tp2bqNs7Ie.", ""),
            ("$apr1$ab$/xIJqJsWxf6gylYPGQFwe.", "longer than sixteen bytes ä"),
        ] {
            let file = Self.file("a:\(hash)")
            #expect(file.check([0x61], Array(password.utf8)) == .good, "\(password)")
        }
    }

    @Test func `lines`() {
        let text =
            "# users\r\n\r\n  ann:\(Self.hashes[0]):Ann Other:more\r\n\t\nbob b:\(Self.hashes[8])  \nann:\(Self.hashes[1])\nlast:\(Self.hashes[9])"
        let file = Self.file(text)
        for user in ["ann", "bob b", "last"] {
            #expect(file.check(Array(user.utf8), Array("myPassword".utf8)) == .good, "\(user)")
        }
        #expect(file.problems.map(\.line) == [6])
        #expect(file.problems.map(\.message) == ["second line for `ann`; the first is line 3"])
    }

    static let bad: [(String, String)] = [
        ("ann", "no `:`; takes lines `name:hash`"),
        (":$1$saltsalt$2vnaRpHa6Jxjz5n83ok8Z0", "no name before the `:`"),
        ("ann:", "no hash behind the name"), ("a\u{1}:x", "control byte in the name"),
        ("ann:$2y$04$isdNVLZh0N4mBW3QOjN", "the $2y$ hash is not whole"),
        ("ann:$2y$99$isdNVLZh0N4mBW3QOjN/BO2ghfApAEMm/OTPABCVhok2XJPGi4FRO", "the $2y$ hash is not whole"),
        ("ann:$6$saltsalt$abc", "the $6$ hash is not whole"),
        ("ann:$apr1$$HqJZimcKQFAMYayBlzkrA/", "the $apr1$ hash is not whole"),
        ("ann:$apr1$salt", "the $apr1$ hash is not whole"),
        ("ann:{SHA}VBPuJHI7", "the {SHA} hash is not whole"),
    ]
    @Test(arguments: bad) func `lines that cannot be read`(_ line: String, _ message: String) {
        #expect(Self.file(line).problems.map(\.message) == [message])
    }

    @Test(arguments: ["secret", "guejmdXJq.7hI", "!", "*", "{SSHA}x", "{PLAIN}secret", "$8$x$y"])
    func `what is no hash is not repeated`(_ text: String) {
        let problems = Self.file("ann:\(text)").problems
        #expect(problems.count == 1)
        #expect(problems.first?.message.hasPrefix("neither a bcrypt") == true)
        #expect(problems.first?.message.contains(text.count > 1 ? text : "ann") == false)
    }

    @Test func `nobody`() {
        #expect(Self.file("").check([0x61], [0x61]) == .unknownUser)
    }
}
