/// Every setting there is: the one table that the reader of files, `gatehouse check`, `gatehouse keys` and
/// the reference page are made from. A new setting is a new row.
enum Settings {
    static let all = server + site + cgi

    /// The rows by key, in the order of the table; the same key may mean one thing in `[server]` and
    /// another in a site.
    static let byName = Dictionary(grouping: all, by: \.name)

    static func named(_ name: String, in kind: SectionKinds) -> Setting? {
        byName[name]?.first { $0.sections.contains(kind) }
    }
}
