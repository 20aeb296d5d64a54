/// Eight bytes of text that are looked at together.
///
/// Text has few bytes that mean something, and to ask eight at once whether one of them does takes
/// hardly longer than to ask one.
@frozen public struct EightBytes: Equatable {
    @usableFromInline let word: UInt64

    /// `text` has eight bytes of ASCII.
    @inlinable public init(_ text: StaticString) {
        precondition(text.utf8CodeUnitCount == 8)
        word = UnsafeRawPointer(text.utf8Start).loadUnaligned(as: UInt64.self)
    }

    /// `text`, which has no more than eight bytes, and zeros behind it.
    public init(padding text: some Sequence<UInt8>) {
        var (word, count) = (UInt64(0), UInt64(0))
        for byte in text {
            precondition(count < 8)
            word |= UInt64(byte) << (count * 8)
            count += 1
        }
        self.word = word.littleEndian
    }

    @inlinable @inline(__always) init(word: UInt64) { self.word = word }

    @inlinable @inline(__always) static func all(_ byte: UInt8) -> UInt64 {
        UInt64(byte) &* 0x0101_0101_0101_0101
    }

    /// Those below `bound`, which is 128 at most.
    @inlinable @inline(__always) public func below(_ bound: UInt8) -> Marks {
        Marks((word &- EightBytes.all(bound)) & ~word & EightBytes.all(0x80))
    }

    @inlinable @inline(__always) public func equal(_ byte: UInt8) -> Marks {
        EightBytes(word: word ^ EightBytes.all(byte)).below(1)
    }

    /// DEL, and what is beyond ASCII.
    @inlinable @inline(__always) public var deleteOrBeyond: Marks {
        Marks(((word &+ EightBytes.all(1)) | word) & EightBytes.all(0x80))
    }

    /// Whether they are what host names mostly consist of: lower-case letters, digits, dashes and dots, no dot
    /// beside another.
    @inlinable @inline(__always) public var isHostText: Bool {
        let seven = word & EightBytes.all(0x7F)
        // The high bit of a byte tells whether it is `bound` or more; nothing is carried to the next one.
        func from(_ bound: UInt8) -> UInt64 { seven &+ EightBytes.all(0x80 - bound) }
        let dots = from(0x2E) & ~from(0x2F) & EightBytes.all(0x80)
        let others = from(0x2D) & ~from(0x2E) | from(0x30) & ~from(0x3A) | from(0x61) & ~from(0x7B)
        return (dots | others) & ~word & EightBytes.all(0x80) == EightBytes.all(0x80) && dots & dots << 8 == 0
    }

    /// With all letters in lower case; of what else there is, only a few signs change, and none becomes a
    /// dash.
    @inlinable @inline(__always) var folded: UInt64 { word | word >> 1 & EightBytes.all(0x20) }

    /// Some of the eight. Which is the first is certain; of those behind it some may be marked by mistake,
    /// because the subtraction borrows from them.
    @frozen public struct Marks {
        @usableFromInline let bits: UInt64

        @inlinable @inline(__always) init(_ bits: UInt64) { self.bits = bits }

        @inlinable @inline(__always) public static func | (a: Marks, b: Marks) -> Marks {
            Marks(a.bits | b.bits)
        }

        /// Position of the first, from 0; 8 where there is none.
        @inlinable @inline(__always) public var first: Int { bits.littleEndian.trailingZeroBitCount >> 3 }
    }
}

extension Span where Element == UInt8 {
    /// The eight bytes from `index` on; nil where there are fewer.
    @inlinable @inline(__always) public func eightBytes(at index: Int) -> EightBytes? {
        guard index <= count &- 8 else { return nil }
        return EightBytes(word: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
    }

    /// `hash` with these bytes mixed in. Not against those who look for texts of one hash.
    @inlinable public func mixed(into hash: UInt64) -> UInt64 {
        func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
            let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
            return product ^ product >> 32
        }
        var hash = mix(hash, UInt64(truncatingIfNeeded: count))
        var index = 0
        while let eight = eightBytes(at: index) {
            hash = mix(hash, eight.word)
            index &+= 8
        }
        if index == count { return hash }
        // The last eight overlap the ones before.
        if index > 0, let eight = eightBytes(at: count &- 8) { return mix(hash, eight.word) }
        var word: UInt64 = 0
        while index < count {
            word = word << 8 | UInt64(self[index])
            index &+= 1
        }
        return mix(hash, word)
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
