import Glibc
import TestSupport
import Testing

/// Where Debian has them.
private enum Program {
    static let php = "/usr/bin/php-cgi"
    static let modulePerl = "/usr/share/perl5/CGI.pm"
    static let python = "/usr/bin/python3"
}

/// Languages' own CGI modules, as Debian packages them, unmodified, over the settings that the documentation
/// shows.
@Suite(.timeLimit(.minutes(5))) struct RealProgramTests {
    @Test(.enabled(if: isInstalled(Program.php), "php-cgi is not installed"))
    func `php-cgi`() async throws {
        let files = [
            "www/page.php":
                "<p><?php echo 'Hello ', htmlspecialchars($_GET['name']), ' ', $_SERVER['REQUEST_METHOD'];",
            "www/info.php":
                "<?php foreach (['PHP_SELF', 'SCRIPT_NAME', 'PATH_INFO', 'SCRIPT_FILENAME', 'REQUEST_URI', 'DOCUMENT_ROOT', 'PATH_TRANSLATED'] as $n) echo $n, '=', $_SERVER[$n] ?? '-', \"\\n\";",
            "www/upload.php":
                "<?php $f = $_FILES['file']; echo $_POST['field'], ' ', $f['name'], ' ', $f['size'], ' ', md5_file($f['tmp_name']);",
            "www/session.php":
                "<?php session_save_path('.'); session_start(); $_SESSION['n'] = ($_SESSION['n'] ?? 0) + 1; echo $_SESSION['n'];",
            "www/json.php":
                "<?php header('Content-Type: application/json'); http_response_code(201); setcookie('a', '1'); setcookie('b', '2'); echo json_encode(json_decode(file_get_contents('php://input')));",
            "www/to.php": "<?php header('Location: /page.php?name=there'); exit;",
            "www/error.php": "<?php http_response_code(503); throw new Exception('broken on purpose');",
            "www/app/index.php": "<?php echo 'index ', $_SERVER['REQUEST_METHOD'];",
            "upload.bin": "",
        ]
        try await withServer(
            site: "cgi_interpreter = .php \(Program.php)\nindex = index.php index.html", files: files,
            allowed: ["PHP Fatal error"],
            prepare: { try $0.write("upload.bin", [UInt8](repeating: 7, count: 500_000)) }
        ) { server in
            let page = try server.get("/page.php?name=%3Cb%3E")
            #expect(page.status == 200)
            #expect(page.text == "<p>Hello &lt;b&gt; GET")
            #expect(page["Content-Type"]?.hasPrefix("text/html") == true)
            #expect(try server.head("/page.php?name=x").status == 200)

            let info = try server.get("/info.php/a%20b/c?d").text
            #expect(info.contains("SCRIPT_NAME=/info.php\n"), "\(info)")
            #expect(info.contains("PHP_SELF=/info.php/a b/c\n"))
            #expect(info.contains("PATH_INFO=/a b/c\n"))
            #expect(info.contains("SCRIPT_FILENAME=\(server.folder.path("www/info.php"))\n"))
            #expect(info.contains("REQUEST_URI=/info.php/a%20b/c?d\n"))

            let upload = try runCommand(
                [
                    "curl", "-sS", "-F", "field=a b", "-F", "file=@upload.bin;filename=x y.bin",
                    server.url("/upload.php"),
                ], in: server.folder.path)
            #expect(upload.stdout.hasPrefix("a b x y.bin 500000 "), "\(upload.stdout)\(upload.stderr)")
            let sum = try runCommand(["md5sum", server.folder.path("upload.bin")]).stdout.prefix(32)
            #expect(upload.stdout.hasSuffix(" \(sum)"))

            let first = try server.get("/session.php")
            #expect(first.text == "1")
            let cookie = try #require(first["Set-Cookie"]).prefix { $0 != ";" }
            #expect(try server.get("/session.php", headers: ["Cookie": String(cookie)]).text == "2")
            #expect(try server.get("/session.php").text == "1")

            let json = try server.post(
                "/json.php", "{\"a\": [1, 2]}", headers: ["Content-Type": "application/json"])
            #expect(json.status == 201)
            #expect(json.text == "{\"a\":[1,2]}")
            #expect(json.all("Set-Cookie").count == 2)
            let redirect = try server.get("/to.php")
            #expect(redirect.status == 302)
            #expect(redirect["Location"] == "/page.php?name=there")
            // It exits with 255 and has answered nevertheless.
            #expect(try server.get("/error.php").status == 503)
            #expect(try server.post("/app/", "x").text == "index POST")
            #expect(try server.get("/none.php").status == 404)
        }
    }

    @Test(.enabled(if: isInstalled(Program.modulePerl), "libcgi-pm-perl is not installed"))
    func `Perl CGI.pm`() async throws {
        let scripts = [
            "form": """
            #!/usr/bin/perl
            use CGI;
            my $q = CGI->new;
            print $q->header(-type => 'text/plain', -charset => 'utf-8'), join("|", map { "$_=" . join(",", $q->multi_param($_)) } sort $q->param), "|", $q->url, "|", $q->path_info, "|", $q->self_url;
            """,
            "upload": """
            #!/usr/bin/perl
            use CGI; use Digest::MD5;
            my $q = CGI->new;
            my $file = $q->upload('file');
            print $q->header('text/plain'), $q->param('field'), " ", $q->param('file'), " ", $q->uploadInfo($file)->{'Content-Type'}, " ", Digest::MD5->new->addfile($file)->hexdigest;
            """,
            "cookies": """
            #!/usr/bin/perl
            use CGI;
            my $q = CGI->new;
            my @cookies = map { $q->cookie(-name => $_, -value => "new $_", -path => '/') } 'a', 'b';
            print $q->header(-type => 'text/plain', -cookie => \\@cookies, -status => '202 Taken'), join(",", map { "$_=" . $q->cookie($_) } sort $q->cookie);
            """,
            "push": """
            #!/usr/bin/perl
            use CGI::Push qw(:standard);
            do_push(-next_page => sub { my ($q, $n) = @_; return $n > 3 ? undef : "page $n\\n" }, -type => 'text/plain', -delay => 0.05);
            """,
            "multipart": """
            #!/usr/bin/perl
            use CGI;
            $| = 1;
            my $q = CGI->new;
            print $q->multipart_init(-boundary => 'xyz');
            for my $n (1 .. 3) { print $q->multipart_start(-type => 'text/plain'), "page $n\\n", $n < 3 ? $q->multipart_end : $q->multipart_final; }
            """,
            "redirect": """
            #!/usr/bin/perl
            use CGI;
            print CGI->new->redirect('http://example.org/there');
            """,
            "nph-page": """
            #!/usr/bin/perl
            use CGI qw(:standard -nph);
            print header(-type => 'text/plain', -status => '203 Own'), "nph page";
            """,
            "carp": """
            #!/usr/bin/perl
            use CGI::Carp qw(fatalsToBrowser);
            die "broken on purpose";
            """,
        ]
        try await withScripts(
            scripts, prepare: { try $0.write("upload.bin", [UInt8](repeating: 7, count: 300_000)) }
        ) { server in
            let base = server.url("/cgi-bin/form")
            let got = try server.get("/cgi-bin/form/info?a=1&b=%C3%A9&a=2;c=x+y")
            #expect(
                got.text == "a=1,2|b=\u{E9}|c=x y|\(base)|/info|\(base)/info?a=1;a=2;b=%C3%A9;c=x%20y",
                "\(got)")
            let posted = try server.post(
                "/cgi-bin/form", "a=1&text=two%0D%0Alines",
                headers: ["Content-Type": "application/x-www-form-urlencoded"])
            #expect(posted.text.hasPrefix("a=1|text=two\r\nlines|"), "\(posted)")

            let upload = try runCommand(
                [
                    "curl", "-sS", "-F", "field=some text", "-F", "file=@upload.bin;type=application/x-own",
                    server.url("/cgi-bin/upload"),
                ], in: server.folder.path)
            let sum = try runCommand(["md5sum", server.folder.path("upload.bin")]).stdout.prefix(32)
            #expect(upload.stdout == "some text upload.bin application/x-own \(sum)", "\(upload.stderr)")

            let cookies = try server.get("/cgi-bin/cookies", headers: ["Cookie": "x=1", "Cookie": "y=2"])
            #expect(cookies.status == 202)
            #expect(cookies.text == "x=1,y=2")
            #expect(cookies.all("Set-Cookie").map { $0.prefix(2) } == ["a=", "b="])

            for name in ["push", "multipart"] {
                // On one connection, which has to survive the whole responses that these print.
                let client = try server.connect()
                for _ in 1...2 {
                    try client.send("GET /cgi-bin/\(name) HTTP/1.1\r\nHost: h\r\n\r\n")
                    let response = try client.readResponse()
                    #expect(response.status == 200)
                    #expect(response["Content-Type"]?.hasPrefix("multipart/x-mixed-replace") == true)
                    for page in 1...3 { #expect(response.text.contains("page \(page)\n"), "\(name)") }
                    #expect(response.all("Date").count == 1)
                    #expect(response.all("Server").count == 1)
                }
            }
            let redirect = try server.get("/cgi-bin/redirect")
            #expect(redirect.status == 302)
            #expect(redirect["Location"] == "http://example.org/there")
            let whole = try server.get("/cgi-bin/nph-page")
            #expect(whole.status == 203)
            #expect(whole.text == "nph page")
            #expect(whole.all("Date").count == 1)
            let carp = try server.cutAnswer(
                to: "GET /cgi-bin/carp HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
            #expect(carp.text.contains("broken on purpose"))
            _ = try server.waitForError(containing: "stderr: ")
        }
    }

    @Test(.enabled(if: isInstalled(Program.python), "python3 is not installed"))
    func `Python wsgiref's CGIHandler`() async throws {
        let app = """
            #!/usr/bin/python3
            import os
            from urllib.parse import parse_qs
            from wsgiref.handlers import CGIHandler
            from wsgiref.util import request_uri, shift_path_info
            from wsgiref.validate import validator

            def app(environ, start_response):
                path = environ.get("PATH_INFO", "")
                if path == "/fails":
                    raise RuntimeError("broken on purpose")
                if path == "/lazy":
                    def pages():
                        for number in range(3):
                            yield b"page %d\\n" % number
                    start_response("200 OK", [("Content-Type", "text/plain")])
                    return pages()
                if path == "/empty":
                    start_response("204 No Content", [])
                    return []
                length = int(environ.get("CONTENT_LENGTH") or 0)
                body = environ["wsgi.input"].read(length)
                query = parse_qs(environ["QUERY_STRING"])
                text = repr((environ["REQUEST_METHOD"], path, sorted(query.items()), len(body), request_uri(environ)))
                print("noted", file=environ["wsgi.errors"])
                start_response("201 Made", [("Content-Type", "text/plain; charset=utf-8"), ("X-A", "1"), ("X-A", "2"), ("Content-Length", str(len(text)))])
                return [text.encode()]

            # The validator wants a PATH_INFO, which WSGI does not.
            CGIHandler().run(validator(app) if "PATH_INFO" in os.environ else app)
            """
        try await withScripts(["app": app]) { server in
            let response = try server.post(
                "/cgi-bin/app/a%20b?c=1&c=2", "12345", headers: ["Content-Type": "text/x"])
            #expect(response.status == 201, "\(response)")
            let uri = server.url("/cgi-bin/app/a%20b?c=1&c=2")
            #expect(response.text == "('POST', '/a b', [('c', ['1', '2'])], 5, '\(uri)')")
            #expect(response.all("X-A") == ["1", "2"])
            _ = try server.waitForError(containing: "stderr: noted")
            let bare = try server.get("/cgi-bin/app")
            #expect(bare.text.hasPrefix("('GET', '', [], 0, "), "\(bare)")
            let empty = try server.post("/cgi-bin/app/x", "")
            #expect(empty.text.hasPrefix("('POST', '/x', [], 0, "))
            #expect(try server.get("/cgi-bin/app/lazy").text == "page 0\npage 1\npage 2\n")
            #expect(try server.get("/cgi-bin/app/empty").status == 204)
            let head = try server.head("/cgi-bin/app/x")
            #expect(head.status == 201)
            #expect(head["Content-Length"] != nil)
            let failed = try server.get("/cgi-bin/app/fails")
            #expect(failed.status == 500)
            #expect(try server.waitForError(containing: "broken on purpose").contains("script=/cgi-bin/app "))
        }
    }
}
