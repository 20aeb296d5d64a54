import Base

/// User and password as a client sends them (RFC 7617).
package struct BasicCredentials: Sendable {
    package let user: [UInt8]
    package let password: [UInt8]

    /// Reads an Authorization field. Nil where it has another scheme or is not well-formed; a control byte,
    /// which neither part may have, counts as that.
    package init?(_ field: Span<UInt8>) {
        guard field.count > 6, ASCII.equalsIgnoringCase(field.extracting(0..<6), "basic "),
            let pair = Base64.decode(field.extracting(6...).trimmingBlanks()),
            let colon = pair.firstIndex(of: ASCII.colon), colon > 0, !pair.contains(where: ASCII.isControl)
        else { return nil }
        user = Array(pair[..<colon])
        password = Array(pair[(colon + 1)...])
    }

    /// The WWW-Authenticate field that asks for them.
    package static func challenge(realm: String) -> String {
        var quoted = ""
        for character in realm.unicodeScalars {
            if character == "\"" || character == "\\" { quoted += "\\" }
            quoted.unicodeScalars.append(character)
        }
        return "Basic realm=\"\(quoted)\", charset=\"UTF-8\""
    }
}
