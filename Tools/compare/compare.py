#!/usr/bin/env python3
"""Asks the CGI programs of Debian the same behind Apache and behind Gatehouse, and tells what differs.

    Tools/compare/compare.py [--gatehouse FILE] [--verbose] [NAME...]

Both servers get the same port, user and folder, one after the other, so that even absolute links agree.
The programs are those of `programs/*.ini`, all of them or the named ones; those that are not installed
are left out, and named. Exits 1 where a difference is not explained there.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True  # No __pycache__ in the source tree.

from difference import Difference, compare
from request import Answer, Request
from servers import ENVIRONMENT, Apache, Gatehouse, Server, ServerFailed, account, free_port
from table import Program, installed_packages, read_programs

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / ".build/release/gatehouse"
PREPARE_SECONDS = 120


@dataclass
class Row:
    """One request, and what came of it."""

    request: Request
    status: int
    unexplained: list[Difference] = field(default_factory=list)
    explained: dict[str, str] = field(default_factory=dict)
    complaint: str = ""

    @property
    def is_good(self) -> bool:
        return not self.unexplained and not self.complaint

    def verdict(self) -> str:
        if self.complaint:
            return self.complaint
        parts = [f"DIFFERS: {it.what}" for it in self.unexplained]
        parts += [f"{what}: {reason}" for what, reason in self.explained.items()]
        return "; ".join(parts) or "same"


class Comparison:
    """The programs one after the other, each in a fresh folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(self, program: Program) -> list[Row]:
        port = free_port()
        answers = [self._answers(kind, program, port) for kind in (Apache, Gatehouse)]
        return [self._row(program, *row) for row in zip(program.requests, *answers, strict=True)]

    def _answers(self, kind: type[Server], program: Program, port: int) -> list[Answer]:
        """Everything is made anew for each server, as programs write into their folders."""
        home = self._folder / "home"
        for old in (home, self._folder / kind.name):
            shutil.rmtree(old, ignore_errors=True)
        home.mkdir()
        if os.geteuid() == 0:
            shutil.chown(home, account(), account())
        if program.prepare:
            self._prepare(program, home)
        cookies: dict[str, str] = {}
        answers: list[Answer] = []
        with kind(self._folder / kind.name, home, program.in_folder(home), port):
            for request in program.requests:
                answers.append(request.send(port, home, cookies, answers[-1] if answers else None))
        return answers

    def _prepare(self, program: Program, home: Path) -> None:
        done = subprocess.run(
            ["sh", "-e", "-c", program.prepare],
            cwd=home,
            user=account() if os.geteuid() == 0 else None,
            group=account() if os.geteuid() == 0 else None,
            env={**ENVIRONMENT, "HOME": os.fspath(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PREPARE_SECONDS,
        )
        if done.returncode:
            raise ServerFailed(f"prepare: {done.stderr.strip()}")

    def _row(self, program: Program, request: Request, reference: Answer, other: Answer) -> Row:
        row = Row(request, other.status)
        if request.options.shows and request.options.shows.encode() not in reference.body:
            row.complaint = f"NOT SET UP: no {request.options.shows!r} from Apache, status {reference.status}"
        for difference in compare(reference, other, program.varies):
            reason = next((it.reason for it in program.differs if it.covers(difference.what, request)), None)
            if reason:
                row.explained[difference.what] = reason
            else:
                row.unexplained.append(difference)
        return row


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gatehouse", type=Path, default=BINARY, metavar="FILE", help="the release binary")
    parser.add_argument("--verbose", action="store_true", help="show how the answers differ")
    parser.add_argument("--keep", action="store_true", help="leave the folder with both servers' logs")
    parser.add_argument("--packages", action="store_true", help="print the packages that are compared, and end")
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs, all")
    return parser.parse_args()


def show(program: Program, rows: Iterable[Row], is_verbose: bool) -> None:
    for row in rows:
        request = row.request
        print(f"{program.name:14} {row.status:3} {request.method:8} {request.options.path:48} {row.verdict()}")
        if is_verbose:
            for difference in row.unexplained:
                print("    " + f"{difference.what}: {difference.details}".replace("\n", "\n    "))
    sys.stdout.flush()


def main() -> int:
    arguments = parse_arguments()
    programs = read_programs()
    if unknown := set(arguments.names) - {it.name for it in programs}:
        print(f"compare: no such program: {' '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    programs = [it for it in programs if not arguments.names or it.name in arguments.names]
    if arguments.packages:
        print("\n".join(sorted({name for it in programs for name in it.packages})))
        return 0
    Gatehouse.binary = arguments.gatehouse.resolve()
    # Unwinds the stack like Ctrl-C does, so that the servers are ended.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not Apache.program or not os.access(Gatehouse.binary, os.X_OK):
        print("compare: Apache (apache2-bin) or Gatehouse (make build) is missing", file=sys.stderr)
        return 2

    folder = Path(tempfile.mkdtemp(prefix="gatehouse-compare-"))
    folder.chmod(0o755)
    comparison = Comparison(folder)
    tried = requests = bad = 0
    missing: list[str] = []
    installed = installed_packages()
    try:
        for program in programs:
            if not program.is_installed(installed):
                missing.append(program.name)
                continue
            tried += 1
            try:
                rows = comparison.run(program)
            except ServerFailed as error:
                print(f"{program.name:14} FAILED: {error}")
                bad += 1
                continue
            show(program, rows, arguments.verbose)
            requests += len(rows)
            bad += sum(not row.is_good for row in rows)
    finally:
        if arguments.keep:
            print(f"compare: logs are in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    if missing:
        print(f"not installed: {' '.join(missing)}")
    print(f"{tried} programs, {requests} requests, {bad} unexplained differences")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
