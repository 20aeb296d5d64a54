"""The servers under test: how each is configured, started and stopped.

All get the same: two workers, a combined access log in a file, keep-alive of 60 seconds, media types,
one folder of files and one of scripts. Everything else is as the program comes, so that the figures
are those of a usual set-up; `nginx-tuned` shows what two more settings do for nginx.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from content import Content
from load import get
from processes import end_descendants, reap_orphans, tree, tree_cpu_seconds, tree_pss_kib

WORKERS = 2
KEEP_ALIVE_SECONDS = 60
# lighttpd keeps this number in 16 bits.
KEEP_ALIVE_REQUESTS = 65535
MAX_CONNECTIONS = 10000
START_SECONDS = 10
STOP_SECONDS = 5


class ServerFailed(Exception):
    """A server that does not start, answers wrongly or dies; the others go on."""


def find_program(name: str) -> str | None:
    """Servers live in sbin, which is not on every user's PATH."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


def site_name(number: int) -> str:
    return f"site{number}.bench"


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """One server program. Subclasses say which, and write its configuration."""

    name: ClassVar[str]
    program: ClassVar[str]
    # Whether the CPU time of ended scripts reaches their parent in /proc: it does where that waits.
    waits_for_scripts: ClassVar[bool] = True
    runs_scripts = True
    # Whether one worker is one thread, so that a second one shows what a second thread is worth.
    has_single_workers: ClassVar[bool] = True
    # More sites end the program at its start; None: as many as anyone wants.
    most_sites: ClassVar[int | None] = None

    def __init__(self, folder: Path, content: Content) -> None:
        self.folder = folder
        self.content = content
        self.port = 0
        self.workers = WORKERS
        # Sites besides that of the bench, the last of which has its files then.
        self.sites = 0
        self.requests = 0  # Answers counted by the clients, to compare with the access log.
        self._processes: list[subprocess.Popen[bytes]] = []

    # What a subclass says.

    @classmethod
    def find(cls) -> str | None:
        """Path of the program, or None where it is not installed."""
        return find_program(cls.program)

    @classmethod
    def version(cls) -> str:
        """One line for the head of the report."""
        output = subprocess.run(
            [cls.find() or cls.program, "-v"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        found = re.search(r"\w+/[\d.]+", output.stdout)
        return found.group() if found else cls.name

    def configuration(self) -> str:
        raise NotImplementedError

    def command(self) -> list[str]:
        """The call that serves in the foreground."""
        raise NotImplementedError

    def check_command(self) -> list[str]:
        """The call that only reads the configuration."""
        raise NotImplementedError

    # What all share.

    @property
    def host(self) -> str | None:
        """The name that the files are asked of; None: any."""
        return site_name(self.sites - 1) if self.sites else None

    @property
    def root(self) -> Path:
        """Of the first site, and of all but the last."""
        return self.folder / "empty" if self.sites else self.content.root

    def many_sites(self, form: str) -> str:
        """`form` for each further site: of `{name}` and `{root}`."""
        roots = [self.root] * (self.sites - 1) + [self.content.root]
        return "".join(form.format(name=site_name(i), root=roots[i]) for i in range(self.sites))

    @property
    def access_log(self) -> Path:
        return self.folder / "access.log"

    @property
    def error_log(self) -> Path:
        return self.folder / "error.log"

    @property
    def pids(self) -> list[int]:
        """Process ids the trees of which are this server."""
        return [process.pid for process in self._processes]

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def config(self) -> Path:
        return self.folder / "server.conf"

    def prepare(self) -> None:
        """Write the configuration into an empty folder, for a port that is free now."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        (self.folder / "empty").mkdir()
        self.port = free_port()
        self.requests = 0
        self.config.write_text(self.configuration())

    def launch(self) -> None:
        """Start the prepared program without waiting for it."""
        self._spawn(self.command())

    def start(self) -> None:
        """Start the program and wait until it listens."""
        self.prepare()
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            self.check_alive()
            if time.monotonic() > deadline:
                raise ServerFailed(f"does not listen after {START_SECONDS} s{self._last_words()}")
            time.sleep(0.01)

    def is_ready(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except ConnectionRefusedError:
            return False
        return True

    def check_alive(self) -> None:
        for process in self._processes:
            if process.poll() is not None:
                raise ServerFailed(f"ended with status {process.returncode}{self._last_words()}")

    def check_answer(self, path: str) -> None:
        """A fast wrong answer must not win: look at one before the load."""
        status, body = get(self.port, path, self.host)
        self.requests += 1
        if status != 200 or len(body) != self.content.expected_length(path):
            raise ServerFailed(f"answers {path} with {status} and {len(body)} bytes")

    def logged_requests(self) -> int:
        """Lines in the access log. Complete once the server has ended."""
        try:
            with self.access_log.open("rb") as log:
                return sum(chunk.count(b"\n") for chunk in iter(lambda: log.read(1 << 20), b""))
        except FileNotFoundError:
            return 0

    def cpu_seconds(self) -> float:
        return tree_cpu_seconds(self.pids)

    def pss_kib(self) -> int:
        return tree_pss_kib(self.pids)

    def all_pids(self) -> list[int]:
        """Every process of the server, as far as they live now."""
        return [pid for root in self.pids for pid in tree(root)]

    def stop(self) -> None:
        """End it politely, then for good, with all that it left behind."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()
        # lighttpd's master does not wait for its workers, which write out their log now.
        while len(tree(os.getpid())) > 1 and time.monotonic() < deadline:
            reap_orphans()
            time.sleep(0.01)
        end_descendants()

    def _spawn(self, command: list[str]) -> None:
        # A session of its own: Ctrl-C reaches the bench alone, which then ends the servers in order.
        with (self.folder / "stderr").open("ab") as stderr:
            self._processes.append(
                subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=stderr,
                    start_new_session=True,
                )
            )

    def _last_words(self) -> str:
        for path in (self.folder / "stderr", self.error_log):
            if path.exists() and (lines := path.read_text(errors="replace").splitlines()):
                return ": " + lines[-1]
        return ""


class Gatehouse(Server):
    name = "gatehouse"
    program = "gatehouse"
    binary: ClassVar[Path | None] = None

    @classmethod
    def find(cls) -> str | None:
        return os.fspath(cls.binary) if cls.binary and os.access(cls.binary, os.X_OK) else None

    @classmethod
    def version(cls) -> str:
        output = subprocess.run([cls.find() or "", "--version"], stdout=subprocess.PIPE, text=True)
        return output.stdout.strip()

    def configuration(self) -> str:
        scripts = f"cgi = /cgi-bin/ {self.content.cgi_bin}/"
        further = f"[site {{name}}]\nhost = {{name}}\nroot = {{root}}\naccess_log = {self.access_log}\n"
        return f"""\
[server]
listen = 127.0.0.1:{self.port}
threads = {self.workers}
max_connections = {MAX_CONNECTIONS}
keepalive_timeout = {KEEP_ALIVE_SECONDS}s
error_log = {self.error_log}
[site bench]
root = {self.root}
{scripts if self.runs_scripts else ""}
access_log = {self.access_log}
{self.many_sites(further)}"""

    def command(self) -> list[str]:
        return [self.find() or "", "run", "-c", os.fspath(self.config)]

    def check_command(self) -> list[str]:
        return [self.find() or "", "check", "-c", os.fspath(self.config)]

    def is_ready(self) -> bool:
        stderr = (self.folder / "stderr").read_text(errors="replace")
        return f"gatehouse: listening on http://127.0.0.1:{self.port}\n" in stderr


class Nginx(Server):
    name = "nginx"
    program = "nginx"
    waits_for_scripts = False  # fcgiwrap ignores SIGCHLD.
    log_options: ClassVar[str] = ""
    http_options: ClassVar[str] = ""

    def __init__(self, folder: Path, content: Content) -> None:
        super().__init__(folder, content)
        # nginx starts no scripts itself.
        self._fcgiwrap = find_program("fcgiwrap")
        self.runs_scripts = self._fcgiwrap is not None

    @property
    def _socket(self) -> Path:
        return self.folder / "fcgiwrap.sock"

    def configuration(self) -> str:
        user = "user root;" if os.geteuid() == 0 else ""
        scripts = f"""
        location /cgi-bin/ {{
            include /etc/nginx/fastcgi_params;
            fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
            fastcgi_pass unix:{self._socket};
        }}"""
        further = f"    server {{{{ listen 127.0.0.1:{self.port}; server_name {{name}}; root {{root}}; }}}}\n"
        return f"""\
{user}
daemon off;
worker_processes {self.workers};
pid {self.folder}/nginx.pid;
error_log {self.error_log};
events {{ worker_connections {MAX_CONNECTIONS}; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout {KEEP_ALIVE_SECONDS};
    keepalive_requests {KEEP_ALIVE_REQUESTS};
    access_log {self.access_log} combined{self.log_options};
    {self.http_options}
    client_body_temp_path {self.folder}/body;
    proxy_temp_path {self.folder}/proxy;
    fastcgi_temp_path {self.folder}/fastcgi;
    uwsgi_temp_path {self.folder}/uwsgi;
    scgi_temp_path {self.folder}/scgi;
    server_names_hash_max_size 65536;
    server {{
        listen 127.0.0.1:{self.port};
        root {self.root};{scripts if self.runs_scripts else ""}
    }}
{self.many_sites(further)}}}
"""

    def command(self) -> list[str]:
        paths = {"-p": self.folder, "-e": self.error_log, "-c": self.config}
        return [self.find() or "", *(word for key, path in paths.items() for word in (key, os.fspath(path)))]

    def check_command(self) -> list[str]:
        return [*self.command(), "-t"]

    def launch(self) -> None:
        super().launch()
        if self._fcgiwrap:
            # As many children as connections load the scripts: else requests would queue here.
            self._spawn([self._fcgiwrap, "-c", "16", "-s", f"unix:{self._socket}"])


class NginxTuned(Nginx):
    """nginx with what others do unasked: a buffered access log and a cache of open files."""

    name = "nginx-tuned"
    log_options = " buffer=64k flush=100ms"
    http_options = "open_file_cache max=1000; open_file_cache_valid 1s;"


class Lighttpd(Server):
    name = "lighttpd"
    program = "lighttpd"
    most_sites = 4000  # Some hundred conditions more fail an assertion.

    def configuration(self) -> str:
        scripts = """
server.modules += ("mod_cgi")
$HTTP["url"] =~ "^/cgi-bin/" {
    cgi.assign = ("" => "")
}"""
        further = '$HTTP["host"] == "{name}" {{ server.document-root = "{root}" }}\n'
        return f"""\
server.modules = ("mod_accesslog")
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.root}"
server.errorlog = "{self.error_log}"
server.upload-dirs = ("{self.folder}")
server.max-worker = {self.workers}
server.max-fds = {2 * MAX_CONNECTIONS}
server.max-connections = {MAX_CONNECTIONS}
server.max-keep-alive-idle = {KEEP_ALIVE_SECONDS}
server.max-keep-alive-requests = {KEEP_ALIVE_REQUESTS}
accesslog.filename = "{self.access_log}"
{self._media_types()}{scripts if self.runs_scripts else ""}
{self.many_sites(further)}"""

    def _media_types(self) -> str:
        """Debian has a Perl script make this at each start; the start of Perl is not our subject."""
        return subprocess.check_output(["/usr/share/lighttpd/create-mime.conf.pl"], text=True)

    def command(self) -> list[str]:
        return [self.find() or "", "-D", "-f", os.fspath(self.config)]

    def check_command(self) -> list[str]:
        return [self.find() or "", "-tt", "-f", os.fspath(self.config)]


class Apache(Server):
    """Apache with Debian's default modules for processes and scripts: event and cgid."""

    name = "apache"
    program = "apache2"
    waits_for_scripts = False  # mod_cgid ignores SIGCHLD.
    has_single_workers = False

    def configuration(self) -> str:
        modules = "".join(
            f"LoadModule {module}_module /usr/lib/apache2/modules/mod_{module}.so\n"
            for module in ("mpm_event", "authz_core", "mime", "alias", "cgid")
        )
        threads = 64
        virtual = f"""\
<VirtualHost 127.0.0.1:{self.port}>
ServerName {{name}}
DocumentRoot {{root}}
</VirtualHost>
"""
        first = virtual.format(name="localhost", root=self.root) if self.sites else ""
        return f"""\
{modules}
ServerName localhost
ServerRoot {self.folder}
DefaultRuntimeDir {self.folder}
PidFile {self.folder}/apache.pid
ScriptSock {self.folder}/cgisock
User www-data
Group www-data
Listen 127.0.0.1:{self.port}
StartServers {self.workers}
ServerLimit {self.workers}
ThreadsPerChild {threads}
ThreadLimit {threads}
MaxRequestWorkers {self.workers * threads}
MinSpareThreads 1
MaxSpareThreads {self.workers * threads}
# Connections a process may hold: threads + factor * idle threads.
AsyncRequestWorkerFactor {MAX_CONNECTIONS // threads}
KeepAlive On
KeepAliveTimeout {KEEP_ALIVE_SECONDS}
MaxKeepAliveRequests 0
TypesConfig /etc/mime.types
DocumentRoot {self.root}
ScriptAlias /cgi-bin/ {self.content.cgi_bin}/
<Directory {self.content.root}>
    Require all granted
</Directory>
ErrorLog {self.error_log}
LogFormat "%h %l %u %t \\"%r\\" %>s %O \\"%{{Referer}}i\\" \\"%{{User-Agent}}i\\"" combined
CustomLog {self.access_log} combined
{first}{self.many_sites(virtual)}"""

    def command(self) -> list[str]:
        return [self.find() or "", "-DFOREGROUND", "-f", os.fspath(self.config)]

    def check_command(self) -> list[str]:
        return [self.find() or "", "-t", "-f", os.fspath(self.config)]


ALL_SERVERS: list[type[Server]] = [Gatehouse, Nginx, NginxTuned, Lighttpd, Apache]
DEFAULT_SERVERS = ["gatehouse", "nginx", "lighttpd", "apache"]
