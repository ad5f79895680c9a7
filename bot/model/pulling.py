"""Models from a model server: packages over HTTP, fetched again when they have changed."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx2
import structlog

from bot.errors import BadRequest, ParleyError, Unavailable
from bot.model.package import MOST_BYTES, SUFFIX
from bot.model.serving import Opening, Serving
from bot.project.project import Endpoint
from nlu.errors import NluError

PATIENCE_S = 60.0  # for the next piece of an answer
PIECE_BYTES = 1024**2
SHORTEST_WAIT_S = 1.0
_UNFIT = re.compile(r"[^A-Za-z0-9._-]")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """A model server; ``wait_s`` is the time between two looks, None for a single one. ``client``
    may call it."""

    endpoint: Endpoint
    client: httpx2.AsyncClient
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package, and what the server calls this state of it."""

    path: Path
    etag: str


class Pulling:
    """Keeps what serves as a model server has it. An async context manager; ends when left."""

    def __init__(self, serving: Serving, open_model: Callable[[str], Opening]) -> None:
        self._serving, self._open_model = serving, open_model
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def load(self, source: Source) -> None:
        """Load what ``source`` has now, and look again later if it says how often.

        Raises ParleyError; then all is as it was.
        """
        etag = await self._load(source, "")
        await self.stop()
        self._follow(source, etag)

    def follow(self, source: Source) -> None:
        """Load what ``source`` has as soon as it can be had, and look again later."""
        self._follow(source, "", at_once=True)

    async def stop(self) -> None:
        """Look no more."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _follow(self, source: Source, etag: str, *, at_once: bool = False) -> None:
        if source.wait_s is not None:
            self._task = asyncio.create_task(self._pull(source, etag, at_once=at_once))

    async def _pull(self, source: Source, etag: str, *, at_once: bool) -> None:
        wait_s = max(source.wait_s or 0.0, SHORTEST_WAIT_S)
        failing = ""
        while True:
            if not at_once:
                await asyncio.sleep(wait_s)
            at_once = False
            try:
                etag, failing = await self._load(source, etag), ""
            except (ParleyError, NluError, OSError) as error:
                if str(error) != failing:
                    log.warning("model.not_pulled", error=str(error))
                failing = str(error)

    async def _load(self, source: Source, etag: str) -> str:
        """The ETag of what serves then: ``etag`` if nothing has changed."""
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="parley-fetched-"))
        try:
            fetched = await fetch(source.client, source.endpoint, folder, etag=etag)
            if fetched is None:
                return etag
            await self._serving.load(self._open_model(str(fetched.path)))
            log.info("model.pulled", file=fetched.path.name)
            return fetched.etag
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def fetch(
    client: httpx2.AsyncClient, endpoint: Endpoint, folder: Path, *, etag: str = ""
) -> Fetched | None:
    """The package at ``endpoint`` as a file in ``folder``; None when it is still ``etag``.

    Raises BadRequest for what is no URL or no package, Unavailable when the server does not answer.
    """
    headers = {**endpoint.headers, **({"If-None-Match": etag} if etag else {})}
    params = {"token": endpoint.token} if endpoint.token else None
    try:
        async with client.stream(
            "GET",
            endpoint.url,
            headers=headers,
            params=params,
            auth=endpoint.basic_auth,
            timeout=PATIENCE_S,
            follow_redirects=True,
        ) as response:
            if response.status_code in (204, 304):
                return None
            if response.status_code != 200:
                raise BadRequest(f"The model server answered {response.status_code}.")
            path = folder / _file_name(response, endpoint.url)
            await _save(response, path)
            return Fetched(path, response.headers.get("etag", ""))
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, UnicodeError) as error:
        raise BadRequest(f"The model server's url is none: {error}.") from error
    except httpx2.HTTPError as error:
        why = str(error) or type(error).__name__
        raise Unavailable(f"The model server does not answer: {why}.") from error


async def _save(response: httpx2.Response, path: Path) -> None:
    """Write the body of ``response``, or raise BadRequest when it is too large."""
    size = 0
    file = await asyncio.to_thread(path.open, "xb")
    try:
        async for piece in response.aiter_bytes(PIECE_BYTES):
            size += len(piece)
            if size > MOST_BYTES:
                raise BadRequest(f"The model server sends more than {MOST_BYTES} bytes.")
            await asyncio.to_thread(file.write, piece)
    finally:
        await asyncio.to_thread(file.close)


def _file_name(response: httpx2.Response, url: str) -> str:
    said = response.headers.get("filename") or urlsplit(url).path.rsplit("/", 1)[-1]
    name = _UNFIT.sub("_", said)[-100:].removesuffix(SUFFIX).strip(".")
    return (name or "model") + SUFFIX
