"""An emulated machine that executes one instruction per nanosecond of its own time, and its kernel."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Generator
from pathlib import Path

PROGRAM = "qemu-system-x86_64"
# Debian's kernel for virtual machines has built in what the guest needs: no modules are loaded.
KERNEL_PACKAGE = "linux-image-cloud-amd64"
RUN_SECONDS = 300  # apt-get and its like.
KERNEL_OPTIONS = (
    "console=ttyS0 quiet mitigations=off tsc=reliable clocksource=tsc panic=-1 random.trust_cpu=on nokaslr"
)


class MachineFailed(Exception):
    """The machine could not be made, or did not come to its end."""


def kernel(folder: Path, given: Path | None = None) -> Path:
    """A kernel to boot: the file given, unpacked if it is a package; else the package that apt knows."""
    package = given or _downloaded(folder)
    if package.suffix != ".deb":
        return package
    _run(["dpkg-deb", "-x", str(package), str(folder / "kernel")], folder)
    found = sorted((folder / "kernel/boot").glob("vmlinuz-*"))
    if not found:
        raise MachineFailed(f"{package.name} holds no boot/vmlinuz-*")
    return found[0]


def _downloaded(folder: Path) -> Path:
    hint = f"{KERNEL_PACKAGE} (apt-get update may help; --kernel takes a vmlinuz or its .deb)"
    depends = _run(["apt-cache", "depends", KERNEL_PACKAGE], folder, hint)
    name = re.search(r"Depends: (linux-image-\S+)", depends)
    if not name:
        raise MachineFailed(f"apt knows no {hint}")
    _run(["apt-get", "download", name[1]], folder, hint)
    packages = sorted(folder.glob("linux-image-*.deb"))
    if not packages:
        raise MachineFailed(f"apt-get downloaded no {hint}")
    return packages[0]


def _run(command: list[str], folder: Path, hint: str = "") -> str:
    try:
        done = subprocess.run(
            command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MachineFailed(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise MachineFailed(f"{' '.join(command[:2])}: {last}" + (f"; wanted: {hint}" if hint else ""))
    return done.stdout


def boot(kernel_file: Path, initramfs: Path, seconds: float) -> Generator[str, None, None]:
    """The lines on the machine's console, until it switches itself off; `seconds` at most."""
    machine = subprocess.Popen(
        [
            *(PROGRAM, "-machine", "q35", "-smp", "1", "-m", "1G", "-no-reboot", "-nodefaults"),
            # One instruction per nanosecond; where all wait, time goes on at once.
            *("-icount", "shift=0,sleep=off"),
            # A copy by `rep movsb` counts each byte here; without the flags, kernel and libc copy by words.
            *("-cpu", "max,-erms,-fsrm"),
            *("-display", "none", "-monitor", "none", "-serial", "stdio"),
            *("-kernel", str(kernel_file), "-initrd", str(initramfs)),
            *("-append", KERNEL_OPTIONS),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    late = threading.Event()

    def end() -> None:
        late.set()
        machine.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        assert machine.stdout is not None
        last = ""
        for line in machine.stdout:
            last = line.strip() or last
            if "Kernel panic" in line:
                raise MachineFailed(f"the machine's {line.strip()}")
            yield line.strip()
        if late.is_set():
            raise MachineFailed(f"not at its end after {seconds:.0f} s; its last line: {last}")
        if machine.wait() != 0:
            raise MachineFailed(f"{PROGRAM} ended with status {machine.returncode}: {last}")
    finally:
        timer.cancel()
        machine.kill()
        machine.wait()
