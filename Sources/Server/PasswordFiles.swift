import Config
import Handlers

/// The password files of a configuration, as one loop reads them.
struct PasswordFiles {
    private var checks: [String: PasswordCheck] = [:]

    /// Reads them all, with the rights that the server has from here on.
    init(_ config: ServerConfig) throws(StartError) {
        for part in config.sites.flatMap({ [$0.part] + $0.locations.map(\.part) }) {
            guard let file = part.auth?.file, checks[file] == nil else { continue }
            let check = PasswordCheck(file: file)
            if let error = check.load() {
                throw StartError("cannot read the password file \(file) as the user who serves: \(error)")
            }
            checks[file] = check
        }
    }

    subscript(file: String) -> PasswordCheck? { checks[file] }
}
