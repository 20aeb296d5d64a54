"""The table of programs: which there are, what they need, what is asked of them.

Each file of `programs/` has sections like this one:

    [blosxom]
    package  = blosxom                              what has to be installed, where not the section's name
    site     = cgi = /blog /usr/lib/cgi-bin/blosxom lines of server.ini, where not SITE; `${home}` is its folder
    apache   = ProxyErrorOverride Off               lines of Apache's, where `site` cannot be put into its words
    prepare  = mkdir entries                        shell in that folder, before each server starts
    requests = /blog                                one a line, as curl takes them; see request.py
    varies   = generated in [0-9.]+ s               patterns of what is never twice the same
    differs  = Content-Type: the reason             differences that are meant, see Explanation
"""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from request import Request

FOLDER = Path(__file__).resolve().parent / "programs"
# Where Debian puts CGI programs, often as links to somewhere else.
SITE = ["cgi = /cgi-bin/ /usr/lib/cgi-bin/", "symlinks = follow"]


@dataclass(frozen=True)
class Explanation:
    """`WHAT: reason` or `WHAT @PATH: reason`: a difference that is meant.

    WHAT is `status`, `body`, `end`, the name of a field, or `any` of them; PATH a pattern for the requests
    that it is about, without blanks.
    """

    what: str
    path: re.Pattern[str]
    reason: str

    @classmethod
    def parse(cls, line: str) -> Explanation:
        found = re.fullmatch(r"([\w-]+)(?: @(\S+))?: (.+)", line)
        if not found:
            raise ValueError(f"not WHAT: reason: {line}")
        return cls(found[1].lower(), re.compile(found[2] or ""), found[3])

    def covers(self, what: str, request: Request) -> bool:
        return self.what in (what.lower(), "any") and self.path.search(request.line) is not None


@dataclass(frozen=True)
class Program:
    """One section."""

    name: str
    packages: list[str]
    site: list[str]
    apache: list[str]
    prepare: str
    requests: list[Request]
    varies: list[re.Pattern[str]]
    differs: list[Explanation]

    def is_installed(self, installed: set[str]) -> bool:
        return installed.issuperset(self.packages)

    def in_folder(self, home: Path) -> Program:
        """The same with the name of its folder put in."""

        def named(lines: list[str]) -> list[str]:
            return [line.replace("${home}", os.fspath(home)) for line in lines]

        return replace(self, site=named(self.site), apache=named(self.apache))

    @classmethod
    def from_section(cls, section: configparser.SectionProxy) -> Program:
        def lines(key: str) -> list[str]:
            return [line for line in section.get(key, "").splitlines() if line.strip()]

        unknown = set(section) - {"package", "site", "apache", "prepare", "requests", "varies", "differs"}
        if unknown:
            raise ValueError(f"[{section.name}]: unknown: {' '.join(sorted(unknown))}")
        return cls(
            name=section.name,
            packages=section.get("package", section.name).split(),
            site=lines("site") or SITE,
            apache=lines("apache"),
            prepare=section.get("prepare", ""),
            requests=[Request.parse(line) for line in lines("requests")],
            varies=[re.compile(line) for line in lines("varies")],
            differs=[Explanation.parse(line) for line in lines("differs")],
        )


def read_programs(folder: Path = FOLDER) -> list[Program]:
    """All programs, in the order of the files' names and of their sections."""
    programs = []
    for path in sorted(folder.glob("*.ini")):
        parser = configparser.ConfigParser(delimiters="=", comment_prefixes=";", interpolation=None)
        parser.read(path, encoding="utf-8")
        programs += [Program.from_section(parser[name]) for name in parser.sections()]
    return programs


def installed_packages() -> set[str]:
    """The Debian packages that are there and in good order."""
    listing = subprocess.check_output(["dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Package}\n"], text=True)
    return {line.split()[-1] for line in listing.splitlines() if line[1] == "i"}
