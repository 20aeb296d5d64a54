import Glibc
import TestSupport
import Testing

/// The file that the server is found by.
@Suite(.timeLimit(.minutes(5))) struct PidFileTests {
    private static let ini =
        "[server]\nlisten = 127.0.0.1:0\npid_file = run.pid\n[site default]\nroot = www\n"

    private static func gatehouse(_ word: String, _ folder: ScratchFolder) throws -> CommandResult {
        try runCommand(
            [ServerProcess.builtExecutable, word, "-c", folder.path("server.ini")], in: folder.path, within: 8
        )
    }

    private static func folder() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        try folder.makeFolder("www")
        try folder.write("server.ini", ini)
        return folder
    }

    /// The number may have gone to somebody else long since.
    @Test(arguments: ["stop", "reopen"]) func `a process that only has the number is not signalled`(
        _ command: String
    ) async throws {
        try await blocking {
            let folder = try Self.folder()
            let bystander = try ChildProcess(["sleep", "60"])
            try folder.write("run.pid", "\(bystander.pid)\n")
            let result = try Self.gatehouse(command, folder)
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
            let second = try Self.gatehouse("run", folder)
            #expect(second.status == 1)
            #expect(second.stderr.contains("running already: process \(server.pid)"), "\(second.stderr)")
            try #expect(folder.read("run.pid") == "\(server.pid)\n")
            server.send(SIGKILL)
            _ = try server.waitForExit()
            let result = try Self.gatehouse("stop", folder)
            #expect(result.status == 1)
            #expect(result.stderr.contains("has ended"), "\(result.stderr)")
        }
    }

    @Test func `a link is not followed`() async throws {
        try await blocking {
            let folder = try Self.folder()
            try folder.write("victim", "precious")
            try folder.link("run.pid", to: "victim")
            let result = try Self.gatehouse("run", folder)
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
            try #expect(Self.gatehouse("stop", folder).status == 0)
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
                [ServerProcess.builtExecutable, "stop", "-c", server.configuration], within: 8)
            #expect(result.status == 1)
            #expect(result.stderr.contains("no server is running"), "\(result.stderr)")
        }
    }
}
