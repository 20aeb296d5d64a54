#!/usr/bin/env python3
"""Takes an uploaded file and shows its name, type, size and SHA-256.

The module "cgi" has left Python with 3.13, so the body (multipart/form-data,
RFC 7578) is taken apart here. It is read piece by piece into a temporary file:
the memory in use stays small, however large the upload.
"""
import hashlib
import os
import re
import sys
import tempfile
from email.parser import HeaderParser
from html import escape

MAX_BYTES = 32 * 1024 * 1024  # of the whole request body
MAX_HEADER = 8 * 1024         # of the header of one part
PIECE = 64 * 1024             # read at once

FORM = """
<form action="{action}" method="post" enctype="multipart/form-data">
<p><label for="file">A file, {limit} MiB at most</label>
<input type="file" id="file" name="file"></p>
<p><button>Upload</button></p>
</form>
"""


class Problem(Exception):
    """Ends the request with a status and a sentence for the visitor."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Body:
    """The request body: CONTENT_LENGTH bytes of standard input."""

    def __init__(self, stream, length):
        self.stream = stream
        self.left = length
        # With a line break in front, the first delimiter looks like the others.
        self.buffer = bytearray(b"\r\n")

    def copy_until(self, mark, write):
        """Hands everything up to mark to write(), and skips the mark."""
        while True:
            found = self.buffer.find(mark)
            if found >= 0:
                write(bytes(self.buffer[:found]))
                del self.buffer[:found + len(mark)]
                return
            # The mark may have begun in the last bytes: keep those back.
            done = max(0, len(self.buffer) - len(mark) + 1)
            write(bytes(self.buffer[:done]))
            del self.buffer[:done]
            self.read_more()

    def is_at_end(self):
        """Whether the delimiter just skipped was the last: "--" follows it."""
        while len(self.buffer) < 2:
            self.read_more()
        return self.buffer.startswith(b"--")

    def read_more(self):
        piece = self.stream.read(min(PIECE, self.left))
        if not piece:
            raise Problem("400 Bad Request", "The upload ended too early.")
        self.left -= len(piece)
        self.buffer += piece

    def part_header(self):
        """The header of the part that begins here, as an email message."""
        header = bytearray()

        def keep(piece):
            header.extend(piece)
            if len(header) > MAX_HEADER:
                raise Problem("400 Bad Request", "The header of a part is too long.")

        self.copy_until(b"\r\n\r\n", keep)
        return HeaderParser().parsestr(header.decode("utf-8", "replace").lstrip())


def boundary_of(content_type):
    """The line between two parts, from Content-Type: ...; boundary=..."""
    message = HeaderParser().parsestr("Content-Type: " + content_type)
    boundary = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not boundary:
        raise Problem("415 Unsupported Media Type", "Send a form with a file in it.")
    return b"\r\n--" + boundary.encode("utf-8", "surrogateescape")


def receive(stream, length, content_type):
    """Reads the form up to its field "file" and describes that."""
    body = Body(stream, length)
    delimiter = boundary_of(content_type)
    body.copy_until(delimiter, lambda preamble: None)
    while not body.is_at_end():
        header = body.part_header()
        field = header.get_param("name", header="content-disposition")
        filename = header.get_filename()
        if field == "file" and filename:
            break
        body.copy_until(delimiter, lambda other_field: None)
    else:
        raise Problem("400 Bad Request", "No file was chosen.")

    digest = hashlib.sha256()
    with tempfile.TemporaryFile() as kept:

        def keep(piece):
            digest.update(piece)
            kept.write(piece)

        body.copy_until(delimiter, keep)
        # A real script would now move the file to its place, under a name of
        # its own making: the visitor's may be "../../etc/passwd".
        size = kept.tell()
        kept.seek(0)
        start = kept.read(16)

    return {
        "Name": filename,
        "Type": header.get("Content-Type", "not given"),
        "Bytes": f"{size:,}",
        "SHA-256": digest.hexdigest(),
        "First bytes": " ".join(f"{byte:02x}" for byte in start) or "none",
    }


def answer(content, status="200 OK", heading="Upload a file", extra=""):
    """Prints header and page. Nothing has been printed before."""
    form = FORM.format(action=escape(os.environ.get("SCRIPT_NAME", "")),
                       limit=MAX_BYTES // 1024 ** 2)
    print(f"""Status: {status}
{extra}Content-Type: text/html; charset=utf-8

<!DOCTYPE html>
<html lang="en">
<head>
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{heading}</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/style.css">
</head>
<body>
<nav><a href="/">Gatehouse demo</a></nav>
<main>
<h1>{heading}</h1>
{content}{form}</main>
</body>
</html>""")


def refuse(problem):
    allow = "Allow: GET, HEAD, POST\n" if problem.status.startswith("405") else ""
    answer(f'<p class="problem">{escape(str(problem))}</p>\n',
           problem.status, problem.status, allow)


def main():
    # The page is UTF-8, whatever language the server runs in.
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")

    method = os.environ.get("REQUEST_METHOD", "GET")
    if method in ("GET", "HEAD"):
        answer("<p>The file is measured and then thrown away.</p>")
        return
    try:
        if method != "POST":
            raise Problem("405 Method Not Allowed", "Use GET or POST.")
        length = os.environ.get("CONTENT_LENGTH", "")
        if not re.fullmatch("[0-9]{1,15}", length):
            raise Problem("411 Length Required", "How long is the upload?")
        if int(length) > MAX_BYTES:
            raise Problem("413 Content Too Large", "This file is too large.")
        facts = receive(sys.stdin.buffer, int(length), os.environ.get("CONTENT_TYPE", ""))
    except UnicodeError:  # the email package, on a name in a broken encoding
        refuse(Problem("400 Bad Request", "The form cannot be read."))
        return
    except Problem as problem:
        refuse(problem)
        return
    rows = "".join(f'<tr><th scope="row">{escape(name)}</th>'
                   f'<td class="text">{escape(value)}</td></tr>\n'
                   for name, value in facts.items())
    answer(f"<table>\n<caption>The file that came in</caption>\n<tbody>\n{rows}</tbody>\n</table>\n")


main()
