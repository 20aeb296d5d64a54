import Base

/// How fast bytes may go out: `rate` a second, and after a rest a second's worth at once.
struct Pace {
    /// Bytes a second.
    let rate: Int
    /// Bytes that may go out at `time`.
    private var credit: Double
    private var time: Instant

    init(rate: Int, now: Instant) {
        self.rate = rate
        credit = Double(rate)
        time = now
    }

    /// So many of `wanted` bytes may go out now; 0 where it is too early for a piece that is worth a call.
    mutating func allowance(_ wanted: Int, _ now: Instant) -> Int {
        if now > time {
            credit = min(Double(rate), credit + (now - time).seconds * Double(rate))
            time = now
        }
        return credit >= Double(piece(wanted)) ? min(wanted, Int(credit)) : 0
    }

    mutating func take(_ count: Int) { credit -= Double(count) }

    /// When `allowance` will be more than 0.
    func due(_ wanted: Int, _ now: Instant) -> Instant {
        let seconds = (Double(piece(wanted)) - credit) / Double(rate)
        // At least a millisecond, so that no rounding makes a loop of it; at most two seconds.
        return now + TimeSpan(nanoseconds: Int64(min(max(seconds * 1e9, 1e6), 2e9)))
    }

    /// An eighth of a second's bytes, or all that is left.
    private func piece(_ wanted: Int) -> Int { min(wanted, max(rate / 8, 1)) }
}
