import Base
import Glibc

/// Descriptors that are looked at from time to time, with one `poll(2)` for all, in the place of events that
/// wake the loop for each.
///
/// Where more processes wait for the processors than there are, nobody gains by hearing at once that one has
/// ended: the next has its processor already. But each time that the loop wakes it takes one from a process,
/// and finds its own memory gone from the caches.
///
/// Only what is young is swept. By then most have ended, and events never had to be set up for them; what goes
/// on for longer is watched like any other.
struct Sweep {
    private struct Place {
        var token: UInt64
        /// From then on it is no longer young.
        var end: Instant
    }

    /// Between two looks; nil: nothing more is swept.
    var interval: TimeSpan?
    /// When to look again.
    private(set) var next = Instant.never
    private var descriptors: [pollfd] = []
    /// Of the descriptors, at the same indices.
    private var places: [Place] = []

    /// Who has been there for so long is not young any more.
    static let youth = TimeSpan.milliseconds(50)
    /// Between a look and one that is hurried. In less, little happens.
    private static let shortest = TimeSpan(nanoseconds: 500_000)
    private static let longest = TimeSpan.milliseconds(8)

    private var last = Instant(nanoseconds: 0)
    /// How soon after a look the next one may be; longer while looks that were hurried find nothing.
    private var pause = shortest
    private var isHurried = false

    mutating func add(_ fd: CInt, _ token: UInt64, every interval: TimeSpan, now: Instant) {
        if places.isEmpty { (last, next) = (now, now + interval) }
        descriptors.append(pollfd(fd: fd, events: Int16(POLLIN), revents: 0))
        places.append(Place(token: token, end: now + Sweep.youth))
    }

    /// Forgets all, and returns their tokens.
    mutating func removeAll() -> [UInt64] {
        defer {
            descriptors.removeAll(keepingCapacity: true)
            places.removeAll(keepingCapacity: true)
            next = .never
        }
        return places.map(\.token)
    }

    /// Has the next look be taken as soon as it makes sense.
    mutating func hurry(now: Instant) {
        if next == .never { return }
        isHurried = true
        next = min(next, max(now, last + pause))
    }

    /// What a look has found.
    struct Finding {
        /// With what has happened, as epoll tells it too.
        var events: [(token: UInt64, events: UInt32)] = []
        /// They are not swept any more, and to be watched.
        var grown: [UInt64] = []
    }

    /// Looks at all that `isOpen`, and forgets the others, those that have grown and those that are hung up, of
    /// which there will be no other event.
    mutating func look(now: Instant, isOpen: (UInt64) -> Bool) -> Finding {
        var finding = Finding()
        keep { place, _ in
            guard isOpen(place.token) else { return false }
            if place.end > now { return true }
            finding.grown.append(place.token)
            return false
        }
        (last, next) = (now, places.isEmpty ? .never : now + (interval ?? .zero))
        defer {
            let wasInVain = isHurried && finding.events.isEmpty
            pause =
                wasInVain ? min(TimeSpan(nanoseconds: 2 * pause.nanoseconds), Sweep.longest) : Sweep.shortest
            isHurried = false
        }
        guard !places.isEmpty, poll(&descriptors, UInt(descriptors.count), 0) > 0 else { return finding }
        keep { place, descriptor in
            if descriptor.revents == 0 { return true }
            finding.events.append((place.token, UInt32(UInt16(bitPattern: descriptor.revents))))
            return descriptor.revents & Int16(POLLHUP | POLLERR | POLLNVAL) == 0
        }
        if places.isEmpty { next = .never }
        return finding
    }

    /// Forgets those of which `isKept` says no.
    private mutating func keep(_ isKept: (Place, pollfd) -> Bool) {
        var count = 0
        for index in places.indices where isKept(places[index], descriptors[index]) {
            if count != index { (places[count], descriptors[count]) = (places[index], descriptors[index]) }
            count += 1
        }
        places.removeLast(places.count - count)
        descriptors.removeLast(descriptors.count - count)
    }
}
