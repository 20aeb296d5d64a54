package import Base
package import Patterns

// Who may see a part of a site, and where its paths lead.

/// Client networks as `allow` and `deny` name them.
package struct ClientNetworks: Hashable, Sendable {
    /// `all`: also clients without an address, those of a Unix socket.
    package var isAll = false
    package var networks: [IPNetwork] = []

    package static let all = ClientNetworks(isAll: true)
    package static let none = ClientNetworks()

    package init(isAll: Bool = false, networks: [IPNetwork] = []) {
        (self.isAll, self.networks) = (isAll, networks)
    }
}

/// `auth = "Realm" etc/htpasswd`.
package struct AuthSetting: Hashable, Sendable {
    package var realm: String
    package var file: String

    package init(realm: String, file: String) { (self.realm, self.file) = (realm, file) }
}

/// `redirect = /old /new 301`.
package struct RedirectRule: Sendable {
    package enum Source: Sendable {
        /// As `Values.urlPrefix` gives it: the path and what is below it.
        case prefix(String)
        case path(String)
        case pattern(Pattern)
    }
    package var source: Source
    /// A URL or a path of this site, escaped as a URL is; nil for 410.
    package var target: RedirectTarget?
    package var status: Int

    package init(source: Source, target: RedirectTarget?, status: Int) {
        (self.source, self.target, self.status) = (source, target, status)
    }
}

/// Where a redirect leads.
package struct RedirectTarget: Sendable {
    package var text: String
    /// The text with its groups, for a pattern.
    package var substitution: Substitution
    /// It has a query or a fragment: nothing is added to it.
    package var isWhole: Bool

    package init(text: String, isWhole: Bool) {
        (self.text, self.isWhole) = (text, isWhole)
        substitution = Substitution(text.utf8)
    }
}

/// `rewrite = ^/wiki/(.*)$ /wiki.cgi/$1`.
package struct RewriteRule: Sendable {
    /// Only where neither a file nor a folder is.
    package var onlyMissing: Bool
    package var pattern: Pattern
    /// Decoded.
    package var path: Substitution
    /// In the place of the request's own; nil where that stays.
    package var query: Substitution?

    package init(onlyMissing: Bool, pattern: Pattern, path: Substitution, query: Substitution?) {
        (self.onlyMissing, self.pattern, self.path, self.query) = (onlyMissing, pattern, path, query)
    }
}

/// The Cache-Control values of static files.
package struct CacheControlRules: Hashable, Sendable {
    package enum Files: Hashable, Sendable {
        case all
        case type(MediaTypePattern)
        /// With the dot.
        case suffix(String)
    }
    package struct Rule: Hashable, Sendable {
        package var files: Files
        /// Nil: no field.
        package var value: String?

        package init(_ files: Files, _ value: String?) { (self.files, self.value) = (files, value) }
    }

    /// Those of each section, from the general to the special: what a location says of all its files
    /// goes before what its site says of some.
    private var sections: [[Rule]] = []

    package init() {}

    /// What is added from here on goes before all there is.
    package mutating func beginSection() {
        if let last = sections.last, !last.isEmpty { sections.append([]) }
    }

    package mutating func add(_ rule: Rule) {
        if sections.isEmpty { sections.append([]) }
        sections[sections.count - 1].append(rule)
    }

    /// The value for a file of that path and media type (without parameters). In a section an ending
    /// goes before a type, a type before `image/*`, that before all; of two alike the later counts.
    package func value(path: some BidirectionalCollection<UInt8>, type: String) -> String? {
        for section in sections.reversed() {
            var best: (rank: Int, value: String?)?
            for rule in section {
                let rank: Int? =
                    switch rule.files {
                    case .all: 0
                    case .type(let pattern): pattern.matches(type.utf8) ? (pattern.isExact ? 2 : 1) : nil
                    case .suffix(let suffix):
                        path.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) ? 3 : nil
                    }
                if let rank, rank >= best?.rank ?? 0 { best = (rank, rule.value) }
            }
            if let best { return best.value }
        }
        return nil
    }
}
