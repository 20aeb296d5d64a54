/// Numbers of bytes as `server.ini` has them.
package enum ByteCount {
    /// The letters that stand for powers of two, in lower case.
    package static let units: [(name: String, shift: Int)] = [("", 0), ("k", 10), ("m", 20), ("g", 30)]

    /// The number in the largest unit that leaves no rest: `100M`.
    package static func spelled(_ bytes: Int) -> String {
        for (name, shift) in units.reversed() where bytes > 0 && bytes.trailingZeroBitCount >= shift {
            return "\(bytes >> shift)\(name.uppercased())"
        }
        return "\(bytes)"
    }
}
