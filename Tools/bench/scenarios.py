"""The scenarios: each takes one server from start to stop and returns its figures."""

from __future__ import annotations

import json
import os
import resource
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

import instructions
from content import FILES, SLOW_SCRIPT, Content
from load import Load, LoadResult, get
from processes import machine_cpu_seconds
from servers import WORKERS, Server, ServerFailed

FILE_CONNECTIONS = 64
SCRIPT_CONNECTIONS = 16
MIXED_CONNECTIONS = 8
IDLE_CONNECTIONS = 5000
START_RUNS = 11
WARM_UP_SECONDS = 1
LOOP_TURNS = 3
CHECKED_SITES = 1000
FEW_SITES, MANY_SITES = 10, 10000
CHECK_RUNS = 5
# Scripts are measured in short turns, each between two looks at the ceiling.
SCRIPT_TURNS = 5
WARM_UP_SCRIPTS = 8
COUNTING_SECONDS = 2
SETTLE_SECONDS = 0.2
# Gatehouse gives memory back after two.
REST_SECONDS = 3
# Others taking more than this of the machine while we measure are worth a note.
QUIET_SHARE = 0.05


@dataclass(frozen=True)
class Throughput:
    """Figures of one load on one server."""

    requests_per_second: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    mib_per_second: float
    instructions: float | None
    # Share of the machine used by none of client and server, 0 to 1.
    other_share: float
    # False where the server's own CPU time cannot be read: then it is all that the client did not use.
    cpu_is_own: bool
    # CPU time of the client, per request.
    client_us: float
    # Of requests/s and of CPU, to the ceiling just before and after.
    ceiling_rate: float | None = None
    ceiling_cpu: float | None = None


@dataclass(frozen=True)
class Ceiling:
    """Figures of the bare spawn loop."""

    scripts_per_second: float
    cpu_us: float
    other_share: float


@dataclass(frozen=True)
class Memory:
    """Sum of PSS in KiB, at rest and with idle connections."""

    rest_kib: int
    idle_kib: int
    connections: int


@dataclass(frozen=True)
class FilesBeside:
    """How a small file fares, and how many scripts ended meanwhile."""

    p99_ms: float
    files_per_second: float
    scripts_per_second: float


@dataclass(frozen=True)
class Mixed:
    """A small file alone, beside sleeping scripts, beside working ones."""

    alone: FilesBeside
    sleeping: FilesBeside
    working: FilesBeside


@dataclass(frozen=True)
class Loops:
    """A small file from one worker, and from two."""

    one: Throughput
    two: Throughput


@dataclass(frozen=True)
class Sites:
    """Reading the configuration of many sites, and a small file of the last of few and of many."""

    check_ms: float
    few: Throughput
    # None where the server takes no such number.
    many: Throughput | None


@contextmanager
def running(server: Server) -> Iterator[None]:
    """Start, hand over, stop whatever happens; then check that each answer was logged."""
    try:
        server.start()
        yield
        server.check_alive()
    finally:
        server.stop()
    logged = server.logged_requests()
    if logged < server.requests:
        raise ServerFailed(f"logged {logged} requests of {server.requests}")


def file_path(kind: str) -> str:
    return "/" + FILES[kind][0]


def script_path(content: Content, kind: str) -> str:
    return "/cgi-bin/" + content.scripts[kind]


def throughput(
    server: Server,
    path: str,
    connections: int,
    seconds: int,
    *,
    threads: int = 2,
    is_turn: bool = False,
    counts: bool = True,
) -> Throughput:
    """Load one URL; CPU and latency from the main run, instructions from a short one after it.

    `threads` are the client's. A turn is one of several: some answers are enough to warm up.
    """
    with running(server):
        server.check_answer(path)
        url = server.url(path)

        def load_for(duration: int) -> LoadResult:
            return Load(url, connections, duration, threads, host=server.host).run()

        if is_turn:
            for _ in range(WARM_UP_SCRIPTS):
                server.check_answer(path)
        else:
            server.requests += load_for(WARM_UP_SECONDS).requests
        time.sleep(SETTLE_SECONDS)

        started = time.monotonic()
        own_before = time.process_time()
        machine_before, server_before = machine_cpu_seconds(), server.cpu_seconds()
        load = load_for(seconds)
        time.sleep(SETTLE_SECONDS)  # Scripts under way when wrk left are still counted.
        server.check_alive()
        cpu = server.cpu_seconds() - server_before
        not_client = machine_cpu_seconds() - machine_before - load.client_cpu_seconds
        not_client -= time.process_time() - own_before
        elapsed = time.monotonic() - started
        cpu_is_own = server.waits_for_scripts or not path.startswith("/cgi-bin/")
        if not cpu_is_own:
            cpu = not_client

        server.requests += load.requests
        if load.errors or not load.requests:
            raise ServerFailed(f"{load.errors} errors in {load.requests} requests for {path}")
        counted: float | None = None
        if counts and instructions.can_count():
            counted = instructions.count(server.all_pids(), lambda: load_for(COUNTING_SECONDS).requests)
    return Throughput(
        requests_per_second=load.requests / load.seconds,
        cpu_us=cpu / load.requests * 1e6,
        p50_ms=load.p50_ms,
        p99_ms=load.p99_ms,
        mib_per_second=load.bytes / load.seconds / (1 << 20),
        instructions=counted,
        other_share=max(0.0, not_client - cpu) / elapsed / (os.cpu_count() or 1),
        cpu_is_own=cpu_is_own,
        client_us=load.client_cpu_seconds / load.requests * 1e6,
    )


def median(rounds: list[Throughput]) -> Throughput:
    """The median of each figure by itself, over the rounds in which nothing else ran, if there are such."""
    rounds = [figures for figures in rounds if figures.other_share <= QUIET_SHARE] or rounds

    def middle(name: str) -> float | None:
        values = [value for figures in rounds if (value := getattr(figures, name)) is not None]
        return statistics.median(values) if values else None

    return Throughput(**{it.name: middle(it.name) for it in fields(Throughput)})  # type: ignore[arg-type]


def files(server: Server, kind: str, seconds: int) -> Throughput:
    """Static files over keep-alive connections."""
    return throughput(server, file_path(kind), FILE_CONNECTIONS, seconds)


def scripts(server: Server, kind: str, seconds: int, counts: bool) -> Throughput:
    """CGI scripts over keep-alive connections, for one turn."""
    path = script_path(server.content, kind)
    # For some thousand answers a second, a second thread of the client only takes processors from scripts more often.
    return throughput(server, path, SCRIPT_CONNECTIONS, seconds, threads=1, is_turn=True, counts=counts)


def turn_seconds(seconds: int) -> int:
    """How long a turn is. What is under way when the client leaves is lost, so it is no shorter than this."""
    return max(2, 2 * seconds // SCRIPT_TURNS)


def beside_ceiling(figures: Throughput, ceilings: list[Ceiling]) -> Throughput:
    """The figures of a turn with their ratios to the ceiling around it."""
    if not ceilings:
        return figures
    rate = statistics.mean(it.scripts_per_second for it in ceilings)
    cpu = statistics.mean(it.cpu_us for it in ceilings)
    return replace(
        figures,
        ceiling_rate=figures.requests_per_second / rate,
        ceiling_cpu=figures.cpu_us / cpu,
        other_share=max(figures.other_share, *(it.other_share for it in ceilings)),
    )


def ceiling(content: Content, kind: str, seconds: float) -> Ceiling | None:
    """What starting the script and waiting for it costs without any server."""
    if not content.spawnloop:
        return None
    script = content.cgi_bin / content.scripts[kind]
    machine_before = machine_cpu_seconds()
    output = subprocess.run(
        [content.spawnloop, str(seconds), str(WORKERS), script],
        stdout=subprocess.PIPE,
        env=content.script_environment(script),
        check=True,
        start_new_session=True,
    ).stdout
    figures = json.loads(output)
    others = machine_cpu_seconds() - machine_before - figures["cpu_seconds"]
    return Ceiling(
        scripts_per_second=figures["scripts"] / figures["seconds"],
        cpu_us=figures["cpu_seconds"] / figures["scripts"] * 1e6,
        other_share=max(0.0, others) / figures["seconds"] / (os.cpu_count() or 1),
    )


def memory(server: Server) -> Memory:
    """PSS after the first answers, and with many connections that had one answer each and now wait."""
    wanted = min(IDLE_CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200)
    connections: list[socket.socket] = []
    try:
        with running(server):
            # Some more than one, so that each worker has answered before "at rest".
            for _ in range(20):
                server.check_answer(file_path("1k"))
            time.sleep(REST_SECONDS)
            rest = server.pss_kib()
            for _ in range(wanted):
                connections.append(_connection_after_one_answer(server))
            time.sleep(REST_SECONDS)
            open_connections = sum(1 for connection in connections if _is_open(connection))
            if open_connections < wanted:
                raise ServerFailed(f"kept {open_connections} of {wanted} idle connections")
            idle = server.pss_kib()
    finally:
        for connection in connections:
            connection.close()
    return Memory(rest, idle, wanted)


def _connection_after_one_answer(server: Server) -> socket.socket:
    path = file_path("1k")
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=10)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    received = b""
    while True:
        head, separator, body = received.partition(b"\r\n\r\n")
        if separator and len(body) == server.content.expected_length(path):
            break
        more = connection.recv(65536)
        if not more:
            raise ServerFailed(f"closed a new connection after {len(received)} bytes")
        received += more
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ServerFailed(f"{head[:60]!r}")
    server.requests += 1
    return connection


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


def start_milliseconds(server: Server) -> float:
    """From starting the program to the end of its first answer; median of several starts."""
    return statistics.median(_start_once(server) for _ in range(START_RUNS))


def _start_once(server: Server) -> float:
    server.prepare()
    try:
        started = time.perf_counter()
        server.launch()
        while True:
            try:
                status, _ = get(server.port, file_path("1k"))
                break
            except ConnectionRefusedError:
                server.check_alive()
                time.sleep(0.0005)
        elapsed = time.perf_counter() - started
    finally:
        server.stop()
    if status != 200:
        raise ServerFailed(f"answers {status}")
    return elapsed * 1e3


def loops(server: Server, seconds: int) -> Loops:
    """Does a second worker do as much as the first? One and two in turns."""
    turns: dict[int, list[Throughput]] = {1: [], 2: []}
    try:
        for _ in range(LOOP_TURNS):
            for workers, figures in turns.items():
                server.workers = workers
                figures.append(throughput(server, file_path("1k"), FILE_CONNECTIONS, seconds, counts=False))
    finally:
        server.workers = WORKERS
    return Loops(median(turns[1]), median(turns[2]))


def sites(server: Server, seconds: int) -> Sites:
    """Does it matter how many sites there are?"""
    try:
        server.sites = CHECKED_SITES
        server.prepare()
        check_ms = statistics.median(_check_milliseconds(server) for _ in range(CHECK_RUNS))
        turns: dict[int, list[Throughput]] = {FEW_SITES: []}
        if server.most_sites is None or server.most_sites >= MANY_SITES:
            turns[MANY_SITES] = []
        for _ in range(LOOP_TURNS):
            for count, figures in turns.items():
                server.sites = count
                figures.append(throughput(server, file_path("1k"), FILE_CONNECTIONS, seconds))
    finally:
        server.sites = 0
    many = turns.get(MANY_SITES)
    return Sites(check_ms, median(turns[FEW_SITES]), median(many) if many else None)


def _check_milliseconds(server: Server) -> float:
    started = time.perf_counter()
    checked = subprocess.run(
        server.check_command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    elapsed = time.perf_counter() - started
    if checked.returncode != 0:
        raise ServerFailed(f"check: status {checked.returncode}: {checked.stdout.strip()[-200:]}")
    return elapsed * 1e3


def mixed(server: Server, seconds: int) -> Mixed:
    """Do scripts hold up files? The same small load of files three times, scripts beside it twice."""
    with running(server):
        server.check_answer(file_path("1k"))
        return Mixed(
            alone=_files_beside(server, None, seconds),
            sleeping=_files_beside(server, f"/cgi-bin/{SLOW_SCRIPT}", seconds),
            working=_files_beside(server, script_path(server.content, "sh"), seconds),
        )


def _files_beside(server: Server, script: str | None, seconds: int) -> FilesBeside:
    background: Load | None = None
    scripts_per_second = 0.0
    try:
        if script:
            server.check_answer(script)
            background = Load(server.url(script), SCRIPT_CONNECTIONS, seconds + 2, threads=1)
            time.sleep(1)
        # Else the client's own waiting for a core among the scripts is most of what is measured.
        load = Load(
            server.url(file_path("1k")), MIXED_CONNECTIONS, seconds, threads=1, comes_first=True
        ).run()
        server.requests += load.requests
        if load.errors:
            raise ServerFailed(f"{load.errors} errors in {load.requests} requests")
        if background:
            behind = background.finish()
            server.requests += behind.requests
            if behind.errors or not behind.requests:
                raise ServerFailed(f"{behind.errors} errors in {behind.requests} script requests")
            scripts_per_second = behind.requests / behind.seconds
    finally:
        if background:
            background.cancel()
    time.sleep(SETTLE_SECONDS)
    return FilesBeside(load.p99_ms, load.requests / load.seconds, scripts_per_second)
