import Testing

@testable import Handlers

/// The order in which those that wait are served.
@Suite struct FairLineTests {
    /// Of the client that it begins with.
    private func line(_ elements: [String]) -> FairLine<Character, String> {
        var line = FairLine<Character, String>()
        for element in elements { line.append(element, of: element.first ?? " ") }
        return line
    }

    private func order(
        _ elements: [String], overtaking: Int = 0, preferring suffix: String = "?"
    ) -> [String] {
        var line = line(elements)
        var order: [String] = []
        while let next = line.removeFirst(overtaking: overtaking, preferring: { $0.hasSuffix(suffix) }) {
            order.append(next)
        }
        #expect(line.count == 0)
        return order
    }

    @Test func `clients take turns`() {
        #expect(order(["a1", "a2", "a3", "b1", "c1", "c2"]) == ["a1", "b1", "c1", "a2", "c2", "a3"])
        #expect(order(["a1", "a2"]) == ["a1", "a2"])
        #expect(order([]) == [])
    }

    @Test func `those that are preferred overtake so many times`() {
        let mixed = ["a1-", "a2+", "a3+", "a4+", "a5-"]
        #expect(order(mixed, preferring: "+") == mixed)
        #expect(order(mixed, overtaking: 1, preferring: "+") == ["a2+", "a1-", "a3+", "a4+", "a5-"])
        #expect(order(mixed, overtaking: 2, preferring: "+") == ["a2+", "a3+", "a1-", "a4+", "a5-"])
        #expect(order(mixed, overtaking: 9, preferring: "+") == ["a2+", "a3+", "a4+", "a1-", "a5-"])
    }

    @Test func `they are looked for among so many clients`() {
        let mixed = ["a1-", "b1-", "c1+", "b2+"]
        #expect(order(mixed, overtaking: 1, preferring: "+") == ["a1-", "b2+", "c1+", "b1-"])
        #expect(order(mixed, overtaking: 2, preferring: "+") == ["b2+", "c1+", "a1-", "b1-"])
        #expect(order(["a1-", "b1-", "c1+"], overtaking: 3, preferring: "+") == ["c1+", "a1-", "b1-"])
    }

    @Test func `one that leaves is not served`() {
        var line = line(["a1", "a2", "b1"])
        #expect(line.remove(of: "a") { $0 == "a1" })
        #expect(!line.remove(of: "a") { $0 == "a1" })
        #expect(!line.remove(of: "c") { _ in true })
        #expect(line.remove(of: "b") { _ in true })
        #expect(line.count == 1)
        #expect(line.removeFirst() == "a2")
        #expect(line.removeFirst() == nil)
    }
}
