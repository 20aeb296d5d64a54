import Glibc
import TestSupport
import Testing

/// Conditions and ranges that meet a script's answer.
@Suite(.timeLimit(.minutes(5))) struct ScriptConditionTests {
    private static func get(_ name: String, _ fields: String = "") -> String {
        "GET /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\n\(fields)\r\n"
    }

    @Test func `ETag and Last-Modified of the script`() async throws {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT"
        let scripts = [
            "tag": prints("Content-Type: text/x\\nETag: \"a\"\\nX-A: b\\n\\nbody"),
            "date": prints("Content-Type: text/x\\nLast-Modified: \(date)\\n\\nbody"),
            "missing": prints("Status: 404\\nETag: \"a\"\\n\\nbody"),
        ]
        try await withScripts(scripts) { server in
            for (script, field, value, status) in [
                ("tag", "If-None-Match", "\"a\"", 304), ("tag", "If-None-Match", "\"b\", W/\"a\"", 304),
                ("tag", "If-None-Match", "\"b\"", 200), ("tag", "If-Match", "\"b\"", 412),
                ("tag", "If-Match", "\"a\"", 200), ("date", "If-Modified-Since", date, 304),
                ("date", "If-Modified-Since", "Sat, 05 Nov 1994 08:49:37 GMT", 200),
                ("date", "If-Unmodified-Since", "Sat, 05 Nov 1994 08:49:37 GMT", 412),
                ("missing", "If-None-Match", "\"a\"", 404),
            ] {
                let client = try server.connect()
                try client.send(Self.get(script, "\(field): \(value)\r\n"))
                let response = try client.readResponse()
                #expect(response.status == status, "\(script) \(field): \(value)")
                if status == 304 {
                    #expect(response["Content-Type"] == nil)
                    #expect(response["ETag"] == "\"a\"" || script == "date")
                }
                // The connection is fine behind it.
                try client.send(Self.get("tag"))
                #expect(try client.readResponse().text == "body")
            }
            let posted = try server.post("/cgi-bin/tag", "x", headers: ["If-None-Match": "\"a\""])
            #expect(posted.status == 200)
        }
    }

    @Test func `Range on CGI output`() async throws {
        try await withScripts(["x": prints("Content-Type: text/x\\n\\n0123456789")]) { server in
            let response = try server.get("/cgi-bin/x", headers: ["Range": "bytes=2-4"])
            #expect(response.status == 200)
            #expect(response.text == "0123456789")
        }
    }

    @Test(arguments: [
        ("404 Gone for now", 404, "0123456789"), ("201 Made", 201, "0123456789"), ("200 OK", 206, "2345"),
        ("206 Part", 206, "2345"), ("204 Nothing", 204, ""),
    ])
    func `X-Sendfile with a Status`(_ status: String, _ code: Int, _ content: String) async throws {
        let script = shell("printf 'Status: \(status)\nX-Sendfile: %s\n\n' \"$HTTP_X_FILE\"")
        try await withScripts(
            ["x": script], site: "cgi_sendfile = files", files: ["files/a.txt": "0123456789"]
        ) {
            server in
            let fields: KeyValuePairs = ["X-File": server.folder.path("files/a.txt"), "Range": "bytes=2-5"]
            let response = try server.get("/cgi-bin/x", headers: fields)
            #expect(response.status == code)
            #expect(response.text == content)
            #expect(response["X-Sendfile"] == nil)
            #expect((response["ETag"] != nil) == (code == 206 || code == 201))
            let bare = try server.head("/cgi-bin/x", headers: ["X-File": server.folder.path("files/a.txt")])
            #expect(bare.status == (code == 206 ? 200 : code))
            #expect(bare["Content-Length"] == (code == 204 ? nil : "10"))
        }
    }

    @Test(arguments: ["X-Sendfile", "X-Accel-Redirect", "X-LIGHTTPD-send-file"])
    func `X-Sendfile`(_ field: String) async throws {
        let script = shell(
            "printf '\(field): %s\\nX-A: b\\n\(field == "X-Sendfile" ? "" : "Content-Type: text/own\\n")\\nnot this' \"$HTTP_X_FILE\""
        )
        let files = ["files/a.txt": "0123456789", "filesystem/b": "secret", "files/deep/b.css": "b"]
        try await withScripts(["x": script], site: "cgi_sendfile = files", files: files) { server in
            let path = server.folder.path("files")
            let whole = try server.get("/cgi-bin/x", headers: ["X-File": "\(path)/a.txt"])
            #expect(whole.status == 200)
            #expect(whole.text == "0123456789")
            #expect(whole.framing == .length)
            #expect(whole[field] == nil)
            #expect(whole["X-A"] == "b")
            #expect(whole.all("Content-Type") == [field == "X-Sendfile" ? "text/plain" : "text/own"])
            let part = try server.get(
                "/cgi-bin/x", headers: ["X-File": "\(path)/a.txt", "Range": "bytes=2-4"])
            #expect(part.status == 206)
            #expect(part.text == "234")
            let tag = try #require(whole["ETag"])
            let known = try server.get(
                "/cgi-bin/x", headers: ["X-File": "\(path)/a.txt", "If-None-Match": tag])
            #expect(known.status == 304)
            #expect(try server.get("/cgi-bin/x", headers: ["X-File": "\(path)/none"]).status == 404)
            for file in [
                "\(path)/../filesystem/b", "\(path)ystem/b", "/etc/passwd", "a.txt", path, "\(path)/",
                "\(path)/deep",
            ] {
                let response = try server.get("/cgi-bin/x", headers: ["X-File": file])
                #expect(response.status >= 400, "\(file)")
                #expect(!response.text.contains("secret"))
            }
            _ = try server.waitForError(
                containing: "named /etc/passwd in \(field), which is below no folder of cgi_sendfile")
            _ = try server.waitForError(containing: "a path with .. in \(field)")
        }
    }
}
