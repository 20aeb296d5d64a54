import Glibc
import TestSupport
import Testing

/// Why a server does not start, and what it says then.
@Suite(.timeLimit(.minutes(5))) struct StartFailureTests {
    @Test(arguments: [
        (
            "listen = 192.0.2.1:1", "", 3,
            "cannot listen on 192.0.2.1:1: Cannot assign requested address; this machine"
        ),
        ("pid_file = link", "", 3, "pid_file "),
        ("error_log = /proc/x.log", "", 3, "cannot open the log /proc/x.log: "),
        ("", "access_log = /proc/x.log", 6, "cannot open the log /proc/x.log: "),
    ])
    func `a start that fails names the line`(
        _ server: String, _ site: String, _ line: Int, _ words: String
    ) async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            symlink("server.ini", folder.path("link"))
            let listen = server.hasPrefix("listen") ? "" : "listen = 127.0.0.1:0"
            let path = try folder.write(
                "server.ini", "[server]\n\(listen)\n\(server)\n[site a]\nroot = www\n\(site)\n")
            let result = try runCommand([ServerProcess.builtExecutable, "run", "-c", path])
            #expect(result.status == 1)
            #expect(result.stderr.hasPrefix("gatehouse: \(path):\(line): \(words)"), "\(result.stderr)")
        }
    }

    @Test(.enabled(if: getuid() == 0, "only root may be somebody else"))
    func `a closed folder on the way is named`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.makeFolder("closed/cgi-bin")
            chmod(folder.path, 0o755)
            chmod(folder.path("closed"), 0o700)
            let path = try folder.write(
                "server.ini", "[server]\nlisten = 127.0.0.1:0\n[site a]\ncgi = /x/ closed/cgi-bin\n")
            let result = try runCommand([
                "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                ServerProcess.builtExecutable, "run", "-c", path,
            ])
            #expect(result.status == 1)
            let closed = folder.path("closed")
            #expect(
                result.stderr.hasPrefix(
                    "\(path):4: cgi: `\(closed)/cgi-bin`: the folder \(closed) of root cannot be entered by nobody; `chmod o+x"
                ), "\(result.stderr)")
        }
    }

    @Test func `no configuration anywhere`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            guard access("/etc/gatehouse/server.ini", F_OK) != 0 else { return }
            for words in [[], ["run"], ["check"], ["stop"]] {
                let result = try runCommand([ServerProcess.builtExecutable] + words, in: folder.path)
                #expect(result.status == 1)
                #expect(result.stderr.contains("gatehouse serve"))
            }
        }
    }

    @Test func `an address that is taken`() async throws {
        try await withServer(files: ["www/a.txt": "x"]) { server in
            for address in ["127.0.0.1:\(server.port())", "*:\(server.port())", "0.0.0.0:\(server.port())"] {
                let path = try server.folder.write(
                    "second.ini", "[server]\nlisten = \(address)\n\(smallConfiguration)")
                let result = try runCommand([ServerProcess.builtExecutable, "run", "-c", path])
                #expect(result.status == 1)
                #expect(
                    result.stderr.contains(":\(server.port()): ")
                        && result.stderr.contains("another program"), "\(result.stderr)")
                #expect(!result.stderr.contains("listening"))
            }
            try #expect(server.get("/a.txt").status == 200)
        }
    }

    @Test func `other reasons not to start`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.makeFolder("www")
            try folder.write("busy", "")
            for (line, word) in [
                ("listen = 192.0.2.1:0", "192.0.2.1"), ("listen = unix:busy", "busy"),
                ("error_log = /dev/null/x", "/dev/null"),
            ] {
                let path = try folder.write("server.ini", "[server]\n\(line)\n\(smallConfiguration)")
                let result = try runCommand([ServerProcess.builtExecutable, "run", "-c", path])
                #expect(result.status == 1, "\(line)")
                #expect(result.stderr.contains(word), "\(line): \(result.stderr)")
            }
            #expect(folder.exists("busy"))
        }
    }
}
