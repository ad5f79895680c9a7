"""What understanding a text gives, in the shape of Rasa's ``/model/parse``."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol, TypeGuard, runtime_checkable

import msgspec


class Intent(msgspec.Struct, frozen=True, gc=False):
    """What the user wants; ``name`` is None when nobody could tell."""

    name: str | None = None
    confidence: float = 0.0


class Sentiment(msgspec.Struct, frozen=True, gc=False):
    """How the user feels, by the name that the project's examples have for it."""

    name: str
    confidence: float


class Entity(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A labelled span of text; ``start`` and ``end`` count Unicode code points.

    An entity that stands nowhere in the text, because it was said by a program, ends at 0.
    ``additional_info``, ``text`` and ``confidence`` are written for measures, as Rasa writes what
    Duckling finds.
    """

    entity: str
    value: Any
    start: int = msgspec.field(default_factory=int)  # written even where it is 0
    end: int = msgspec.field(default_factory=int)
    role: str | None = None
    group: str | None = None
    confidence_entity: float | None = None
    extractor: str | None = None
    additional_info: dict[str, Any] | None = None
    text: str | None = None
    confidence: float | None = None


class Parse(msgspec.Struct, frozen=True, gc=False):
    """The whole answer for one text.

    ``intent_ranking`` is sorted by falling confidence and begins with ``intent``.
    ``response_selector`` maps a retrieval intent to its ranked answers, as Rasa's
    ResponseSelector writes it. ``language`` is there where a bot has several, and its letters tell.
    ``corrected`` is there, and true, where labels of people's were mixed in: the model alone, or
    at another time, may say otherwise. ``sentiment`` is there where the model has learnt any.
    """

    text: str
    intent: Intent = Intent()
    entities: tuple[Entity, ...] = ()
    intent_ranking: tuple[Intent, ...] = ()
    response_selector: dict[str, Any] = {}
    text_tokens: tuple[tuple[int, int], ...] = ()
    language: str | msgspec.UnsetType = msgspec.UNSET
    corrected: bool | msgspec.UnsetType = msgspec.UNSET
    sentiment: Sentiment | msgspec.UnsetType = msgspec.UNSET


class Context(msgspec.Struct, frozen=True):
    """What was going on when the user wrote: the bot's last words and the slot it asked for.

    ``earlier`` is what the user wrote in the turns before, the latest first. ``at`` is when the
    text was written, in seconds since the epoch (None: now); ``timezone`` and ``locale`` are the
    user's own, where they are told.
    """

    bot_text: str | None = None
    requested_slot: str | None = None
    earlier: tuple[str, ...] = ()
    at: float | None = None
    timezone: str | None = None
    locale: str | None = None


NO_CONTEXT = Context()


class Understanding(Protocol):
    """Anything that turns a text into a Parse: a bundle, keywords, another server, nothing."""

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        """The Parse of ``text``; raises NluError when it cannot be had."""
        ...


@runtime_checkable
class Expectant(Protocol):
    """An Understanding that can begin with a text before it is asked for its Parse."""

    def expect(self, text: str) -> None:
        """Begin with ``text``, if nothing else is to be done first."""
        ...


def is_expectant(nlu: Understanding) -> TypeGuard[Expectant]:
    """Whether ``nlu`` can; every message asks, and to look is slow."""
    return _is_expectant(type(nlu))


@cache
def _is_expectant(kind: type[Understanding]) -> bool:
    return issubclass(kind, Expectant)
