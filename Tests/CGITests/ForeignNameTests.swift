import Base
import Glibc
import TestSupport
import Testing

/// Scripts and folders whose names are not UTF-8, as those of old sites in Latin-1: ö is one byte, 0xF6.
@Suite(.timeLimit(.minutes(5))) struct ForeignNameTests {
    private static let told = page(
        """
        for value in "$0" "$SCRIPT_FILENAME" "$SCRIPT_NAME" "$PATH_INFO" "$PATH_TRANSLATED" "$(pwd)"; do
        printf '%s\\n' "$value"; done
        """)

    /// In Latin-1, which has a byte for each character here.
    private static func latin1(_ text: String) -> [UInt8] {
        text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    }

    /// Gives what is at `name` below the folder another name, in Latin-1.
    private static func rename(_ name: String, to other: String, in folder: ScratchFolder) throws {
        let target = FilePath(latin1("/\(other)"), below: FilePath(folder.path))
        let result = FilePath(folder.path(name)).withCString { from in
            target.withCString { Glibc.rename(from, $0) }
        }
        if result != 0 { throw TestFailure("cannot rename \(name): \(Errno.current)") }
    }

    private static func expect(
        _ path: String, _ server: ServerProcess, file: String, name: String, info: String = "",
        sourceLocation:
            SourceLocation = #_sourceLocation
    ) throws {
        let folder = server.folder.path
        let file = "\(folder)/\(file)"
        let translated = info.isEmpty ? "" : "\(folder)/www\(info)"
        let place = file.split(separator: "/").dropLast().reduce("") { "\($0)/\($1)" }
        let expected = [file, file, name, info, translated, place].map { latin1($0) }
        // More than once: what is known of it is told the second time.
        for _ in 1...2 {
            let response = try server.get(path)
            let lines = response.body.split(separator: ASCII.lf, omittingEmptySubsequences: false).dropLast()
            #expect(response.status == 200, sourceLocation: sourceLocation)
            #expect(lines.map { Array($0) } == expected, "\(response)", sourceLocation: sourceLocation)
        }
    }

    private static func prepare(_ folder: ScratchFolder) throws {
        for name in ["x", "x.sh", "sub/x", "sub/index.cgi"] { try folder.script("cgi-bin/\(name)", told) }
        // What a shell runs needs neither the bit nor the line.
        try folder.write("cgi-bin/x.run", told)
        try rename("cgi-bin/x.sh", to: "cgi-bin/\u{E4}.sh", in: folder)
        try rename("cgi-bin/x.run", to: "cgi-bin/\u{E4}.run", in: folder)
        try rename("cgi-bin/sub/x", to: "cgi-bin/sub/\u{DF}", in: folder)
        try rename("cgi-bin/sub", to: "cgi-bin/\u{F6}", in: folder)
        for name in ["x.cgi", "sub/index.cgi"] { try folder.script("www/\(name)", told) }
        try rename("www/x.cgi", to: "www/\u{E4}.cgi", in: folder)
        try rename("www/sub", to: "www/\u{F6}", in: folder)
    }

    private static let settings =
        "cgi_interpreter = .run /bin/sh\nindex = index.cgi\ncgi_extensions = .cgi\ncgi_errors_to = 127.0.0.1"

    @Test(arguments: ["", "cgi_user = nobody"])
    func `names that are not UTF-8 reach the script as they are`(_ user: String) async throws {
        if !user.isEmpty, !Machine.isRoot { return }
        try await withScripts([:], site: "\(Self.settings)\n\(user)", prepare: Self.prepare) { server in
            try Self.expect(
                "/cgi-bin/%E4.sh", server, file: "cgi-bin/\u{E4}.sh", name: "/cgi-bin/\u{E4}.sh")
            try Self.expect(
                "/cgi-bin/%F6//%DF/p%E4th", server, file: "cgi-bin/\u{F6}/\u{DF}",
                name: "/cgi-bin/\u{F6}/\u{DF}", info: "/p\u{E4}th")
            try Self.expect(
                "/cgi-bin/%E4.run", server, file: "cgi-bin/\u{E4}.run", name: "/cgi-bin/\u{E4}.run")
            try Self.expect(
                "/cgi-bin/%F6/", server, file: "cgi-bin/\u{F6}/index.cgi", name: "/cgi-bin/\u{F6}/index.cgi")
            try Self.expect(
                "/%E4.cgi/p", server, file: "www/\u{E4}.cgi", name: "/\u{E4}.cgi", info: "/p")
            try Self.expect("/%F6/", server, file: "www/\u{F6}/index.cgi", name: "/\u{F6}/index.cgi")
        }
    }

    @Test func `messages show such names escaped`() async throws {
        try await withScripts(
            [:], site: Self.settings,
            prepare: { folder in
                try folder.write("cgi-bin/x", shell(":"))
                try Self.rename("cgi-bin/x", to: "cgi-bin/\u{F6}", in: folder)
                try folder.script("cgi-bin/y", "#!/none/b\n")
                try Self.rename("cgi-bin/y", to: "cgi-bin/\u{E4}", in: folder)
            }
        ) { server in
            for (path, status, words) in [
                ("/cgi-bin/%F6", 403, "/cgi-bin/\\xF6 is not executable"),
                ("/cgi-bin/%E4", 500, "line 1 of \(server.folder.path)/cgi-bin/\\xE4 names"),
            ] {
                let response = try server.get(path)
                #expect(response.status == status)
                #expect(response.text.contains(words), "\(response)")
                _ = try server.waitForError(containing: words)
            }
        }
    }

    @Test func `check and doctor know such names`() async throws {
        try await blocking {
            let folder = try ScratchFolder()
            try folder.script("cgi-bin/x", page("echo fine"))
            try Self.rename("cgi-bin/x", to: "cgi-bin/f\u{E4}ne one", in: folder)
            try folder.script("cgi-bin/sub/x", "#!/none\n")
            try Self.rename("cgi-bin/sub/x", to: "cgi-bin/sub/\u{DF}", in: folder)
            try Self.rename("cgi-bin/sub", to: "cgi-bin/\u{F6}", in: folder)
            let ini = try folder.write("server.ini", "[site default]\ncgi = /cgi-bin/ cgi-bin/\n")
            let check = try runCommand([ServerProcess.builtExecutable, "check", "-c", ini])
            #expect(check.status == 1)
            #expect(check.stderr.contains("line 1 of \(folder.path)/cgi-bin/\\xF6/\\xDF names"), "\(check)")
            #expect(
                check.stderr.split(separator: "\n").filter { !$0.contains("run as root") }.count == 1,
                "\(check)")
            func doctor(_ subject: String) throws -> CommandResult {
                let command =
                    "exec '\(ServerProcess.builtExecutable)' doctor -c '\(ini)' \"$(printf '\(subject)')\""
                return try runCommand(["sh", "-c", command], in: folder.path)
            }
            for subject in [
                "cgi-bin/f\\344ne one", "/cgi-bin/f\\344ne one", "http://localhost/cgi-bin/f\\344ne one",
            ] {
                let result = try doctor(subject)
                #expect(result.status == 0, "\(result)")
                #expect(result.stdout.contains("url          /cgi-bin/f%E4ne%20one\n"), "\(result)")
                #expect(
                    result.stdout.contains("program      \(folder.path)/cgi-bin/f\\xE4ne one\n"), "\(result)")
            }
            let missing = try doctor("cgi-bin/\\377")
            #expect(missing.status == 1)
            #expect(missing.stderr.contains("`cgi-bin/\\xFF`: No such file"), "\(missing)")
        }
    }
}
