"""Answers of services outside that end."""

from __future__ import annotations

import gzip

import httpx2
import pytest

from bot.people.bounded import MOST_BYTES, PLAIN, bound

HOOKS = {"response": [bound]}


async def read(content: bytes, **headers: str) -> bytes:
    def answer(request: httpx2.Request) -> httpx2.Response:
        assert request.headers["accept-encoding"] == "identity"

        async def sent():
            yield content

        return httpx2.Response(200, headers=headers, content=sent())

    transport = httpx2.MockTransport(answer)
    async with httpx2.AsyncClient(transport=transport, event_hooks=HOOKS) as client:
        return (await client.get("https://id.example", headers=PLAIN)).content


async def test_an_answer_is_read_as_far_as_it_may_go():
    assert await read(b"x" * MOST_BYTES) == b"x" * MOST_BYTES
    with pytest.raises(httpx2.ReadError, match="more than"):
        await read(b"x" * (MOST_BYTES + 1))


async def test_little_that_becomes_much_is_not_read():
    with pytest.raises(httpx2.DecodingError, match="gzip"):
        await read(gzip.compress(b"x" * MOST_BYTES), **{"Content-Encoding": "gzip"})
