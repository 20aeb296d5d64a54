import Glibc

/// A growable run of bytes with a place to read and a place to write.
///
/// The unsafe memory stays inside: readers get a `Span`, the kernel gets a buffer of exactly the
/// room there is. Its memory is not cleared when it is reused, so only what was written is shown.
public struct ByteBuffer: ~Copyable {
    // Other targets inline what they do for each byte, so the storage is visible to the compiler there.
    /// Of `capacity` bytes; nothing to be touched where there are none.
    @usableFromInline var memory: UnsafeMutableRawPointer
    @usableFromInline var size: Int
    @usableFromInline var readIndex: Int = 0
    @usableFromInline var writeIndex: Int = 0

    /// Index of the first byte not yet read.
    @inlinable public var start: Int { readIndex }
    /// Index behind the last byte written.
    @inlinable public var end: Int { writeIndex }

    package init(capacity: Int = 0) {
        size = max(capacity, 0)
        // Not nil, so that nobody has to ask for that before each use; the address is never looked at.
        memory =
            size > 0
            ? ByteBuffer.allocate(size)
            : UnsafeMutableRawPointer(bitPattern: 16).unsafelyUnwrapped
    }

    /// Swift's own way would call posix_memalign, which costs more.
    private static func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        guard let memory = malloc(size) else { fatalError("no memory for \(size) bytes") }
        return memory
    }

    deinit { if size > 0 { free(memory) } }

    @inlinable public var count: Int { writeIndex &- readIndex }
    @inlinable public var isEmpty: Bool { readIndex == writeIndex }
    @inlinable public var capacity: Int { size }
    /// Room behind the last byte.
    @inlinable public var room: Int { size &- writeIndex }

    /// The bytes from `index` on, which lies between 0 and `end`.
    @inlinable @inline(__always) func raw(from index: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: memory + index, count: writeIndex &- index)
    }

    /// The bytes not yet read.
    public var bytes: Span<UInt8> {
        @_lifetime(borrow self) @inlinable
        get {
            let span = Span<UInt8>(_unsafeBytes: raw(from: readIndex))
            // The memory lives as long as self and no mutation can happen while self is borrowed.
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// All bytes from index 0, read ones too, so that indices found earlier still hold.
    public var all: Span<UInt8> {
        @_lifetime(borrow self) @inlinable
        get {
            let span = Span<UInt8>(_unsafeBytes: raw(from: 0))
            return _overrideLifetime(span, borrowing: self)
        }
    }

    /// Calls `body` with the bytes not yet read, for buffers that are stored in a class.
    @inlinable public func withSpan<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(bytes)
    }

    /// As `withSpan`, with all bytes from index 0.
    @inlinable public func withAll<R, E: Error>(_ body: (Span<UInt8>) throws(E) -> R) throws(E) -> R {
        try body(all)
    }

    @inlinable public func withUnsafeBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R)
        throws(E) -> R
    {
        try body(raw(from: readIndex))
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
        memmove(memory, memory + start, count)
        writeIndex -= start
        readIndex = 0
    }

    /// Moves the unread bytes down to `index`, which is at or before them.
    package mutating func compact(to index: Int) {
        precondition(index >= 0 && index <= start)
        if index == start { return }
        memmove(memory + index, memory + start, count)
        writeIndex -= start - index
        readIndex = index
    }

    /// Makes room for `count` more bytes.
    @inlinable public mutating func reserve(_ count: Int) {
        if count > room { grow(count) }
    }

    @usableFromInline mutating func grow(_ count: Int) {
        let wanted = max(end + count, size * 2, 256)
        let larger = ByteBuffer.allocate(wanted)
        larger.copyMemory(from: memory, byteCount: end)
        if size > 0 { free(memory) }
        (memory, size) = (larger, wanted)
    }

    /// Lets `fill` write into the room behind the last byte and takes the bytes it says it wrote.
    @inlinable @discardableResult public mutating func fill<E: Error>(
        atLeast least: Int = 1, _ fill: (UnsafeMutableRawBufferPointer) throws(E) -> Int
    ) throws(E) -> Int {
        reserve(least)
        let written = try fill(UnsafeMutableRawBufferPointer(start: memory + writeIndex, count: room))
        precondition(written >= 0 && written <= room)
        writeIndex &+= written
        return written
    }

    @inlinable @inline(__always) public mutating func append(_ byte: UInt8) {
        if writeIndex == size { grow(1) }
        memory.storeBytes(of: byte, toByteOffset: writeIndex, as: UInt8.self)
        writeIndex &+= 1
    }

    /// The first `count` of eight bytes.
    @inlinable @inline(__always) public mutating func append(_ eight: EightBytes, count: Int) {
        precondition(count >= 0 && count <= 8)
        reserve(8)
        memory.storeBytes(of: eight.word, toByteOffset: writeIndex, as: UInt64.self)
        writeIndex &+= count
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
        (memory + writeIndex).copyMemory(from: from, byteCount: bytes.count)
        writeIndex &+= bytes.count
    }

    /// A number in decimal digits.
    package mutating func append(decimal value: Int) {
        reserve(20)
        if value >= 0, value < 10_000 {
            // Statuses, ports, lengths of small files: most of the numbers there are. All four digits are
            // written together, but for the zeros in front.
            let digits = ByteBuffer.fourDigits(UInt32(truncatingIfNeeded: value))
            let zeros = (digits | 1 << 24).trailingZeroBitCount / 8
            let text = (digits &+ 0x3030_3030) >> UInt32(truncatingIfNeeded: zeros * 8)
            memory.storeBytes(of: text.littleEndian, toByteOffset: writeIndex, as: UInt32.self)
            writeIndex &+= 4 &- zeros
            return
        }
        var index = end
        var magnitude = value.magnitude
        if value < 0 {
            put(ASCII.dash, &index)
        }
        let start = index
        while magnitude > 0 {
            put(digit: UInt32(truncatingIfNeeded: magnitude % 10), &index)
            magnitude /= 10
        }
        writeIndex = index
        // They came the last one first.
        let digits = UnsafeMutableRawBufferPointer(start: memory + start, count: index - start)
        var (low, high) = (0, digits.count - 1)
        while low < high {
            digits.swapAt(low, high)
            (low, high) = (low + 1, high - 1)
        }
    }

    /// The four decimal digits of a number below 10 000, each in a byte, the first in the lowest.
    private static func fourDigits(_ value: UInt32) -> UInt32 {
        // Two numbers below 100, side by side; times 103 and by 1024 is the tenth of such a number.
        let pairs = value / 100 | (value % 100) << 16
        let tens = (pairs &* 103) >> 10 & 0x000F_000F
        return tens | (pairs &- tens &* 10) << 8
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
            put(ASCII.dot, &index)
        }
        // No dot behind the last.
        writeIndex = index - 1
    }

    // Both into room that has been reserved.

    @inline(__always) private func put(digit: UInt32, _ index: inout Int) {
        put(0x30 &+ UInt8(truncatingIfNeeded: digit), &index)
    }

    @inline(__always) private func put(_ byte: UInt8, _ index: inout Int) {
        memory.storeBytes(of: byte, toByteOffset: index, as: UInt8.self)
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

    /// All 16 hexadecimal digits of a number, in small letters.
    package mutating func append(hex16 value: UInt64) {
        reserve(16)
        var index = writeIndex
        var rest = value
        for _ in 0..<16 {
            put(ASCII.hexDigit(UInt8(truncatingIfNeeded: rest >> 60)) | 0x20, &index)
            rest <<= 4
        }
        writeIndex = index
    }

    /// Writes over bytes that are already there.
    package mutating func replace(at index: Int, with bytes: Span<UInt8>) {
        precondition(index >= 0 && index + bytes.count <= end)
        for offset in bytes.indices {
            memory.storeBytes(of: bytes[offset], toByteOffset: index + offset, as: UInt8.self)
        }
    }
}
