"""What the servers serve: the same files and the same scripts for all of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent

FILES = {"1k": ("1k.html", 1 << 10), "100k": ("100k.jpg", 100 << 10), "10m": ("10m.bin", 10 << 20)}

SCRIPT_ANSWER = b"hello\n"
SLOW_SCRIPT = "slow"
SLOW_MILLISECONDS = 100


@dataclass
class Content:
    """A folder of files, a folder of scripts below it, and the tools compiled for the bench."""

    root: Path
    # Script name as in the scenario (c, sh, perl, python) to file name.
    scripts: dict[str, str] = field(default_factory=dict)
    spawnloop: Path | None = None

    @property
    def cgi_bin(self) -> Path:
        return self.root / "cgi-bin"

    def expected_length(self, path: str) -> int:
        """Length of the right answer to GET `path`."""
        for name, size in FILES.values():
            if path == f"/{name}":
                return size
        return len(SCRIPT_ANSWER)

    def script_environment(self, script: Path) -> dict[str, str]:
        """What Gatehouse gives a script for the same request. LANG alone is a tenth and more of Perl's start."""
        return {
            "GATEWAY_INTERFACE": "CGI/1.1",
            "SERVER_SOFTWARE": "gatehouse/1.0",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "8080",
            "SERVER_ADDR": "127.0.0.1",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REQUEST_METHOD": "GET",
            "REQUEST_SCHEME": "http",
            "REQUEST_URI": f"/cgi-bin/{script.name}",
            "SCRIPT_NAME": f"/cgi-bin/{script.name}",
            "SCRIPT_FILENAME": os.fspath(script),
            "DOCUMENT_ROOT": os.fspath(self.root),
            "QUERY_STRING": "",
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_HOST": "127.0.0.1",
            "REMOTE_PORT": "40000",
            "REDIRECT_STATUS": "200",
            "UNIQUE_ID": "0123456789abcdef",
            "HTTP_HOST": "127.0.0.1:8080",
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
        }


def make_content(folder: Path) -> Content:
    """Write files and scripts below `folder`, which the servers' own users must be able to read."""
    content = Content(folder / "www")
    content.cgi_bin.mkdir(parents=True)
    for name, size in FILES.values():
        (content.root / name).write_bytes((b"0123456789abcde\n" * (size // 16 + 1))[:size])
    _write_interpreted_scripts(content)
    _compile_programs(content, folder)
    for path in [folder, content.root, content.cgi_bin, *content.cgi_bin.iterdir()]:
        path.chmod(0o755)
    return content


SCRIPT_BODIES = {
    "sh": "printf 'Content-Type: text/plain\\r\\n\\r\\nhello\\n'",
    "perl": 'print "Content-Type: text/plain\\r\\n\\r\\nhello\\n";',
    "python": 'import sys\nsys.stdout.write("Content-Type: text/plain\\r\\n\\r\\nhello\\n")',
}


def _write_interpreted_scripts(content: Content) -> None:
    for kind, body in SCRIPT_BODIES.items():
        interpreter = script_interpreter(kind)
        if interpreter:
            path = content.cgi_bin / f"hello.{kind}"
            path.write_text(f"#!{interpreter}\n{body}\n")
            content.scripts[kind] = path.name
    seconds = SLOW_MILLISECONDS / 1000
    (content.cgi_bin / SLOW_SCRIPT).write_text(f"#!/bin/sh\nsleep {seconds}\n{SCRIPT_BODIES['sh']}\n")


def script_interpreter(kind: str) -> str | None:
    """The system's own interpreter, not a wrapper that some version manager put on PATH."""
    name = {"sh": "sh", "perl": "perl", "python": "python3"}[kind]
    fallback = sys.executable if kind == "python" else None
    return shutil.which(name, path="/bin:/usr/bin") or shutil.which(name) or fallback


def _compile_programs(content: Content, folder: Path) -> None:
    if not shutil.which("gcc"):
        print("bench: no gcc, so no C script and no ceiling", file=sys.stderr)
        return
    compile_program("hello.c", content.cgi_bin / "hello", "-static")
    content.scripts = {"c": "hello", **content.scripts}
    slow = content.cgi_bin / SLOW_SCRIPT
    slow.unlink()
    compile_program("hello.c", slow, "-static", f"-DSLEEP_MS={SLOW_MILLISECONDS}")
    content.spawnloop = folder / "spawnloop"
    compile_program("spawnloop.c", content.spawnloop)


def compile_program(source: str, target: Path, *options: str) -> None:
    """Compile a source beside this file; warnings are errors."""
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", *options, "-o", os.fspath(target)]
    subprocess.run([*command, os.fspath(HERE / source)], check=True)
