"""Turns lose their personal data before they are put anywhere, by the server's own rules."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from bot.privacy.kinds import KINDS
from bot.privacy.scrub import PLACEHOLDER, Found, Scrubber
from bot.review.item import Said
from bot.review.turn import Turn
from bot.settings import Settings
from bot.store.private import make_folder
from nlu.parse import Entity

KEY = "turns.key"  # in `home`: where the settings have no key


@dataclass(frozen=True)
class Rules:
    """What is personal, and the secret its placeholders are made with. Can be sent to another
    process."""

    kinds: tuple[str, ...]
    patterns: dict[str, str]
    key: bytes

    @cached_property
    def version(self) -> str:
        """Changes with what is found; not with the key."""
        known = [(name, KINDS[name].pattern.pattern) for name in self.kinds if name in KINDS]
        said = msgspec.json.encode((known, sorted(self.patterns.items())))
        return sha256(said).hexdigest()[:12]

    @cached_property
    def scrubber(self) -> Scrubber:
        return Scrubber(self.kinds, patterns=self.patterns, key=self.key)

    def scrub(self, text: str, scope: str) -> str:
        """``text`` without personal data; a value has one placeholder within ``scope``."""
        return self.scrubber.scrub(text, scope=scope).text

    def clean(self, turn: Turn) -> Turn:
        """``turn`` with placeholders in everything that was said."""
        scope = turn.conversation_id
        text = self.scrubber.scrub(turn.text, scope=scope)
        moved = [self._entity(one, text.text, text.found, scope) for one in turn.said.entities]
        return msgspec.structs.replace(
            turn,
            text=text.text,
            before=self.scrub(turn.before, scope),
            replies=tuple(self.scrub(each, scope) for each in turn.replies),
            agent=tuple(self.scrub(each, scope) for each in turn.agent),
            said=Said(
                turn.said.intent, turn.said.confidence, whole(text.text, moved), turn.said.model
            ),
            scrub=self.version,
        )

    def _entity(self, entity: Entity, text: str, found: Sequence[Found], scope: str) -> Entity:
        start, end = _moved(entity.start, entity.end, found)
        is_changed = any(one.start < entity.end and entity.start < one.end for one in found)
        value = text[start:end] if is_changed else self._value(entity.value, scope)
        return Entity(
            entity.entity,
            value,
            start,
            end,
            role=entity.role,
            group=entity.group,
            confidence_entity=entity.confidence_entity,
            extractor=entity.extractor,
        )

    def _value(self, value: Any, scope: str) -> Any:
        match value:
            case str():
                return self.scrub(value, scope)
            case list():
                return [self._value(each, scope) for each in value]
            case dict():
                return {key: self._value(each, scope) for key, each in value.items()}
            case _:
                return value


def whole(text: str, entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """``entities`` without those that cut a placeholder of ``text``: its letters mean nothing."""
    taken = [one.span() for one in PLACEHOLDER.finditer(text)]
    return tuple(
        entity
        for entity in entities
        if all(
            entity.end <= start
            or end <= entity.start
            or (entity.start <= start and end <= entity.end)
            for start, end in taken
        )
    )


def _moved(start: int, end: int, found: Sequence[Found]) -> tuple[int, int]:
    """Where a span is once the finds are replaced; one that cuts a find takes it in whole."""
    return _place(start, found, is_end=False), _place(end, found, is_end=True)


def _place(at: int, found: Sequence[Found], *, is_end: bool) -> int:
    shift = 0
    for one in found:
        grown = len(one.placeholder) - (one.end - one.start)
        if one.end <= at:
            shift += grown
        elif one.start < at:  # within it
            return one.end + shift + grown if is_end else one.start + shift
    return at + shift


def rules_of(settings: Settings) -> Rules:
    """The server's rules; all kinds that are known where it has none. Its key, else one that is
    kept in ``home``."""
    kinds = settings.scrub or tuple(KINDS)
    key = settings.scrub_key
    secret = key.get_secret_value().encode() if key else _kept_key(settings.home / KEY)
    return Rules(kinds, dict(settings.scrub_patterns), secret)


def _kept_key(file: Path) -> bytes:
    with suppress(FileNotFoundError):
        return file.read_bytes()
    make_folder(file.parent)
    # Written whole under another name: who starts at the same moment finds all of it or nothing.
    draft = file.with_suffix(f".{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(secrets.token_hex(32).encode())
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()
    return file.read_bytes()
