import CLinux

/// The processors that this process may use.
package enum Processors {
    /// The kernel's numbers, one at least.
    package static func usable() -> [Int32] {
        var numbers: [Int32] = []
        var count = 64
        while numbers.count < count {
            numbers = Array(unsafeUninitializedCapacity: count) { room, filled in
                count = gh_processors(room.baseAddress, room.count)
                filled = min(count, room.count)
            }
        }
        return numbers
    }
}
