import Glibc
import TestSupport
import Testing

/// The file that the server is found by.
@Suite(.timeLimit(.minutes(5))) struct PidFileTests {
    private static let ini =
        "[server]\nlisten = 127.0.0.1:0\npid_file = run.pid\n[site default]\nroot = www\n"

    private static func folder() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        try folder.makeFolder("www")
        try folder.write("server.ini", ini)
        return folder
    }

    @Test func `stop and reopen find the server by its pid_file`() async throws {
        try await withServer(
            site: "access_log = access.log", server: "pid_file = run.pid", files: ["www/a.txt": "x"]
        ) {
            server in
            try #expect(server.folder.read("run.pid") == "\(server.pid)\n")
            rename(server.folder.path("access.log"), server.folder.path("old.log"))
            try #expect(gatehouse("reopen", "-c", server.configuration).status == 0)
            #expect(eventually { server.folder.exists("access.log") })
            // A second one of the same pid_file does not start.
            let second = try gatehouse("run", "-c", server.configuration)
            #expect(second.status == 1)
            #expect(second.stderr.contains("\(server.pid)"))
            try #expect(server.get("/a.txt").status == 200)
            // Also where the file has been spoilt since.
            let text = try readText(server.configuration)
            try server.folder.write("server.ini", text + "\nrot = www\n")
            let stop = try gatehouse("stop", "-c", server.configuration)
            #expect(stop.status == 0, "\(stop.stderr)")
            let exit = try server.waitForExit()
            #expect(exit == .status(0))
            #expect(!server.folder.exists("run.pid"))
            for command in ["stop", "reopen"] {
                let result = try gatehouse(command, "-c", server.configuration)
                #expect(result.status == 1)
                #expect(result.stderr.contains("run.pid"))
            }
        }
    }

    @Test func `a pid_file left behind is no obstacle`() async throws {
        let ended = try await blocking { () -> pid_t in
            let process = try ChildProcess(["true"])
            _ = process.waitForExit(until: .after(20))
            return process.pid
        }
        try await withServer(
            server: "pid_file = run.pid", prepare: { try $0.write("run.pid", "\(ended)\n") }
        ) { server in
            try #expect(server.folder.read("run.pid") == "\(server.pid)\n")
        }
    }

    @Test func `stop without a pid_file`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            let path = try folder.write("server.ini", smallConfiguration)
            let result = try gatehouse("stop", "-c", path)
            #expect(result.status == 1)
            #expect(result.stderr.contains("pid_file"))
        }
    }

    /// The number may have gone to somebody else long since.
    @Test(arguments: ["stop", "reopen"]) func `a process that only has the number is not signalled`(
        _ command: String
    ) async throws {
        try await blocking {
            let folder = try Self.folder()
            let bystander = try ChildProcess(["sleep", "60"])
            try folder.write("run.pid", "\(bystander.pid)\n")
            let result = try gatehouse(command, "-c", folder.path("server.ini"))
            #expect(result.status == 1)
            #expect(result.stderr.contains("process \(bystander.pid), has ended"), "\(result.stderr)")
            #expect(bystander.exit == nil)
            // Nor does it keep a server from starting.
            let server = try ServerProcess(ini: Self.ini, in: folder)
            try #expect(folder.read("run.pid") == "\(server.pid)\n")
            try server.stop()
            #expect(!folder.exists("run.pid"))
            bystander.kill()
        }
    }

    @Test func `a killed server`() async throws {
        try await blocking {
            let folder = try Self.folder()
            let server = try ServerProcess(ini: Self.ini, in: folder)
            let second = try gatehouse("run", "-c", folder.path("server.ini"))
            #expect(second.status == 1)
            #expect(second.stderr.contains("running already: process \(server.pid)"), "\(second.stderr)")
            try #expect(folder.read("run.pid") == "\(server.pid)\n")
            server.send(SIGKILL)
            _ = try server.waitForExit()
            let result = try gatehouse("stop", "-c", folder.path("server.ini"))
            #expect(result.status == 1)
            #expect(result.stderr.contains("has ended"), "\(result.stderr)")
        }
    }

    @Test func `a link is not followed`() async throws {
        try await blocking {
            let folder = try Self.folder()
            try folder.write("victim", "precious")
            try folder.link("run.pid", to: "victim")
            let result = try gatehouse("run", "-c", folder.path("server.ini"))
            #expect(result.status == 1)
            #expect(result.stderr.contains("symbolic link"), "\(result.stderr)")
            try #expect(folder.read("victim") == "precious")
        }
    }

    @Test func `a successor's file is left alone`() async throws {
        try await blocking {
            let folder = try Self.folder()
            let first = try ServerProcess(ini: Self.ini, in: folder)
            unlink(folder.path("run.pid"))
            let second = try ServerProcess(ini: Self.ini, in: folder)
            first.send(SIGTERM)
            var exit = try first.waitForExit()
            #expect(exit == .status(0))
            try #expect(folder.read("run.pid") == "\(second.pid)\n")
            try #expect(gatehouse("stop", "-c", folder.path("server.ini")).status == 0)
            exit = try second.waitForExit()
            #expect(exit == .status(0))
        }
    }

    /// The user that the server has become may not remove it, but it says nothing any more.
    @Test(.enabled(if: getuid() == 0, "only root can start the server as another user"))
    func `a file in a folder of root's is emptied`() async throws {
        try await withServer(server: "pid_file = run.pid\nuser = nobody") { server in
            try #expect(server.folder.read("run.pid") == "\(server.pid)\n")
            try server.stop()
            try #expect(server.folder.read("run.pid") == "")
            let result = try runCommand(
                [ServerProcess.builtExecutable, "stop", "-c", server.configuration])
            #expect(result.status == 1)
            #expect(result.stderr.contains("no server is running"), "\(result.stderr)")
        }
    }
}
