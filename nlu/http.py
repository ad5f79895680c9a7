"""NLU that runs elsewhere: a client for any server with Rasa's ``POST /model/parse``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec

from nlu.errors import NluUnavailable
from nlu.parse import NO_CONTEXT, Context, Entity, Intent, Parse, Sentiment
from nlu.tokenizer import readable

LARGEST_ANSWER = 4_000_000  # bytes
MOST_EARLIER = 8  # of the user's turns; a Parley takes no more


class _Entity(msgspec.Struct, frozen=True):
    """An entity as servers write it: more keys may be there, places may be missing."""

    entity: str
    value: Any = None
    start: int | None = None
    end: int | None = None
    role: str | None = None
    group: str | None = None
    confidence_entity: float | None = None
    extractor: str | None = None
    additional_info: Any = None

    def read(self, text: str) -> Entity:
        return Entity(
            entity=self.entity,
            value=self.value,
            start=self.start or 0,
            end=len(text) if self.end is None else self.end,
            role=self.role,
            group=self.group,
            confidence_entity=self.confidence_entity,
            extractor=self.extractor,
            additional_info=self.additional_info
            if isinstance(self.additional_info, dict)
            else None,
        )


class _Answer(msgspec.Struct, frozen=True):
    intent: Intent | None = None
    entities: tuple[_Entity, ...] = ()
    intent_ranking: tuple[Intent, ...] = ()
    response_selector: dict[str, Any] = {}
    text_tokens: tuple[tuple[int, int], ...] = ()
    sentiment: Any = None


class RemoteNlu:
    """Asks another server, and calls it unavailable when it does not answer as one."""

    model_id = ""

    def __init__(
        self, client: httpx2.AsyncClient, *, url: str, token: str | None, timeout_s: float
    ) -> None:
        self._client, self._token, self._timeout_s = client, token, timeout_s
        self._url = f"{url.rstrip('/')}/model/parse"
        self._asked = 0

    @property
    def queue_length(self) -> int:
        """Texts sent and not answered yet."""
        return self._asked

    async def parse(self, text: str, context: Context = NO_CONTEXT) -> Parse:
        """The other server's Parse; raises NluUnavailable."""
        text = readable(text)
        self._asked += 1
        try:
            answer = await self._ask(text, context)
        finally:
            self._asked -= 1
        intent = answer.intent or Intent()
        return Parse(
            text=text,
            intent=intent,
            entities=tuple(entity.read(text) for entity in answer.entities),
            intent_ranking=answer.intent_ranking or ((intent,) if intent.name else ()),
            response_selector=answer.response_selector,
            text_tokens=answer.text_tokens,
            sentiment=_sentiment(answer.sentiment),
        )

    async def _ask(self, text: str, context: Context) -> _Answer:
        token = {"token": self._token} if self._token else {}
        asked = {"text": text, **_told(context), **token}
        question = self._client.build_request("POST", self._url, json=asked, params=token)
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await self._client.send(question, stream=True)
                try:
                    body = await self._body(response)
                finally:
                    await response.aclose()
            return msgspec.json.decode(body, type=_Answer)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = str(error) or type(error).__name__
            raise self._unavailable(f"cannot be reached: {reason}") from error
        except TimeoutError as error:
            raise self._unavailable(f"did not answer within {self._timeout_s:g} s") from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise self._unavailable(f"answered no parse: {error}") from error

    async def _body(self, response: httpx2.Response) -> bytes:
        if response.status_code != httpx2.codes.OK:
            raise self._unavailable(f"answered {response.status_code}")
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise self._unavailable(f"answered more than {LARGEST_ANSWER} bytes")
        return bytes(body)

    def _unavailable(self, what: str) -> NluUnavailable:
        return NluUnavailable(f"The NLU server at {self._url} {what}.")


def _told(context: Context) -> dict[str, Any]:
    """What a Parley reads of ``context``; a Rasa passes it over."""
    told = {
        "bot_text": readable(context.bot_text or ""),
        "requested_slot": context.requested_slot,
        "earlier": [readable(text) for text in context.earlier[:MOST_EARLIER]],
    }
    told = {key: value for key, value in told.items() if value}
    return {"context": told} if told else {}


def _sentiment(value: Any) -> Sentiment | msgspec.UnsetType:
    """What a Parley wrote; others may mean anything by that key."""
    try:
        return msgspec.convert(value, Sentiment)
    except msgspec.ValidationError:
        return msgspec.UNSET


@asynccontextmanager
async def open_remote(
    url: str,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    basic_auth: tuple[str, str] | None = None,
    timeout_s: float = 10.0,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> AsyncIterator[RemoteNlu]:
    """A client for the server at ``url``, its connections closed when left."""
    async with httpx2.AsyncClient(
        headers=headers, auth=basic_auth, timeout=timeout_s, transport=transport
    ) as client:
        yield RemoteNlu(client, url=url, token=token, timeout_s=timeout_s)
