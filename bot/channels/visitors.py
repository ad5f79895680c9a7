"""Tickets: whoever brings one takes part in the conversation that it names.

A visitor of the chat page is given a random id and a ticket for it, ``<id>.<issued>.<signature>``
with ``issued`` in seconds since the epoch and HMAC-SHA256 (RFC 2104) over both. Nobody else can
make one, so knowing an id, as an action server does, opens nothing.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from bot.errors import SettingsError
from bot.settings import Settings
from bot.store.private import make_folder

DAY_S = 86_400.0
FILE = "visitor.keys"
LEAST_KEY_CHARS = 16
MOST_TICKET_CHARS = 160
_TICKET = re.compile(r"([A-Za-z0-9_-]{16,64})\.([0-9]{1,12})\.([A-Za-z0-9_-]{43})")


class Tickets:
    """Makes and reads tickets.

    Args:
        keys: The first signs, any of them is believed; without one, a key of this process.
        days: How long a ticket is good for. Whoever comes back gets a new one.
    """

    def __init__(self, keys: Sequence[str] = (), *, days: float = 90.0) -> None:
        self._keys = [key.encode() for key in keys] or [secrets.token_bytes(32)]
        self._good_s = days * DAY_S

    def new_id(self) -> str:
        """An id that nobody can guess: 192 random bits."""
        return secrets.token_urlsafe(24)

    def sign(self, visitor_id: str, now: float) -> str:
        """A ticket for ``visitor_id`` from ``now`` on."""
        said = f"{visitor_id}.{int(now)}"
        return f"{said}.{_signature(self._keys[0], said)}"

    def read(self, ticket: str, now: float) -> str | None:
        """The id that ``ticket`` is for; None for one that is forged, foreign or too old."""
        found = _TICKET.fullmatch(ticket[: MOST_TICKET_CHARS + 1])
        if not found:
            return None
        visitor_id, issued, signature = found.groups()
        said = f"{visitor_id}.{issued}"
        signed = any(hmac.compare_digest(_signature(key, said), signature) for key in self._keys)
        return visitor_id if signed and now - int(issued) <= self._good_s else None


def visitor_keys(settings: Settings) -> tuple[str, ...]:
    """The keys that the settings name, else those kept in ``home``; made there the first time.

    Reads and writes a file. Raises SettingsError.
    """
    if settings.visitor_keys:
        return tuple(key.get_secret_value() for key in settings.visitor_keys)
    path = settings.home / FILE
    try:
        if not path.exists():
            _make(path)
        keys = tuple(path.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}, which signs the tickets of the chat page, cannot be used: {error}. Put it "
            "right, or give keys in PARLEY_VISITOR_KEYS."
        ) from error
    if not keys or any(len(key) < LEAST_KEY_CHARS for key in keys):
        raise SettingsError(
            f"{path} should hold one key a line, of at least {LEAST_KEY_CHARS} characters."
        )
    return keys


def _make(path: Path) -> None:
    """Write a key for the owner alone to read. Of servers that do so at once, one wins."""
    make_folder(path.parent)
    beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(f"{secrets.token_urlsafe(32)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()


def _signature(key: bytes, said: str) -> str:
    digest = hmac.new(key, f"parley visitor {said}".encode(), sha256).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
