"""The two servers: how each is told to serve a program, started and stopped."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar, Self

from table import Program

START_SECONDS = 10
STOP_SECONDS = 10
# Whom both become where the comparison is run by root: Debian's user for web servers.
USER = "www-data"
ADMINISTRATOR = "webmaster@localhost"
# What Debian starts Apache with.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C"}
# What Gatehouse gives to scripts, and Apache does not. Many a program speaks another language without.
LANGUAGE = "C.UTF-8"


class ServerFailed(Exception):
    """A server that does not start."""


def account() -> str:
    """The user that programs run as."""
    return USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One server over one program."""

    name: ClassVar[str]

    def __init__(self, folder: Path, home: Path, program: Program, port: int) -> None:
        self.folder = folder
        self.home = home
        self.subject = program
        lines = (line.partition("=") for line in program.site)
        self.site = [(key.strip(), value.strip()) for key, _, value in lines]
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def configuration(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        """The call that serves in the foreground."""
        raise NotImplementedError

    @property
    def config(self) -> Path:
        return self.folder / "server.conf"

    @property
    def error_log(self) -> Path:
        return self.folder / "error.log"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER, USER)
        self.config.write_text(self.configuration())
        with (self.folder / "stderr").open("wb") as stderr:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=ENVIRONMENT,
                start_new_session=True,
            )
        try:
            self._wait_until_it_listens(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if not (process := self._process):
            return
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                pass
            if process.poll() is not None or time.monotonic() > deadline:
                words = (self.folder / "stderr").read_text(errors="replace").strip()
                raise ServerFailed(f"{self.name} does not start: {words}")
            time.sleep(0.01)


class Gatehouse(Server):
    name = "gatehouse"
    binary: ClassVar[Path]

    def configuration(self) -> str:
        user = f"user = {USER}\n" if os.geteuid() == 0 else ""
        # Some programs name the administrator on their pages; only Apache has a setting for that.
        # A good many end with 1 after each page that is whole.
        common = [("cgi_env", f"SERVER_ADMIN={ADMINISTRATOR}"), ("cgi_exit_status", "stderr")]
        site = [("root", os.fspath(self.home)), *common, *self.site]
        if any(key == "root" for key, _ in self.site):
            del site[0]
        lines = "\n".join(f"{key} = {value}" for key, value in site)
        return f"""\
[server]
home = {self.home}
listen = 127.0.0.1:{self.port}
error_log = {self.error_log}
{user}
[site compare]
access_log = {self.folder}/access.log
{lines}
"""

    def command(self) -> list[str]:
        return [os.fspath(self.binary), "run", "-c", os.fspath(self.config)]


class Apache(Server):
    """Apache with Debian's default modules for processes and scripts: event and cgid."""

    name = "apache"
    program: ClassVar[str | None] = shutil.which("apache2", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    # None of them is compiled in on Debian.
    modules: ClassVar[list[str]] = [
        *("mpm_event", "authn_core", "authn_file", "authz_core", "authz_user", "auth_basic"),
        *("mime", "dir", "alias", "env", "setenvif", "actions", "cgid"),
    ]

    def configuration(self) -> str:
        modules = "\n".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in self.modules
        )
        user = account()
        group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
        return f"""\
{modules}
ServerName localhost
ServerRoot {self.folder}
DefaultRuntimeDir {self.folder}
PidFile {self.folder}/apache.pid
ScriptSock {self.folder}/cgisock
User {user}
Group {group}
Listen 127.0.0.1:{self.port}
StartServers 1
ServerLimit 1
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
SetEnv LANG {LANGUAGE}
TypesConfig /etc/mime.types
ServerAdmin {ADMINISTRATOR}
DocumentRoot {self.home}
ErrorLog {self.error_log}
<Directory />
    Options ExecCGI FollowSymLinks
    AllowOverride None
    Require all granted
</Directory>
{self._directives()}
"""

    def _path(self, path: str) -> str:
        """Relative paths start at the program's folder, as they do in server.ini."""
        return f'"{self.home / path}{"/" if path.endswith("/") else ""}"'

    def _directives(self) -> str:
        """The lines of server.ini in Apache's words."""
        lines: list[str] = []
        # Apache takes the first prefix that fits, Gatehouse the longest.
        prefixes: list[tuple[int, str]] = []
        for key, value in self.site:
            words = value.split()
            match key:
                case "root":
                    lines.append(f"DocumentRoot {self._path(value)}")
                case "index":
                    lines.append(f"DirectoryIndex {value}")
                case "cgi" | "alias":
                    directive = "ScriptAlias" if key == "cgi" else "Alias"
                    prefixes.append((len(words[0]), f'{directive} "{words[0]}" {self._path(words[1])}'))
                case "cgi_env":
                    name, _, text = value.partition("=")
                    lines.append(f'SetEnv {name} "{text}"')
                case "cgi_extensions":
                    lines.append(f"AddHandler cgi-script {value}")
                case "cgi_interpreter":
                    ending, program = words
                    lines.append(f"AddHandler run{ending} {ending}")
                    lines.append(f"Action run{ending} /run{ending}")
                    prefixes.append((len(ending), f'ScriptAlias "/run{ending}" {self._path(program)}'))
                case "auth":
                    realm, path = value.rsplit(maxsplit=1)
                    lines.append(f"<Location />\nAuthType Basic\nAuthName {realm}\nRequire valid-user")
                    lines.append(f"AuthUserFile {self._path(path)}\n</Location>")
                case "cgi_no_new_privs" if value == "no":
                    pass  # As with Apache at all times.
                case "symlinks":
                    pass  # Apache does so anyway.
                case _ if self.subject.apache:
                    pass  # Said there.
                case _:
                    raise ValueError(f"no words of Apache's for {key}")
        return "\n".join([*lines, *(line for _, line in sorted(prefixes, reverse=True)), *self.subject.apache])

    def command(self) -> list[str]:
        return [self.program or "apache2", "-DFOREGROUND", "-f", os.fspath(self.config)]
