import Glibc

/// Strings for `execve`: each ended by a zero, one behind the other in one piece of memory.
package struct CStringList: Sendable {
    private let bytes: [UInt8]
    package let count: Int

    private init(_ bytes: [UInt8], count: Int) { (self.bytes, self.count) = (bytes, count) }

    /// Calls `body` with all of them and their zeros.
    package func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R { bytes.withUnsafeBytes(body) }

    /// The strings one by one, for display.
    package var strings: [String] {
        bytes.split(separator: 0, maxSplits: count, omittingEmptySubsequences: false).prefix(count)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Calls `body` with the null-ended array of pointers that `execve` takes.
    package func withPointers<R>(_ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R) -> R {
        bytes.withUnsafeBytes { memory in
            withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<CChar>?.self, capacity: count + 1) {
                pointers in
                // execve reads the strings and never writes them.
                var next = UnsafeMutableRawPointer(mutating: memory.baseAddress)?
                    .assumingMemoryBound(to: CChar.self)
                for index in 0..<count {
                    pointers.initializeElement(at: index, to: next)
                    // Each has its zero, within the memory.
                    next = next.map { $0 + strlen($0) + 1 }
                }
                pointers.initializeElement(at: count, to: nil)
                // An allocation of at least one element has an address.
                guard let first = pointers.baseAddress else { preconditionFailure("no memory for pointers") }
                return body(UnsafePointer(first))
            }
        }
    }

    /// Makes such a list. A zero within a string would end it early; what stands behind one is left out.
    package struct Builder: ~Copyable {
        private var buffer: ByteBuffer
        private var count = 0

        /// `capacity`: how many bytes there will be, more or less.
        package init(capacity: Int) { buffer = ByteBuffer(capacity: capacity) }

        package consuming func finish() -> CStringList { CStringList(buffer.bytes.array, count: count) }

        package mutating func append(_ list: CStringList) {
            list.withBytes { buffer.append($0) }
            count += list.count
        }

        package mutating func append(_ text: Span<UInt8>) {
            add(text)
            end()
        }

        package mutating func append(_ text: String) { append(text.utf8.span) }

        /// Appends `name=value`.
        package mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
            add(name)
            buffer.append(ASCII.equals)
            append(value)
        }

        package mutating func append(_ variable: MetaVariable, _ value: Span<UInt8>) {
            begin(variable)
            append(value)
        }

        package mutating func append(_ variable: MetaVariable, _ value: String) {
            append(variable, value.utf8.span)
        }

        package mutating func append(_ variable: MetaVariable, _ value: StaticString) {
            begin(variable)
            buffer.append(value)
            end()
        }

        /// Appends a value of two parts with a separator between; where there is none, of the first alone.
        package mutating func append(
            _ variable: MetaVariable, _ first: Span<UInt8>, _ separator: UInt8?, _ second: Span<UInt8>
        ) {
            begin(variable)
            add(first)
            if let separator {
                buffer.append(separator)
                add(second)
            }
            end()
        }

        /// Appends 16 hexadecimal digits.
        package mutating func append(_ variable: MetaVariable, hex value: UInt64) {
            begin(variable)
            buffer.append(hex16: value)
            end()
        }

        package mutating func append(_ variable: MetaVariable, _ value: Int) {
            begin(variable)
            buffer.append(decimal: value)
            end()
        }

        /// Appends the address as text; nothing where there is none, as at a Unix socket.
        package mutating func append(_ variable: MetaVariable, _ value: IPAddress?) {
            begin(variable)
            value?.append(to: &buffer)
            end()
        }

        /// Appends a field as a variable: `HTTP_`, its name in capitals with `_` for `-`, and the value.
        /// The caller has looked at the name: only letters, digits, dashes and underscores.
        package mutating func append(field name: Span<UInt8>, _ value: Span<UInt8>) {
            buffer.append("HTTP_" as StaticString)
            for index in name.indices {
                buffer.append(name[index] == ASCII.dash ? ASCII.underscore : ASCII.upper(name[index]))
            }
            buffer.append(ASCII.equals)
            append(value)
        }

        private mutating func begin(_ variable: MetaVariable) {
            buffer.append(variable.name)
            buffer.append(ASCII.equals)
        }

        private mutating func end() {
            buffer.append(0)
            count += 1
        }

        private mutating func add(_ text: Span<UInt8>) {
            text.withUnsafeBytes { text in
                guard let start = text.baseAddress else { return }
                let zero = memchr(start, 0, text.count)
                let count = zero.map { UnsafeRawPointer(start).distance(to: $0) } ?? text.count
                buffer.append(UnsafeRawBufferPointer(start: start, count: count))
            }
        }
    }
}
