import Base
import Glibc
import Net
import Synchronization
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(5))) struct WorkerPoolTests {
    @Test func `results come back to who asked`() async {
        let pool = WorkerPool(name: "test", threads: 3)
        await withTaskGroup(of: (Int, Int).self) { group in
            for number in 0..<500 { group.addTask { (number, await pool.run { number * number }) } }
            for await (number, square) in group { #expect(square == number * number) }
        }
    }

    @Test func `one thread works in the order of arrival`() {
        let pool = WorkerPool(name: "test", threads: 1)
        let seen = Monitor<[Int]>([])
        for number in 0..<1000 { pool.submit { seen.update { $0.append(number) } } }
        #expect(seen.wait(until: .after(20)) { $0.count == 1000 ? $0 : nil } == Array(0..<1000))
    }

    @Test func `so many threads as were asked for work at once, with at least one`() {
        for (asked, expected) in [(4, 4), (1, 1), (0, 1), (-1, 1)] {
            let pool = WorkerPool(name: "test", threads: asked)
            let state = Monitor((running: 0, most: 0, isOpen: false))
            for _ in 0..<8 {
                pool.submit {
                    state.update {
                        $0.running += 1
                        $0.most = max($0.most, $0.running)
                    }
                    _ = state.wait(until: .after(20)) { $0.isOpen ? true : nil }
                    state.update { $0.running -= 1 }
                }
            }
            #expect(state.wait(until: .after(20)) { $0.running == expected ? true : nil } == true)
            state.update { $0.isOpen = true }
            #expect(state.wait(until: .after(20)) { $0.running == 0 ? $0.most : nil } == expected)
        }
    }

    @Test func `the threads have the pool's name, and end with it once all is done`() throws {
        let name = "pool\(getpid() % 10000)"
        func threads() -> Int {
            let tasks = (try? listFolder("/proc/self/task")) ?? []
            return tasks.count { ((try? readText("/proc/self/task/\($0)/comm")) ?? "").hasPrefix(name) }
        }
        let done = Atomic(0)
        do {
            let pool = WorkerPool(name: name, threads: 3)
            #expect(eventually { threads() == 3 })
            for _ in 0..<200 { pool.submit { done.add(1, ordering: .relaxed) } }
        }
        #expect(eventually { threads() == 0 })
        #expect(done.load(ordering: .relaxed) == 200)
    }

    @Test func `what work held is let go of when it is done, though more is waiting`() {
        final class Token: Sendable {
            let gone: Monitor<Int>
            init(_ gone: Monitor<Int>) { self.gone = gone }
            deinit { gone.update { $0 += 1 } }
        }
        let pool = WorkerPool(name: "test", threads: 1)
        let gone = Monitor(0)
        let isOpen = Monitor(false)
        // Every piece of work has another behind it, so that the queue is never empty.
        for _ in 0..<10 {
            let token = Token(gone)
            pool.submit { withExtendedLifetime(token) {} }
        }
        pool.submit { _ = isOpen.wait(until: .after(20)) { $0 ? true : nil } }
        pool.submit {}
        #expect(gone.wait(until: .after(10)) { $0 == 10 ? true : nil } == true)
        isOpen.update { $0 = true }
    }
}
