import Glibc
import TestSupport
import Testing

/// What scripts leave behind, and the mark that it is known by.
@Suite(.timeLimit(.minutes(5))) struct StrayProcessTests {
    // MARK: The mark

    /// What a script and all that it starts are known by.
    @Test func `no limit but that on locks is another one than the server's`() async throws {
        try await withScripts(["x": page("cat /proc/self/limits"), "y": page("env -i cat /proc/self/limits")])
        {
            server in
            func isLocks(_ line: Substring) -> Bool { line.hasPrefix("Max file locks") }
            func limits(_ text: String) -> [Substring] { text.split(separator: "\n") }
            let outside = try limits(readText("/proc/self/limits"))
            let hard = try #require(outside.first(where: isLocks)).split(separator: " ").dropFirst(4)
            var marks: Set<UInt64> = []
            for path in ["/cgi-bin/x", "/cgi-bin/y", "/cgi-bin/x"] {
                let inside = try limits(server.get(path).text)
                #expect(inside.filter { !isLocks($0) } == outside.filter { !isLocks($0) })
                let words = try #require(inside.first(where: isLocks)).split(separator: " ")
                #expect(words.dropFirst(4) == hard)
                let mark = try #require(UInt64(words[3]))
                #expect(mark > 1 << 59 && mark < 1 << 62)
                marks.insert(mark)
            }
            #expect(marks.count == 3)
            for process in [server.pid] + server.spawners.map(\.pid) {
                let line = try limits(readText("/proc/\(process)/limits")).first(where: isLocks)
                #expect(line == outside.first(where: isLocks))
            }
        }
    }

    /// The mark that a script's processes are known by is not worth a failure.
    @Test func `a script starts where it can have no mark`() async throws {
        try await blocking {
            let site = try ScriptSite(["x": page("grep locks /proc/self/limits")])
            let result = try runCommand([
                "prlimit", "--locks=5:6", ServerProcess.builtExecutable, "doctor", "-c", site.configuration,
                "/cgi-bin/x",
            ])
            #expect(result.status == 0)
            #expect(result.stdout.contains(/locks\s+5\s+6\s/), "\(result.stdout)\(result.stderr)")
        }
    }
}
