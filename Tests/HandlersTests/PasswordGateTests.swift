import Base
import Net
import Testing

@testable import Handlers

@Suite(.timeLimit(.minutes(1))) struct PasswordGateTests {
    /// An IPv6 client has a whole /64 to ask from.
    @Test func `addresses of one network wait as one client`() async {
        let gate = PasswordGate(limit: 1)
        let pool = WorkerPool(name: "test", threads: 1)
        let mayEnd = Semaphore()
        let refused = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let client = IPAddress("2001:db8::\(String(number, radix: 16))")
                    return await gate.run(on: pool, for: client) {
                        // Each lets the next one go.
                        mayEnd.wait()
                        mayEnd.post()
                        return true
                    } == nil
                }
            }
            var refused = 0
            for await isRefused in group {
                if isRefused { refused += 1 }
                // The others, 32 of them, run or wait.
                if refused == 8 { mayEnd.post() }
            }
            return refused
        }
        #expect(refused == 8)
    }
}
