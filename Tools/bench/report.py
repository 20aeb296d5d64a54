"""Figures to Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from scenarios import (
    CHECKED_SITES,
    FEW_SITES,
    MANY_SITES,
    QUIET_SHARE,
    Ceiling,
    Loops,
    Memory,
    Mixed,
    Sites,
    Throughput,
)

# Rows are compared with these, where they were measured.
YARDSTICKS = ["lighttpd", "nginx"]

Row = TypeVar("Row")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table: first column left, figures right. Columns without any figure are left out."""
    used = [i for i in range(len(head)) if i == 0 or any(row[i] for row in rows)]
    lines = [head, ["---" if i == 0 else "---:" for i in range(len(head))], *rows]
    return "\n".join("| " + " | ".join(line[i] or "–" for i in used) + " |" for line in lines) + "\n"


def _ratio_columns(what: str) -> list[str]:
    return [f"{what} ÷ {name}" for name in YARDSTICKS]


def _ratios(rows: Mapping[str, Row], row: Row, figure: Callable[[Row], float]) -> list[str]:
    return [f"{figure(row) / figure(rows[name]):.2f}" if name in rows else "" for name in YARDSTICKS]


def throughput(rows: Mapping[str, Throughput], ceilings: Sequence[Ceiling] | None = None) -> str:
    """Requests/s, cost and latency, and how both compare; for scripts with the ceiling as a last row."""
    is_script = ceilings is not None
    head = ["server", "requests/s", "MiB/s", "CPU µs/request", "client µs/request", "instructions/request"]
    head += ["p50 ms", "p99 ms"]
    head += _ratio_columns("requests/s") + _ratio_columns("CPU")
    head += ["requests/s ÷ ceiling", "CPU ÷ ceiling"]
    lines: list[list[str]] = []
    for name, row in rows.items():
        line = [
            name,
            f"{row.requests_per_second:,.0f}",
            "" if is_script else f"{row.mib_per_second:,.0f}",
            ("" if row.cpu_is_own else "≈ ") + f"{row.cpu_us:,.1f}",
            f"{row.client_us:,.1f}" if is_script else "",
            f"{row.instructions:,.0f}" if row.instructions is not None else "",
            f"{row.p50_ms:,.2f}",
            f"{row.p99_ms:,.2f}",
            *_ratios(rows, row, lambda it: it.requests_per_second),
            *_ratios(rows, row, lambda it: it.cpu_us),
        ]
        if row.ceiling_rate is not None and row.ceiling_cpu is not None:
            # A ceiling that others pressed down is none; CPU per script holds all the same.
            line.append(f"{row.ceiling_rate:.2f}" if row.other_share <= QUIET_SHARE else "")
            line.append(f"{row.ceiling_cpu:.2f}")
        lines.append(line + [""] * (len(head) - len(line)))
    if ceilings:
        quiet = [it for it in ceilings if it.other_share <= QUIET_SHARE] or ceilings
        rate = statistics.median(it.scripts_per_second for it in quiet)
        cpu = statistics.median(it.cpu_us for it in quiet)
        line = ["(ceiling)", f"{rate:,.0f}", "", f"{cpu:,.1f}"]
        lines.append(line + [""] * (len(head) - len(line)))
    return table(head, lines) + _notes(rows)


def _notes(rows: Mapping[str, Throughput]) -> str:
    """Warn where others were at work: then neither requests/s nor latency can be trusted."""
    notes = ""
    if any(not row.cpu_is_own for row in rows.values()):
        notes += "\n≈: what the client did not use; this server does not wait for its scripts.\n"
    shares = {name: row.other_share for name, row in rows.items()}
    busy = [f"{name} {share:.0%}" for name, share in shares.items() if share > QUIET_SHARE]
    if busy:
        notes += f"\nBusy: this share of the machine went to neither client nor server: {', '.join(busy)}.\n"
    return notes


def memory(rows: Mapping[str, Memory]) -> str:
    connections = max(row.connections for row in rows.values())
    head = ["server", "at rest, MiB", f"{connections} idle connections, MiB", "KiB/connection"]
    head += _ratio_columns("idle")
    return table(
        head,
        [
            [
                name,
                f"{row.rest_kib / 1024:.1f}",
                f"{row.idle_kib / 1024:.1f}",
                f"{(row.idle_kib - row.rest_kib) / row.connections:.2f}",
                *_ratios(rows, row, lambda it: float(it.idle_kib)),
            ]
            for name, row in rows.items()
        ],
    )


def start(rows: Mapping[str, float]) -> str:
    head = ["server", "first answer, ms", *_ratio_columns("time")]
    lines = [[name, f"{row:.1f}", *_ratios(rows, row, lambda it: it)] for name, row in rows.items()]
    return table(head, lines)


def loops(rows: Mapping[str, Loops]) -> str:
    head = ["server", "one: requests/s", "one: CPU µs/request", "two: requests/s", "two: CPU µs/request"]
    head += ["requests/s, two ÷ one", "worth of two ÷ one"]
    lines: list[list[str]] = []
    for name, row in rows.items():
        one, two = row.one, row.two
        line = [name]
        for figures in (one, two):
            line += [f"{figures.requests_per_second:,.0f}", f"{figures.cpu_us:,.1f}"]
        line.append(f"{two.requests_per_second / one.requests_per_second:.2f}")
        line.append(f"{2 * one.cpu_us / two.cpu_us:.2f}")
        lines.append(line)
    return table(head, lines)


def sites(rows: Mapping[str, Sites]) -> str:
    head = ["server", f"check of {CHECKED_SITES:,}, ms"]
    head += [f"{count:,}: CPU µs/request" for count in (FEW_SITES, MANY_SITES)]
    head += [f"CPU, {MANY_SITES:,} ÷ {FEW_SITES}", f"{MANY_SITES:,}: requests/s", *_ratio_columns("check")]
    lines: list[list[str]] = []
    for name, row in rows.items():
        line = [name, f"{row.check_ms:,.0f}", f"{row.few.cpu_us:,.1f}"]
        if row.many:
            line += [f"{row.many.cpu_us:,.1f}", f"{row.many.cpu_us / row.few.cpu_us:.2f}"]
            line.append(f"{row.many.requests_per_second:,.0f}")
        else:
            line += [""] * 3
        lines.append([*line, *_ratios(rows, row, lambda it: it.check_ms)])
    return table(head, lines)


def mixed(rows: Mapping[str, Mixed]) -> str:
    head = ["server"]
    for beside in ("alone", "16 sleeping", "16 × sh"):
        head += [f"{beside}: p99 ms", f"{beside}: files/s", f"{beside}: scripts/s"]
    lines: list[list[str]] = []
    for name, row in rows.items():
        line = [name]
        for figures in (row.alone, row.sleeping, row.working):
            line += [f"{figures.p99_ms:.2f}", f"{figures.files_per_second:,.0f}"]
            line.append(f"{figures.scripts_per_second:,.0f}" if figures.scripts_per_second else "")
        lines.append(line)
    return table(head, lines)


def machine() -> str:
    """One line on where this was measured."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return f"{os.cpu_count()} × {model}, {memory_gib:.0f} GiB, Linux {platform.release()}"
