"""Texts of users encrypted at rest: AES-256-GCM (NIST SP 800-38D), bound to the row they are in.

A sealed text is ``~<key id>:<base64 of nonce and ciphertext>``; JSON never begins so. What is
authenticated beside it is which row it is in, so that a text put into another row cannot be
opened. A row from before there were keys is read as it stands.
"""

from __future__ import annotations

import base64
import os
import re
from binascii import Error as NoBase64
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from bot.errors import SettingsError, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VARIABLE = "PARLEY_ENCRYPTION_KEYS"
MARK = "~"
KEY_BYTES, NONCE_BYTES = 32, 12
_ID = re.compile(r"[A-Za-z0-9._-]{1,40}")
Part = str | int | None


class Locked(Unavailable):
    """A text cannot be opened with the keys that are there: 503, since nothing is lost by waiting
    for the right ones."""

    reason = "Locked"


class Seal(Protocol):
    """Closes texts on their way into a store, opens them on their way out."""

    @property
    def key_id(self) -> str:
        """Of the key that closes; empty when nothing is encrypted."""
        ...

    def close(self, text: str, *row: Part) -> str:
        """``text`` as it is stored in the row that is named so."""
        ...

    def open(self, text: str, *row: Part) -> str:
        """``text`` as it was before. Raises Locked."""
        ...

    def close_bytes(self, data: bytes, *row: Part) -> bytes: ...

    def open_bytes(self, data: bytes, *row: Part) -> bytes: ...


class Plain:
    """Encrypts nothing, and opens nothing that is encrypted."""

    key_id = ""

    def close(self, text: str, *row: Part) -> str:
        return text

    def open(self, text: str, *row: Part) -> str:
        if text.startswith(MARK):
            raise _locked(row, text[1:].partition(":")[0])
        return text

    def close_bytes(self, data: bytes, *row: Part) -> bytes:
        return data

    def open_bytes(self, data: bytes, *row: Part) -> bytes:
        if data.startswith(b"~"):
            raise _locked(row, _key_id(data))
        return data


class Keyring:
    """Closes with the first key, opens with any. ``keys``: ids to 32 bytes, the newest first.

    A key may close four billion texts (random nonces, SP 800-38D section 8.3): then give a new one.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._keys: dict[str, AESGCM] = {id_: AESGCM(key) for id_, key in keys.items()}
        self.key_id = next(iter(keys))
        self._prefix = f"{MARK}{self.key_id}:"

    def close(self, text: str, *row: Part) -> str:
        sealed = self._sealed(text.encode(), row)
        return self._prefix + base64.b64encode(sealed).decode()

    def open(self, text: str, *row: Part) -> str:
        if not text.startswith(MARK):
            return text
        key_id, _, body = text[1:].partition(":")
        try:
            sealed = base64.b64decode(body, validate=True)
        except NoBase64 as error:
            raise _damaged(row) from error
        return self._opened(key_id, sealed, row).decode()

    def close_bytes(self, data: bytes, *row: Part) -> bytes:
        return self._prefix.encode() + self._sealed(data, row)

    def open_bytes(self, data: bytes, *row: Part) -> bytes:
        if not data.startswith(b"~"):
            return data
        return self._opened(_key_id(data), data.partition(b":")[2], row)

    def _sealed(self, data: bytes, row: tuple[Part, ...]) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._keys[self.key_id].encrypt(nonce, data, _place(row))

    def _opened(self, key_id: str, sealed: bytes, row: tuple[Part, ...]) -> bytes:
        from cryptography.exceptions import InvalidTag

        if (key := self._keys.get(key_id)) is None:
            raise _locked(row, key_id)
        try:
            return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(row))
        except (InvalidTag, ValueError) as error:
            raise _damaged(row) from error


PLAIN = Plain()


def seal_of(db: Connection) -> Seal:
    """What the database of ``db`` closes and opens texts with."""
    seal: Seal = db.get_execution_options().get("seal", PLAIN)
    return seal


@lru_cache(maxsize=4)
def seal_from(keys: str) -> Seal:
    """``<id>:<base64>`` of 32 bytes each, separated by commas, the newest first; none: Plain.

    Raises SettingsError, which holds no key.
    """
    found: dict[str, bytes] = {}
    for number, given in enumerate(filter(None, map(str.strip, keys.split(","))), 1):
        id_, _, body = given.partition(":")
        try:
            key = base64.b64decode(body, validate=True)
        except NoBase64:
            key = b""
        if not _ID.fullmatch(id_) or len(key) != KEY_BYTES or id_ in found:
            raise SettingsError(
                f"{VARIABLE}: key {number} should be NAME:KEY with a name of its own and 32 bytes "
                "in base64, as `parley privacy key` writes it."
            )
        found[id_] = key
    return Keyring(found) if found else PLAIN


def seal_of_environment() -> Seal:
    """That of the setting, for who opens a database by its address alone."""
    return seal_from(os.environ.get(VARIABLE, ""))


def new_key(name: str) -> str:
    """A new key, as ``seal_from`` reads it. Raises SettingsError for a name that is none."""
    if not _ID.fullmatch(name):
        raise SettingsError(f"{name!r} is no name for a key: write letters, digits, . _ and -.")
    return f"{name}:{base64.b64encode(os.urandom(KEY_BYTES)).decode()}"


def _place(row: tuple[Part, ...]) -> bytes:
    return "\0".join("" if part is None else str(part) for part in row).encode()


def _key_id(data: bytes) -> str:
    return data[1:].partition(b":")[0].decode(errors="replace")


def _locked(row: tuple[Part, ...], key_id: str) -> Locked:
    return Locked(
        f"{_shown(row)} is encrypted with key {key_id[:40]!r}, which {VARIABLE} does not name."
    )


def _damaged(row: tuple[Part, ...]) -> Locked:
    return Locked(f"{_shown(row)} cannot be decrypted: it was changed, moved, or the key is wrong.")


def _shown(row: tuple[Part, ...]) -> str:
    kind, *where = row
    return f"What is in {kind} {' '.join(map(repr, where))}"
