"""Processes as /proc shows them: trees, CPU time, memory, and how they are ended."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class ProcessStat:
    """The fields of /proc/PID/stat that are needed here."""

    parent: int
    cpu_seconds: float


@contextmanager
def session() -> Iterator[Path]:
    """Give a scratch folder, and end all that was begun, however the work in it ends.

    SIGTERM and SIGHUP unwind the stack like Ctrl-C: as KeyboardInterrupt.
    """
    _adopt_orphans()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _interrupt)
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    try:
        yield folder
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_descendants()
        shutil.rmtree(folder, ignore_errors=True)


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _adopt_orphans() -> None:
    """Make what our servers leave behind our own children, so that `end_descendants` finds it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def all_processes() -> dict[int, ProcessStat]:
    """Read every /proc/PID/stat.

    The CPU seconds are utime + stime + cutime + cstime: a process's own time and that of the children
    it has waited for. Over a whole tree this sum counts each ended script exactly once.
    """
    found: dict[int, ProcessStat] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:
            continue  # It ended in between.
        # The command name may itself hold blanks and parentheses; what follows the last one is regular.
        fields = text[text.rindex(")") + 2 :].split()
        ticks = sum(int(field) for field in fields[11:15])
        found[int(name)] = ProcessStat(int(fields[1]), ticks / TICKS_PER_SECOND)
    return found


def tree(root: int, processes: dict[int, ProcessStat] | None = None) -> list[int]:
    """The process ids of `root` and all that descend from it."""
    processes = processes if processes is not None else all_processes()
    children: dict[int, list[int]] = {}
    for pid, stat in processes.items():
        children.setdefault(stat.parent, []).append(pid)
    result: list[int] = []
    pending = [root]
    while pending:
        pid = pending.pop()
        if pid in processes:
            result.append(pid)
            pending.extend(children.get(pid, []))
    return result


def tree_cpu_seconds(roots: list[int]) -> float:
    """CPU seconds that the trees below `roots` have used since they started."""
    processes = all_processes()
    return sum(processes[pid].cpu_seconds for root in roots for pid in tree(root, processes))


def tree_pss_kib(roots: list[int]) -> int:
    """Memory of the trees in KiB, with pages shared between processes divided among them."""
    total = 0
    for root in roots:
        for pid in tree(root):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total


def machine_cpu_seconds() -> float:
    """CPU seconds the whole machine has spent since it booted, time stolen by its host included."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = (
        int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND


def end_descendants() -> None:
    """Kill whatever still descends from this process. Called last, when all should have ended."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        pids = [pid for pid in tree(os.getpid()) if pid != os.getpid()]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not pids:
            return
        reap_orphans()
        time.sleep(0.02)


def reap_orphans() -> None:
    """Collect ended children that nobody else waits for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass
