/// The same numbers each time (xorshift64), so that what fails fails again.
package struct SteadyRandom: RandomNumberGenerator {
    private var state: UInt64

    /// `seed`: anything but 0.
    package init(seed: UInt64 = 88_172_645_463_325_252) { state = seed }

    package mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
