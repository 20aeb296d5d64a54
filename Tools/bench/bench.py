#!/usr/bin/env python3
"""Measures Gatehouse against nginx, lighttpd and Apache on this machine and prints Markdown tables.

docs/performance.md says what each figure means.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import sys
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import TypeVar

sys.dont_write_bytecode = True  # No __pycache__ in the source tree.

import report
import scenarios
from content import FILES, Content, make_content
from processes import session
from scenarios import Ceiling, Throughput
from servers import ALL_SERVERS, DEFAULT_SERVERS, Gatehouse, Server, ServerFailed

BINARY = Path(__file__).resolve().parents[2] / ".build/release/gatehouse"
SCRIPTS = ["c", "sh", "perl", "python"]
LOADS = [f"files-{kind}" for kind in FILES] + [f"cgi-{kind}" for kind in SCRIPTS]
SCENARIOS = [*LOADS, "mixed", "loops", "sites", "memory", "start"]

FAILURES = (ServerFailed, OSError, RuntimeError, HTTPException)

Figures = TypeVar("Figures")


def note(text: str) -> None:
    """Progress goes to stderr, so that stdout is the report and nothing else."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gatehouse", type=Path, default=BINARY, metavar="FILE", help="the release binary")
    parser.add_argument("--seconds", type=int, default=5, help="length of each load, 5")
    parser.add_argument("--rounds", type=int, default=1, help="measure so often and take medians, 1")
    parser.add_argument("--only", type=choice(SCENARIOS), default=SCENARIOS, help=",".join(SCENARIOS))
    parser.add_argument(
        "--servers",
        type=choice([server.name for server in ALL_SERVERS]),
        default=DEFAULT_SERVERS,
        help=",".join(server.name for server in ALL_SERVERS) + "; all but nginx-tuned unless told",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the report there as well")
    arguments = parser.parse_args()
    if arguments.seconds < 1 or arguments.rounds < 1:
        parser.error("--seconds and --rounds are at least 1")
    return arguments


def choice(names: list[str]) -> Callable[[str], list[str]]:
    """A comma-separated list of known names, in the order in which we know them."""

    def parse(text: str) -> list[str]:
        asked = text.split(",")
        if unknown := [name for name in asked if name not in names]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(names)}")
        return [name for name in names if name in asked]

    return parse


class Bench:
    """Runs scenarios over servers and collects the report."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        self._seconds: int = arguments.seconds
        # Of scenarios that take several by themselves.
        self._turn_seconds = max(1, self._seconds // 2)
        self._rounds: int = arguments.rounds
        self._content: Content = make_content(folder)
        self._servers: list[Server] = []
        self.failures: list[str] = []
        self.lines: list[str] = []
        for kind in ALL_SERVERS:
            if kind.name not in arguments.servers:
                continue
            if kind.find():
                self._servers.append(kind(folder / kind.name, self._content))
            elif kind is Gatehouse:
                note(f"{arguments.gatehouse} is missing (make build makes it): measuring the others only")
            else:
                note(f"{kind.name} is not installed: left out")

    def write(self, text: str) -> None:
        """Show a part of the report as soon as there is one."""
        self.lines.append(text)
        print(text, flush=True)

    def head(self) -> None:
        versions = ", ".join(dict.fromkeys(server.version() for server in self._servers))
        self.write(f"{report.machine()}. {versions}. {self._seconds} s each, rounds: {self._rounds}.\n")

    def run(self, scenario: str) -> None:
        """One scenario over all servers, and its table."""
        group, _, kind = scenario.partition("-")
        if group == "files":
            self._run_files(scenario, kind)
        elif group == "cgi":
            self._run_scripts(scenario, kind)
        elif group == "mixed":
            self._section(f"mixed: 1 KiB, {scenarios.MIXED_CONNECTIONS} connections, beside scripts")
            rows = self._measure(lambda it: scenarios.mixed(it, self._seconds), _last, self._script_servers())
            self._table(report.mixed, rows)
        elif group == "loops":
            self._section(f"loops: 1 KiB, {scenarios.FILE_CONNECTIONS} connections, from one worker to two")
            servers = [server for server in self._servers if server.has_single_workers]
            rows = self._measure(lambda it: scenarios.loops(it, self._turn_seconds), _last, servers)
            self._table(report.loops, rows)
        elif group == "sites":
            self._section(f"sites: 1 KiB, {scenarios.FILE_CONNECTIONS} connections, among few sites and many")
            self._table(report.sites, self._measure(lambda it: scenarios.sites(it, self._turn_seconds), _last))
        elif group == "memory":
            self._section("memory: sum of PSS")
            self._table(report.memory, self._measure(scenarios.memory, _last))
        elif group == "start":
            self._section("start: to the end of the first answer")
            self._table(report.start, self._measure(scenarios.start_milliseconds, statistics.median))

    def _run_files(self, scenario: str, kind: str) -> None:
        size = FILES[kind][1] >> 10
        self._section(f"{scenario}: {size:,} KiB, {scenarios.FILE_CONNECTIONS} connections")
        rows = self._measure(lambda it: scenarios.files(it, kind, self._seconds), scenarios.median)
        self._table(report.throughput, rows)

    def _run_scripts(self, scenario: str, kind: str) -> None:
        if kind not in self._content.scripts:
            note(f"{scenario}: nothing here to make or run such a script: left out")
            return
        self._section(f"{scenario}: one process per request, {scenarios.SCRIPT_CONNECTIONS} connections")
        rows, ceilings = self._take_turns(kind)
        self._table(lambda it: report.throughput(it, ceilings), rows)

    def _take_turns(self, kind: str) -> tuple[dict[str, Throughput], list[Ceiling]]:
        """Many short turns with the ceiling between them: what a busy neighbour takes, he takes from both."""
        seconds = scenarios.turn_seconds(self._seconds)
        servers = self._script_servers()
        collected: dict[str, list[Throughput]] = {}
        ceilings: list[Ceiling] = []
        for turn in range(scenarios.SCRIPT_TURNS * self._rounds):
            note(f"  turn {turn + 1}")
            before = self._ceiling(kind, seconds)
            ceilings += before
            for server in list(servers):
                try:
                    figures = scenarios.scripts(server, kind, seconds, counts=turn == 0)
                except FAILURES as error:
                    self._failed(server, error)
                    servers.remove(server)
                    collected.pop(server.name, None)
                    continue
                after = self._ceiling(kind, seconds)
                ceilings += after
                turns = collected.setdefault(server.name, [])
                turns.append(scenarios.beside_ceiling(figures, before + after))
                before = after
            # Each has each place in the order.
            servers = servers[1:] + servers[:1]
        rows = {name: scenarios.median(turns) for name, turns in collected.items()}
        order = [server.name for server in self._servers]
        return dict(sorted(rows.items(), key=lambda row: order.index(row[0]))), ceilings

    def _ceiling(self, kind: str, seconds: int) -> list[Ceiling]:
        """One look, half as long as a turn; none where it cannot be measured."""
        figures = scenarios.ceiling(self._content, kind, seconds / 2)
        return [figures] if figures else []

    def _script_servers(self) -> list[Server]:
        return [server for server in self._servers if server.runs_scripts]

    def _section(self, title: str) -> None:
        note(title)
        self.write(f"### {title}\n")

    def _table(self, show: Callable[[dict[str, Figures]], str], rows: dict[str, Figures]) -> None:
        self.write(show(rows) if rows else "No server could be measured.\n")

    def _measure(
        self,
        scenario: Callable[[Server], Figures],
        condense: Callable[[list[Figures]], Figures],
        servers: list[Server] | None = None,
    ) -> dict[str, Figures]:
        """Servers take turns in each round, so that a change in the machine's mood meets all of them."""
        collected: dict[str, list[Figures]] = {}
        for _ in range(self._rounds):
            for server in self._servers if servers is None else servers:
                note(f"  {server.name}")
                try:
                    collected.setdefault(server.name, []).append(scenario(server))
                except FAILURES as error:
                    self._failed(server, error)
        return {name: condense(figures) for name, figures in collected.items() if figures}

    def _failed(self, server: Server, error: Exception) -> None:
        note(f"  {server.name} FAILED: {error}")
        self.failures.append(f"{server.name}: {error}")


def _last(rounds: list[Figures]) -> Figures:
    return rounds[-1]


def raise_file_limit() -> None:
    """Room for the idle connections, here and (by inheritance) in the servers."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(arguments: argparse.Namespace, folder: Path) -> int:
    bench = Bench(arguments, folder)
    bench.head()
    for scenario in arguments.only:
        bench.run(scenario)
    if bench.failures:
        bench.write("### Failures\n\n" + "\n".join(f"- {failure}" for failure in bench.failures) + "\n")
    if arguments.output:
        arguments.output.write_text("\n".join(bench.lines))
    return 1 if bench.failures else 0


def main() -> int:
    arguments = parse_arguments()
    if not shutil.which("wrk"):
        note("wrk is missing: apt-get install wrk")
        return 1
    Gatehouse.binary = arguments.gatehouse.resolve()
    raise_file_limit()
    try:
        with session() as folder:
            return run(arguments, folder)
    except KeyboardInterrupt:
        note("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
