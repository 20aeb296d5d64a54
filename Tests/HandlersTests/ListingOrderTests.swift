import Testing

@testable import Handlers

/// How names are sorted, and what a query says of it.
@Suite struct ListingOrderTests {
    @Test(arguments: [
        ["a", "B", "c"], ["a", "a.txt", "ab"], ["file 1", "file 2", "file 10", "file 10a", "file 11"],
        ["1", "2", "10", "a"], ["A", "a", "b"], ["", "a"], ["x09", "x9", "x010", "x10"],
        ["a1b2", "a1b10", "a2b1"],
        ["v1.2", "v1.10", "v2"], ["0", "00", "1"], ["99999999999999999999998", "99999999999999999999999"],
        ["z", "ä", "日"], ["a-", "a1", "aa"], ["README", "readme", "readme.txt"],
    ]) func `as people sort`(_ names: [String]) {
        for (i, first) in names.enumerated() {
            for (j, second) in names.enumerated() {
                let (a, b) = (Array(first.utf8), Array(second.utf8))
                #expect(ListingOrder.precedes(a.span, b.span) == (i < j), "\(first) \(second)")
            }
        }
    }

    @Test(
        arguments: [
            (nil, ListingOrder.Column.name, false), ("", .name, false), ("sort=size", .size, false),
            ("sort=time&order=desc", .time, true), ("order=desc", .name, true),
            ("order=asc&sort=time", .time, false),
            ("sort=x&order=y", .name, false), ("sort", .name, false), ("=&&;=x", .name, false),
            ("C=S;O=D", .size, true), ("C=M&O=A", .time, false), ("C=N;O=D", .name, true),
            ("C=D;O=D", .name, true),
            ("x=1&sort=size", .size, false), ("sort=\u{FFFD}", .name, false),
        ] as [(String?, ListingOrder.Column, Bool)])
    func `queries`(_ query: String?, _ column: ListingOrder.Column, _ isDescending: Bool) {
        let order = ListingOrder(query.map { Array($0.utf8) })
        #expect(order.column == column)
        #expect(order.isDescending == isDescending)
    }
}
