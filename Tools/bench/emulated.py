#!/usr/bin/env python3
"""Counts instructions per request, user and kernel, in an emulated machine and prints Markdown tables.

For machines that hide their counters. docs/performance.md says how, and what the figures mean.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True  # No __pycache__ in the source tree.

import qemu
from bench import BINARY, choice
from content import FILES, HERE, SCRIPT_ANSWER, SCRIPT_BODIES, Content, compile_program, script_interpreter
from initramfs import Initramfs
from processes import session
from report import YARDSTICKS, table
from servers import ALL_SERVERS, Gatehouse, Lighttpd, Server, find_program

BARE_LOOP = "bareloop"
# The loop answers from one buffer, which is the floor for small files only.
BARE_LOOP_FILES = ["1k"]
SERVERS = [*(server.name for server in ALL_SERVERS), BARE_LOOP]
DEFAULT_SERVERS = ["gatehouse", "nginx", "lighttpd", BARE_LOOP]
DEFAULT_FILES = ["1k"]
EMULATED_FILES = ["1k", "100k"]
# Python is left out: the machine would need its library.
EMULATED_SCRIPTS = ["c", "sh", "perl"]
SPAWN_LOOP = "spawnloop"
FILE_CONNECTIONS = 64
SCRIPT_CONNECTIONS = 16

# What else is needed, and whose it is.
PACKAGES = {qemu.PROGRAM: "qemu-system-x86", "busybox": "busybox-static", "wrk": "wrk", "chrt": "util-linux"}

# How long the emulation may take on a slow and busy machine: starting it, and each server and file.
BOOT_SECONDS = 180
STEP_SECONDS = 240
FIRST_PORT = 8000

# lighttpd loads these unasked, where it does not have them built in.
LIGHTTPD_MODULES = ["mod_accesslog", "mod_cgi", "mod_dirlisting", "mod_indexfile", "mod_staticfile"]
SCRIPT_SERVERS = [Gatehouse, Lighttpd]
LIGHTTPD_FOLDER = Path("/usr/lib/lighttpd")

LOCALE_FOLDER = Path("/usr/lib/locale/C.utf8")

PASSWD = "root:x:0:0::/:/bin/sh\nwww-data:x:33:33::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
GROUP = "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"


def note(text: str) -> None:
    """Progress goes to stderr, so that stdout is the tables and nothing else."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gatehouse", type=Path, default=BINARY, metavar="FILE", help="the release binary")
    parser.add_argument(
        "--kernel",
        type=Path,
        metavar="FILE",
        help=f"a vmlinuz or its package; else apt's {qemu.KERNEL_PACKAGE}",
    )
    parser.add_argument(
        "--servers",
        type=choice(SERVERS),
        default=DEFAULT_SERVERS,
        help=f"{','.join(SERVERS)}; {','.join(DEFAULT_SERVERS)} unless told",
    )
    parser.add_argument(
        "--files",
        type=choice(EMULATED_FILES),
        default=DEFAULT_FILES,
        help=f"{','.join(EMULATED_FILES)}; 1k unless told",
    )
    parser.add_argument(
        "--scripts",
        type=choice(EMULATED_SCRIPTS),
        default=[],
        help=f"{','.join(EMULATED_SCRIPTS)}; none unless told",
    )
    return parser.parse_args()


def missing(arguments: argparse.Namespace) -> str | None:
    """What this machine lacks, in a line; None where all is there."""
    if platform.machine() != "x86_64":
        return f"instructions are counted on x86_64 only, this is {platform.machine()}"
    if lacking := {program: package for program, package in PACKAGES.items() if not find_program(program)}:
        return f"{', '.join(lacking)} missing: apt-get install {' '.join(lacking.values())}"
    if arguments.kernel and not arguments.kernel.is_file():
        return f"--kernel {arguments.kernel}: there is no such file"
    return None


@dataclass
class Guest:
    """What the emulated machine holds and does: files, and calls of guest.sh's `measure`."""

    content: Content = field(default_factory=lambda: Content(Path("/www")))
    files: Initramfs = field(default_factory=Initramfs)
    plan: list[str] = field(default_factory=list)

    def add_base(self) -> None:
        for folder in ("/dev", "/proc", "/sys", "/tmp", "/run", "/var/lib/nginx", "/var/log/nginx"):
            self.files.add_folder(Path(folder))
        self.files.add_program(Path(find_program("busybox") or ""), Path("/bin/busybox"))
        for name in ("wrk", "chrt"):
            self.files.add_program(Path(find_program(name) or ""), Path("/bin") / name)
        self.files.add(Path("/etc/passwd"), PASSWD.encode())
        self.files.add(Path("/etc/group"), GROUP.encode())
        for name in ("/etc/mime.types", "/etc/localtime"):
            if Path(name).exists():
                self.files.add_file(Path(name))
        for name, size in FILES.values():
            self.files.add(self.content.root / name, (b"0123456789abcde\n" * (size // 16 + 1))[:size])

    def add_scripts(self, folder: Path, kinds: list[str]) -> None:
        """Scripts, their interpreters, and what starts them in the ceiling."""
        for kind in kinds:
            path = self.content.cgi_bin / f"hello.{kind}"
            if kind == "c":
                compile_program("hello.c", folder / path.name, "-static")
                self.files.add_file(folder / path.name, path)
            elif interpreter := script_interpreter(kind):
                # The machine's own sh is BusyBox's.
                real = Path(interpreter).resolve()
                self.files.add_program(real)
                self.files.add(path, f"#!{real}\n{SCRIPT_BODIES[kind]}\n".encode(), 0o755)
                # Perl complains of a LANG that is not there.
                for file in LOCALE_FOLDER.rglob("*"):
                    if file.is_file():
                        self.files.add_file(file)
            else:
                note(f"no interpreter for {kind}: left out")
                continue
            self.content.scripts[kind] = path.name
        if kinds:
            compile_program("spawnloop.c", folder / SPAWN_LOOP)
            self.files.add_program(folder / SPAWN_LOOP, Path("/bin") / SPAWN_LOOP)

    def add_ceilings(self) -> None:
        for kind, name in self.content.scripts.items():
            script = self.content.cgi_bin / name
            variables = [f"{key}={value}" for key, value in self.content.script_environment(script).items()]
            self.plan.append(shlex.join(["ceiling", f"{kind} script", str(script), *variables]))

    def add_server(self, kind: type[Server], names: list[str]) -> None:
        """A server as the bench has it, but with one worker, for there is one processor."""
        server = kind(Path("/srv") / kind.name, self.content)
        server.workers = 1
        server.runs_scripts = bool(self.content.scripts) and kind in SCRIPT_SERVERS
        self.files.add_program(Path(kind.find() or ""))
        self.files.add_folder(server.folder)
        if kind.name == "lighttpd":
            for module in LIGHTTPD_MODULES:
                if (path := LIGHTTPD_FOLDER / f"{module}.so").exists():
                    self.files.add_program(path)
        server.port = FIRST_PORT + len(self.plan)
        config = server.configuration()
        self.files.add(server.config, config.encode())
        # Modules and tables of media types that it names.
        for path in map(Path, re.findall(r"/(?:etc|usr)/[\w./-]+", config)):
            if path.is_file():
                self.files.add_program(path)
        for name in names:
            self._measure(kind.name, server.port, name, server.command())
        if server.runs_scripts:
            for script, file in self.content.scripts.items():
                self._measure_answer(
                    *(kind.name, server.port, f"{script} script", f"cgi-bin/{file}", len(SCRIPT_ANSWER)),
                    *(SCRIPT_CONNECTIONS, server.command()),
                )

    def add_bare_loop(self, folder: Path, names: list[str]) -> None:
        compile_program(f"{BARE_LOOP}.c", folder / BARE_LOOP)
        self.files.add_program(folder / BARE_LOOP, Path("/bin") / BARE_LOOP)
        self.files.add_folder(Path("/srv") / BARE_LOOP)
        for name in names:
            if name in BARE_LOOP_FILES:
                port = FIRST_PORT + len(self.plan)
                self._measure(BARE_LOOP, port, name, [BARE_LOOP, str(port), str(FILES[name][1])])

    def write(self, target: Path) -> None:
        self.files.add_file(HERE / "guest.sh", Path("/init"))
        self.files.add(Path("/plan"), "".join(f"{line}\n" for line in self.plan).encode())
        self.files.write(target)

    def _measure(self, server: str, port: int, name: str, command: list[str]) -> None:
        self._measure_answer(server, port, name, *FILES[name], FILE_CONNECTIONS, command)

    def _measure_answer(
        self, server: str, port: int, title: str, path: str, size: int, connections: int, command: list[str]
    ) -> None:
        words = ["measure", server, str(port), title, path, str(size), str(connections), *command]
        self.plan.append(shlex.join(words))


def make_guest(arguments: argparse.Namespace, folder: Path) -> tuple[Guest, list[str]]:
    """The guest, and the versions of the servers in it."""
    guest = Guest()
    guest.add_base()
    if arguments.scripts and shutil.which("gcc"):
        guest.add_scripts(folder, arguments.scripts)
    elif arguments.scripts:
        note("no gcc, so no ceiling and no scripts")
    versions: list[str] = []
    for kind in ALL_SERVERS:
        if kind.name not in arguments.servers:
            continue
        if kind.find():
            guest.add_server(kind, arguments.files)
            versions.append(kind.version())
        elif kind is Gatehouse:
            note(f"{arguments.gatehouse} is missing (make build makes it): measuring the others only")
        else:
            note(f"{kind.name} is not installed: left out")
    if BARE_LOOP in arguments.servers:
        if shutil.which("gcc"):
            guest.add_bare_loop(folder, arguments.files)
        else:
            note("no gcc, so no bare loop")
    guest.add_ceilings()
    return guest, list(dict.fromkeys(versions))


@dataclass
class Figures:
    """Instructions for one request: of the server's processes alone, and of all that ran."""

    server: float
    machine: float


@dataclass
class Results:
    """What the guest said: figures by load and server, and what failed."""

    figures: dict[str, dict[str, Figures]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """A line of the console; those that are none of the guest's own are passed over."""
        if found := re.match(r"RESULT ([^:]+):([^:]+):(\d+):(\d+):(\d+)$", line):
            server, title = found.group(1, 2)
            requests, own, machine = map(int, found.group(3, 4, 5))
            self.figures.setdefault(title, {})[server] = Figures(own / requests, machine / requests)
            note(f"  {server} {title}")
        elif line.startswith("FAILED "):
            self.failures.append(line.removeprefix("FAILED "))
            note(f"  {line}")

    def tables(self) -> str:
        return "\n".join(
            (_script_section if title.endswith(" script") else _section)(title, rows)
            for title, rows in self.figures.items()
        )


def _section(title: str, rows: dict[str, Figures]) -> str:
    """One file's table: what a request took of the server, and how the servers compare."""
    floor = rows[BARE_LOOP].server if BARE_LOOP in rows else None
    head = ["server", "instructions/request", *(f"÷ {name}" for name in YARDSTICKS), "over the bare loop"]
    lines = [
        [
            "(bare loop)" if name == BARE_LOOP else name,
            f"{row.server:,.0f}",
            *(f"{row.server / rows[it].server:.2f}" if it in rows else "" for it in YARDSTICKS),
            f"{row.server - floor:,.0f}" if floor is not None and name != BARE_LOOP else "",
        ]
        for name, row in rows.items()
    ]
    return f"### {title}\n\n{table(head, lines)}"


def _script_section(title: str, rows: dict[str, Figures]) -> str:
    """One script's table: what a request took of server, script and client, and how near the ceiling that is."""
    ceiling = rows[SPAWN_LOOP].machine if SPAWN_LOOP in rows else None
    head = ["server", "instructions/request", "of the server alone", "scripts ÷ ceiling"]
    lines = [
        [
            "(ceiling)" if name == SPAWN_LOOP else name,
            f"{row.machine:,.0f}",
            f"{row.server:,.0f}" if name != SPAWN_LOOP else "",
            f"{ceiling / row.machine:.3f}" if ceiling else "",
        ]
        for name, row in rows.items()
    ]
    return f"### {title}\n\n{table(head, lines)}"


def run(arguments: argparse.Namespace, folder: Path) -> int:
    guest, versions = make_guest(arguments, folder)
    if not guest.plan:
        raise qemu.MachineFailed("nothing to measure")
    guest.write(folder / "initramfs")
    kernel = qemu.kernel(folder, arguments.kernel.resolve() if arguments.kernel else None)
    print(f"{', '.join([*versions, kernel.name])}.\n", flush=True)
    results = Results()
    note(f"emulating: {len(guest.plan)} loads, up to a minute each")
    seconds = BOOT_SECONDS + STEP_SECONDS * len(guest.plan)
    with closing(qemu.boot(kernel, folder / "initramfs", seconds)) as console:
        for line in console:
            results.take(line)
    print(results.tables(), end="")
    if sum(map(len, results.figures.values())) + len(results.failures) < len(guest.plan):
        raise qemu.MachineFailed("the machine came to its end before all was measured")
    if results.failures:
        print("\n### Failures\n\n" + "\n".join(f"- {failure}" for failure in results.failures))
    return 1 if results.failures else 0


def main() -> int:
    arguments = parse_arguments()
    if problem := missing(arguments):
        note(problem)
        return 1
    Gatehouse.binary = arguments.gatehouse.resolve()
    try:
        with session() as folder:
            return run(arguments, folder)
    except (qemu.MachineFailed, OSError, subprocess.CalledProcessError) as error:
        note(str(error))
        return 1
    except KeyboardInterrupt:
        note("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
