import Glibc
import TestSupport
import Testing

/// `gatehouse serve`: a folder, without a configuration.
@Suite(.timeLimit(.minutes(5))) struct ServeCommandTests {
    @Test func `serve a folder`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("site/a.txt", "some text")
            try folder.script("scripts/hello", "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n")
            for words in [["serve", "site"], ["serve"]] {
                let process = try ChildProcess(
                    [ServerProcess.builtExecutable] + words + [
                        "--listen", "127.0.0.1:0", "--cgi", folder.path("scripts"),
                    ],
                    in: words.count == 1 ? folder.path("site") : folder.path)
                let lines = process.stderr.waitForLines(until: .after(20)) {
                    $0.contains("listening on http://")
                }
                let url = try #require(lines.first?.split(separator: " ").last.map(String.init))
                let result = try runCommand([
                    "curl", "-sS", "\(url)/a.txt", "\(url)/cgi-bin/hello", "\(url)/",
                ])
                #expect(result.stdout.hasPrefix("some texthello<!DOCTYPE html>"), "\(result.stderr)")
                #expect(result.stdout.contains("./a.txt"))
                #expect(
                    process.stdout.waitForLines(3, until: .after(20)) { $0.contains("\"GET /") }.count == 3)
                process.send(SIGINT)
                #expect(process.waitForExit(until: .after(20)) == .status(0))
            }
            for words in [
                ["missing"], ["--listen", "nowhere"], ["--cgi", "missing"], ["--listen", "127.0.0.1"],
            ] {
                let result = try runCommand(
                    [ServerProcess.builtExecutable, "serve"] + words, in: folder.path)
                #expect(result.status != 0, "\(words)")
                #expect(result.stderr.contains(words.last ?? ""), "\(words)")
            }
        }
    }

    @Test func `serve on a port, and on every address`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("a.txt", "some text")
            for (listen, pattern) in [
                ("0", #/http://127\.0\.0\.1:\d+/#), ("*:0", #/http://127\.0\.0\.1:\d+/#),
                ("0.0.0.0:0", #/http://127\.0\.0\.1:\d+/#),
            ] {
                let process = try ChildProcess(
                    [ServerProcess.builtExecutable, "serve", "--listen", listen], in: folder.path)
                let lines = process.stderr.waitForLines(until: .after(20)) { $0.contains("listening on") }
                let url = try #require(lines.first?.split(separator: " ").last.map(String.init))
                #expect(url.wholeMatch(of: pattern) != nil, "\(listen): \(url)")
                let result = try runCommand(["curl", "-sSi", "-r", "5-", "\(url)/a.txt"])
                #expect(result.stdout.hasSuffix("\r\n\r\ntext"), "\(result.stderr)")
                #expect(result.stdout.contains("Content-Type: text/plain; charset=utf-8\r\n"))
                // No terminal, no colours.
                let log = process.stdout.waitForLines(until: .after(20)) { $0.contains("a.txt") }
                #expect(log.first?.contains("\"GET /a.txt HTTP/1.1\" 206 4 ") == true)
                // A second one on the same port says what to do.
                let port = url.split(separator: ":").last.map(String.init) ?? ""
                let second = try runCommand(
                    [ServerProcess.builtExecutable, "serve", "--listen", port], in: folder.path)
                #expect(second.status == 1)
                #expect(second.stderr.contains("another program"))
                #expect(second.stderr.contains("--listen 0"))
                process.send(SIGINT)
                #expect(process.waitForExit(until: .after(20)) == .status(0))
                // Addresses that mean all are not what one can open.
                #expect(!process.stderr.text.contains("0.0.0.0:"))
                #expect(!process.stderr.text.contains("[::]:"))
            }
        }
    }

    @Test func `serve in colour on a terminal`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.write("a.txt", "x")
            for (environment, isColoured) in [
                ([:], true), (["NO_COLOR": "1"], false), (["TERM": "dumb"], false),
            ]
                as [([String: String], Bool)]
            {
                // script(1) runs a command on a terminal of its own.
                let process = try ChildProcess(
                    [
                        "script", "-qfec", "exec \(ServerProcess.builtExecutable) serve --listen 0",
                        "/dev/null",
                    ],
                    in: folder.path,
                    environment: ["TERM": "xterm", "NO_COLOR": ""].merging(environment) { $1 })
                let lines = process.stdout.waitForLines(until: .after(20)) { $0.contains("listening on") }
                let url = try #require(
                    lines.first?.split(separator: " ").last.map { String($0.filter { !$0.isNewline }) })
                _ = try runCommand(["curl", "-sS", "\(url)/a.txt", "\(url)/none"])
                let log = process.stdout.waitForLines(2, until: .after(20)) { $0.contains("HTTP/1.1") }
                #expect(log.count == 2)
                for line in log where isColoured {
                    #expect(line.contains("\u{1B}[1mGET\u{1B}[0m /"), "\(line)")
                    let status = line.contains("a.txt") ? "\u{1B}[32m200\u{1B}[0m" : "\u{1B}[33m404\u{1B}[0m"
                    #expect(line.contains(status), "\(line)")
                }
                if !isColoured { #expect(!process.stdout.text.contains("\u{1B}")) }
                process.send(SIGTERM)
                _ = process.waitForExit(until: .after(20))
            }
        }
    }
}
