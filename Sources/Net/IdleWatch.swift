import Base
import CLinux
import Glibc
import Synchronization

/// Notices that a processor has nothing to do while loops let things wait for their next look (`Sweep`), and has
/// the one look that has not done so for longest.
///
/// A thread on each processor that the kernel lets run when nothing else there wants to (`SCHED_IDLE`): that it
/// runs is all it is for. It may be kept from running at any point, so it takes no lock.
package final class IdleWatch: Sendable {
    private let state: State

    final class State: Sendable {
        fileprivate let watchers: [Watcher]
        private let bells: [LoopBell]
        private let isOver = Atomic<Bool>(false)

        /// Between two looks. In less, little happens.
        static let shortest = TimeSpan(nanoseconds: 500_000)

        fileprivate init(_ processors: [Int32], _ bells: [LoopBell]) {
            watchers = processors.map { Watcher(processor: $0) }
            self.bells = bells
        }

        /// Watches for the next time that a processor has nothing to do.
        func arm() { for watcher in watchers { watcher.arm() } }

        fileprivate func watch(_ watcher: Watcher) {
            guard gh_run_when_idle(watcher.processor) else { return }
            while true {
                watcher.wait()
                if isOver.load(ordering: .acquiring) { return }
                hurryOne()
            }
        }

        private func hurryOne() {
            while let (bell, look) = longestWithoutLook(), !isOver.load(ordering: .acquiring) {
                let early = look + State.shortest - Instant.now
                guard early > .zero else { return bell.hurry() }
                usleep(UInt32(clamping: early.microseconds + 1))
            }
        }

        private func longestWithoutLook() -> (LoopBell, Instant)? {
            var longest: (bell: LoopBell, look: Instant)?
            for bell in bells {
                let look = bell.lastLook
                if look < longest?.look ?? .never { longest = (bell, look) }
            }
            return longest
        }

        fileprivate func end() {
            isOver.store(true, ordering: .releasing)
            for watcher in watchers { watcher.arm() }
        }
    }

    fileprivate final class Watcher: Sendable {
        let processor: Int32
        private let isArmed = Atomic<Bool>(false)
        private let armed = Semaphore()

        init(processor: Int32) { self.processor = processor }

        func arm() {
            if isArmed.load(ordering: .relaxed) || isArmed.exchange(true, ordering: .relaxed) { return }
            armed.post()
        }

        func wait() {
            armed.wait()
            isArmed.store(false, ordering: .relaxed)
        }
    }

    /// Watches `processors`, by the kernel's numbers, for `loops`, which do not run yet. Where the system forbids
    /// it, nothing is watched. The threads end with this.
    package init(processors: [Int32], loops: [EventLoop]) {
        state = State(processors, loops.map(\.bell))
        for loop in loops { loop.idleWatch = state }
        for watcher in state.watchers {
            Thread(name: "idle-\(watcher.processor)") { [state] in state.watch(watcher) }.detach()
        }
    }

    deinit { state.end() }
}
