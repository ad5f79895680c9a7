"""GrammarEntityExtractor: the grammar as a part of a project's pipeline."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from nlu.errors import NluError
from nlu.grammar import NAME
from nlu.grammar.calendar import reference
from nlu.grammar.grammar import DIMENSIONS, ORDER, PHONE, Found
from nlu.grammar.languages import WORDED, grammar_for, parts_of
from nlu.parse import NO_CONTEXT, Context, Entity
from nlu.tokenizer import MOST_CHARACTERS

MOST_ZONES = 1024  # remembered, of those that messages name


@dataclass(frozen=True, slots=True)
class Options:
    """What config.yml says of the component.

    ``dimensions`` None: all. ``extractor`` is the name its entities bear; under another than its
    own it finds what Duckling has a name for and writes phones as Duckling does.
    """

    dimensions: tuple[str, ...] | None = None
    locale: str = "en"
    timezone: str = "UTC"
    latent: bool = False
    extractor: str = NAME


class GrammarFinder:
    """Finds numbers, times, amounts and the like in a text, as seen from its user's clock."""

    def __init__(self, options: Options, clock: Callable[[], float] = time.time) -> None:
        """Raises NluError for a dimension or a time zone that is none."""
        self._options, self._clock = options, clock
        self._dimensions = _checked(options)
        self._zones: dict[str, tzinfo] = {options.timezone: _zone(options.timezone)}
        grammar_for(options.locale, latent=options.latent)  # made now, not with the first text

    async def find(self, text: str, context: Context = NO_CONTEXT) -> Sequence[Entity]:
        """What is in ``text``. What ``context`` tells of the user's clock, zone and locale comes
        before the options; a zone or locale that is none is passed over."""
        if context.timezone and context.timezone not in self._zones:
            await self._learn(context.timezone)
        return self.find_now(text, context)

    def find_now(self, text: str, context: Context = NO_CONTEXT) -> list[Entity]:
        """As ``find``, with the zones that are known already."""
        options = self._options
        zone = self._zones.get(context.timezone or "", self._zones[options.timezone])
        at = self._clock() if context.at is None else context.at
        grammar = grammar_for(_locale(context.locale) or options.locale, latent=options.latent)
        found = grammar.find(text[:MOST_CHARACTERS], reference(at, zone), self._dimensions)
        return [self._entity(text, each) for each in found]

    async def _learn(self, name: str) -> None:
        """Zones are files, which are not read on the event loop."""
        if len(self._zones) < MOST_ZONES:
            zone = await asyncio.to_thread(zone_named, name)
            self._zones[name] = zone or self._zones[self._options.timezone]

    def _entity(self, text: str, found: Found) -> Entity:
        own = self._options.extractor == NAME
        value = found.value.get("value")
        if found.dimension == PHONE and own:
            value = found.value.get("e164", value)
        if found.value.get("type") == "interval":
            ends = {key: found.value.get(key) for key in ("to", "from")}
            value = {key: end["value"] if end else None for key, end in ends.items()}
        return Entity(
            entity=found.dimension,
            value=value,
            start=found.start,
            end=found.end,
            extractor=self._options.extractor,
            additional_info=found.value,
            text=text[found.start : found.end],
            confidence=1.0,
        )


def knows_words(locale: str) -> bool:
    """Whether the grammar has the words of a locale's language."""
    return parts_of(locale)[0] in WORDED


def _checked(options: Options) -> tuple[str, ...]:
    if options.dimensions is None:
        return DIMENSIONS if options.extractor == NAME else tuple(set(DIMENSIONS) - {ORDER})
    if options.extractor == NAME:
        for name in options.dimensions:
            if name not in DIMENSIONS:
                raise NluError(
                    f"no dimension {name!r}.{_hint(name, DIMENSIONS)} "
                    f"Known: {', '.join(DIMENSIONS)}."
                )
    return options.dimensions


def _zone(name: str) -> tzinfo:
    if (zone := zone_named(name)) is not None:
        return zone
    raise NluError(
        f"no time zone {name!r}.{_hint(name, available_timezones())} "
        "A name of the IANA database is right, such as Europe/Berlin."
    )


def zone_named(name: str) -> tzinfo | None:
    """The zone of an IANA name; reads a file. None where there is none."""
    if name in ("UTC", "Etc/UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no name at all; a folder of the database
        return None


@lru_cache(maxsize=64)
def _locale(told: str | None) -> str | None:
    """A locale as a message tells it, None where it is none: there are few that are."""
    if told is None or not 2 <= len(told) <= 12 or not told.replace("-", "_").isidentifier():
        return None
    language, *rest = told.replace("-", "_").split("_")
    region = next((part.upper() for part in rest if len(part) == 2 and part.isascii()), "")
    if len(language) != 2 or not language.isascii():
        return None
    return f"{language.lower()}_{region}" if region else language.lower()


def _hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f" Did you mean {close[0]!r}?" if close else ""
