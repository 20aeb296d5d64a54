import Base

/// What the beginning of a program tells that was compiled for this machine (elf(5), 64 bits, little-endian).
enum ELFHeader {
    /// The loader that the kernel is to run it by; nil where there is none, or none is named in `start`.
    static func interpreter(_ start: Span<UInt8>) -> String? {
        guard start.count >= 64, start[4] == 2, start[5] == 1 else { return nil }
        guard let table = number(start, at: 32, bytes: 8), let size = number(start, at: 54, bytes: 2),
            let count = number(start, at: 56, bytes: 2), size >= 56
        else { return nil }
        for index in 0..<min(count, 64) {
            let entry = table.addingReportingOverflow(index * size)
            guard !entry.overflow, let type = number(start, at: entry.partialValue, bytes: 4) else {
                return nil
            }
            if type != programInterpreter { continue }
            guard let place = number(start, at: entry.partialValue + 8, bytes: 8),
                let length = number(start, at: entry.partialValue + 32, bytes: 8),
                place < start.count, length > 1, length <= start.count - place
            else { return nil }
            // It ends with a zero.
            let name = start.extracting(place..<place + length - 1)
            return name.indices.contains(where: { name[$0] == 0 }) ? nil : name.string
        }
        return nil
    }

    private static let programInterpreter = 3

    /// Nil where it is not within `start`, or is larger than any place in it.
    private static func number(_ start: Span<UInt8>, at place: Int, bytes: Int) -> Int? {
        guard place >= 0, place <= start.count - bytes else { return nil }
        var result: UInt64 = 0
        for index in 0..<bytes { result |= UInt64(start[place + index]) << (8 * UInt64(index)) }
        return result <= UInt64(Int32.max) ? Int(result) : nil
    }
}
