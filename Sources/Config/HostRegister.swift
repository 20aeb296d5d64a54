/// Which site answers to which name, and on which addresses.
struct HostRegister {
    private struct Claim {
        /// Empty for all of the server's.
        let listen: [ListenAddress]
        let site: String
        let position: SourcePosition
    }
    private var claims: [String: [Claim]] = [:]

    /// Notes the names of a site; returns a problem for each that another site has on the same address.
    mutating func add(_ site: SiteConfig, at position: SourcePosition) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        for host in site.hosts {
            let first = claims[host]?.first { other in
                other.listen.isEmpty || site.listen.isEmpty
                    || other.listen.contains(where: site.listen.contains)
            }
            if let first {
                problems.append(
                    ConfigProblem(
                        position,
                        "host name \(host.quoted) belongs to [site \(first.site)] already, at \(first.position)"
                    ))
            } else {
                claims[host, default: []].append(
                    Claim(listen: site.listen, site: site.name, position: position))
            }
        }
        return problems
    }
}
