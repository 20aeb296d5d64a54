/// Who waits for something, in the order of arrival, but by turns among clients.
struct FairLine<Client: Hashable, Element> {
    private struct Entry {
        let element: Element
        /// How many that came later went before it while it was the next one.
        var overtaken = 0
    }

    private var byClient: [Client: [Entry]] = [:]
    /// Clients that wait, the next one first.
    private var turns: [Client] = []
    private(set) var count = 0

    mutating func append(_ element: Element, of client: Client) {
        if byClient[client] == nil { turns.append(client) }
        byClient[client, default: []].append(Entry(element: element))
        count += 1
    }

    /// Takes out the next one. So many as `overtaking` at most that `isPreferred` may go before it, which are looked
    /// for among those of as many clients.
    mutating func removeFirst(overtaking: Int = 0, preferring isPreferred: (Element) -> Bool = { _ in false })
        -> Element?
    {
        guard let client = turns.first, let next = byClient[client]?.first else { return nil }
        if next.overtaken < overtaking, !isPreferred(next.element),
            let (turn, index) = find(in: overtaking, isPreferred)
        {
            byClient[client]?[0].overtaken += 1
            return remove(index, ofTurn: turn)
        }
        return remove(0, ofTurn: 0)
    }

    /// The first that is wanted of the next so many clients.
    private func find(in count: Int, _ isWanted: (Element) -> Bool) -> (turn: Int, index: Int)? {
        for (turn, client) in turns.prefix(count).enumerated() {
            if let index = byClient[client]?.firstIndex(where: { isWanted($0.element) }) {
                return (turn, index)
            }
        }
        return nil
    }

    private mutating func remove(_ index: Int, ofTurn turn: Int) -> Element? {
        let client = turns.remove(at: turn)
        guard var entries = byClient[client], index < entries.count else { return nil }
        let entry = entries.remove(at: index)
        count -= 1
        byClient[client] = entries.isEmpty ? nil : entries
        if !entries.isEmpty { turns.append(client) }
        return entry.element
    }

    /// Takes out the one that is wanted of a client's; false where there is none.
    mutating func remove(of client: Client, where isWanted: (Element) -> Bool) -> Bool {
        guard var entries = byClient[client], let index = entries.firstIndex(where: { isWanted($0.element) })
        else { return false }
        entries.remove(at: index)
        count -= 1
        byClient[client] = entries.isEmpty ? nil : entries
        if entries.isEmpty { turns.removeAll { $0 == client } }
        return true
    }
}
