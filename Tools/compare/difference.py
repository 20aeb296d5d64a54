"""Where two answers differ, once what differs by nature is out of them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from request import Answer

# Fields that are the server's own, or say how the content is framed, which every client undoes.
SERVERS_FIELDS = {
    *("date", "server", "connection", "keep-alive", "transfer-encoding", "accept-ranges", "content-length"),
}

_DAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
# Times, ports and the server's name: what no two runs have in common.
NATURAL = [
    (re.compile(rf"{_DAY},? \d\d?[ -]{_MONTH}[ -]\d{{2,4}} \d\d:\d\d:\d\d(?: \w+)?"), "<time>"),
    (re.compile(rf"{_DAY},? {_MONTH} +\d\d?,? \d\d:\d\d(?::\d\d)?(?: [AP]M)?(?: \w+)?(?: \d{{4}})?"), "<time>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d?:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b1[789]\d{8}(?:\.\d+)?\b"), "<time>"),
    (re.compile(r"\b(REMOTE_PORT\W+)\d+"), r"\1<port>"),
    (re.compile(r"(?:Apache|gatehouse)/[\d.]+(?: \(Debian\))?"), "<server>"),
]

# How the pages begin that the servers make themselves: errors, and where a redirect leads to.
SERVERS_PAGES = [
    '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n<html><head>\n<title>{status}',
    '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">'
    "\n<title>{status}",
]


@dataclass(frozen=True)
class Difference:
    """What differs: `status`, `end`, `body` or a field's name, and how."""

    what: str
    details: str


def is_servers_page(answer: Answer) -> bool:
    """Whether the server made this answer's content, not the program."""
    text = answer.body.decode("latin-1")
    return any(text.startswith(start.format(status=answer.status)) for start in SERVERS_PAGES)


def _joined(answer: Answer, name: str) -> str:
    """All values of a field as one: a list may come in one line or in several (RFC 9110, section 5.3)."""
    text = (" | " if name == "set-cookie" else ", ").join(answer.values(name)) or "none"
    # A path leads to the same place as the whole address of that path.
    return re.sub(r"^http://127\.0\.0\.1:\d+/", "/", text) if name == "location" else text


def compare(reference: Answer, other: Answer, varies: list[re.Pattern[str]]) -> list[Difference]:
    """All differences. `varies` are the program's own patterns of what is never twice the same."""

    def plain(text: str) -> str:
        for pattern in varies:
            text = pattern.sub("", text)
        for pattern, word in NATURAL:
            text = pattern.sub(word, text)
        return text

    found: list[Difference] = []

    def look(what: str, ours: str, theirs: str) -> None:
        if ours != theirs:
            found.append(Difference(what, f"{ours} / {theirs}"))

    look("status", str(reference.status), str(other.status))
    look("end", reference.end, other.end)
    pages = [is_servers_page(reference), is_servers_page(other)]
    # A page of the server beside one of the other server, or beside none at all, is no difference.
    is_comparable = not (all(pages) or (any(pages) and not (reference.body and other.body)))
    names = sorted({name.lower() for answer in (reference, other) for name, _ in answer.fields} - SERVERS_FIELDS)
    for name in names:
        if name != "content-type" or is_comparable:
            look(name, *(plain(_joined(it, name)) for it in (reference, other)))
    if is_comparable:
        ours, theirs = (plain(it.body.decode("latin-1")).splitlines() for it in (reference, other))
        if ours != theirs:
            lines = difflib.unified_diff(ours, theirs, "apache", "gatehouse", lineterm="", n=0)
            found.append(Difference("body", "\n".join(lines)))
    return found
