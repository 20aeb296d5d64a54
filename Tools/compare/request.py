"""Requests, written as curl takes them, and the answers to them."""

from __future__ import annotations

import argparse
import base64
import functools
import http.client
import shlex
from dataclasses import dataclass, field
from pathlib import Path

ANSWER_SECONDS = 60
BOUNDARY = "----------------------------gatehouse"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Answer:
    """What a server answered, or that it did not (status 0)."""

    status: int
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    end: str = "whole"

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise ValueError(message)


@functools.cache
def _parser() -> argparse.ArgumentParser:
    """The options of curl that are used here, and two of our own."""
    parser = _Parser(add_help=False)
    parser.add_argument("path")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-I", dest="head", action="store_true")
    parser.add_argument("-H", dest="header", action="append", default=[])
    parser.add_argument("-b", dest="cookie")
    parser.add_argument("-u", dest="user")
    parser.add_argument("-d", dest="data", action="append")
    parser.add_argument("-F", dest="form", action="append")
    parser.add_argument("--data-binary", dest="binary")
    parser.add_argument("--conditional", action="store_true", help="with the ETag and date of the last answer")
    parser.add_argument("--shows", help="words that the answer has to have, or the program is not set up")
    return parser


@dataclass(frozen=True)
class Request:
    """One line of the table."""

    line: str
    options: argparse.Namespace

    @classmethod
    def parse(cls, line: str) -> Request:
        try:
            return cls(line, _parser().parse_args(shlex.split(line)))
        except ValueError as error:
            raise ValueError(f"{error}: {line}") from error

    @property
    def method(self) -> str:
        options = self.options
        if options.method:
            return str(options.method)
        if options.head:
            return "HEAD"
        return "GET" if options.data is None and not options.form and not options.binary else "POST"

    def content(self, home: Path) -> tuple[str | None, bytes | None]:
        """Type and bytes of the content. Files are those of the program's folder."""
        options = self.options
        if options.form:
            return f"multipart/form-data; boundary={BOUNDARY}", _multipart(options.form, home)
        if options.binary:
            name = options.binary
            return FORM, (home / name[1:]).read_bytes() if name.startswith("@") else name.encode()
        if options.data is not None:
            return FORM, "&".join(options.data).encode()
        return None, None

    def send(self, port: int, home: Path, cookies: dict[str, str], last: Answer | None) -> Answer:
        """Ask once, on a connection of its own."""
        kind, content = self.content(home)
        fields = [("Host", f"127.0.0.1:{port}"), ("User-Agent", "compare"), ("Accept", "*/*")]
        if kind:
            fields.append(("Content-Type", kind))
        if content is not None:
            fields.append(("Content-Length", str(len(content))))
        if self.options.user:
            fields.append(("Authorization", f"Basic {base64.b64encode(self.options.user.encode()).decode()}"))
        jar = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if cookie := self.options.cookie or jar:
            fields.append(("Cookie", cookie))
        if self.options.conditional and last:
            fields += [("If-None-Match", value) for value in last.values("ETag")]
            fields += [("If-Modified-Since", value) for value in last.values("Last-Modified")]
        own = [_split_field(text) for text in self.options.header]
        path = self.options.path.replace("${home}", str(home))
        names = {name.lower() for name, _ in own}
        fields = [it for it in fields if it[0].lower() not in names] + own
        answer = _exchange(port, self.method, path, fields, content)
        for text in answer.values("Set-Cookie"):
            name, _, value = text.partition(";")[0].partition("=")
            cookies[name.strip()] = value
        return answer


def _split_field(text: str) -> tuple[str, str]:
    name, _, value = text.partition(":")
    return name, value.strip()


def _multipart(parts: list[str], home: Path) -> bytes:
    """`name=text` and `name=@file`, as curl's -F has them."""
    body = b""
    for part in parts:
        name, _, value = part.partition("=")
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        if value.startswith("@"):
            body += f'; filename="{value[1:]}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
            body += (home / value[1:]).read_bytes() + b"\r\n"
        else:
            body += f"\r\n\r\n{value}\r\n".encode()
    return body + f"--{BOUNDARY}--\r\n".encode()


def _exchange(
    port: int, method: str, path: str, fields: list[tuple[str, str]], content: bytes | None
) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            connection.putheader(name, value)
        connection.putheader("Connection", "close")
        connection.endheaders(content)
        response = connection.getresponse()
        answer = Answer(response.status, response.getheaders())
        try:
            answer.body = response.read()
        except http.client.IncompleteRead as error:
            answer.body, answer.end = error.partial, "cut"
        return answer
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, end=f"{type(error).__name__}: {error}")
    finally:
        connection.close()
