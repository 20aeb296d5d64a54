/// Eight bytes of text that are looked at together.
///
/// Text has few bytes that mean something, and to ask eight at once whether one of them does takes
/// hardly longer than to ask one. Only the answer for all eight holds: which of them it is, a loop says.
@frozen public struct EightBytes {
    @usableFromInline let word: UInt64

    @inlinable @inline(__always) init(_ word: UInt64) { self.word = word }

    @inlinable @inline(__always) static func all(_ byte: UInt8) -> UInt64 {
        UInt64(byte) &* 0x0101_0101_0101_0101
    }

    /// Whether one of them is below `bound`, which is 128 at most.
    @inlinable @inline(__always) public func hasBelow(_ bound: UInt8) -> Bool {
        (word &- EightBytes.all(bound)) & ~word & EightBytes.all(0x80) != 0
    }

    @inlinable @inline(__always) public func has(_ byte: UInt8) -> Bool {
        EightBytes(word ^ EightBytes.all(byte)).hasBelow(1)
    }

    /// Whether one of them is DEL or beyond ASCII.
    @inlinable @inline(__always) public var hasDeleteOrBeyond: Bool {
        ((word &+ EightBytes.all(1)) | word) & EightBytes.all(0x80) != 0
    }

    /// With all letters in lower case; of what else there is, only a few signs change, and none becomes a
    /// dash.
    @inlinable @inline(__always) var folded: UInt64 { word | word >> 1 & EightBytes.all(0x20) }
}

extension Span where Element == UInt8 {
    /// The eight bytes from `index` on; nil where there are fewer.
    @inlinable @inline(__always) public func eightBytes(at index: Int) -> EightBytes? {
        guard index <= count &- 8 else { return nil }
        return EightBytes(bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// Whether these are the letters and dashes of `name`, whatever their case. `name` is given in lower
    /// case.
    @inlinable public func isFieldName(_ name: StaticString) -> Bool {
        let length = name.utf8CodeUnitCount
        guard count == length else { return false }
        // A StaticString of more than one scalar always has a pointer.
        let pointer = UnsafeRawPointer(name.utf8Start)
        if length < 8 {
            for index in 0..<length
            where (self[index] | self[index] >> 1 & 0x20)
                != pointer.load(fromByteOffset: index, as: UInt8.self)
            {
                return false
            }
            return true
        }
        var index = 0
        while true {
            guard let eight = eightBytes(at: index),
                eight.folded == pointer.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            else { return false }
            if index == length - 8 { return true }
            // The last eight overlap the ones before.
            index = Swift.min(index + 8, length - 8)
        }
    }
}
