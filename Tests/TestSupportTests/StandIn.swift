import TestSupport

/// A little server in Python that takes the calls and prints the lines of the real one, and that
/// misbehaves on request: a line of its server.ini that begins with `;misbehave` says how.
enum StandIn {
    static let program = #"""
        #!/usr/bin/env python3
        import http.server, os, signal, subprocess, sys, threading

        assert sys.argv[1:3] == ["run", "-c"], sys.argv
        ini = open(sys.argv[3]).read()
        vices = {line.split()[1] for line in ini.splitlines() if line.startswith(";misbehave")}
        kept = []

        class Handler(http.server.SimpleHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def log_message(self, form, *words):
                if "silent" not in vices:
                    print(form % words, flush=True)
            def do_GET(self):
                if "leak-descriptors" in vices: kept.append(open("/dev/null"))
                if "keep-folder" in vices: kept.append(os.open(".", os.O_RDONLY))
                if self.path == "/abort": os.abort()
                if self.path == "/chunks":
                    self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
                    for part in b"one", b"three", b"":
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                    return
                super().do_GET()

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

        if "exit" in vices: print("server.ini:3: unknown key", file=sys.stderr); sys.exit(1)
        if "hang" in vices: signal.pause()
        os.chdir("www")
        server = Server(("127.0.0.1", 0), Handler)
        if "deaf" in vices: signal.signal(signal.SIGTERM, signal.SIG_IGN)
        else: signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
        if "leave-child" in vices:
            subprocess.Popen(["sleep", "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL, start_new_session=True)
        if "alarm" in vices: print("Fatal error: Index out of range", file=sys.stderr, flush=True)
        print("gatehouse: listening on http://127.0.0.1:%d" % server.server_port, file=sys.stderr, flush=True)
        server.serve_forever()
        # At once: an interpreter that ends stumbles over threads that still print.
        sys.stdout.flush()
        os._exit(3 if "status" in vices else 0)
        """#

    static let exists = commandExists("python3")

    /// As `withServer`, with the stand-in.
    static func run(
        misbehaving vice: String = "", files: [String: String] = ["www/a.txt": "Hello"],
        allowed: [String] = [], test body: @escaping @Sendable (ServerProcess) throws -> Void
    ) async throws {
        let folder = try ScratchFolder()
        let executable = try folder.script("standin", program)
        try await withServer(
            ini: "[server]\nlisten = 127.0.0.1:0\n" + (vice.isEmpty ? "" : ";misbehave \(vice)\n"),
            files: files,
            allowed: allowed, executable: executable, test: body)
        withExtendedLifetime(folder) {}
    }
}
