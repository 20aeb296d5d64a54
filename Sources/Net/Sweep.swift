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

    static let youth = TimeSpan.milliseconds(60)

    mutating func add(_ fd: CInt, _ token: UInt64, every interval: TimeSpan, now: Instant) {
        if places.isEmpty { next = now + interval }
        descriptors.append(pollfd(fd: fd, events: Int16(POLLIN), revents: 0))
        places.append(Place(token: token, end: now + Sweep.youth))
    }

    /// Has the next look be taken now.
    mutating func hurry(_ now: Instant) { if next != .never { next = now } }

    /// Forgets all, and returns their tokens.
    mutating func removeAll() -> [UInt64] {
        defer {
            descriptors.removeAll(keepingCapacity: true)
            places.removeAll(keepingCapacity: true)
            next = .never
        }
        return places.map(\.token)
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
        next = places.isEmpty ? .never : now + (interval ?? .zero)
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
