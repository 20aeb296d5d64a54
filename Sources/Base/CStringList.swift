import Glibc

/// Strings for `execve`: each ended by a zero, all in one piece of memory.
package struct CStringList: Sendable {
    private var bytes: [UInt8] = []
    private var starts: [Int] = []

    /// `capacity`: how many strings there will be, more or less.
    package init(capacity: Int = 0) {
        if capacity == 0 { return }
        starts.reserveCapacity(capacity)
        bytes.reserveCapacity(capacity * 32)
    }

    package var count: Int { starts.count }

    /// Appends one string. A zero within would end it early; what stands behind one is left out.
    package mutating func append(_ text: Span<UInt8>) {
        starts.append(bytes.count)
        add(text)
        bytes.append(0)
    }

    package mutating func append(_ text: String) { append(text.utf8.span) }

    /// Appends `name=value`.
    package mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        starts.append(bytes.count)
        bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        bytes.append(ASCII.equals)
        add(value)
        bytes.append(0)
    }

    package mutating func append(_ name: StaticString, _ value: String) { append(name, value.utf8.span) }
    package mutating func append(_ name: StaticString, _ value: [UInt8]) { append(name, value.span) }

    /// Appends `name=value` for a name that is made of bytes too.
    package mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
        starts.append(bytes.count)
        add(name)
        bytes.append(ASCII.equals)
        add(value)
        bytes.append(0)
    }

    private mutating func add(_ text: Span<UInt8>) {
        text.withUnsafeBufferPointer { text in
            if let start = text.baseAddress, let zero = memchr(start, 0, text.count) {
                bytes.append(contentsOf: text.prefix(UnsafeRawPointer(start).distance(to: zero)))
            } else {
                bytes.append(contentsOf: text)
            }
        }
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
