import Glibc
import TestSupport
import Testing

/// Basic authentication.
@Suite(.timeLimit(.minutes(5))) struct PasswordTests {
    /// `myPassword` in three ways.
    private static let users = """
        ann:$2y$04$isdNVLZh0N4mBW3QOjN/BO2ghfApAEMm/OTPABCVhok2XJPGi4FRO
        bob:$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/
        eve ning:$5$saltsalt$OJSxPe6LHaPuWqFjBl/xMCCyk7DWOlte4cPNgCdIbwD

        """
    private static let ann = "Basic YW5uOm15UGFzc3dvcmQ="
    private static let bob = "Basic Ym9iOm15UGFzc3dvcmQ="
    private static let evening = "Basic ZXZlIG5pbmc6bXlQYXNzd29yZA=="
    private static let annWrong = "Basic YW5uOm15cGFzc3dvcmQ="
    private static let nobody = "Basic bm9ib2R5Om15UGFzc3dvcmQ="

    @Test func `who may see it`() async throws {
        let more = """
            [location default /open]
            auth = off
            [location default /local]
            deny = 127.0.0.2
            """
        let files = [
            "etc/htpasswd": Self.users, "www/a": "secret", "www/open/a": "open", "www/local/a": "local",
        ]
        try await withServer(site: #"auth = "Members \"only\"" etc/htpasswd"#, more: more, files: files) {
            server in
            for _ in 0..<3 {
                for (field, status) in [
                    (Self.ann, 200), (Self.bob, 200), (Self.evening, 200), (Self.annWrong, 401),
                    (Self.nobody, 401), ("Basic !", 401),
                    ("Bearer x", 401),
                ] {
                    let response = try server.get("/a", headers: ["Authorization": field])
                    #expect(response.status == status, "\(field)")
                    #expect(
                        response["WWW-Authenticate"]
                            == (status == 200 ? nil : #"Basic realm="Members \"only\"", charset="UTF-8""#))
                }
                try #expect(server.get("/a").status == 401)
                try #expect(server.get("/none").status == 401)
                try #expect(server.get("/open/a").text == "open")
                try #expect(
                    server.request("GET", "/local/a", headers: ["Authorization": Self.ann], from: "127.0.0.2")
                        .status == 403)
            }
            _ = try server.waitForLog(containing: "127.0.0.1 - ann [")
            _ = try server.waitForLog(containing: #"127.0.0.1 - eve\x20ning ["#)
            _ = try server.waitForError(containing: "wrong password for user ann")
            _ = try server.waitForError(containing: "unknown user nobody")
        }
    }

    @Test func `a login on a kept connection, and the content of a refused request`() async throws {
        let files = ["etc/htpasswd": Self.users, "www/a": "secret"]
        try await withServer(site: "auth = M etc/htpasswd", files: files) { server in
            let client = try server.connect()
            for (field, status) in [("", 401), ("Authorization: \(Self.ann)\r\n", 200), ("", 401)] {
                try client.send("GET /a HTTP/1.1\r\nHost: h\r\n\(field)\r\n")
                try #expect(client.readResponse().status == status)
            }
            try client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
            try #expect(client.readResponse().status == 401)
            try client.send("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: \(Self.bob)\r\n\r\n")
            try #expect(client.readResponse().text == "secret")
        }
    }

    @Test func `what scripts get`() async throws {
        let script = """
            #!/bin/sh
            printf 'Content-Type: text/plain\\n\\n'
            echo "$AUTH_TYPE|$REMOTE_USER|$HTTP_AUTHORIZATION"
            """
        let site = "cgi = /cgi-bin/ cgi-bin/"
        let more = """
            [location default /cgi-bin/checked]
            auth = M etc/htpasswd
            [location default /cgi-bin/both]
            auth = M etc/htpasswd
            cgi_pass_authorization = yes
            """
        let files = [
            "etc/htpasswd": Self.users, "cgi-bin/checked": script, "cgi-bin/both": script,
            "cgi-bin/open": script,
        ]
        try await withServer(site: site, more: more, files: files) { server in
            for (path, answer) in [
                ("checked", "Basic|ann|\n"), ("both", "Basic|ann|\(Self.ann)\n"), ("open", "||\(Self.ann)\n"),
            ] {
                try #expect(
                    server.get("/cgi-bin/\(path)", headers: ["Authorization": Self.ann]).text == answer)
            }
        }
    }

    @Test func `a changed file counts, and so does one that is gone`() async throws {
        let files = ["etc/htpasswd": Self.users, "www/a": "secret"]
        let allowed = ["cannot read the password file"]
        try await withServer(site: "auth = M etc/htpasswd", files: files, allowed: allowed) { server in
            func status(_ field: String) throws -> Int {
                try server.get("/a", headers: ["Authorization": field]).status
            }
            try #expect(status(Self.ann) == 200)
            let lines = Self.users.split(separator: "\n")
            try server.folder.write("etc/htpasswd", "\(lines[1])\nbroken\n")
            #expect(eventually { (try? status(Self.ann)) == 401 })
            try #expect(status(Self.bob) == 200)
            _ = try server.waitForError(containing: "htpasswd:2: no `:`")
            unlink(server.folder.path("etc/htpasswd"))
            #expect(eventually { (try? status(Self.bob)) == 500 })
            try server.folder.write("etc/htpasswd", Self.users)
            #expect(eventually { (try? status(Self.ann)) == 200 })
        }
    }

    @Test func `a password that was right is not hashed again, a wrong one is`() async throws {
        // About a tenth of a second each.
        let slow = "ann:$2y$11$VHrBfi4cs7dUkvKNbvy6cOdMisgSozQ4oQlh/uH3TduzN3XfzEuji"
        try await withServer(
            site: "auth = M etc/htpasswd", files: ["etc/htpasswd": slow, "www/a": "a"]
        ) { server in
            let client = try server.connect()
            // In ticks of the processor's time, which does not run while others are at it.
            func cost(_ field: String, _ count: Int, _ status: Int) throws -> Int {
                let before = try server.processorTime()
                for _ in 0..<count {
                    try client.send("GET /a HTTP/1.1\r\nHost: h\r\nAuthorization: \(field)\r\n\r\n")
                    try #expect(client.readResponse().status == status)
                }
                return try server.processorTime() - before
            }
            let first = try cost(Self.ann, 1, 200)
            let next = try cost(Self.ann, 10, 200)
            let wrong = try cost(Self.annWrong, 3, 401)
            let unknown = try cost(Self.nobody, 3, 401)
            #expect(next < first, "\(next) for ten after \(first)")
            #expect(wrong > first, "\(wrong) for three wrong ones, \(first) for a right one")
            // A user who is not there takes as long.
            #expect(unknown > wrong / 3, "\(unknown) and \(wrong)")
        }
    }

    @Test func `files wait for no password`() async throws {
        let slow = "ann:$2y$11$VHrBfi4cs7dUkvKNbvy6cOdMisgSozQ4oQlh/uH3TduzN3XfzEuji"
        let more = "[location default /private]\nauth = M etc/htpasswd\n"
        let files = ["etc/htpasswd": slow, "www/a": "a", "www/private/a": "secret"]
        try await withServer(more: more, files: files) { server in
            let guessing = try (0..<20).map { _ in try server.connect() }
            for client in guessing {
                try client.send(
                    "GET /private/a HTTP/1.1\r\nHost: h\r\nAuthorization: \(Self.annWrong)\r\n\r\n")
            }
            // All twenty take more than a second; this one overtakes the last.
            try #expect(server.get("/a").text == "a")
            let last = try #require(guessing.last)
            #expect(last.received.isEmpty)
            for client in guessing { try #expect(client.readResponse().status == 401) }
        }
    }
}

extension ServerProcess {
    /// The processor time that it has used, in the kernel's ticks of mostly 10 ms.
    fileprivate func processorTime() throws -> Int {
        // What follows the name: the state, and ten more fields before the time in and below user mode.
        let fields = try readText("/proc/\(pid)/stat").split(separator: ") ").last?.split(separator: " ")
        guard let fields, fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else {
            throw TestFailure("no times of \(pid)")
        }
        return user + system
    }
}
