import Base
import Config

/// `allow` and `deny`: the most specific network that a client is in decides, `deny` where both name it.
///
/// A look-up for each length of networks there is, however many networks there are.
struct AddressRules: Sendable {
    /// Whether a network may come in.
    private let verdicts: [IPNetwork: Bool]
    /// The lengths that occur, the longest first.
    private let lengths: [Int]
    /// For a client that is in no network.
    private let other: Bool

    init(allow: ClientNetworks, deny: ClientNetworks) {
        var verdicts: [IPNetwork: Bool] = [:]
        for network in allow.networks { verdicts[network] = true }
        for network in deny.networks { verdicts[network] = false }
        self.verdicts = verdicts
        lengths = Set(verdicts.keys.map(\.length)).sorted(by: >)
        other = allow.isAll && !deny.isAll
    }

    var admitsAll: Bool { other && verdicts.isEmpty }

    /// `client` is nil for one without an address, behind a Unix socket.
    func admit(_ client: IPAddress?) -> Bool {
        guard let client else { return other }
        for length in lengths {
            guard let network = IPNetwork(of: client, length: length) else { continue }
            if let verdict = verdicts[network] { return verdict }
        }
        return other
    }
}
