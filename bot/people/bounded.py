"""Answers of services outside that end: neither their size nor their time is left to them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

MOST_BYTES = 1024 * 1024
PLAIN = {"Accept-Encoding": "identity"}


async def bound(response: httpx2.Response) -> None:
    """A hook of a client: reading ``response`` raises ReadError beyond ``MOST_BYTES``.

    Raises DecodingError for one that would grow while it is read.
    """
    encoding = response.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise httpx2.DecodingError(f"The answer is encoded as {encoding!r}.")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _Bounded(response.stream)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._inner:
            size += len(chunk)
            if size > MOST_BYTES:
                raise httpx2.ReadError(f"The answer has more than {MOST_BYTES} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
