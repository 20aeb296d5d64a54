import Glibc

/// Strings for `execve`: each ended by a zero, all in one piece of memory.
package struct CStringList: Sendable {
    /// The strings, and zeros behind them as room for more.
    private var bytes: [UInt8]
    private var used = 0
    private var starts: [Int] = []

    /// `capacity`: how many strings there will be, more or less.
    package init(capacity: Int = 4) {
        starts.reserveCapacity(capacity)
        bytes = [UInt8](repeating: 0, count: capacity * 48)
    }

    package var count: Int { starts.count }

    /// Appends one string. A zero within would end it early; what stands behind one is left out.
    package mutating func append(_ text: Span<UInt8>) {
        begin(text.count)
        text.withUnsafeBufferPointer { add($0) }
        used += 1
    }

    package mutating func append(_ text: String) { append(text.utf8.span) }

    /// Appends `name=value`.
    package mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        begin(name.utf8CodeUnitCount + value.count)
        add(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        add(value)
    }

    package mutating func append(_ name: StaticString, _ value: String) { append(name, value.utf8.span) }
    package mutating func append(_ name: StaticString, _ value: [UInt8]) { append(name, value.span) }

    /// Appends `name=value` for a name that is made of bytes too.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
        begin(name.count + value.count)
        name.withUnsafeBufferPointer { add($0) }
        add(value)
    }

    /// Begins a string of so many bytes, `=` not counted, and makes room for it.
    private mutating func begin(_ count: Int) {
        starts.append(used)
        let wanted = used + count + 2
        if wanted <= bytes.count { return }
        bytes.append(contentsOf: repeatElement(0, count: max(wanted, 2 * bytes.count) - bytes.count))
    }

    /// The `=` and what follows it, to the string's end.
    private mutating func add(_ value: Span<UInt8>) {
        bytes[used] = ASCII.equals
        used += 1
        value.withUnsafeBufferPointer { add($0) }
        used += 1
    }

    /// For what there is room.
    private mutating func add(_ text: UnsafeBufferPointer<UInt8>) {
        guard let start = text.baseAddress else { return }
        var count = text.count
        if let zero = memchr(start, 0, count) { count = UnsafeRawPointer(start).distance(to: zero) }
        let (from, end) = (used, used + count)
        bytes.withUnsafeMutableBytes { room in
            UnsafeMutableRawBufferPointer(rebasing: room[from..<end])
                .copyMemory(from: UnsafeRawBufferPointer(start: start, count: count))
        }
        used = end
    }

    /// The strings one by one, for display.
    package var strings: [String] {
        starts.map { start in String(decoding: bytes[start...].prefix { $0 != 0 }, as: UTF8.self) }
    }

    /// Calls `body` with the null-ended array of pointers that `execve` takes.
    package func withPointers<R>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
        bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: starts.count + 1) {
                pointers in
                // execve reads the strings and never writes them.
                let base = UnsafeMutableRawPointer(mutating: memory.baseAddress)
                for (index, start) in starts.enumerated() {
                    pointers.initializeElement(
                        at: index, to: base.map { ($0 + start).assumingMemoryBound(to: CChar.self) })
                }
                pointers.initializeElement(at: starts.count, to: nil)
                // An allocation of at least one element has an address.
                guard let first = pointers.baseAddress else { preconditionFailure("no memory for pointers") }
                return body(UnsafePointer(first))
            }
        }
    }
}
