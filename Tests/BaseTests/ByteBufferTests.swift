import Base
import Testing

@Suite struct ByteBufferTests {
    @Test func `a new buffer is empty and takes no memory`() {
        let buffer = ByteBuffer()
        let isEmpty = buffer.isEmpty
        #expect(isEmpty)
        #expect(buffer.count == 0)
        #expect(buffer.capacity == 0)
        #expect(buffer.bytes.count == 0)
        #expect(buffer.all.count == 0)
        let sized = ByteBuffer(capacity: 10)
        #expect(sized.capacity == 10)
        #expect(sized.room == 10)
    }

    @Test func `all kinds of appending`() {
        var buffer = ByteBuffer()
        let bytes = Array("four".utf8)
        buffer.append(0x31)
        buffer.append("")
        buffer.append("2")
        buffer.append(" three " as StaticString)
        buffer.append(bytes)
        buffer.append(bytes.span)
        buffer.append(" äöü €" as String)
        buffer.append([UInt8]())
        buffer.append(UnsafeRawBufferPointer(start: nil, count: 0))
        #expect(buffer.bytes.string == "12 three fourfour äöü €")
    }

    @Test func `growing keeps the bytes, whatever the steps`() {
        for step in [1, 7, 255, 256, 257, 1000] {
            var buffer = ByteBuffer()
            var expected: [UInt8] = []
            for round in 0..<40 {
                let part = (0..<step).map { UInt8(truncatingIfNeeded: $0 &+ round) }
                buffer.append(part)
                expected += part
            }
            #expect(buffer.count == expected.count)
            #expect(buffer.bytes.array == expected)
        }
    }

    @Test func `reserved room is not allocated again`() {
        var buffer = ByteBuffer()
        buffer.reserve(1000)
        let capacity = buffer.capacity
        #expect(buffer.room >= 1000)
        for _ in 0..<1000 { buffer.append(0x61) }
        #expect(buffer.capacity == capacity)
        buffer.reserve(0)
        #expect(buffer.capacity == capacity)
    }

    @Test func `some of eight bytes`() {
        let text = Array("abcdefgh".utf8)
        for capacity in 0...24 {
            var buffer = ByteBuffer(capacity: capacity)
            var expected = ""
            for count in [8, 0, 3, 1, 7] {
                buffer.append(EightBytes(padding: text), count: count)
                expected += String(decoding: text.prefix(count), as: UTF8.self)
                #expect(buffer.bytes.string == expected)
                #expect(buffer.capacity >= buffer.end)
            }
        }
    }

    @Test func `every number of few digits`() {
        for value in -20...10_050 {
            var buffer = ByteBuffer()
            buffer.append(decimal: value)
            #expect(buffer.bytes.string == "\(value)")
        }
    }

    @Test func `reading, and indices that hold`() {
        var buffer = ByteBuffer()
        buffer.append("head body")
        buffer.consume(5)
        #expect(buffer.bytes.string == "body")
        #expect(buffer.all.string == "head body")
        #expect(buffer.start == 5)
        #expect(buffer.end == 9)
        buffer.consume(0)
        buffer.consume(4)
        #expect(buffer.count == 0)
        #expect(buffer.all.string == "head body")
    }

    @Test func `compacting`() {
        var buffer = ByteBuffer(capacity: 8)
        buffer.append("abcdefgh")
        buffer.compact()
        #expect(buffer.all.string == "abcdefgh")
        buffer.consume(3)
        buffer.compact()
        #expect(buffer.all.string == "defgh")
        #expect(buffer.start == 0)
        #expect(buffer.room == 3)
        buffer.append("ijk")
        #expect(buffer.capacity == 8)
        buffer.consume(8)
        buffer.compact()
        #expect(buffer.count == 0)
        #expect(buffer.room == 8)
    }

    @Test func `compacting down to an index keeps what is before it`() {
        var buffer = ByteBuffer()
        buffer.append("head|gone|rest")
        buffer.consume(10)
        buffer.compact(to: 5)
        #expect(buffer.all.string == "head|rest")
        #expect(buffer.bytes.string == "rest")
        buffer.compact(to: 5)
        #expect(buffer.all.string == "head|rest")
        buffer.consume(4)
        buffer.compact(to: 2)
        #expect(buffer.all.string == "he")
        #expect(buffer.count == 0)
    }

    @Test func `filling takes what was written and no more`() {
        var buffer = ByteBuffer()
        buffer.append("ab")
        let written = buffer.fill(atLeast: 300) { room in
            #expect(room.count >= 300)
            room.copyBytes(from: "cdefg".utf8)
            return 3
        }
        #expect(written == 3)
        #expect(buffer.bytes.string == "abcde")
        #expect(buffer.fill { _ in 0 } == 0)
        #expect(buffer.bytes.string == "abcde")
    }

    @Test func `filling passes on the error and takes nothing`() {
        var buffer = ByteBuffer(capacity: 4)
        buffer.append("ab")
        #expect(throws: Errno.wouldBlock) {
            _ = try buffer.fill { room throws(Errno) -> Int in
                room[0] = 0x7A
                throw Errno.wouldBlock
            }
        }
        #expect(buffer.bytes.string == "ab")
    }

    @Test func `filling all the room there is`() {
        var buffer = ByteBuffer(capacity: 4)
        _ = buffer.fill { room in
            room.copyBytes(from: "wxyz".utf8)
            return room.count
        }
        #expect(buffer.bytes.string == "wxyz")
        #expect(buffer.room == 0)
        _ = buffer.fill { room in
            #expect(room.count >= 1)
            room[0] = 0x21
            return 1
        }
        #expect(buffer.bytes.string == "wxyz!")
    }

    @Test func `writing over`() {
        var buffer = ByteBuffer()
        buffer.append("0000 rest")
        let size = Array("1f2e".utf8)
        buffer.replace(at: 0, with: size.span)
        #expect(buffer.bytes.string == "1f2e rest")
        buffer.replace(at: 5, with: size.span)
        #expect(buffer.bytes.string == "1f2e 1f2e")
        buffer.replace(at: 9, with: [UInt8]().span)
        #expect(buffer.bytes.string == "1f2e 1f2e")
    }

    @Test(arguments: [
        0, 1, 9, 10, 11, 99, 100, 1000, 65535, 999_999_999, 1_000_000_000, .max, -1, -9, -10, -100, .min + 1,
        .min,
    ]) func `decimal digits`(_ value: Int) {
        var buffer = ByteBuffer()
        buffer.append(decimal: value)
        #expect(buffer.bytes.string == String(value))
        // In a buffer that must grow for it, behind something else.
        var full = ByteBuffer(capacity: 1)
        full.append("x")
        full.append(decimal: value)
        #expect(full.bytes.string == "x\(value)")
    }

    @Test(arguments: [
        (0, 2, "00"), (5, 2, "05"), (10, 2, "10"), (99, 2, "99"), (100, 2, "100"), (0, 1, "0"), (7, 0, "7"),
        (0, 4, "0000"),
        (999, 4, "0999"), (1994, 4, "1994"), (12345, 4, "12345"), (7, 9, "000000007"),
    ]) func `decimal digits of a width`(_ value: Int, _ width: Int, _ expected: String) {
        var buffer = ByteBuffer()
        buffer.append(decimal: value, width: width)
        #expect(buffer.bytes.string == expected)
    }

    @Test(arguments: [0, 1, 9, 10, 15, 16, 255, 256, 0xDEAD_BEEF, 0x1000_0000_0000_0000, .max])
    func `hexadecimal digits`(_ value: Int) {
        var buffer = ByteBuffer()
        buffer.append(hex: value)
        #expect(buffer.bytes.string == String(value, radix: 16))
    }

    @Test func `hexadecimal digits of a negative number are its bits`() {
        var buffer = ByteBuffer()
        buffer.append(hex: -1)
        buffer.append(" ")
        buffer.append(hex: .min)
        #expect(buffer.bytes.string == "ffffffffffffffff 8000000000000000")
    }

    @Test func `the unread bytes as memory`() throws {
        var buffer = ByteBuffer()
        #expect(buffer.withUnsafeBytes { $0.count } == 0)
        buffer.append("abc")
        buffer.consume(1)
        #expect(buffer.withUnsafeBytes { Array($0) } == Array("bc".utf8))
        #expect(buffer.withSpan { $0.array } == Array("bc".utf8))
    }

    @Test func `wrong use ends the process`() async {
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            buffer.append("abc")
            buffer.consume(4)
        }
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            buffer.append("abc")
            buffer.replace(at: 1, with: Array("xyz".utf8).span)
        }
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer(capacity: 4)
            _ = buffer.fill { $0.count + 1 }
        }
    }
}
