"""Personal data in a text becomes placeholders: typed, and the same for the same value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from hmac import new as hmac

from bot.errors import SettingsError
from bot.privacy.kinds import KINDS, Kind

PLACEHOLDER = re.compile(r"<[a-z][a-z0-9_]*_[0-9a-f]{8}>")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Found:
    """Personal data in a text: where it was, and what stands there now."""

    kind: str
    start: int
    end: int
    placeholder: str


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """A text without the personal data that was found in it."""

    text: str
    found: tuple[Found, ...]


class Scrubber:
    """Replaces personal data by placeholders such as ``<email_3fa94c01>``.

    Args:
        kinds: Names in ``KINDS``, and names in ``patterns``.
        patterns: Regular expressions of the project's own kinds, such as order numbers.
        key: Secret. Who has it can tell whether a value he knows is behind a placeholder; nobody
            else can.

    Raises SettingsError for an unknown kind or a pattern that is none.
    """

    def __init__(
        self, kinds: Iterable[str], *, patterns: Mapping[str, str] | None = None, key: bytes
    ) -> None:
        own = {name: _own(name, pattern) for name, pattern in (patterns or {}).items()}
        known = {**own, **KINDS}
        wanted = list(dict.fromkeys((*own, *kinds)))
        if unknown := [name for name in wanted if name not in known]:
            raise SettingsError(
                f"{unknown[0]!r} is no kind of personal data. Known: {', '.join(known)}."
            )
        self._kinds = [known[name] for name in known if name in wanted]
        self._key = key

    def scrub(self, text: str, *, scope: str = "") -> Scrubbed:
        """``text`` with placeholders.

        Args:
            scope: Within it a value has one placeholder, in another scope another one; such as a
                conversation's id. What is scrubbed already stays as it is.
        """
        # By character, since a text may hold many thousands of finds.
        taken = bytearray(len(text))
        for match in PLACEHOLDER.finditer(text):
            _take(taken, match)
        found: list[Found] = []
        for kind in self._kinds:
            for match in kind.pattern.finditer(text):
                start, end = match.span()
                if start == end or any(taken[start:end]):
                    continue
                if kind.holds(match.group()):
                    _take(taken, match)
                    placeholder = self._placeholder(kind, match.group(), scope)
                    found.append(Found(kind.name, start, end, placeholder))
        found.sort(key=lambda each: each.start)
        return Scrubbed(_replaced(text, found), tuple(found))

    def _placeholder(self, kind: Kind, value: str, scope: str) -> str:
        said = "\0".join((scope, kind.name, kind.same(value))).encode()
        return f"<{kind.name}_{hmac(self._key, said, sha256).hexdigest()[:8]}>"


def _take(taken: bytearray, match: re.Match[str]) -> None:
    start, end = match.span()
    taken[start:end] = b"\1" * (end - start)


def _replaced(text: str, found: Iterable[Found]) -> str:
    parts, at = [], 0
    for each in found:
        parts += [text[at : each.start], each.placeholder]
        at = each.end
    return "".join((*parts, text[at:]))


def _own(name: str, pattern: str) -> Kind:
    if not _NAME.fullmatch(name):
        raise SettingsError(f"{name!r} is no name for personal data: write a-z, 0-9 and _.")
    try:
        return Kind(name, re.compile(pattern))
    except re.error as error:
        raise SettingsError(
            f"The pattern of {name!r} is no regular expression: {error}."
        ) from error
