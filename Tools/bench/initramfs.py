"""The files of an emulated machine, as the archive that the kernel unpacks at its start.

The format is cpio's "newc" (Linux, Documentation/driver-api/early-userspace/buffer-format.rst), written
here so that neither cpio nor root is needed. Device nodes are the guest's own affair (devtmpfs).
"""

from __future__ import annotations

import re
import stat
import subprocess
from pathlib import Path


class Initramfs:
    """Collects folders and files, each once, by their paths in the guest."""

    def __init__(self) -> None:
        self._entries: dict[Path, tuple[int, bytes]] = {}

    def add_folder(self, path: Path) -> None:
        """A folder, and those above it."""
        for folder in reversed([path, *path.parents]):
            if folder != folder.parent:
                self._entries.setdefault(folder, (stat.S_IFDIR | 0o755, b""))

    def add(self, path: Path, content: bytes, mode: int = 0o644) -> None:
        self.add_folder(path.parent)
        self._entries[path] = (stat.S_IFREG | mode, content)

    def add_file(self, file: Path, path: Path | None = None) -> None:
        """A file of this machine, at the same path unless told another."""
        self.add(path or file, file.read_bytes(), 0o755 if file.stat().st_mode & 0o111 else 0o644)

    def add_program(self, file: Path, path: Path | None = None) -> None:
        """A program or a loadable module, with the libraries that it is linked to."""
        self.add_file(file, path)
        for library in _libraries(file):
            if library not in self._entries:
                self.add_file(library)

    def write(self, target: Path) -> None:
        with target.open("wb") as archive:
            for number, (path, (mode, content)) in enumerate(self._entries.items(), 1):
                archive.write(_record(str(path).lstrip("/"), mode, content, number))
            archive.write(_record("TRAILER!!!", 0, b"", 0))


def _libraries(file: Path) -> list[Path]:
    """Libraries and loader by `ldd`, which names none for a static program."""
    output = subprocess.run(["ldd", file], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return [Path(path) for path in re.findall(r"(/\S+) \(0x", output.stdout)]


def _record(name: str, mode: int, content: bytes, number: int) -> bytes:
    """One entry: head of hexadecimal fields, name, content; both padded to four bytes."""
    named = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = [number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(named), 0]
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + named
    return _padded(head) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
