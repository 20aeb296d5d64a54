import Base
import Glibc

/// Starts processes, all from one thread that never ends.
///
/// The kernel kills a child with PR_SET_PDEATHSIG when the thread that started it is gone, which
/// must not be a test's own.
enum Spawner {
    private static let guardian = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"]
    private static let requests: Monitor<[@Sendable () -> Void]> = {
        let requests = Monitor<[@Sendable () -> Void]>([])
        startThread {
            while let request = requests.wait(for: { $0.isEmpty ? nil : $0.removeFirst() }) { request() }
        }
        return requests
    }()

    /// Runs `body` while no process is being started.
    static func holdingBack<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        SpawnTurn.enter()
        defer { SpawnTurn.leave() }
        return try body()
    }

    static func spawn(
        _ command: [String], folder: String?, environment: [String: String], streams: [CInt]
    ) throws(Errno) -> pid_t {
        // Each of these replaces itself with the next, so that all are one process.
        let placed = folder.map { ["/usr/bin/env", "-C", $0] } ?? []
        let arguments = CStringList(guardian + placed + command)
        let variables = CStringList(inheritedEnvironment.merging(environment) { $1 }.map { "\($0)=\($1)" })
        let result = Monitor<Result<pid_t, Errno>?>(nil)
        requests.update {
            $0.append {
                let started = holdingBack { start(arguments, variables, streams) }
                result.update { $0 = started }
            }
        }
        guard let started = result.wait(for: { $0 }) else { throw .invalid }
        return try started.get()
    }

    private typealias AddCloseFrom =
        @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, CInt) -> CInt

    /// Closes what a test may have open without close-on-exec, which a server would keep alive.
    ///
    /// `posix_spawn_file_actions_addclosefrom_np` is in the C library since 2.34 and not in Swift's view of it.
    private static let addCloseFrom = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np").map {
        // The symbol has this signature in <spawn.h>.
        unsafeBitCast($0, to: AddCloseFrom.self)
    }

    private static func start(_ arguments: CStringList, _ variables: CStringList, _ streams: [CInt])
        -> Result<pid_t, Errno>
    {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // The descriptors are above 2 here, so none is overwritten before its turn.
        for (number, stream) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, stream, CInt(number))
        }
        _ = addCloseFrom?(&actions, CInt(streams.count))
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var pid: pid_t = 0
        let error = arguments.withPointers { argv in
            variables.withPointers { envp in posix_spawn(&pid, guardian[0], &actions, &attributes, argv, envp)
            }
        }
        return error == 0 ? .success(pid) : .failure(Errno(error))
    }

    /// The environment this process was started with. `environ` itself is not safe to read here.
    private static let inheritedEnvironment: [String: String] = {
        var result: [String: String] = [:]
        for entry in ((try? readFile("/proc/self/environ")) ?? []).split(separator: 0) {
            guard let equals = entry.firstIndex(of: ASCII.equals) else { continue }
            let name = String(decoding: entry[..<equals], as: UTF8.self)
            result[name] = String(decoding: entry[(equals + 1)...], as: UTF8.self)
        }
        return result
    }()
}

/// The path of a command: itself with a slash in it, or what `PATH` has.
func findCommand(_ name: String) -> String? {
    if name.contains("/") { return name }
    let folders = getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return folders.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
}

/// The right to start a process, or to have a file open for writing that is to be run: one at a time
/// has it. For who starts processes in another way than by a server or command of this library.
package enum SpawnTurn {
    private static let isTaken = Monitor(false)

    /// Waits for it. It may be given back on another thread.
    package static func enter() {
        _ = isTaken.wait { isTaken -> Bool? in
            if isTaken { return nil }
            isTaken = true
            return true
        }
    }

    package static func leave() { isTaken.update { $0 = false } }
}
