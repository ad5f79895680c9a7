"""Rasa's response server: responses are worded by another server, in place of the domain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import structlog

from bot.actions.base import ResponseServer, Wanted
from bot.actions.protocol import MOST_BYTES, encode, read_response
from bot.actions.remote import verify
from bot.dialogue.written import tracker_state
from bot.errors import BadRequest
from bot.project.project import Endpoint

log = structlog.get_logger(__name__)


@asynccontextmanager
async def open_wording(
    endpoint: Endpoint | None, folder: Path
) -> AsyncIterator[ResponseServer | None]:
    """The response server at ``nlg`` of the endpoints.yml in ``folder``; None when it names none.

    Raises SettingsError for a cafile that cannot be read.
    """
    if endpoint is None:
        yield None
        return
    if endpoint.cafile:
        endpoint = msgspec.structs.replace(endpoint, cafile=str(folder / endpoint.cafile))
    client = httpx2.AsyncClient(
        verify=await asyncio.to_thread(verify, endpoint, "nlg"),
        timeout=None,  # `word` bounds the whole
        headers={"Accept-Encoding": "identity", **endpoint.headers},
        auth=endpoint.basic_auth,
        params={"token": endpoint.token} if endpoint.token else None,
    )
    async with client:
        yield RemoteWording(endpoint.url, client, timeout_s=endpoint.timeout_s)


class RemoteWording:
    """Asks a server for each response. One that fails costs that response, not the turn."""

    def __init__(self, url: str, client: httpx2.AsyncClient, *, timeout_s: float = 10.0) -> None:
        self._url = url
        self._client = client
        self._timeout_s = timeout_s

    async def word(self, wanted: Wanted) -> dict[str, Any] | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                return read_response(await self._ask(encode(_question(wanted))))
        except TimeoutError:
            reason = f"no answer within {self._timeout_s:g} s"
        except (httpx2.HTTPError, httpx2.InvalidURL, BadRequest, msgspec.ValidationError) as error:
            reason = str(error) or type(error).__name__
        log.error("response_server.failed", response=wanted.name, url=self._url, error=reason)
        return None

    async def _ask(self, question: bytes) -> bytes:
        """The body of the answer; raises BadRequest for one that is none."""
        headers = {"Content-Type": "application/json"}
        asking = self._client.stream("POST", self._url, content=question, headers=headers)
        async with asking as answer:
            if answer.status_code != httpx2.codes.OK:
                raise BadRequest(f"it answered {answer.status_code}")
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise BadRequest(f"it answered more than {MOST_BYTES} bytes")
            return bytes(body)


def _question(wanted: Wanted) -> dict[str, Any]:
    return {
        "response": wanted.name,
        "id": wanted.variation_id,
        "arguments": wanted.arguments,
        "tracker": tracker_state(wanted.tracker),
        "channel": {"name": wanted.channel},
    }
