import Glibc

/// A growable run of bytes with a place to read and a place to write.
///
/// The unsafe memory stays inside: readers get a `Span`, the kernel gets a buffer of exactly the
/// room there is. Its memory is not cleared when it is reused, so only what was written is shown.
public struct ByteBuffer: ~Copyable {
    // Other targets inline what they do for each byte, so the storage is visible to the compiler there.
    @usableFromInline var memory: UnsafeMutableRawBufferPointer
    @usableFromInline var readIndex: Int = 0
    @usableFromInline var writeIndex: Int = 0

    /// Index of the first byte not yet read.
    @inlinable public var start: Int { readIndex }
    /// Index behind the last byte written.
    @inlinable public var end: Int { writeIndex }

    package init(capacity: Int = 0) {
        memory =
            capacity > 0
            ? .allocate(byteCount: capacity, alignment: 16)
            : UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    deinit { memory.deallocate() }

    @inlinable public var count: Int { end - start }
    @inlinable public var isEmpty: Bool { start == end }
    @inlinable public var capacity: Int { memory.count }
    /// Room behind the last byte.
    @inlinable public var room: Int { memory.count - end }

    /// The bytes not yet read.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self) @inlinable
        get {
            let span = Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory[start..<end]))
            // The memory lives as long as self and no mutation can happen while self is borrowed.
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// All bytes from index 0, read ones too, so that indices found earlier still hold.
    public var all: Span<UInt8> {
        @_lifetime(borrow self) @inlinable
        get {
            let span = Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(rebasing: memory[0..<end]))
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// Calls `body` with the bytes not yet read, for buffers that are stored in a class.
    @inlinable public func withSpan<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(bytes)
    }

    @inlinable public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R)
        throws(E) -> R
    {
        try body(UnsafeRawBufferPointer(rebasing: memory[start..<end]))
    }

    /// Forgets the first `count` unread bytes.
    @inlinable public mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= end - start)
        readIndex += count
    }

    /// Forgets everything, and keeps the memory.
    @inlinable public mutating func removeAll() {
        readIndex = 0
        writeIndex = 0
    }

    /// Moves the unread bytes to the beginning.
    package mutating func compact() {
        if start == 0 { return }
        if start < end, let base = memory.baseAddress { memmove(base, base + start, end - start) }
        writeIndex -= start
        readIndex = 0
    }

    /// Moves the unread bytes down to `index`, which is at or before them.
    package mutating func compact(to index: Int) {
        precondition(index >= 0 && index <= start)
        if index == start { return }
        if start < end, let base = memory.baseAddress { memmove(base + index, base + start, end - start) }
        writeIndex -= start - index
        readIndex = index
    }

    /// Makes room for `count` more bytes.
    @inlinable public mutating func reserve(_ count: Int) {
        if count > room { grow(count) }
    }

    @usableFromInline mutating func grow(_ count: Int) {
        let wanted = max(end + count, memory.count * 2, 256)
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: wanted, alignment: 16)
        if end > 0 { larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[0..<end])) }
        memory.deallocate()
        memory = larger
    }

    /// Lets `fill` write into the room behind the last byte and takes the bytes it says it wrote.
    @discardableResult package mutating func fill<E: Error>(
        atLeast least: Int = 1, _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) -> Int {
        reserve(least)
        let written = try fill(UnsafeMutableRawBufferPointer(rebasing: memory[end...]))
        precondition(written >= 0 && written <= room)
        writeIndex += written
        return written
    }

    @inlinable @inline(__always) public mutating func append(_ byte: UInt8) {
        if end == memory.count { reserve(1) }
        memory[end] = byte
        writeIndex += 1
    }

    @inlinable public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inlinable public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBytes { append($0) }
    }

    @inlinable public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    package mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    @inlinable public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let from = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count)
        if let base = memory.baseAddress { (base + end).copyMemory(from: from, byteCount: bytes.count) }
        writeIndex += bytes.count
    }

    /// A number in decimal digits.
    package mutating func append(decimal value: Int) {
        reserve(20)
        var index = end
        var rest = UInt32(truncatingIfNeeded: value)
        if value >= 0, value < 10_000 {
            // Statuses, ports, lengths of small files: most of the numbers there are.
            if value >= 1000 { put(digit: rest / 1000, &index) }
            if value >= 100 { put(digit: rest / 100 % 10, &index) }
            if value >= 10 { put(digit: rest / 10 % 10, &index) }
            put(digit: rest % 10, &index)
            writeIndex = index
            return
        }
        var magnitude = value.magnitude
        if value < 0 {
            memory[index] = ASCII.dash
            index += 1
        }
        let start = index
        while magnitude > 0 {
            rest = UInt32(truncatingIfNeeded: magnitude % 10)
            magnitude /= 10
            put(digit: rest, &index)
        }
        writeIndex = index
        // They came the last one first.
        var (low, high) = (start, index - 1)
        while low < high {
            memory.swapAt(low, high)
            (low, high) = (low + 1, high - 1)
        }
    }

    /// Four bytes as decimal numbers with dots between, as IPv4 addresses are written.
    package mutating func append(dotted address: UInt32) {
        reserve(16)
        var index = end
        var rest = address
        for _ in 0..<4 {
            let octet = rest >> 24
            rest <<= 8
            if octet >= 100 { put(digit: octet / 100, &index) }
            if octet >= 10 { put(digit: octet / 10 % 10, &index) }
            put(digit: octet % 10, &index)
            memory[index] = ASCII.dot
            index += 1
        }
        // No dot behind the last.
        writeIndex = index - 1
    }

    /// Into room that has been reserved.
    @inline(__always) private func put(digit: UInt32, _ index: inout Int) {
        memory[index] = 0x30 &+ UInt8(truncatingIfNeeded: digit)
        index += 1
    }

    /// A number in at least `width` decimal digits, zeros in front. For dates.
    package mutating func append(decimal value: Int, width: Int) {
        var bound = 10
        for _ in 1..<max(width, 1) {
            if value < bound { append(ASCII.zero) }
            bound *= 10
        }
        append(decimal: value)
    }

    package mutating func append(hex value: Int) {
        var shift = 60
        while shift > 0, (value >> shift) & 0xF == 0 { shift -= 4 }
        while shift >= 0 {
            let digit = UInt8((value >> shift) & 0xF)
            append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
            shift -= 4
        }
    }

    /// Writes over bytes that are already there.
    package mutating func replace(at index: Int, with bytes: Span<UInt8>) {
        precondition(index >= 0 && index + bytes.count <= end)
        for offset in bytes.indices { memory[index + offset] = bytes[offset] }
    }
}
