"""The load: wrk with a bounded duration, and single requests to check answers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

LUA = Path(__file__).resolve().parent / "wrk.lua"


@dataclass(frozen=True)
class LoadResult:
    """What wrk saw, and what wrk itself cost."""

    requests: int
    seconds: float
    bytes: int
    errors: int
    p50_ms: float
    p99_ms: float
    client_cpu_seconds: float


class Load:
    """One run of wrk, started at once; `finish` waits for its end."""

    def __init__(
        self,
        url: str,
        connections: int,
        seconds: int,
        threads: int = 2,
        comes_first: bool = False,
        host: str | None = None,
    ) -> None:
        """`comes_first`: five steps of nice before what else runs, where that is allowed. `host`: the site."""
        self._process = subprocess.Popen(
            [
                *(["nice", "-n", "-5"] if comes_first else []),
                "wrk",
                "--latency",
                f"--threads={threads}",
                f"--connections={connections}",
                f"--duration={seconds}s",
                "--timeout=30s",
                f"--script={LUA}",
                *([f"--header=Host: {host}"] if host else []),
                url,
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> LoadResult:
        assert self._process.stdout
        output = self._process.stdout.read()
        # wait4, for the CPU time of this very child.
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        for line in output.splitlines():
            if line.startswith("RESULT "):
                figures = json.loads(line.removeprefix("RESULT "))
                return LoadResult(
                    requests=figures["requests"],
                    seconds=figures["microseconds"] / 1e6,
                    bytes=figures["bytes"],
                    errors=figures["errors"],
                    p50_ms=figures["p50"] / 1e3,
                    p99_ms=figures["p99"] / 1e3,
                    client_cpu_seconds=usage.ru_utime + usage.ru_stime,
                )
        raise RuntimeError(f"wrk gave no result: {output.strip()}")

    def run(self) -> LoadResult:
        """Wait for its end, and leave nothing behind whatever happens."""
        try:
            return self.finish()
        finally:
            self.cancel()

    def cancel(self) -> None:
        """End it early; harmless when it has ended."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()


def get(port: int, path: str, host: str | None = None, timeout: float = 10) -> tuple[int, bytes]:
    """One GET on a connection of its own: status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
