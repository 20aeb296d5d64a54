"""Instructions per request, where perf can count them. Many virtual machines hide the counters."""

from __future__ import annotations

import functools
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

EVENTS = ["instructions:u", "instructions:k"]


@functools.cache
def can_count() -> bool:
    """Whether perf counts both events here: it prints "<not supported>" where it does not."""
    if not shutil.which("perf"):
        return False
    probe = subprocess.run(_perf("true"), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return probe.returncode == 0 and _sum(probe.stderr) is not None


def count(pids: list[int], work: Callable[[], int]) -> float | None:
    """Instructions of `pids` and of the children they start during `work`, per unit of its result."""
    perf = subprocess.Popen(
        _perf("-p", ",".join(str(pid) for pid in pids)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        time.sleep(0.3)  # perf says nothing when it has attached.
        done = work()
        perf.send_signal(signal.SIGINT)
        total = _sum(perf.communicate(timeout=10)[1])
    finally:
        if perf.poll() is None:
            perf.kill()
            perf.wait()
    return total / done if total is not None and done else None


def _perf(*arguments: str) -> list[str]:
    return ["perf", "stat", "-x,", "-e", ",".join(EVENTS), *arguments]


def _sum(output: str) -> int | None:
    """Add up the lines `COUNT,UNIT,EVENT,…`; None unless there is one number for each event."""
    counts = [line.split(",")[0] for line in output.splitlines() if any(f",{e}," in line for e in EVENTS)]
    if len(counts) != len(EVENTS) or not all(text.isdigit() for text in counts):
        return None
    return sum(int(text) for text in counts)
