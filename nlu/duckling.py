"""Entities that a Duckling server finds: numbers, dates, amounts of money and the like."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import msgspec
import structlog

from nlu.parse import NO_CONTEXT, Context, Entity

NAME = "DucklingEntityExtractor"
LARGEST_ANSWER = 1_000_000  # bytes

log = structlog.get_logger(__name__)


class _Match(msgspec.Struct, frozen=True):
    """One find as Duckling writes it; offsets count code points."""

    start: int
    end: int
    dim: str
    value: dict[str, Any]

    def entity(self, text: str) -> Entity:
        return Entity(
            entity=self.dim,
            value=_value(self.value),
            start=self.start,
            end=self.end,
            extractor=NAME,
            additional_info=self.value,
            text=text[self.start : self.end],
            confidence=1.0,
        )


def _value(found: Mapping[str, Any]) -> Any:
    """What a slot is filled with; both ends of an interval."""
    if found.get("type") != "interval":
        return found.get("value")
    ends = {key: found.get(key) for key in ("to", "from")}
    return {key: end.get("value") if isinstance(end, dict) else None for key, end in ends.items()}


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of Rasa's component of this name.

    ``dimensions`` None: all of them. Without ``locale`` Duckling takes its own.
    """

    url: str
    dimensions: tuple[str, ...] | None = None
    locale: str | None = None
    timezone: str | None = None
    timeout_s: float = 3.0


class Duckling:
    """Asks a server; when it does not answer there are no entities, and the log says why."""

    def __init__(
        self, client: httpx2.AsyncClient, options: Options, clock: Callable[[], float] = time.time
    ) -> None:
        self._client, self._options, self._clock = client, options, clock
        self._url = f"{options.url.rstrip('/')}/parse"
        self._answers = True

    async def find(self, text: str, context: Context = NO_CONTEXT) -> tuple[Entity, ...]:
        """What is in ``text``, as seen from the user's clock; never raises for anything a server
        answers."""
        try:
            async with asyncio.timeout(self._options.timeout_s):
                body = await self._ask(text, context)
            matches = msgspec.json.decode(body, type=tuple[_Match, ...])
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, _Refused) as error:
            self._say(str(error) or type(error).__name__)
            return ()
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            self._say(f"it answered something else: {error}")
            return ()
        self._answers = True
        wanted = self._options.dimensions
        inside = (match for match in matches if 0 <= match.start < match.end <= len(text))
        return tuple(e.entity(text) for e in inside if wanted is None or e.dim in wanted)

    async def _ask(self, text: str, context: Context) -> bytes:
        at = self._clock() if context.at is None else context.at
        given = {
            "text": text,
            "locale": context.locale or self._options.locale,
            "tz": context.timezone or self._options.timezone,
            "dims": json.dumps(self._options.dimensions) if self._options.dimensions else None,
            "reftime": str(int(at * 1000)),
        }
        form = {key: value for key, value in given.items() if value is not None}
        async with self._client.stream("POST", self._url, data=form) as response:
            if response.status_code != httpx2.codes.OK:
                raise _Refused(f"it answered {response.status_code}")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    raise _Refused(f"it answered more than {LARGEST_ANSWER} bytes")
        return bytes(body)

    def _say(self, why: str) -> None:
        """Once, until it answers again."""
        if self._answers:
            log.error("duckling.failed", url=self._url, why=why)
        self._answers = False


class _Refused(Exception):
    """An answer that is none."""


@asynccontextmanager
async def open_duckling(
    options: Options, *, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncIterator[Duckling]:
    """A client of the server, its connections closed when left."""
    async with httpx2.AsyncClient(timeout=options.timeout_s, transport=transport) as client:
        yield Duckling(client, options)
