import Base
import Glibc
import TestSupport
import Testing

/// Scripts that compute, one for each processor (`cgi_turns`).
@Suite(.timeLimit(.minutes(5))) struct TurnsTests {
    /// Computes for 25 ms. Where the file `hold` is, it makes a file of its query's name and waits for one that
    /// lets it go.
    private static let computing = #"""
        #!/usr/bin/perl
        use Time::HiRes qw(clock sleep);
        1 while clock() < 0.025;
        my $name = $ENV{QUERY_STRING};
        if ($name && -e "hold") {
            open my $mark, ">", "started.$name"; close $mark;
            sleep 0.01 until -e "go.$name" || -e "go";
        }
        print "Content-Type: text/plain\n\n$name\n";
        """#

    private static var turns: Int {
        get throws {
            let status = try readText("/proc/self/status").split(separator: "\n")
            let mask = status.first { $0.hasPrefix("Cpus_allowed:") }?.split(separator: "\t").last ?? ""
            return mask.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        }
    }

    private static func hasStarted(_ server: ServerProcess, _ name: String) -> Bool {
        (try? server.folder.read("cgi-bin/started.\(name)")) != nil
    }

    private static func ask(_ server: ServerProcess, _ name: String, _ round: Int = 1) throws -> RawClient {
        let client = try server.connect()
        try client.send("GET /cgi-bin/x\(round)?\(name) HTTP/1.1\r\nHost: h\r\n\r\n")
        return client
    }

    private func withTurns(
        _ length: String, test body: @escaping @Sendable (ServerProcess) throws -> Void
    ) async throws {
        try await withServer(
            site: "cgi = /cgi-bin/ cgi-bin/", server: "cgi_turns = \(length)", threads: 1,
            prepare: {
                // All the same. Of each nothing is known before its round.
                for number in 1...9 {
                    try $0.script("cgi-bin/x\(number)", Self.computing)
                    try $0.script("cgi-bin/other\(number)", Self.computing)
                }
            }, test: body)
    }

    /// Lets the server see what the script costs, and takes all turns. One of a busy machine may look as if
    /// it slept, so this may have to be done again.
    private static func takeTurns(_ server: ServerProcess, _ round: Int) throws -> [RawClient] {
        for _ in 1...12 { #expect(try server.get("/cgi-bin/x\(round)").status == 200) }
        try server.folder.write("cgi-bin/hold", "")
        let names = try (1...turns).map { "\(round).\($0)" }
        let clients = try names.map { try ask(server, $0, round) }
        for name in names { try server.waitForFile("started.\(name)") }
        return clients
    }

    @Test func `one past the turns waits for the end of another`() async throws {
        try await withTurns("60s") { server in
            for round in 1...9 {
                let holders = try Self.takeTurns(server, round)
                let waiting = try Self.ask(server, "\(round).last", round)
                // What takes no turn is not kept waiting, and takes as long to start.
                for _ in 1...2 { #expect(try server.get("/cgi-bin/other\(round)").status == 200) }
                let hasWaited = !Self.hasStarted(server, "\(round).last")
                try server.folder.write("cgi-bin/go.\(round).1", "")
                try server.waitForFile("started.\(round).last")
                #expect(try holders[0].readResponse().text == "\(round).1\n")
                try server.folder.write("cgi-bin/go", "")
                for client in holders.dropFirst() { #expect(try client.readResponse().status == 200) }
                #expect(try waiting.readResponse().text == "\(round).last\n")
                if hasWaited { return }
                unlink(server.folder.path("cgi-bin/go"))
                unlink(server.folder.path("cgi-bin/hold"))
            }
            Issue.record("the script never had to wait for its turn")
        }
    }

    /// What it prints is not looked at before it ends, as a rule.
    @Test func `one that used to print little may do otherwise`() async throws {
        try await withTurns("60s") { server in
            try server.folder.script(
                "cgi-bin/printing",
                #"""
                #!/usr/bin/perl
                use Time::HiRes qw(clock sleep);
                $| = 1;
                1 while clock() < 0.025;
                my $what = $ENV{QUERY_STRING};
                close STDERR if $what eq "close";
                system('for i in $(seq 200); do [ -e stop ] && exit; sleep 0.05; done >/dev/null &')
                    if $what eq "leave";
                print "Content-Type: text/plain\n\n", $what eq "much" ? "x" x 1_000_000 : "begun\n";
                close STDOUT if $what eq "work";
                sleep 0.01 until $what ne "wait" && $what ne "work" || -e "go";
                print "ended\n";
                """#)
            for _ in 1...12 { #expect(try server.get("/cgi-bin/printing").text == "begun\nended\n") }
            let client = try server.connect()
            try client.send("GET /cgi-bin/printing?wait HTTP/1.1\r\nHost: h\r\n\r\n")
            _ = try client.read("what it printed first") {
                String(decoding: $0, as: UTF8.self).contains("begun\n")
            }
            // It works on behind its answer.
            #expect(try server.get("/cgi-bin/printing?work").text == "begun\n")
            try server.folder.write("cgi-bin/go", "")
            _ = try client.read("the rest") { String(decoding: $0, as: UTF8.self).contains("ended\n") }
            // Who has its stderr lets nobody wait.
            #expect(try server.get("/cgi-bin/printing?leave").text == "begun\nended\n")
            try server.folder.write("cgi-bin/stop", "")
            #expect(try server.get("/cgi-bin/printing?close").text == "begun\nended\n")
            for _ in 1...2 {
                #expect(try server.get("/cgi-bin/printing?much").text.count == 1_000_006)
            }
        }
    }

    /// They would wait for twenty turns.
    @Test(arguments: ["1s", "0"]) func `one that goes on does not keep others waiting`(_ length: String)
        async throws
    {
        try await withTurns(length) { server in
            let holders = try Self.takeTurns(server, 1)
            let next = try Self.ask(server, "next")
            try server.waitForFile("started.next", within: 15)
            try server.folder.write("cgi-bin/go", "")
            for client in holders + [next] { #expect(try client.readResponse().status == 200) }
        }
    }

    /// Its file hangs, say, which is known since one of its turns was over before it.
    @Test func `one that has begun to hang takes no more turns`() async throws {
        try await withTurns("8s") { server in
            var hung = try Self.takeTurns(server, 1)
            let next = try (1...Self.turns).map { "next.\($0)" }
            hung += try next.map { try Self.ask(server, $0) }
            for name in next { try server.waitForFile("started.\(name)") }
            // These have all the turns now, for another 8 s.
            hung.append(try Self.ask(server, "late"))
            try server.waitForFile("started.late", within: 7)
            try server.folder.write("cgi-bin/go", "")
            for client in hung { #expect(try client.readResponse().status == 200) }
        }
    }

    @Test func `a client that leaves gives its place up`() async throws {
        try await withTurns("60s") { server in
            let holders = try Self.takeTurns(server, 1)
            do {
                let leaving = try Self.ask(server, "leaving")
                #expect(try server.get("/cgi-bin/other1").status == 200)
                leaving.close()
            }
            try server.folder.write("cgi-bin/go", "")
            for client in holders { #expect(try client.readResponse().status == 200) }
            #expect(try server.get("/cgi-bin/x1").status == 200)
        }
    }
}
