import Base
import Config
import Wire

/// The sites of one listening address, by name.
package final class SiteTable {
    /// Answers names that no site has: the first of the file.
    package let fallback: Site
    private var exact: [Name: Site] = [:]
    /// By what follows `*.`.
    private var wildcards: [Name: Site] = [:]
    private let isSingle: Bool

    /// A host name's bytes in lower case.
    private struct Name: Hashable {
        let bytes: [UInt8]
    }

    /// `sites` in the order of the file, at least one.
    package init?(_ sites: [Site]) {
        guard let first = sites.first else { return nil }
        fallback = first
        isSingle = sites.count == 1
        for site in sites {
            for host in site.config.hosts {
                let bytes = Array(host.utf8)
                if host.hasPrefix("*.") {
                    let name = Name(bytes: Array(bytes.dropFirst(2)))
                    wildcards[name] = wildcards[name] ?? site
                } else {
                    let name = Name(bytes: bytes)
                    exact[name] = exact[name] ?? site
                }
            }
        }
    }

    /// As `site(for:)`, without counting: sites live as long as the server.
    func reference(for authority: Span<UInt8>) -> Unmanaged<Site> {
        isSingle ? .passUnretained(fallback) : .passUnretained(site(for: authority))
    }

    /// The site that `authority`, a host with or without a port, asks for; empty for none.
    package func site(for authority: Span<UInt8>) -> Site {
        if isSingle || authority.isEmpty { return fallback }
        var name: [UInt8] = []
        name.reserveCapacity(authority.count)
        let host = SiteTable.host(of: authority)
        for index in host.indices { name.append(ASCII.lower(host[index])) }
        if let site = exact[Name(bytes: name)] { return site }
        if wildcards.isEmpty { return fallback }
        // The longest wildcard first: each label from the left is what the asterisk may stand for.
        var rest = name[...]
        while let dot = rest.firstIndex(of: ASCII.dot) {
            rest = rest[(dot + 1)...]
            if let site = wildcards[Name(bytes: Array(rest))] { return site }
        }
        return fallback
    }

    /// The host without port and without the root's dot.
    @_lifetime(copy authority)
    package static func host(of authority: Span<UInt8>) -> Span<UInt8> {
        var end = authority.count
        if authority.count > 0, authority[0] == 0x5B {
            if let close = authority.firstIndex(of: 0x5D) { end = close + 1 }
        } else if let colon = authority.firstIndex(of: ASCII.colon) {
            end = colon
        }
        if end > 1, authority[end - 1] == ASCII.dot { end -= 1 }
        return authority.extracting(0..<end)
    }
}
