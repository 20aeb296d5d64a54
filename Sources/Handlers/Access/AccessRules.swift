import Base
import Config
import Net
import Wire

/// Who may see a part of a site, as one loop asks it.
struct AccessRules {
    private let addresses: AddressRules
    private let auth: (challenge: String, passwords: PasswordCheck)?

    init(_ settings: PartSettings, _ passwords: PasswordCheck?) {
        addresses = AddressRules(allow: settings.allow, deny: settings.deny)
        if let setting = settings.auth {
            // Without the file nobody's password is right.
            auth = (
                BasicCredentials.challenge(realm: setting.realm),
                passwords ?? PasswordCheck(file: setting.file)
            )
        } else {
            auth = nil
        }
    }

    /// Everybody, so that nothing need be asked.
    var admitEverybody: Bool { addresses.admitsAll && auth == nil }

    /// Asks the rules; false where the exchange has been answered with a refusal.
    func admit(_ exchange: Exchange) async throws(StreamError) -> Bool {
        if admitEverybody { return true }
        exchange.isRestricted = true
        guard addresses.admit(exchange.clientAddress) else {
            exchange.log(.info, "refused: the client's address is not allowed here")
            try await ErrorPage.send(.forbidden, on: exchange)
            return false
        }
        guard let auth else { return true }
        return try await askPassword(exchange, auth.challenge, auth.passwords)
    }

    /// Whether a client that `other` has let in would be let in here, too, without another password.
    func wouldAdmit(_ exchange: Exchange, admittedBy other: AccessRules) -> Bool {
        guard addresses.admit(exchange.clientAddress) else { return false }
        guard let auth else { return true }
        return exchange.user != nil && auth.passwords === other.auth?.passwords
    }

    private func askPassword(
        _ exchange: Exchange, _ challenge: String, _ passwords: PasswordCheck
    ) async throws(StreamError) -> Bool {
        let credentials = exchange.head.first(.authorization).flatMap { place in
            exchange.withHeadBytes { BasicCredentials($0.extracting(place.range)) }
        }
        exchange.user = nil
        if let credentials {
            switch await passwords.check(credentials, for: exchange) {
            case .good:
                exchange.user = credentials.user
                return true
            case .wrong(let isKnown):
                let user = String(decoding: credentials.user.prefix(64), as: UTF8.self)
                exchange.log(.info, isKnown ? "wrong password for user \(user)" : "unknown user \(user)")
            case .busy:
                exchange.log(.warning, "too many passwords wait to be checked")
                try await ErrorPage.send(.serviceUnavailable, fields: [("Retry-After", "5")], on: exchange)
                return false
            case .unavailable:
                try await ErrorPage.send(.internalServerError, on: exchange)
                return false
            }
        }
        try await ErrorPage.send(.unauthorized, fields: [("WWW-Authenticate", challenge)], on: exchange)
        return false
    }
}
