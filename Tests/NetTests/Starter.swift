import Base
import Glibc
import Net
import TestSupport
import Testing

// TestSupport has its own.
typealias ChildProcess = Net.ChildProcess
typealias ExitStatus = Net.ExitStatus

/// What a process wrote and how it ended.
struct Ran: Sendable {
    var output: String
    var status: ExitStatus
    var pid: Int32

    var lines: [String] { output.split(separator: "\n").map(String.init) }
}

/// A started process that can be handed round.
final class Child {
    private var process: ChildProcess?
    private(set) var pid: Int32

    init(_ process: consuming ChildProcess) {
        pid = process.pid
        self.process = consume process
    }

    /// Why it was not started; nil while that is not known, and where it was.
    var failure: SpawnError? { process?.failure }

    func hasStarted() -> Bool {
        guard process?.hasStarted() ?? false else { return false }
        pid = process?.pid ?? 0
        return true
    }

    func poll() -> ExitStatus? { process?.poll() }
    func end(grace: TimeSpan, holding pipes: [Source] = [], then: @escaping @Sendable () -> Void = {}) {
        process.take()?.end(grace: grace, holding: pipes, then: then)
    }
    func leave(then: @escaping @Sendable () -> Void = {}) { process.take()?.leave(then: then) }
    func drop() { process = nil }
}

/// Processes that are started as scripts are, on one loop.
///
/// `@unchecked Sendable`: used on its loop's thread only.
final class Starter: @unchecked Sendable {
    let loop: EventLoop
    let waiter: Waiter
    let pool: WorkerPool
    private let starter: ProcessStarter
    private let null = FileDescriptor(owning: open("/dev/null", O_RDWR | O_CLOEXEC))
    /// Whether no other test starts a process at the same time.
    private let takesTurns: Bool
    /// What was said of a spawner that was lost.
    let reports: Shared<[String]>

    init(_ loop: EventLoop, _ way: Way = .spawner, takesTurns: Bool = true) throws {
        self.takesTurns = takesTurns
        self.loop = loop
        waiter = Waiter(loop: loop)
        pool = WorkerPool(name: "spawn", threads: 2)
        let spawners = way == .spawner ? [try Starter.startSpawner()] : []
        let reports = Shared<[String]>([])
        self.reports = reports
        starter = ProcessStarter(
            loop: loop, pool: pool, spawners: spawners, processors: Processors.usable()
        ) { reports.value.append($0) }
    }

    var isBusy: Bool {
        get { starter.isBusy }
        set { starter.isBusy = newValue }
    }

    /// Returns when it has let go of the files that other tests are writing.
    static func startSpawner() throws -> Spawner {
        SpawnTurn.enter()
        defer { SpawnTurn.leave() }
        let spawner = try Spawner.start()
        _ = eventually { RunningProcess(spawner.pid)?.name == "gh-spawner" }
        return spawner
    }

    func close() {
        starter.close()
        waiter.end()
    }

    /// Returns when it runs.
    func start(
        _ plan: SpawnPlan, input: CInt? = nil, output: borrowing FileDescriptor, waiter own: Waiter? = nil
    ) async throws(SpawnError) -> Child {
        let waiter = own ?? self.waiter
        // A file that another test writes meanwhile would stay open for writing in the new process.
        // Waited for on another thread, for whoever has the turn may need this one.
        if takesTurns { await pool.run { SpawnTurn.enter() } }
        defer { if takesTurns { SpawnTurn.leave() } }
        let child = try await launch(plan, input: input, output: output, waiter: waiter)
        while !child.hasStarted() {
            if let failure = child.failure { throw failure }
            _ = await waiter.wait(until: loop.now + .seconds(20))
        }
        return child
    }

    /// Returns at once where a spawner starts it.
    func launch(
        _ plan: SpawnPlan, input: CInt? = nil, output: borrowing FileDescriptor, waiter: Waiter
    ) async throws(SpawnError) -> Child {
        Child(
            try await starter.start(
                plan, input: input, standardOutput: output, standardError: output, waiter: waiter))
    }

    func launch(_ plan: SpawnPlan, waiter: Waiter) async throws(SpawnError) -> Child {
        try await launch(plan, output: null, waiter: waiter)
    }

    func start(_ plan: SpawnPlan, waiter: Waiter? = nil) async throws(SpawnError) -> Child {
        try await start(plan, output: null, waiter: waiter)
    }

    func wait() async { _ = await waiter.wait(until: loop.now + .milliseconds(100)) }

    /// Starts a process, reads what it writes and waits for its end.
    func run(_ plan: SpawnPlan, input: CInt? = nil, waiter own: Waiter? = nil) async throws -> Ran {
        let waiter = own ?? self.waiter
        var ends = try FileDescriptor.pipe()
        let reading = ends.takeRead()
        try reading.setNonBlocking()
        let output = Source(reading, waiter: waiter)
        defer { output.close() }
        let child = try await start(plan, input: input, output: ends.takeWrite(), waiter: waiter)
        var bytes = ByteBuffer()
        var status: ExitStatus?
        var isAtEnd = false
        while status == nil || !isAtEnd {
            while !isAtEnd {
                var isBlocked = false
                let count = try bytes.fill(atLeast: 4096) { room throws(Errno) in
                    guard let count = try output.read(into: room) else {
                        isBlocked = true
                        return 0
                    }
                    return count
                }
                if isBlocked { break }
                isAtEnd = count == 0
            }
            status = status ?? child.poll()
            if status == nil || !isAtEnd { _ = await waiter.wait(until: loop.now + .seconds(20)) }
        }
        return Ran(output: bytes.bytes.string, status: try #require(status), pid: child.pid)
    }

    func run(_ command: String...) async throws -> Ran { try await run(makePlan(command)) }
    func shell(_ script: String, waiter: Waiter? = nil) async throws -> Ran {
        try await run(makePlan(["/bin/sh", "-c", script]), waiter: waiter)
    }

    /// Nil where it is lost.
    var spawner: Int32? { starter.spawnerPIDs.first }
}

func makePlan(
    _ command: [String], folder: String = "/", environment: [String] = ["PATH=/usr/bin:/bin"]
)
    -> SpawnPlan
{
    SpawnPlan(
        path: FilePath(command[0]), folder: FilePath(folder), arguments: CStringList(command),
        environment: CStringList(environment))
}

/// Who starts a process.
enum Way: CaseIterable { case spawner, pool }

func onStarter<R: Sendable>(
    _ way: Way = .spawner, takesTurns: Bool = true, _ body: @escaping @Sendable (Starter) async throws -> R
) async throws -> R {
    try await onLoop { loop in
        let starter = try Starter(loop, way, takesTurns: takesTurns)
        defer { starter.close() }
        return try await body(starter)
    }
}

/// Whether a process has ended, whoever has to take note of it.
func isGone(_ pid: Int32) -> Bool {
    guard let text = try? readText("/proc/\(pid)/stat"), let close = text.lastIndex(of: ")") else {
        return true
    }
    return text[close...].dropFirst(2).first == "Z"
}
