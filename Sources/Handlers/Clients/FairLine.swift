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
    /// for among those of as many clients. Each uses a turn of its client.
    mutating func removeFirst(overtaking: Int = 0, preferring isPreferred: (Element) -> Bool = { _ in false })
        -> Element?
    {
        guard let client = turns.first, let next = byClient[client]?.first else { return nil }
        var place = (turn: 0, index: 0)
        if next.overtaken < overtaking, !isPreferred(next.element),
            let preferred = find(in: overtaking, isPreferred)
        {
            byClient[client]?[0].overtaken += 1
            place = preferred
        }
        let served = turns.remove(at: place.turn)
        let element = remove(place.index, of: served)
        if byClient[served] != nil { turns.append(served) }
        return element
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

    /// Takes out the one that is wanted of a client's; false where there is none.
    mutating func remove(of client: Client, where isWanted: (Element) -> Bool) -> Bool {
        guard let index = byClient[client]?.firstIndex(where: { isWanted($0.element) }) else { return false }
        _ = remove(index, of: client)
        if byClient[client] == nil { turns.removeAll { $0 == client } }
        return true
    }

    private mutating func remove(_ index: Int, of client: Client) -> Element? {
        guard let entry = byClient[client]?.remove(at: index) else { return nil }
        count -= 1
        if byClient[client]?.isEmpty == true { byClient[client] = nil }
        return entry.element
    }
}
